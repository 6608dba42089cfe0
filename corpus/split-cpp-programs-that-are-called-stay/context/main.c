#include <stdlib.h>

int main(void) {
    return system("git fetch --all | tail -n 1");
}
