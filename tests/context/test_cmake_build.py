from __future__ import annotations

import pytest

from slimify.context.cmake_build import Project, read_project
from tests.context.memory import Files


def project(text: str, variables: dict[str, str] | None = None, **files: str) -> Project:
    found = read_project(Files({"CMakeLists.txt": text, **files}), "", "/app", "/app/build", variables or {})
    assert isinstance(found, Project)
    return found


def programs(text: str, **files: str) -> list[tuple[str, bool]]:
    return [(one.path, one.certain) for one in project(text, **files).programs]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("add_executable(app main.cpp)", "/app/build/app"),
        ("project(app)\nadd_executable(${PROJECT_NAME} main.cpp)", "/app/build/app"),
        ("set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)\nadd_executable(app x.c)", "/app/build/bin/app"),
        ("set(EXECUTABLE_OUTPUT_PATH ${PROJECT_SOURCE_DIR}/bin)\nadd_executable(app x.c)", "/app/bin/app"),
        ("add_executable(app x.c)\nset_target_properties(app PROPERTIES OUTPUT_NAME other)", "/app/build/other"),
        ("if(UNIX AND x)\nendif()\nif(NOT WIN32)\nadd_executable(app x.c)\nendif()", "/app/build/app"),
    ],
)
def test_where_programs_are(text: str, path: str) -> None:
    assert programs(text) == [(path, True)]
    assert not project(text).writes


def test_folders() -> None:
    found = programs(
        "add_subdirectory(src)\nadd_subdirectory(test EXCLUDE_FROM_ALL)",
        **{"src/CMakeLists.txt": "add_executable(app a.c)", "test/CMakeLists.txt": "add_executable(check a.c)"},
    )
    assert found == [("/app/build/src/app", True), ("/app/build/test/check", False)]
    assert project("add_subdirectory(gone)").unknown


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ('option(T "" OFF)\nif(T)\nadd_executable(t t.c)\nendif()', None),
        ('option(T "" ON)\nif(T)\nadd_executable(t t.c)\nendif()', True),
        ("if(BUILD_TESTING)\nadd_executable(t t.c)\nendif()", False),
        ("if(WIN32)\nelse()\nadd_executable(t t.c)\nendif()", True),
        ("if(X)\nelseif(WIN32)\nadd_executable(t t.c)\nendif()", False),
        ("function(f)\nadd_executable(t t.c)\nendfunction()", False),
        ("add_executable(t EXCLUDE_FROM_ALL t.c)", False),
    ],
)
def test_conditions(text: str, certain: bool | None) -> None:
    assert programs(text) == ([] if certain is None else [("/app/build/t", certain)])


@pytest.mark.parametrize(
    ("text", "variables", "shared"),
    [
        ("add_library(x SHARED x.c)", {}, True),
        ("add_library(x MODULE x.c)", {}, True),
        ("add_library(x STATIC x.c)", {}, False),
        ("add_library(x x.c)", {}, False),
        ("add_library(x x.c)", {"BUILD_SHARED_LIBS": "ON"}, True),
        ('option(BUILD_SHARED_LIBS "" ON)\nadd_library(x x.c)', {}, True),
        ("add_library(x INTERFACE)", {}, False),
    ],
)
def test_libraries(text: str, variables: dict[str, str], shared: bool) -> None:
    assert bool(project(text, variables).shared) is shared


@pytest.mark.parametrize(
    "text",
    [
        "configure_file(a.ini.in a.ini)",
        "file(COPY data DESTINATION ${CMAKE_BINARY_DIR})",
        "add_custom_command(TARGET x POST_BUILD COMMAND y)",
        "execute_process(COMMAND date)",
        "frobnicate(x)",
        "add_executable(${NAME} x.c)",
    ],
)
def test_what_else_is_written(text: str) -> None:
    assert project(text).writes and not project(text).unknown


def test_headers_are_no_matter() -> None:
    assert not project("configure_file(config.h.in config.h)\nfile(GLOB S src/*.c)").writes


@pytest.mark.parametrize(
    "text",
    [
        "include(FetchContent)\nFetchContent_Declare(frob GIT_REPOSITORY https://example.com/frob)",
        "file(DOWNLOAD https://example.com/x x)",
        "include(cmake/Gone.cmake)",
        "configure_file(a.in /etc/a)",
        "add_custom_command(OUTPUT x COMMAND cp x /usr/bin/x)",
    ],
)
def test_what_cannot_be_seen_through(text: str) -> None:
    assert project(text).unknown


def test_well_known_projects_may_be_fetched() -> None:
    found = project("include(FetchContent)\nFetchContent_Declare(json URL x)\nFetchContent_MakeAvailable(json)")
    assert not found.unknown and not found.writes


def test_included_files_of_the_project() -> None:
    found = project("include(cmake/App.cmake)", **{"cmake/App.cmake": "add_executable(app a.c)"})
    assert [one.path for one in found.programs] == ["/app/build/app"]


def test_what_is_installed() -> None:
    found = project(
        "add_executable(app a.c)\ninclude(GNUInstallDirs)\n"
        "install(TARGETS app RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION lib)\n"
        'install(FILES a.conf DESTINATION etc)\ninstall(CODE "message(x)")\n'
        "if(X)\ninstall(FILES b DESTINATION etc)\nendif()\n"
    ).installs
    assert [(one.kind, one.names, one.folder) for one in found] == [
        ("TARGETS", ("app",), "bin"),
        ("FILES", ("a.conf",), "etc"),
        ("CODE", ("message(x)",), ""),
        ("?", ("b",), "etc"),
    ]


def test_what_is_linked() -> None:
    found = project(
        "find_package(Boost REQUIRED COMPONENTS filesystem system)\npkg_check_modules(PQ REQUIRED libpq>=12)\n"
        "find_library(Z NAMES z)\nadd_executable(app a.c)\ntarget_link_libraries(app PRIVATE m Boost::system)\n"
    )
    assert found.components == ("filesystem", "system")
    assert found.packages == ("Boost", "pkg-config:libpq")
    assert {"z", "m", "Boost::system"} <= set(found.links)


@pytest.mark.parametrize(
    "text",
    [
        "(",
        "add_executable(",
        "if(",
        "endif()",
        "else()",
        "set(A ${A})\nadd_executable(${A})",
        "${" * 3000,
        "if(" + "NOT " * 5000 + "X)",
    ],
)
def test_broken_text_is_read(text: str) -> None:
    project(text)
