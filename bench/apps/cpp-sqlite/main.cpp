#include <fstream>
#include <iostream>
#include <sqlite3.h>
#include <sstream>

int main() {
    std::ifstream file("schema.sql");
    std::stringstream schema;
    schema << file.rdbuf();
    sqlite3 *db = nullptr;
    sqlite3_open(":memory:", &db);
    char *error = nullptr;
    auto show = [](void *, int columns, char **values, char **) {
        for (int i = 0; i < columns; i++) std::cout << values[i] << (i + 1 < columns ? " " : "\n");
        return 0;
    };
    if (sqlite3_exec(db, schema.str().c_str(), nullptr, nullptr, &error) != SQLITE_OK ||
        sqlite3_exec(db, "SELECT name, SUM(amount) FROM entries GROUP BY name", show, nullptr, &error) != SQLITE_OK) {
        std::cerr << error << "\n";
        return 1;
    }
    sqlite3_close(db);
}
