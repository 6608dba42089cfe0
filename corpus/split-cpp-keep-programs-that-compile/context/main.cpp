#include <cstdlib>

int main() { return system("g++ -o a.out answer.cpp && ./a.out"); }
