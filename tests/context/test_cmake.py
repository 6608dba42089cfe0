from __future__ import annotations

import pytest

from slimify.context.cmake import Makefile, Native, autotools, read_cmake, read_makefile, read_meson
from slimify.context.found import Unknown
from tests.context.memory import Files, context

CMAKE = """# add_executable(no)
#[[ add_executable(no) ]]
cmake_minimum_required(VERSION 3.10)
project(App CXX)
set(NAME ${PROJECT_NAME}-tool)
find_package(OpenSSL REQUIRED)
pkg_check_modules(PQ REQUIRED libpq>=10)
add_executable(${NAME} main.cpp "a;b.cpp")
add_library(core STATIC core.cpp)
add_library(Ext::x ALIAS core)
target_link_libraries(${NAME} PRIVATE core OpenSSL::SSL)
FetchContent_Declare(json URL https://x)
CPMAddPackage(NAME Crow VERSION 1)
install(TARGETS ${NAME} RUNTIME DESTINATION bin)
add_subdirectory(sub)
message("add_executable(no)")
"""


def cmake(files: dict[str, str | bytes]) -> Native:
    found = read_cmake(Files(files))
    assert isinstance(found, Native)
    return found


def test_cmake() -> None:
    found = cmake({"CMakeLists.txt": CMAKE, "sub/CMakeLists.txt": "ADD_EXECUTABLE ( other x.c )"})
    assert [(one.name, one.kind, one.links, one.installed, one.place.line) for one in found.targets] == [
        ("App-tool", "executable", ("core", "OpenSSL::SSL"), True, 8),
        ("core", "static", (), False, 9),
        ("other", "executable", (), False, 1),
    ]
    assert [name for name, _ in found.packages] == ["OpenSSL", "libpq"]
    assert [name for name, _ in found.downloads] == ["json", "Crow"]
    assert (found.project, found.has_install, found.unknown) == ("App", True, ())
    assert found.files == ("CMakeLists.txt", "sub/CMakeLists.txt")


@pytest.mark.parametrize("line", ["add_executable(${X} a.c)", "include(x.cmake)", "add_subdirectory(gone)"])
def test_what_cmake_computes_is_said(line: str) -> None:
    assert cmake({"CMakeLists.txt": line}).unknown


@pytest.mark.parametrize(
    "text",
    ["(" * 50_000, "a(" * 20_000, ")" * 50_000, '"' * 20_001, "#[[" * 20_000, "[[" * 10_000, "set(A ${A}${A})\n" * 200],
)
def test_hostile_cmake_ends(text: str) -> None:
    cmake({"CMakeLists.txt": text + "\nadd_executable(${A} x)"})


def test_folders_that_name_each_other() -> None:
    files: dict[str, str | bytes] = {
        "CMakeLists.txt": "add_subdirectory(a)",
        "a/CMakeLists.txt": "add_subdirectory(..)",
    }
    assert len(cmake(files).files) == 2


def test_makefile() -> None:
    text = (
        "PREFIX ?= /usr/local\nBIN = app\nLDLIBS = -lpq -lz # -lno\n.PHONY: all\n"
        "all: $(BIN)\napp: main.o \\\n  x.o\n\t$(CC) -o $(BIN) $^ -lm\n%.o: %.c\n\tcc -c -o x.o x.c\n"
        "install: app\n\tinstall app $(DESTDIR)$(PREFIX)/bin\n"
    )
    found = read_makefile(Files({"Makefile": text}))
    assert isinstance(found, Makefile)
    assert [name for name, _ in found.targets] == ["all", "app", "install"]
    assert found.libraries == ("m", "pq", "z") and found.outputs == ("app",)
    assert found.variables["PREFIX"] == "/usr/local" and found.has_install and found.destdir
    assert found.unknown == ()


def test_other_makefiles() -> None:
    found = read_makefile(Files({"Makefile": "no:\n", "GNUmakefile": "include x.mk\nyes:\nA := install: x\n"}))
    assert isinstance(found, Makefile)
    assert [name for name, _ in found.targets] == ["yes"] and not found.has_install and found.unknown
    assert read_makefile(context()) is None
    assert isinstance(read_makefile(context(Makefile=b"\0")), Unknown)


def test_meson_and_autotools() -> None:
    text = (
        "project('app', 'c')\n# executable('no', 'x.c')\nd = dependency('zlib')\n"
        "executable('a', 'a.c', install: true)\nsubdir('x')"
    )
    found = read_meson(Files({"meson.build": text}))
    assert isinstance(found, Native)
    assert [(one.name, one.installed) for one in found.targets] == [("a", True)]
    assert [name for name, _ in found.packages] == ["zlib"] and found.has_install and found.unknown
    assert isinstance(read_meson(Files({"meson.build": "x"})), Unknown)
    assert autotools(context(**{"configure.ac": "", "src/configure": ""})) == ("configure.ac",)
    assert read_cmake(context()) is None
