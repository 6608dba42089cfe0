#include "router.hpp"
#include <algorithm>

std::string answer(const std::string &path) {
    std::string turned(path.rbegin(), path.rend());
    std::replace(turned.begin(), turned.end(), '/', ' ');
    return "echo:" + turned + "\n";
}
