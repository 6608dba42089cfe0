#include "router.hpp"
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int main() {
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9000);
    if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address) || listen(listener, 16)) return 1;
    for (;;) {
        int client = accept(listener, nullptr, nullptr);
        char buffer[2048];
        ssize_t got = read(client, buffer, sizeof buffer);
        std::string request(buffer, got > 0 ? got : 0);
        auto start = request.find(' ') + 1;
        std::string body = answer(request.substr(start, request.find(' ', start) - start));
        std::string response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body;
        if (write(client, response.data(), response.size()) < 0) return 2;
        close(client);
    }
}
