"""Repositories that are made to hurt whoever reads them: nothing is raised, and it ends soon."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.bot.builds.find import READERS, find_builds
from slimify.bot.builds.holes import bindings, hole
from slimify.bot.builds.repository import FolderContext, Repository
from slimify.bot.builds.yaml_text import YamlError, load
from slimify.semantics.build_context import Entry, Kind
from tests.bot.builds.memory import Memory, found, lines, problems

PATHS = """compose.yaml docker-bake.hcl docker-bake.json .github/workflows/a.yml action.yml .gitlab-ci.yml
azure-pipelines.yml cloudbuild.yaml .circleci/config.yml skaffold.yaml fly.toml render.yaml railway.json railway.toml
heroku.yml .do/app.yaml .devcontainer.json Makefile justfile Taskfile.yml package.json build.sh .env""".split()
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {" + ",".join(f"k{n}: 1" for n in range(500)) + "}\n" + "b:\n  <<: [" + ",".join(["*a"] * 3000) + "]\n"


def test_there_is_a_file_for_every_reader() -> None:
    assert all(any(pattern.fullmatch(path) for path in PATHS) for pattern, _ in READERS)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        MERGES,
        "[" * 20_000,
        "{" * 20_000,
        "a: &a [*a]\n",
        "a: &a {<<: *a}\n",
        "a: *b\n",
        "? [a]\n: b\n",
        "!!python/object/apply:os.system [true]\n",
        "\0",
        "\udc80: x\n",
        "a: \x07\n",
        "- - - -\n",
        "services: []\njobs: 1\nsteps: {}\nbuild: null\n",
        "services: {a: {build: {context: [], args: [[]], dockerfile: {}}, extends: {service: [], file: 1}}}\n",
        "include: [1, [], {path: {}}]\n",
        "jobs: {a: {strategy: {matrix: {x: [[1]], include: [1], exclude: 3}}, steps: [1, {with: 1, uses: x}]}}\n",
        'target "a" { inherits = ["a"] }\n',
        'target "a" { matrix = { a = "b" } }\n' + "x = " + "(" * 3000,
        '{"target": {"a": {"inherits": ["b"]}, "b": {"inherits": ["a"]}}, "variable": 3}',
        '{"scripts": {"a": "docker build ' + "$(" * 5000 + '"}, "build": []}',
        "a:\n\tdocker build " + "$(" * 3000 + "\n",
        "docker build " + "${A:-" * 3000 + "\n",
        "docker build '\n",
        "for i in " + "x " * 3000 + "; do for j in 1 2 3; do docker build $i; done; done\n",
        "A=" + "${A:-${A:-" * 200 + "\n",
    ],
    ids=range(26),
)
def test_every_reader_survives(text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    began = time.process_time()
    find_builds(Memory({**dict.fromkeys(PATHS, data), "Dockerfile": b"FROM a\n"}))
    assert time.process_time() - began < 20


@given(st.text(max_size=200), st.sampled_from(PATHS))
def test_any_text(text: str, path: str) -> None:
    prefix = "services: " if path == "compose.yaml" else "docker build " if path in ("build.sh", "justfile") else ""
    data = (prefix + text).encode("utf-8", "surrogatepass")
    assert [one.dockerfile for one in found({path: data, "Dockerfile": "FROM a\n"}).dockerfiles] == ["Dockerfile"]


@pytest.mark.parametrize("text", [LAUGHS, MERGES, "[" * 100, "a: &a [*a]\n", "a: [\n", "x" * 600_000])
def test_yaml_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        load(text)


def test_yaml() -> None:
    text = "a: &a {x: 1, y: ~}\nb: {<<: *a, x: '2'}\nc: {<<: [{z: 1}, {z: 2}]}\n---\n- 'null'\n-\n"
    assert load(text) == [
        {"a": {"x": "1", "y": None}, "b": {"y": None, "x": "2"}, "c": {"z": "1"}},
        ["null", None],
    ]
    assert [key.line for key in load("a: 1\n\nb: 2\n")[0]] == [1, 3]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "Dockerfile", "gone", "loop", "app"])
def test_links_lead_nowhere_else(target: str) -> None:
    memory = Memory(
        {"compose.yaml": "services: {a: {build: .}}\n", "app/x": ""}, {"Dockerfile": target, "loop": "loop"}
    )
    builds = find_builds(memory)
    assert builds.dockerfiles == ()
    assert problems(builds) == ["compose.yaml:1: there is no Dockerfile"]
    assert set(memory.asked) <= set(memory.files)


def test_a_link_inside_is_followed_to_the_one_file() -> None:
    files = {"compose.yaml": "services: {a: {build: app}}\n", "real/Dockerfile": "FROM a\n"}
    assert lines(found(files, {"app": "real"})) == ["real/Dockerfile real @compose.yaml:1"]


@pytest.mark.parametrize(
    "path", ["../Dockerfile", "/etc/Dockerfile", "a/../../Dockerfile", "./Dockerfile", "a//Dockerfile", ""]
)
def test_paths_that_are_none(path: str) -> None:
    assert found({path: "FROM a\n"}).dockerfiles == ()


def test_names_with_line_feeds() -> None:
    assert [one.dockerfile for one in found({"a\nb/Dockerfile": "FROM a\n"}).dockerfiles] == ["a\nb/Dockerfile"]


def test_a_hundred_thousand_files() -> None:
    files = {f"d{n % 1000}/f{n}": "" for n in range(100_000)}
    files |= {f"d{n}/Dockerfile": "FROM a\nCOPY f* /\n" for n in range(100)}
    files |= {".github/workflows/a.yml": "jobs: {a: {steps: [{run: 'docker build $A/Dockerfile$B/x $C'}]}}\n"}
    began = time.process_time()
    builds = found(files)
    assert len(builds.dockerfiles) == 100
    assert time.process_time() - began < 30


def test_too_many_files_are_told() -> None:
    class Many(Memory):
        def paths(self) -> list[Entry]:
            return [Entry(f"f{n}", Kind.FILE, 0, 0o644) for n in range(200_001)]

    assert [one.path for one in find_builds(Many({})).problems] == [""]


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (f"a/{hole('x')}/Dockerfile", "a/b/Dockerfile", {"x": "b"}),
        (f"a/{hole('x')}/Dockerfile", "a/Dockerfile", {"x": "."}),
        (f"{hole('x')}/Dockerfile", "Dockerfile", {"x": "."}),
        (f"Dockerfile{hole('x')}", "Dockerfile", {"x": ""}),
        (f"{hole('x')}/{hole('x')}.Dockerfile", "a/a.Dockerfile", {"x": "a"}),
        (f"{hole('x')}/{hole('x')}.Dockerfile", "a/b.Dockerfile", None),
        (f"a/{hole('x')}/Dockerfile", "b/c/Dockerfile", None),
        (hole("x"), "Dockerfile", None),
        ("/".join([hole("a"), hole("b"), hole("c"), hole("d"), "Dockerfile"]), "a/b/c/d/Dockerfile", None),
    ],
)
def test_bindings(text: str, path: str, expected: dict[str, str] | None) -> None:
    assert bindings(text, path) == expected


def test_a_folder_as_context() -> None:
    files = {"app/a": "1", "app/b": "2", "app/.dockerignore": "b\n", "c": "3"}
    repository = Repository(Memory(files, {"app/l": "a", "app/out": "../c"}))
    context = FolderContext(repository, "app")
    assert [one.path for one in context.entries()] == [".dockerignore", "a", "l", "out"]
    assert (context.read("a"), context.read("l"), context.read("b"), context.read("out")) == (b"1", b"1", None, None)
