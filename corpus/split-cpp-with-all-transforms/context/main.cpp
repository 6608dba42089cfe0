#include <pqxx/pqxx>

int main() {
    pqxx::connection connection("host=db");
    pqxx::work work(connection);
    work.exec("SELECT 1");
    return 0;
}
