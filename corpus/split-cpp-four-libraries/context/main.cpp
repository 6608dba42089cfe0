#include <iostream>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <yaml.h>
#include <zlib.h>

int main() {
    std::cout << sqlite3_libversion() << " " << PQlibVersion() << " " << yaml_get_version_string() << " " << zlibVersion() << "\n";
}
