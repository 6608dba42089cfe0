"""split-stage for C and C++: what golden cases cannot show."""

from __future__ import annotations

import re

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

MAKEFILE = "app: main.cpp\n\tg++ -o app main.cpp\n\nclean:\n\trm -f app\n"
FILES = {"Makefile": MAKEFILE, "main.cpp": "int main() { return 0; }\n"}
TEXT = """FROM debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends g++ make
WORKDIR /app
COPY . .
RUN make
CMD ["./app"]
"""
CMAKE = TEXT.replace("g++ make", "g++ cmake").replace("RUN make", "RUN cmake -B build && cmake --build build")
CMAKE = CMAKE.replace("./app", "./build/app")
PROJECT = "project(app CXX)\nadd_executable(app main.cpp)\n"


def run(text: str = TEXT, files: dict[str, str] | None = None) -> Outcome:
    return slimify.fix(text, context=MemoryContext({**FILES, **(files or {})}), only=["split-stage"])


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


def copied(outcome: Outcome) -> list[str]:
    """What the stage that ships takes from the other."""
    assert outcome.changed
    return re.findall(r"COPY --from=build (\S+)", outcome.after.text)


def installed(outcome: Outcome) -> list[str]:
    assert outcome.changed
    final = outcome.after.text.rpartition("\nFROM")[2].replace("\\\n", " ")
    found = re.search(r"(?:apt-get install -y(?: --no-install-recommends)?|apk add --no-cache) ([^&\n]*)", final)
    return found[1].split() if found else []


def test_the_plain_case() -> None:
    assert copied(run()) == ["/app/app"]
    assert not run().notices


def test_what_compiles_nothing_is_no_matter() -> None:
    outcome = run(TEXT.replace("RUN make\n", "RUN useradd app\n"))
    assert not outcome.changed and not outcome.notices


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("RUN make", "RUN make -f $FILE", "depends on a variable"),
        ("RUN make", "RUN make -C lib", "no Makefile is known to be in /app/lib"),
        ("RUN make", "RUN make everything", "no rule for everything"),
        ("RUN make", "RUN make || true", "on conditions"),
        ("RUN make", "RUN make > log", "cannot be sorted"),
        ("RUN make", "RUN make && ./app --test", "neither a plain install"),
        ("RUN make", "RUN make && ldconfig", "neither a plain install"),
        ("RUN make", "RUN make clean", "which is not known to come from the build context"),
        ("RUN make", "RUN make && mkdir -m 700 data", "mode of its own"),
        ("RUN make", "RUN g++ -o $NAME main.cpp", "depends on a variable"),
        ("RUN make", "RUN g++ -fsanitize=address -o app main.cpp", "look for faults"),
        ("RUN make", "ENV CXXFLAGS=-fsanitize=thread\nRUN make", "look for faults"),
        ("RUN make", "RUN g++ -m32 -o app main.cpp", "another machine"),
        ("RUN make", "RUN arm-linux-gnueabihf-g++ -o app main.cpp", "another machine"),
        ("RUN make", "RUN ./configure && make", "not known to be a configure script"),
        ("RUN make", "RUN cmake . && make", "no CMakeLists.txt is known"),
        ("RUN make", "RUN meson setup build && ninja -C build", "no meson.build is known"),
        ("RUN make", "RUN ninja", "what is built in /app is not known"),
        ("WORKDIR /app", "WORKDIR app", "the working directory is not known"),
        ("WORKDIR /app", "WORKDIR $DIR", "the working directory is not known"),
        ('CMD ["./app"]', 'WORKDIR $DIR\nCMD ["./app"]', "which folder this is"),
        ("RUN make", "USER nobody\nRUN make", "behind a USER"),
        ("RUN make", "VOLUME /app\nRUN make", "behind a VOLUME"),
        ("g++ make", "g++-multilib make", "another machine"),
        ("FROM debian:bookworm", "FROM gcc:latest", "another release of Debian"),
        ("FROM debian:bookworm", "FROM gcc", "a tag that ends in -trixie"),
        ("FROM debian:bookworm", "FROM gcc:15", "another release of Debian"),
        ("FROM debian:bookworm", "FROM gcc:4.9", "which release of a distribution"),
        ("FROM debian:bookworm", "ARG V=13\nFROM gcc:${V}", "depends on a variable"),
        ("FROM debian:bookworm", "FROM buildpack-deps:jammy", "which release of a distribution"),
        ('CMD ["./app"]', 'CMD ["bash"]', "only a shell"),
        ('CMD ["./app"]', 'CMD ["make", "run"]', "runs make"),
        ('CMD ["./app"]', "CMD g++ -o a main.cpp && ./a", "runs g++"),
        ('CMD ["./app"]', 'CMD ["/usr/bin/top"]', "not what is built"),
        ('CMD ["./app"]', 'CMD ["./other"]', "not known to come from the build context"),
        ('CMD ["./app"]', 'CMD ["valgrind", "./app"]', "not what is built"),
        ('CMD ["./app"]', "", "not told what to run"),
    ],
)
def test_refused(old: str, new: str, why: str) -> None:
    assert old in TEXT
    assert why in reasons(run(TEXT.replace(old, new)))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("int main(int, char **v) { return system(v[1]); }", "main.cpp:1: a program is started"),
        ('int main() { return system("gcc x.c"); }', "main.cpp:1 runs gcc"),
        ('int main() { return system("./helper"); }', "not known to be built"),
        ('int main() { return system("frobnicate"); }', "what brings it is not known"),
        ("int main(int, char **v) { dlopen(v[1], 1); }", "a library is loaded"),
        ('int main() { dlopen("libfrob.so.1", 1); }', "libfrob.so.1"),
        ("#include <boost/process.hpp>\nint main() {}", "starts programs"),
        ('int main() { return open("/usr/include/stdio.h", 0); }', "/usr/include/stdio.h"),
    ],
)
def test_refused_for_what_the_program_does(source: str, why: str) -> None:
    assert why in reasons(run(files={"main.cpp": source}))


@pytest.mark.parametrize(
    ("project", "why"),
    [
        ("include(FetchContent)\nFetchContent_Declare(frob URL x)\n", "downloads and builds frob"),
        ("include(cmake/gone.cmake)\n", "not in the context"),
        ("install(TARGETS app DESTINATION bin)\nfile(WRITE /etc/app.conf x)\n", "names /etc/app.conf"),
    ],
)
def test_projects_that_are_refused(project: str, why: str) -> None:
    assert why in reasons(run(CMAKE, {"CMakeLists.txt": PROJECT + project}))


@pytest.mark.parametrize(
    ("make", "paths"),
    [
        ("all: a b\na: a.cpp\n\tg++ -o a a.cpp\nb:\n\tg++ -o b b.cpp\n", ["/app/a", "/app/b"]),
        ("a: a.o\n\tg++ -o a a.o\n%.o: %.cpp\n\tg++ -c $<\n", ["/app/a"]),
        ("all: a\n\techo 1 > version.txt\na:\n\tg++ -o a a.cpp\n", ["/app"]),
        ("a: libx.so\n\tg++ -o a a.cpp -L. -lx\nlibx.so:\n\tg++ -shared -o libx.so x.cpp\n", ["/app"]),
        ("a:\n\tg++ -o $(shell echo a) a.cpp\n", ["/app"]),
        ("all:\n\t$(MAKE) -C sub\n", ["/app/sub/s"]),
    ],
)
def test_what_make_leaves(make: str, paths: list[str]) -> None:
    files = {"Makefile": make, "sub/Makefile": "s:\n\tg++ -o s s.cpp\n"}
    command = "./sub/s" if "sub" in make else "./a"
    assert copied(run(TEXT.replace("./app", command), files)) == paths


@pytest.mark.parametrize(
    ("project", "paths"),
    [
        ("", ["/app/build/app"]),
        ("if(BUILD_TESTING)\nadd_executable(t t.cpp)\nendif()\n", ["/app/build/app"]),
        ("add_library(x SHARED x.cpp)\n", ["/app"]),
        ("add_custom_target(assets ALL COMMAND y)\n", ["/app"]),
    ],
)
def test_what_cmake_leaves(project: str, paths: list[str]) -> None:
    assert copied(run(CMAKE, {"CMakeLists.txt": PROJECT + project})) == paths


def test_folders_that_make_makes_are_there() -> None:
    outcome = run(files={"Makefile": "app: main.cpp\n\tmkdir -p logs\n\tg++ -o app main.cpp\n"})
    assert "RUN mkdir -p /app/logs\n" in outcome.after.text


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("rm -f *.o", ""),
        ("rm -f *.cpp Makefile", ""),
        ("rm -rf *", "which files `rm` removes"),
        ("rm -f a*", "which files `rm` removes"),
    ],
)
def test_files_that_are_removed_by_a_pattern(command: str, why: str) -> None:
    outcome = run(TEXT.replace("RUN make", f"RUN make && {command}"))
    assert why in reasons(outcome) if why else copied(outcome) == ["/app/app"]


def test_files_that_were_removed_do_not_come_back() -> None:
    text = TEXT.replace("RUN make", "RUN make && rm -f *.key")
    assert copied(run(text)) == ["/app/app"]
    assert "the build removes /app/my.key" in reasons(run(text, {"my.key": ""}))


def test_a_build_out_of_the_project_ships_both_folders() -> None:
    text = CMAKE.replace("build", "/out").replace(".//out", "/out").replace("--/out", "--build")
    assert copied(run(text, {"CMakeLists.txt": PROJECT + "add_library(x SHARED x.cpp)\n"})) == ["/app", "/out"]


def test_owners_are_not_lost_with_a_folder() -> None:
    text = CMAKE.replace("COPY . .", "COPY --chown=nobody . .")
    assert "another owner" in reasons(run(text, {"CMakeLists.txt": PROJECT + "add_library(x SHARED x.cpp)\n"}))
    assert copied(run(text, {"CMakeLists.txt": PROJECT})) == ["/app/build/app"]


def test_files_that_are_read_stay() -> None:
    for name, source, stays in [
        ("app.conf", "int main() {}", True),
        ("README.md", "int main() {}", False),
        ("README.md", 'int main() { std::ifstream f("app.conf"); }', False),
        ("README.md", "int main(int, char **v) { std::ifstream f(v[1]); }", True),
        ("util.hpp", "int main() {}", False),
        ("util.hpp", 'int main() { std::ifstream f("util.hpp"); }', True),
        ("util.hpp", 'int main() { opendir("."); }', True),
    ]:
        final = run(files={"main.cpp": source, name: ""}).after.text.partition("\nFROM ")[2]
        assert ("COPY . ." in final or f"COPY {name} " in final) == stays, (name, source)


@pytest.mark.parametrize(
    ("base", "packages", "command", "names"),
    [
        ("debian:bookworm", "libssl-dev", "-lssl -lcrypto", ["libssl3"]),
        ("debian:trixie", "libcurl4-openssl-dev", "-lcurl", ["libcurl4t64"]),
        # The base of trixie has it: its apt is linked to it.
        ("debian:trixie", "libssl-dev", "-lssl", []),
        ("debian:bookworm", "libpqxx-dev", "-lpqxx -lpq", ["libpqxx-6.4"]),
        ("debian:bookworm", "libeigen3-dev", "", []),
        ("debian:bookworm", "libboost-all-dev", "-lboost_regex", ["libboost-regex1.74.0"]),
        ("debian:bookworm", "libboost-thread-dev", "-fopenmp -lm", ["libboost-thread1.74.0", "libgomp1"]),
        ("debian:bookworm", "libssl-dev", "-static -lssl", []),
        ("debian", "", "-lm", []),
        ("debian:buster", "", "-lm", []),
        ("ubuntu:20.04", "libcurl4-openssl-dev", "-lcurl", ["libcurl4"]),
        ("ubuntu:24.04", "libboost-all-dev", "-lboost_system", ["libboost-system1.83.0"]),
        ("ubuntu:22.04", "git", "-latomic", ["libatomic1"]),
        ("ubuntu", "", "", []),
        ("buildpack-deps:bookworm", "", "-lcurl -lz", ["libcurl4"]),
        ("buildpack-deps:bookworm", "", "-lmysqlclient", ["libmariadb3"]),
    ],
)
def test_libraries(base: str, packages: str, command: str, names: list[str]) -> None:
    text = TEXT.replace("debian:bookworm", base).replace("make\nW", f"{packages}\nW")
    outcome = run(text.replace("RUN make", f"RUN g++ -o app main.cpp {command}"))
    assert installed(outcome) == names


@pytest.mark.parametrize(
    ("base", "packages", "command", "why"),
    [
        ("debian", "libcurl4-openssl-dev", "-lcurl", "another name for libcurl4t64"),
        ("debian", "libcurl4-openssl-dev", "", "another name for libcurl4t64"),
        ("ubuntu", "libssl-dev", "-lssl", "not known in resolute"),
        ("ubuntu:22.04", "libfrob-dev", "-lfrob", "libfrob-dev"),
        ("debian:bookworm", "libfrob-dev", "-lfrob", "libfrob-dev"),
        ("debian:bookworm", "clang", "-fopenmp", "clang uses for OpenMP"),
        ("buildpack-deps:bookworm", "", "-lfrob", "the library frob"),
        ("gcc:13", "", "$(pkg-config --libs frob)", "frob stands for"),
    ],
)
def test_libraries_that_are_not_known(base: str, packages: str, command: str, why: str) -> None:
    text = TEXT.replace("debian:bookworm", base).replace("make\nW", f"{packages}\nW")
    assert why in reasons(run(text.replace("RUN make", f"RUN g++ -o app main.cpp {command}")))


@pytest.mark.parametrize(
    ("packages", "source", "names"),
    [
        ("g++", "main.cpp", ["libgcc", "libstdc++"]),
        ("build-base", "main.c", ["libgcc"]),
        ("gcc musl-dev openssl-dev", "main.c", ["libcrypto3", "libgcc", "libssl3"]),
    ],
)
def test_alpine(packages: str, source: str, names: list[str]) -> None:
    text = f"FROM alpine:3.20\nRUN apk add --no-cache {packages}\nWORKDIR /app\nCOPY {source} .\n"
    tool = "g++" if source.endswith("pp") else "gcc"
    text += f'RUN {tool} -o app {source}\nCMD ["./app"]\n'
    assert installed(run(text, {source: "int main(void) { return 0; }\n"})) == names


def test_a_program_on_the_path_of_the_stage() -> None:
    text = TEXT.replace('CMD ["./app"]', 'ENV PATH="/app:$PATH"\nCMD ["app"]')
    assert copied(run(text)) == ["/app/app"]
    assert run(text).after.text.count("ENV PATH") == 1


def test_a_time_zone_that_is_set() -> None:
    text = TEXT.replace("debian:bookworm", "ubuntu:22.04").replace("WORKDIR", "ENV TZ=Europe/Berlin\nWORKDIR")
    assert "time zone" in reasons(run(text))
    assert installed(run(text.replace("g++ make", "g++ make tzdata"))) == ["tzdata"]


def test_certificates_stay_where_they_were() -> None:
    files = {"main.cpp": "#include <curl/curl.h>\nint main() {}\n"}
    text = TEXT.replace("g++ make", "ca-certificates g++ make")
    assert installed(run(text, files)) == ["ca-certificates"]
    recommended = TEXT.replace(" --no-install-recommends", "").replace("g++ make", "g++ make libcurl4-openssl-dev")
    assert {"ca-certificates", "libcurl4"} <= {*installed(run(recommended, files))}
