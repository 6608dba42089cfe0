"""The data file says what it may, and nothing that could hurt."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from slimify.knowledge.package_managers import KnowledgeError, PackageManager, find, load, read
from slimify.semantics.commands import invocations, verb
from slimify.syntax.shell import parse_script

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "slimify" / "knowledge" / "package_managers.toml"


def compile_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_knowledge", ROOT / "scripts" / "compile_knowledge.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_compiled_file_is_up_to_date() -> None:
    assert (SOURCE.with_suffix(".json")).read_text(encoding="utf-8") == compile_script().compiled()


def test_an_unknown_key_names_its_manager() -> None:
    with pytest.raises(KnowledgeError, match=r"package manager apt: .*colour"):
        read({"manager": [{"name": "apt", "title": "APT", "colour": "red"}]})


def test_the_source_file_has_no_unknown_key_either() -> None:
    managers = read(tomllib.loads(SOURCE.read_text(encoding="utf-8")))
    assert [one.name for one in managers] == [one.name for one in load()]
    assert all(bool(one.estimate_bytes) == bool(one.estimate_source) for one in managers)


@pytest.mark.parametrize("manager", load(), ids=lambda one: one.name)
class TestEachManager:
    def test_names_belong_to_it_alone(self, manager: PackageManager) -> None:
        assert manager.programs or manager.program_pattern
        for program in manager.programs:
            assert find(program) is manager

    def test_remedies_say_what_they_are_and_who_says_so(self, manager: PackageManager) -> None:
        assert manager.remedies
        for remedy in manager.remedies:
            assert remedy.source.startswith("https://")
            wanted = {"flag": remedy.flag, "remove": remedy.paths, "command": remedy.command}
            assert {kind for kind, value in wanted.items() if value} == {remedy.kind}
            assert bool(remedy.since) == bool(remedy.too_old)

    def test_only_cache_is_deleted(self, manager: PackageManager) -> None:
        for remedy in manager.remedies:
            for path in remedy.paths:
                plain = path.replace('"', "").removesuffix("/*")
                assert plain in manager.cache_paths
                assert plain.count("/") >= 2 or plain.startswith(("~/.", "/tmp/", "/var/", "${"))

    def test_a_flag_is_known_to_switch_the_cache_off(self, manager: PackageManager) -> None:
        for remedy in manager.remedies:
            if remedy.kind == "flag":
                assert remedy.flag in manager.disabled_by_options
                assert set(remedy.verbs) <= {*manager.fills}

    def test_clean_ups_are_shell(self, manager: PackageManager) -> None:
        for remedy in manager.remedies:
            if remedy.kind == "flag":
                continue
            text = "rm -rf " + " ".join(remedy.paths) if remedy.paths else remedy.command.replace("{program}", "true")
            subprocess.run(["dash", "-n"], input=text, text=True, check=True)

    def test_its_own_cleaner_is_recognised(self, manager: PackageManager) -> None:
        for remedy in manager.remedies:
            if remedy.kind == "command":
                line = remedy.command.replace("{program}", (*manager.programs, manager.name)[0])
                calls = [call for command in parse_script(line).commands() for call in invocations(command)]
                actions = [verb(call) for call in calls if call.manager is manager]
                cleaned = [action.name in manager.cleans for action in actions if action]
                assert cleaned == [True] or any(text in line for text in manager.cleaned_by)


@pytest.mark.parametrize(
    ("line", "name", "operands"),
    [
        ("apt-get -y -o Dpkg::Options::=--force-confold install git curl", "install", ("git", "curl")),
        ("apt-get install -t bookworm-backports git", "install", ("git",)),
        ("apk add --virtual .build-deps gcc musl-dev", "add", ("gcc", "musl-dev")),
        ("pip install -r requirements.txt flask", "install", ("flask",)),
        ("pip --timeout 10 install flask", "install", ("flask",)),
        ("uv pip install flask", "pip install", ("flask",)),
        ("yarn global add gulp", "global add", ("gulp",)),
        ("yarn", "", ()),
        ("yarn build", "build", ()),
        ("npm --prefix app ci", "ci", ()),
        ("npm cache clean --force", "cache clean", ()),
        ("conda install -c conda-forge -n base numpy", "install", ("numpy",)),
        ("dnf clean all", "clean all", ()),
        ("dnf -y --setopt tsflags=nodocs install httpd", "install", ("httpd",)),
        ("zypper -n --gpg-auto-import-keys in git", "in", ("git",)),
        ("pacman -Sy --noconfirm git", "", ("git",)),
        ("cpanm Moose", "", ("Moose",)),
        ("go build -o /bin/app ./cmd/app", "build", ("./cmd/app",)),
        ("cargo build --release", "build", ()),
        ("composer global require phpunit", "global require", ("phpunit",)),
    ],
)
def test_verbs_and_packages_are_told_from_options(line: str, name: str, operands: tuple[str, ...]) -> None:
    (command,) = parse_script(line).commands()
    (invocation,) = invocations(command)
    action = verb(invocation)
    assert action is not None
    assert (action.name, action.operands) == (name, operands)
    assert shlex.split(line)[0] == invocation.program


def test_facts_that_builds_hang_on() -> None:
    def named(program: str) -> PackageManager:
        found = find(program)
        assert found is not None
        return found

    assert "install" in named("apt-get").needs_index
    assert not named("dnf").needs_index
    poetry = named("poetry").remedies[0].paths
    assert not any("virtualenvs".startswith(path.rsplit("/", 1)[1]) for path in poetry)
    assert all("bin" not in path for path in named("cargo").remedies[0].paths)
    assert all("config" not in path for path in named("bundle").remedies[0].paths)
    assert "--force-pkgs-dirs" not in named("conda").remedies[0].command
    assert find("pip3.12") is named("pip")
    assert find("pipx") is None
