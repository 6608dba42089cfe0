from __future__ import annotations

import pytest

from slimify.context.cpp import Sources, read_sources
from tests.context.memory import Files


def sources(text: str, name: str = "main.cpp") -> Sources:
    return read_sources(Files({name: text}), [name])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('int f() { return system("ls -l | wc"); }', ["ls", "wc"]),
        ('auto p = popen("/usr/bin/git log", "r");', ["/usr/bin/git"]),
        ('int f() { return std::system("date"); }', ["date"]),
        ('x = ::system("date");', ["date"]),
        ('execlp("convert", "convert", "-v", NULL);', ["convert"]),
        ('posix_spawnp(&pid, "ffmpeg", 0, 0, argv, environ);', ["ffmpeg"]),
        ('char *s = "system(\\"rm\\")";', []),
        ('// system("rm")\n/* popen("rm") */', []),
        ("work.exec(query);", []),
        ('solar.system("x"); sun->system("x");', []),
        ("int system(const char *command);", []),
        ("boost::system::error_code ec;", []),
        ("int Shell::system(const char *s) { return 0; }", []),
    ],
)
def test_programs(text: str, names: list[str]) -> None:
    found = sources(text)
    assert [one.name for one in found.programs] == names
    assert not found.unknown


@pytest.mark.parametrize(
    "text",
    [
        "system(command.c_str());",
        "int f() { return system(argv[1]); }",
        "execvp(argv[0], argv);",
        "fexecve(fd, argv, envp);",
        "handle = dlopen(path, RTLD_NOW);",
        "#include <boost/process.hpp>\n",
        "#include <QProcess>\n",
    ],
)
def test_what_is_not_known(text: str) -> None:
    assert sources(text).unknown


def test_libraries() -> None:
    found = sources('void *h = dlopen("libm.so.6", RTLD_LAZY);\nvoid *own = dlopen(NULL, 0);')
    assert [(name, place.line) for name, place in found.libraries] == [("libm.so.6", 1)]
    assert not found.unknown


def test_files() -> None:
    assert not sources('FILE *f = fopen("a.txt", "r"); std::ifstream s("b.txt"); s.open("c.txt");').opens
    assert sources("FILE *f = fopen(path, mode);").opens
    assert sources("std::ifstream in(path);").opens
    assert sources("in.open(path);").opens
    assert not sources("std::ofstream out(path);").opens
    assert sources("for (auto &e : fs::directory_iterator(p)) {}").lists


def test_strings() -> None:
    found = sources('auto a = R"x(one "two")x"; auto b = "th" "ree\\n"; char c = \'"\'; auto d = "four";')
    assert found.strings == {'one "two"', "th", "ree\n", "four"}


def test_uses() -> None:
    found = sources("#include <openssl/ssl.h>\n#pragma omp parallel for\nstd::tm *t = localtime(&now);\n")
    assert (found.tls[0].line, found.parallel[0].line, found.zones[0].line) == (1, 2, 3)


@pytest.mark.parametrize(
    "text", ['"', "'", 'R"(', "/*", "system(", "system((((", "\\", "#include <", "dlopen(" * 5000, 'R"(' * 50_000]
)
def test_broken_text_is_read(text: str) -> None:
    sources(text)


def test_what_is_no_text_is_unknown() -> None:
    assert read_sources(Files({"a.c": b"\0\0"}), ["a.c"]).unknown
    assert read_sources(Files({}), ["a.c"]).unknown
