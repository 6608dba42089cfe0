from __future__ import annotations

import json

import pytest

from slimify.context.found import Place, Unknown
from slimify.context.node.install import install_inputs
from slimify.context.node.package_json import Package, members, read_package
from slimify.context.node.settings import read_settings
from tests.context.memory import Files, context


def package(files: dict[str, str | bytes], folder: str = "") -> tuple[Files, Package]:
    made = Files(files)
    found = read_package(made, folder)
    assert isinstance(found, Package)
    return made, found


def manifest(**fields: object) -> str:
    return json.dumps(fields, indent=1)


def test_dependencies_and_scripts_carry_their_lines() -> None:
    text = '{\n "name": "a",\n "scripts": {\n  "start": "node ."\n },\n "devDependencies": {\n  "b": "^1"\n }\n}'
    _, found = package({"app/package.json": text}, "app")
    assert found.script("start") is not None and found.scripts[0].place == Place("app/package.json", 4)
    assert found.dependencies[0].place == Place("app/package.json", 7)
    assert found.only_for_development("b") and not found.only_for_development("absent")


def test_a_package_asked_for_twice_is_kept_in_production() -> None:
    _, found = package({"package.json": manifest(dependencies={"a": "1"}, devDependencies={"a": "1"})})
    assert not found.only_for_development("a")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '"x"',
        '{"name": "a",}',
        '{ // comment\n "name": "a" }',
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"a": ' + "9" * 10_000 + "}",
        b"\x00\x01\x02",
        b"\xff\xfe{\x00}\x00",
        "{" + " " * 2_000_000 + "}",
    ],
)
def test_what_is_no_manifest_is_unknown(text: str | bytes) -> None:
    assert isinstance(read_package(Files({"package.json": text})), Unknown)


def test_no_manifest_is_none() -> None:
    assert read_package(context()) is None


@pytest.mark.parametrize("value", ["x", 1, ["a"], None, True])
def test_fields_of_a_wrong_type_are_empty(value: object) -> None:
    names = ("name", "scripts", "dependencies", "bin", "engines", "pnpm", "main", "patchedDependencies", "resolutions")
    _, found = package({"package.json": json.dumps(dict.fromkeys(names, value))})
    assert found.scripts == () and found.dependencies == () and found.engines == ()


def test_members_of_a_workspace() -> None:
    files = dict.fromkeys(
        ("a/package.json", "packages/x/package.json", "packages/y/package.json", "packages/y/z/package.json"), "{}"
    )
    files["packages/y/node_modules/q/package.json"] = "{}"
    made, found = package({**files, "package.json": manifest(workspaces=["packages/*", "!packages/x"])})
    assert members(made, found).folders == ("packages/y",)
    assert members(made, found, ["packages/**"]).folders == ("packages/x", "packages/y", "packages/y/z")


@pytest.mark.parametrize("pattern", ["../x", "{a,b}/*", "a[b]", "**/**/**/*", "gone"])
def test_patterns_that_are_not_understood_are_unknown(pattern: str) -> None:
    made, found = package({"package.json": manifest(workspaces=[pattern])})
    assert members(made, found).unknown


def test_settings() -> None:
    made = context(
        **{
            ".npmrc": "; c\n//registry/:_authToken=abc\n//other/:_authToken=${TOKEN}\nignore-scripts=true\n",
            ".yarnrc": 'yarn-path ".yarn/releases/yarn.cjs"\n',
            ".yarnrc.yml": "plugins:\n  - path: .yarn/plugins/a.cjs\nnodeLinker: node-modules # why\n",
            "pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n  # c\n  - apps/*\n",
        }
    )
    found = read_settings(made)
    assert [one.place for one in found.secrets] == [Place(".npmrc", 2)]
    assert found.says("ignore-scripts") and not found.says("legacy-peer-deps")
    assert [one.value for one in found.all("packages")] == ["packages/*", "apps/*"]
    assert [one.value for one in found.all("plugins.path")] == [".yarn/plugins/a.cjs"]
    linker, yarn = found.get("nodeLinker"), found.get("yarn-path")
    assert linker is not None and linker.value == "node-modules"
    assert yarn is not None and yarn.value == ".yarn/releases/yarn.cjs"


def inputs(files: dict[str, str | bytes], **fields: object) -> tuple[list[str], list[str]]:
    made, found = package({**files, "package.json": manifest(**fields)})
    result = install_inputs(made, found)
    return [one.path for one in result.paths], [one.reason for one in result.unknown]


class TestInstallInputs:
    def test_manifest_lock_and_settings(self) -> None:
        files: dict[str, str | bytes] = {"yarn.lock": "", ".yarnrc.yml": "yarnPath: .yarn/releases/y.cjs\n"}
        files |= {".yarn/releases/y.cjs": "", "src/index.js": "", "README.md": ""}
        paths, unknown = inputs(files)
        assert paths == [".yarn/releases", ".yarn/releases/y.cjs", ".yarnrc.yml", "package.json", "yarn.lock"]
        assert unknown == []

    @pytest.mark.parametrize(
        ("script", "wanted"),
        [
            ("patch-package", "patches"),
            ("patch-package --patch-dir fixes", "fixes"),
            ("node scripts/setup.js", "scripts/setup.js"),
            ("node scripts/setup", "scripts/lib.js"),
            ("prisma generate", "prisma"),
            ("prisma generate --schema db/s.prisma", "db/s.prisma"),
            ("husky || true; npx patch-package", "patches"),
            ("npm run fix", "patches"),
        ],
    )
    def test_what_postinstall_reads(self, script: str, wanted: str) -> None:
        files: dict[str, str | bytes] = dict.fromkeys(
            ["patches/a.patch", "fixes/b.patch", "prisma/schema.prisma", "db/s.prisma", "scripts/lib.js"], ""
        )
        files["scripts/setup.js"] = "const lib = require('./lib')"
        scripts = {"postinstall": script, "fix": "patch-package"}
        dev = {"patch-package": "1", "prisma": "1", "husky": "1"}
        paths, unknown = inputs(files, scripts=scripts, devDependencies=dev)
        assert wanted in paths
        assert unknown == []

    @pytest.mark.parametrize(
        "script", ["tsc", "npm run build", "nuxt prepare", "node gone.js", "node read.js", "node -e '1'", "$X", "gulp"]
    )
    def test_scripts_that_may_read_anything(self, script: str) -> None:
        files: dict[str, str | bytes] = {"read.js": "require('fs').readdirSync('.')"}
        _, unknown = inputs(files, scripts={"prepare": script, "build": "vite build"})
        assert unknown

    def test_scripts_that_an_install_does_not_run(self) -> None:
        paths, unknown = inputs({}, scripts={"build": "tsc", "start": "node x", "pretest": "tsc"})
        assert (paths, unknown) == (["package.json"], [])
        assert inputs({".npmrc": "ignore-scripts=true"}, scripts={"postinstall": "tsc"})[1] == []

    def test_local_dependencies_and_members_bring_their_manifests(self) -> None:
        files: dict[str, str | bytes] = {"lib/package.json": manifest(dependencies={"c": "file:../other"})}
        files |= {"other/package.json": "{}", "packages/a/package.json": "{}"}
        paths, unknown = inputs(files, dependencies={"b": "file:./lib"}, workspaces=["packages/*"])
        assert paths == [
            "lib",
            "lib/package.json",
            "other",
            "other/package.json",
            "package.json",
            "packages/a/package.json",
        ]
        assert unknown == []

    @pytest.mark.parametrize("spec", ["file:../outside", "link:/abs", "file:gone.tgz", "portal:./gone"])
    def test_local_dependencies_that_are_not_there(self, spec: str) -> None:
        assert inputs({}, dependencies={"b": spec})[1]

    def test_a_native_package_is_built_from_its_sources(self) -> None:
        assert inputs({"binding.gyp": "{}"})[1]
        assert not inputs({"binding.gyp": "{}"}, scripts={"install": "echo"})[1]
