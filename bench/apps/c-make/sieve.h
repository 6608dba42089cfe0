#ifndef SIEVE_H
#define SIEVE_H
#include <stddef.h>
size_t sieve(unsigned limit, unsigned *found, size_t room);
#endif
