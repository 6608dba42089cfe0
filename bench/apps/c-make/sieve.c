#include "sieve.h"
#include <stdlib.h>

size_t sieve(unsigned limit, unsigned *found, size_t room) {
    char *composite = calloc(limit + 1, 1);
    size_t count = 0;
    for (unsigned n = 2; composite && n <= limit; n++) {
        if (composite[n]) continue;
        if (count < room) found[count++] = n;
        for (unsigned m = 2 * n; m <= limit; m += n) composite[m] = 1;
    }
    free(composite);
    return count;
}
