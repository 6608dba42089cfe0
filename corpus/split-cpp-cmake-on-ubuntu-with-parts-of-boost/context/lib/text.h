namespace text { int print(int, char **); }
