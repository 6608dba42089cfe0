#include <cstdlib>

int main(int, char **argv) { return system(argv[1]); }
