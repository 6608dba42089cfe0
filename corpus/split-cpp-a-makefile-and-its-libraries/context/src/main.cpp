#include <fstream>
#include <openssl/ssl.h>

int main() {
    std::ifstream settings("config/server.conf");
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_free(context);
    return settings ? 0 : 1;
}
