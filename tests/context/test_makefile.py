from __future__ import annotations

import pytest

from slimify.context.found import Unknown
from slimify.context.makefile import UNKNOWN, Rules, find_makefile, read_rules
from slimify.context.recipes import Effects, read_effects
from tests.context.memory import Files


def rules(text: str, given: dict[str, str] | None = None, **files: str) -> Rules:
    found = read_rules(Files({"Makefile": text, **files}), "Makefile", given)
    assert isinstance(found, Rules)
    return found


def effects(text: str, *goals: str) -> Effects:
    return read_effects(rules(text).reached(goals))


def test_which_file_is_read() -> None:
    assert find_makefile(Files({"a/Makefile": "", "a/makefile": ""}), "a") == "a/makefile"
    assert find_makefile(Files({"b": ""}), "a") is None
    assert isinstance(read_rules(Files({}), "Makefile"), Unknown)


def test_the_first_target_is_the_goal() -> None:
    found = rules(".PHONY: all\n.SUFFIXES: .c\nall: app\napp: main.o\n\tcc -o app main.o\ntest: app\n\t./app\n")
    assert [one.target for one in found.reached(())] == ["all", "app"]
    assert [one.target for one in found.reached(("test",))] == ["test", "app"]
    assert found.missing(("test", "lint")) == ("lint",)


def test_a_target_in_a_folder_may_be_the_first() -> None:
    assert [one.target for one in rules("./bin/app: a.c\n\tcc -o $@ $<\n").reached(())] == ["./bin/app"]


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ("NAME = app", "app"),
        ("NAME := app", "app"),
        ("NAME ?= app", "app"),
        ("A = a\nNAME = $(A)pp", "app"),
        ("NAME = $(A)pp\nA = a", "app"),
        ("NAME = a\nNAME += b", "a"),
        ("ifeq ($(OS),Windows_NT)\nNAME = app.exe\nelse\nNAME = app\nendif", "app"),
        ("ifneq ($(shell uname -s),Linux)\nNAME = x\nelse ifeq ($(OS),)\nNAME = app\nendif", "app"),
        ("ifdef DEBUG\nNAME = debug\nelse\nNAME = app\nendif", "app"),
        ("export NAME = app", "app"),
    ],
)
def test_variables(variables: str, name: str) -> None:
    assert effects(f"{variables}\n$(NAME): main.c\n\t$(CC) -o $@ $<\n").programs == (name,)


@pytest.mark.parametrize(
    "variables",
    ["NAME != date", "NAME = $(shell date)", "ifeq ($(wildcard x),)\nNAME = app\nendif", "NAME = $(NAME)x"],
)
def test_variables_that_are_not_known(variables: str) -> None:
    found = effects(f"{variables}\nall:\n\tcc -o $(NAME) main.c\n")
    assert not found.programs and [path for path, _ in found.written] == [UNKNOWN]


def test_the_command_line_wins() -> None:
    found = rules("NAME = a\nall:\n\tcc -o $(NAME) main.c\n", {"NAME": "b"})
    assert read_effects(found.reached(())).programs == ("b",)


def test_included_files() -> None:
    assert rules("include config.mk\n$(NAME):\n\tcc -o $@ a.c\n", **{"config.mk": "NAME = app\n"}).reached(())
    assert rules("include config.mk\n").unknown
    assert not rules("-include $(OBJS:.o=.d) deps.mk\n").unknown


@pytest.mark.parametrize(
    "text", ["define X\nrm -rf /\nendef\n", "$(foreach p,a b,$(eval $(call X,$(p))))\n", ".ONESHELL:\n"]
)
def test_what_may_mean_anything(text: str) -> None:
    assert rules(text).unknown


@pytest.mark.parametrize(
    ("recipe", "programs"),
    [
        ("gcc -c main.c", ()),
        ("@gcc main.c", ("a.out",)),
        ("-gcc -O2 main.c -obin/app", ("bin/app",)),
        ("cd src && g++ main.cpp -o app", ("src/app",)),
        ("$(CXX) $(CXXFLAGS) $(shell pkg-config --libs x) -o app $(wildcard *.cpp)", ("app",)),
        ("gcc -o app \\\n\t\tmain.c -lm", ("app",)),
    ],
)
def test_compilers(recipe: str, programs: tuple[str, ...]) -> None:
    found = effects(f"all:\n\t{recipe}\n")
    assert found.programs == programs
    assert not found.written and not found.unknown


def test_libraries_objects_and_archives() -> None:
    found = effects("all:\n\tcc -shared -o libx.so x.o\n\tar rcs liby.a y.o\n\tcc -c y.c -o y.o\n\t@echo done\n")
    assert (found.shared, found.programs, found.written) == (("libx.so",), (), ())


def test_make_links_by_a_rule_of_its_own() -> None:
    assert effects("app: app.o util.o\n").programs == ("app",)


def test_folders() -> None:
    text = "O = obj\n$(O)/%.o: %.c\n\t@mkdir -p $(O) $(dir $@)\n\tcc -c $< -o $@\nall: $(O)/a.o\n\tmkdir -p bin logs\n"
    assert effects(text + "\tcc -o bin/app $(O)/a.o\n").folders == ("logs",)


def test_what_is_put_elsewhere() -> None:
    found = effects("install: app\n\tinstall -d /usr/bin\n\tinstall -m 755 app /usr/bin/\n\tcp a.conf /etc/a.conf\n")
    assert found.placed == (("app", "/usr/bin/app"), ("a.conf", "/etc/a.conf"))


@pytest.mark.parametrize("recipe", ["./run.sh", "curl -O x", "sudo cp a /b", "$(TOOL) x", "python3 gen.py", "if"])
def test_commands_that_may_do_anything(recipe: str) -> None:
    assert effects(f"all:\n\t{recipe}\n").unknown


@pytest.mark.parametrize("recipe", ["echo x > data.txt", "cp a.txt b.txt -t x", "flex scan.l", "sed -i s/a/b/ x"])
def test_other_files_that_are_written(recipe: str) -> None:
    found = effects(f"all:\n\t{recipe}\n")
    assert found.written and not found.unknown


def test_what_doubles_at_each_step_ends() -> None:
    lines = "".join(f"A{number} = $(A{number + 1})$(A{number + 1})\n" for number in range(29))
    rules(f"{lines}A29 =\nall: $(A0)\n\tcc -o app $(A0)\n")


@pytest.mark.parametrize(
    "text", ["\t", "$(", "a:b:c", "ifeq", "endif\nelse", "= x", ": y", "A = $(A)\nall: $(A)", "$" * 5000]
)
def test_broken_text_is_read(text: str) -> None:
    read_effects(rules(text).reached(()))
