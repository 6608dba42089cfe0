"""What is made of the Dockerfiles of a commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from slimify.bot.builds.find import find_builds
from slimify.bot.proposal import Fixed, Proposal, change_name
from slimify.bot.propose import MOST, Asked, Candidate, propose
from slimify.bot.several import Part, together
from slimify.bot.tree_config import TreeFinder
from slimify.semantics.build_context import Entry, Kind

NAIVE = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\nCMD curl\n"


class Files:
    """A repository in memory; a value that is a tuple is a link."""

    def __init__(self, files: Mapping[str, str | bytes | tuple[str]]) -> None:
        self.files = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}

    def paths(self) -> Sequence[Entry]:
        return [
            Entry(path, Kind.LINK, 0, 0o777, data[0])
            if isinstance(data, tuple)
            else Entry(path, Kind.FILE, len(data), 0o644)
            for path, data in sorted(self.files.items())
        ]

    def read(self, path: str) -> bytes | None:
        data = self.files.get(path)
        return None if isinstance(data, tuple) else data


def proposed(
    files: Mapping[str, str | bytes | tuple[str]],
    asked: Asked | None = None,
    prove: object = None,
) -> Proposal:
    """The proposal for a whole repository."""
    held = Files(files)
    finder = TreeFinder(held.read)
    return propose(held, find_builds(held, finder.if_readable).dockerfiles, finder.of_file, asked or Asked(), prove)  # type: ignore[arg-type]


def test_a_proposal() -> None:
    found = proposed({"Dockerfile": NAIVE})
    assert [(file.path, file.before) for file in found.files] == [("Dockerfile", NAIVE.encode())]
    assert b"rm -rf /var/lib/apt/lists" in found.files[0].after
    assert found.fixed[0].outcome.path == "Dockerfile" and not found.unread


def test_the_fingerprint_is_that_of_the_contents() -> None:
    one, same = proposed({"Dockerfile": NAIVE}), proposed({"Dockerfile": NAIVE, "other.txt": "x"})
    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != proposed({"Dockerfile": NAIVE + "# x\n"}).fingerprint
    assert one.fingerprint != proposed({"api/Dockerfile": NAIVE}).fingerprint


def test_what_was_refused_is_left_out_and_nothing_takes_its_place() -> None:
    whole = proposed({"Dockerfile": NAIVE})
    assert {change.rewrite.transform for change in whole.fixed[0].outcome.changes} >= {
        "pair-update-install",
        "slim-base",
    }
    assert not proposed({"Dockerfile": NAIVE}, Asked(refused=whole.changes)).files
    (slim,) = (one.rewrite for one in whole.fixed[0].outcome.changes if one.rewrite.transform == "slim-base")
    found = proposed(
        {"Dockerfile": NAIVE}, Asked(refused=frozenset({change_name("Dockerfile", "slim-base", slim.title)}))
    )
    assert b"FROM debian:12\n" in found.files[0].after and b"rm -rf" in found.files[0].after
    elsewhere = proposed({"api/Dockerfile": NAIVE}, Asked(refused=whole.changes))
    assert elsewhere.files, "a no is said to a file"


def test_what_is_ignored() -> None:
    found = proposed({"Dockerfile": NAIVE}, Asked(ignored=frozenset({"slim-base"})))
    assert found.files[0].after.startswith(b"FROM debian:12\n")


def test_who_says_no_level_gets_the_operator_s() -> None:
    asked = Asked(level="safe")
    assert proposed({"Dockerfile": NAIVE}, asked).files[0].after.startswith(b"FROM debian:12\n")
    files = {"Dockerfile": NAIVE, "slimify.toml": "level = 'standard'\n"}
    assert proposed(files, asked).files[0].after.startswith(b"FROM debian:12-slim\n")


SEVERAL = """\
services:
  a: {build: {context: ., target: a}}
  b: {build: {context: ., target: b}}
"""
STAGES = """\
FROM debian:12 AS a
RUN apt-get update && apt-get install -y curl
CMD curl
FROM debian:12 AS b
RUN apt-get update && apt-get install -y wget
CMD wget
"""


def test_built_in_several_ways() -> None:
    """Each stage becomes what it becomes for the build that uses it."""
    found = proposed({"Dockerfile": STAGES, "compose.yaml": SEVERAL})
    clean = " \\\n    && rm -rf /var/lib/apt/lists/*\n"
    expected = (
        STAGES.replace("debian:12", "debian:12-slim")
        .replace("curl\nCMD", f"curl{clean}CMD")
        .replace("wget\nCMD", f"wget{clean}CMD")
    )
    assert found.files[0].after.decode() == expected, found.unread
    assert sorted(change.line for change in found.fixed[0].outcome.changes) == [1, 2, 4, 5]
    assert len(found.fixed[0].outcome.origins) == len(expected.split("\n"))


def test_what_is_right_for_one_build_alone_is_not_done() -> None:
    """Two builds that share a stage have to agree on it, and may differ on what is theirs alone."""
    import slimify

    own = "FROM base AS a\nRUN apt-get update && apt-get install -y wget\nCMD wget\nFROM base AS b\nCMD curl\n"
    text = "FROM debian:12 AS base\nRUN apt-get update && apt-get install -y curl\n" + own
    slim, clean = (slimify.fix(text, only=[name], target="a") for name in ("slim-base", "clean-package-cache"))
    assert slim.changed and clean.changed
    assert together([Part("a", slim), Part("b", clean)]) is None
    both = slimify.fix(text, only=["clean-package-cache"], target="b")
    found = together([Part("a", clean), Part("b", both)])
    assert found is not None and found.after.text == clean.after.text, "what only a uses is as a has it"


def test_stages_that_are_counted_do_not_move() -> None:
    stages = (
        'FROM golang:1.23 AS a\nWORKDIR /src\nCOPY go.mod main.go ./\nRUN go build -o /app\nCMD ["/app"]\n'
        'FROM debian:12-slim AS b\nCOPY --from=0 /app /app\nCMD ["/app"]\n'
    )
    files = {"go.mod": "module m\ngo 1.23\n", "main.go": "package main\nfunc main() {}\n", "compose.yaml": SEVERAL}
    found = proposed({"Dockerfile": stages, **files})
    after = found.files[0].after.decode() if found.files else stages
    assert after.count("FROM ") == 2 and "--from=0" in after


@pytest.mark.parametrize("args", ["args: {TAG: '${TAG}'}", "args: [TAG]"])
def test_an_argument_that_nobody_knows(args: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rewrite that would be another one with another value is not made; one that is the same for all is."""
    import slimify

    real, given = slimify.fix, []

    def seen(text: bytes, *, build_args: dict[str, str], **named: object) -> object:
        given.append((named["level"], dict(build_args)))
        if named["level"] == "standard" and build_args.get("TAG"):
            named["skip"] = ("slim-base",)
        return real(text, build_args=build_args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(slimify, "fix", seen)
    files = {"Dockerfile": NAIVE, "compose.yaml": f"services: {{a: {{build: {{context: ., {args}}}}}}}\n"}
    found = proposed(files)
    assert [level for level, _ in given] == ["standard", "standard", "safe", "safe"]
    assert "TAG" not in given[0][1] and given[1][1]["TAG"]
    assert b"FROM debian:12\n" in found.files[0].after and b"rm -rf" in found.files[0].after


def test_the_environment_of_the_bot_is_no_source_of_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "very-secret")
    compose = "services: {a: {build: {context: ., args: [GITHUB_TOKEN]}}}\n"
    found = proposed({"Dockerfile": NAIVE, "compose.yaml": compose})
    assert found.fixed[0].build.build_args == (("GITHUB_TOKEN", None),)
    assert "very-secret" not in repr(found)


NODE = """\
FROM node:20-slim
WORKDIR /srv
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
CMD ["node", "app.js"]
"""
LOCK = '{"name":"a","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"a","version":"1.0.0"}}}'
PROJECT = {
    "app.js": "console.log(1)\n",
    "package.json": '{"name":"a","version":"1.0.0"}',
    "package-lock.json": LOCK,
    "node_modules/x/index.js": "x" * 3_000_000,
}


def test_two_dockerfiles_and_one_ignore_file() -> None:
    """The second sees what was changed for the first."""
    found = proposed({"a.Dockerfile": NODE, "b.Dockerfile": NODE, **PROJECT})
    assert [file.path for file in found.files] == [".dockerignore", "a.Dockerfile", "b.Dockerfile"]
    assert found.files[0] == (".dockerignore", None, b"**/node_modules\n", "100644")


def test_a_link_in_the_place_of_an_ignore_file() -> None:
    """Docker follows it; a commit changes the file that it leads to."""
    found = proposed({"Dockerfile": NODE, **PROJECT, ".dockerignore": ("config/ignore",), "config/ignore": "*.md\n"})
    assert [file.path for file in found.files] == ["Dockerfile", "config/ignore"]
    assert found.files[1].after == b"*.md\n**/node_modules\n"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"Dockerfile": "FROM\n"}, "Dockerfile:1:1"),
        ({"Dockerfile": NAIVE, "slimify.toml": "levels = 1\n"}, "slimify.toml:1:1: unknown key 'levels'"),
        ({"Dockerfile": NAIVE, "slimify.toml": "target = 'nowhere'\n"}, "nowhere"),
    ],
)
def test_what_cannot_be_read_is_told(files: dict[str, str], why: str) -> None:
    found = proposed(
        {**files, "other/Dockerfile": "FROM debian:12-slim\nRUN apt-get update\nRUN apt-get install -y curl\n"}
    )
    assert [path for path, _ in found.unread if path == "Dockerfile"] == ["Dockerfile"]
    assert why in dict(found.unread)["Dockerfile"]


def test_a_fault_of_our_own_spoils_one_file_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import slimify

    real = slimify.fix

    def broken(text: bytes, *, path: str, **named: object) -> object:
        if path == "a/Dockerfile":
            raise RuntimeError("oh")
        return real(text, path=path, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(slimify, "fix", broken)
    found = proposed({"a/Dockerfile": NAIVE, "b/Dockerfile": NAIVE})
    assert [file.path for file in found.files] == ["b/Dockerfile"]
    assert "internal fault" in dict(found.unread)["a/Dockerfile"]


def test_too_many() -> None:
    found = proposed({f"{number:03}/Dockerfile": NAIVE for number in range(MOST + 3)})
    assert len(found.files) == MOST and len(found.unread) == 3


def test_proved() -> None:
    """What a prover says counts; what it cannot prove is not proposed."""
    seen: list[Candidate] = []

    def prove(candidate: Candidate) -> Fixed | str:
        seen.append(candidate)
        if candidate.build.dockerfile == "bad/Dockerfile":
            return "another program"
        fewer = candidate.remade(candidate.settings._replace(skip=("slim-base",)))
        return Fixed(candidate.build, fewer)

    found = proposed({"bad/Dockerfile": NAIVE, "good/Dockerfile": NAIVE}, prove=prove)
    assert [file.path for file in found.files] == ["good/Dockerfile"] and b"FROM debian:12\n" in found.files[0].after
    assert found.unread == (("bad/Dockerfile", "another program"),)
    assert [one.build.dockerfile for one in seen] == ["bad/Dockerfile", "good/Dockerfile"]
