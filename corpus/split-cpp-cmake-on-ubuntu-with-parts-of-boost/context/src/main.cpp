#include "text.h"
#include <boost/program_options.hpp>

int main(int argc, char **argv) { return text::print(argc, argv); }
