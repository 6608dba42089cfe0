from __future__ import annotations

import json

import pytest

from slimify.context.found import Unknown
from slimify.context.node.lock import Lock, Locked, find_manager, place_of, production, read_lock
from slimify.context.node.package_json import Package, read_package
from slimify.context.node.scripts import runs_script
from tests.context.memory import Files, context

NPM = {
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "root"},
        "node_modules/a": {"version": "1.0.0", "bin": {"run-a": "a.js"}},
        "node_modules/a/node_modules/b": {"version": "2.0.0", "dev": True},
        "node_modules/@s/n": {"version": "3.0.0", "hasInstallScript": True, "os": ["linux"], "cpu": ["x64"]},
        "packages/m": {"name": "m", "version": "0.0.0"},
        "node_modules/m": {"resolved": "packages/m", "link": True},
    },
}
NPM1 = {
    "lockfileVersion": 1,
    "dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "2", "dev": True}}}},
}
YARN = """# yarn lockfile v1

"@s/n@^3.0.0":
  version "3.1.0"
  resolved "x"

a@^1.0.0, a@^1.1.0:
  version "1.1.0"
  dependencies:
    b "^2.0.0"

b@^2.0.0:
  version "2.0.0"

dev-only@1:
  version "1.0.0"
  dependencies:
    b "^2.0.0"
"""
BERRY = """__metadata:
  version: 8

"a@npm:^1.0.0, a@npm:^1.1.0":
  version: 1.1.0
  resolution: "a@npm:1.1.0"
  dependencies:
    b: "npm:^2.0.0"
  bin:
    run-a: a.js
  languageName: node
  linkType: hard

"b@npm:^2.0.0":
  version: 2.0.0
  conditions: os=linux & cpu=x64 & libc=glibc

"dev-only@npm:1":
  version: 1.0.0

"root@workspace:.":
  version: 0.0.0-use.local
  dependencies:
    a: "npm:^1.0.0"
    dev-only: "npm:1"
"""
PNPM9 = """lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      a:
        specifier: ^1.0.0
        version: 1.1.0(p@1.0.0)
      alias:
        specifier: npm:real@1
        version: real@1.0.0
    devDependencies:
      dev-only:
        specifier: '1'
        version: 1.0.0

packages:

  '@s/n@3.0.0':
    resolution: {integrity: x}
    os: [linux]
    cpu: [x64]
    libc: [glibc]

  a@1.1.0:
    resolution: {integrity: x}
    hasBin: true

  dev-only@1.0.0:
    resolution: {integrity: x}

  p@1.0.0:
    resolution: {integrity: x}

  real@1.0.0:
    resolution: {integrity: x}

snapshots:

  '@s/n@3.0.0': {}

  a@1.1.0(p@1.0.0):
    dependencies:
      '@s/n': 3.0.0
      p: 1.0.0

  dev-only@1.0.0: {}

  p@1.0.0: {}

  real@1.0.0: {}
"""
PNPM6 = """lockfileVersion: '6.0'

dependencies:
  a:
    specifier: ^1
    version: 1.0.0

packages:

  /a@1.0.0:
    resolution: {integrity: x}
    requiresBuild: true
    dev: false

  /@s/b@2.0.0(a@1.0.0):
    resolution: {integrity: x}
    dev: true
"""
PNPM5 = "lockfileVersion: 5.4\n\npackages:\n\n  /@s/b/2.0.0_a@1.0.0:\n    resolution: {integrity: x}\n    dev: true\n"
BUN = """{
  "lockfileVersion": 1,
  "workspaces": { "": { "dependencies": { "a": "^1" }, "devDependencies": { "d": "1" }, }, },
  "trustedDependencies": ["n"],
  "packages": {
    "a": ["a@1.0.0", "", { "dependencies": { "n": "2" }, "bin": { "run-a": "a.js" } }, "sha512-x"],
    "n": ["n@2.0.0", "", { "os": "linux" }, "sha512-x"],
    "d": ["d@1.0.0", "", {}, "sha512-x"],
  }
}"""


def lock(name: str, text: str) -> Lock:
    found = read_lock(Files({name: text}), name)
    assert isinstance(found, Lock), found
    return found


def root(**fields: object) -> Package:
    found = read_package(Files({"package.json": json.dumps(fields)}))
    assert isinstance(found, Package)
    return found


@pytest.mark.parametrize(
    ("name", "text", "form", "packages", "kept"),
    [
        ("package-lock.json", json.dumps(NPM), "3", {"a@1.0.0", "b@2.0.0", "@s/n@3.0.0", "m@0.0.0", "m@"}, "a @s/n m"),
        ("npm-shrinkwrap.json", json.dumps(NPM1), "1", {"a@1", "b@2"}, "a"),
        ("yarn.lock", YARN, "1", {"a@1.1.0", "b@2.0.0", "@s/n@3.1.0", "dev-only@1.0.0"}, "a b"),
        ("yarn.lock", BERRY, "8", {"a@1.1.0", "b@2.0.0", "dev-only@1.0.0", "root@0.0.0-use.local"}, "a b"),
        ("pnpm-lock.yaml", PNPM6, "6.0", {"a@1.0.0", "@s/b@2.0.0"}, "a"),
        ("pnpm-lock.yaml", PNPM5, "5.4", {"@s/b@2.0.0"}, ""),
        ("bun.lock", BUN, "1", {"a@1.0.0", "n@2.0.0", "d@1.0.0"}, "a n"),
    ],
)
def test_formats(name: str, text: str, form: str, packages: set[str], kept: str) -> None:
    found = lock(name, text)
    assert found.format == form
    assert {f"{one.name}@{one.version}" for one in found.packages} == packages
    package = root(dependencies={"a": "^1.0.0"}, devDependencies={"dev-only": "1"})
    assert production(found, [package]) == frozenset(kept.split())


def test_pnpm_9_follows_peers_and_aliases() -> None:
    found = lock("pnpm-lock.yaml", PNPM9)
    assert production(found, []) == {"a", "p", "real", "@s/n"}
    (native,) = found.named("@s/n")
    assert (native.os, native.cpu, native.libc, native.limited) == (("linux",), ("x64",), ("glibc",), True)


def test_native_packages_and_commands() -> None:
    found = lock("package-lock.json", json.dumps(NPM))
    assert [one.name for one in found.packages if one.install_script] == ["@s/n"]
    assert found.named("a")[0].bins == ("run-a",)
    assert [one.key for one in found.packages if one.local] == ["packages/m", "node_modules/m"]
    assert lock("yarn.lock", YARN).named("a")[0].install_script is None
    assert lock("pnpm-lock.yaml", PNPM6).named("a")[0].install_script is True
    assert lock("bun.lock", BUN).named("n")[0].install_script is True


def test_production_is_unknown_where_an_entry_is_missing() -> None:
    assert production(lock("yarn.lock", YARN), [root(dependencies={"a": "^9"})]) is None


def test_a_package_has_its_line() -> None:
    found = lock("yarn.lock", YARN)
    assert place_of(context(**{"yarn.lock": YARN}), found, found.named("b")[0]).line == 12


@pytest.mark.parametrize(
    "name", ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"]
)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '{"packages": []}',
        "a: &a [x]\nb: [*a, *a]\n",
        "<<<<<<< HEAD\n",
        "[" * 200_000,
        "\0\1",
        "version https://git-lfs.github.com/spec/v1\n",
    ],
)
def test_what_is_no_lock_is_unknown(name: str, text: str) -> None:
    assert isinstance(read_lock(Files({name: text}), name), Unknown)


def test_other_files_are_no_locks() -> None:
    assert read_lock(context(), "yarn.lock") is None
    assert read_lock(context(**{"Gemfile.lock": "x"}), "Gemfile.lock") is None
    assert isinstance(read_lock(context(**{"bun.lockb": b"#!/usr/bin/env bun\n"}), "bun.lockb"), Unknown)


@pytest.mark.parametrize(
    ("files", "fields", "name"),
    [
        (["package-lock.json"], {}, "npm"),
        (["pnpm-lock.yaml"], {}, "pnpm"),
        (["npm-shrinkwrap.json", "package-lock.json"], {}, "npm"),
        (["package-lock.json", "yarn.lock"], {}, None),
        (["package-lock.json", "yarn.lock"], {"packageManager": "yarn@4.1.0+sha224.x"}, "yarn"),
        ([], {"packageManager": "grunt@1"}, None),
        ([], {}, None),
    ],
)
def test_the_manager(files: list[str], fields: dict[str, str], name: str | None) -> None:
    made = Files({**dict.fromkeys(files, ""), "package.json": json.dumps(fields)})
    package = read_package(made)
    assert isinstance(package, Package)
    found = find_manager(made, package)
    assert found.name == name
    assert bool(found.unknown) == (name is None)


YARN_SOURCES = """# yarn lockfile v1

"@s/n@^3.0.0", "alias@npm:@s/n@^3.1.0":
  version "3.1.0"
  resolved "https://r.example/@s/n/-/n-3.1.0.tgz#0123"

plain@^1.0.0, plain@~1.0.0:
  version "1.0.1"
  resolved "https://r.example/plain/-/plain-1.0.1.tgz#0123"

mirrored@^1.0.0:
  version "1.0.1"
  resolved "mirrored-1.0.1.tgz#0123"

replaced@^1.0.0:
  version "1.0.1"
  resolved "https://git.example/u/replaced/tar.gz/0123"

"folder@file:../folder":
  version "1.0.0"

"git@git+ssh://git@git.example/u/git.git":
  version "1.0.0"
  resolved "git+ssh://git@git.example/u/git.git#0123"
"""
BERRY_SOURCES = """__metadata:
  version: 8

"alias@npm:real@^1.0.0":
  version: 1.0.0
  resolution: "real@npm:1.0.0"

"typescript@patch:typescript@npm%3A^5.0.0#optional!builtin<compat/typescript>":
  version: 5.4.5
  resolution: "typescript@patch:typescript@npm%3A5.4.5#optional!builtin<compat/typescript>::version=5.4.5&hash=1"

"own@patch:own@npm%3A1.0.0#~/patches/own.patch":
  version: 1.0.0
  resolution: "own@patch:own@npm%3A1.0.0#~/patches/own.patch::version=1.0.0&hash=1"

"git@https://git.example/u/git.git":
  version: 1.0.0
  resolution: "git@https://git.example/u/git.git#commit=1"
"""
PNPM_SOURCES = """lockfileVersion: '9.0'
packages:
  '@s/n@3.1.0':
    resolution: {integrity: sha512-}
  git@https://git.example/u/git/tar.gz/1:
    resolution: {tarball: https://git.example/u/git/tar.gz/1}
    version: 1.0.0
  folder@file:../folder:
    resolution: {directory: ../folder, type: directory}
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "yarn.lock",
            YARN_SOURCES,
            {"@s/n": "@s/n", "plain": "plain", "mirrored": "mirrored", "replaced": None, "folder": None, "git": None},
        ),
        ("yarn.lock", BERRY_SOURCES, {"alias": "real", "typescript": "typescript", "own": None, "git": None}),
        ("pnpm-lock.yaml", PNPM_SOURCES, {"@s/n": "@s/n", "git": None, "folder": None}),
        (
            "package-lock.json",
            json.dumps(
                {
                    "lockfileVersion": 1,
                    "dependencies": {
                        "a": {"version": "1.0.0", "resolved": "https://r.example/a/-/a-1.0.0.tgz"},
                        "b": {"version": "npm:@s/real@2.0.0", "resolved": "https://r.example/@s/real/-/real-2.0.0.tgz"},
                        "c": {"version": "git+https://git.example/u/c.git#1", "from": "c@git"},
                        "d": {"version": "file:../d"},
                    },
                }
            ),
            {"a": "a", "b": "@s/real", "c": None, "d": None},
        ),
    ],
)
def test_the_names_at_a_registry(name: str, text: str, expected: dict[str, str | None]) -> None:
    found = read_lock(Files({name: text}), name)
    assert isinstance(found, Lock)
    assert {one.name: one.published for one in found.packages} == expected


def test_whether_an_install_runs_a_script() -> None:
    unknown = Locked("k", "accepts", "1.3.8")
    assert runs_script(unknown) is None
    assert runs_script(unknown._replace(published="accepts")) is False
    assert runs_script(unknown._replace(published="bcrypt")) is True
    assert runs_script(unknown._replace(published="accepts", install_script=True)) is True
    assert runs_script(unknown._replace(install_script=False)) is False


def test_a_package_that_asks_for_what_add_ons_are_built_with() -> None:
    quiet = Locked("k", "accepts", "1.3.8", published="accepts")
    assert runs_script(quiet._replace(needs=("mime-types@~2.1.34",))) is False
    assert runs_script(quiet._replace(needs=("mime-types@~2.1.34", "nan@^2.0.0"))) is None
    assert runs_script(quiet._replace(needs=("@mapbox/node-pre-gyp@^1.0.0",))) is None
