#include "sieve.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    unsigned found[1000];
    size_t count = sieve(argc > 1 ? (unsigned)atoi(argv[1]) : 100, found, 1000);
    for (size_t i = 0; i < count; i++) printf("%u%c", found[i], i + 1 < count ? ' ' : '\n');
    return 0;
}
