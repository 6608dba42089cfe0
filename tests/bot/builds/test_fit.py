from __future__ import annotations

import pytest

from slimify.bot.builds.find import find_builds
from slimify.config import Config
from tests.bot.builds.memory import Memory, found, lines

# Of each: the files, the Dockerfile, and its context; None where that is not sure.
CASES = [
    ({"Dockerfile": "FROM a\nCOPY gone /\n"}, "."),
    ({"app/Dockerfile": "FROM a\nRUN true\n"}, "app"),
    ({"app/Dockerfile": "FROM a\nCOPY main.py /\n", "app/main.py": ""}, "app"),
    ({"docker/Dockerfile": "FROM a\nCOPY src/main.py /\n", "src/main.py": ""}, "."),
    ({"docker/Dockerfile": "FROM a\nCOPY src/*.py /\n", "src/main.py": ""}, "."),
    ({"a/b/docker/Dockerfile": "FROM a\nCOPY main.py /\n", "a/b/main.py": ""}, "a/b"),
    ({"app/Dockerfile": "FROM a\nARG F=main.py\nCOPY $F /\n", "app/main.py": "", "main.txt": ""}, "app"),
    ({"app/Dockerfile": "FROM a\nCOPY --from=b main.py /\nADD https://x/y /\n", "main.py": ""}, "app"),
    ({"app/Dockerfile": "FROM a\nCOPY . /\n", "app/main.py": ""}, "app"),
    # An ignore file keeps it out of one of the two.
    ({"app/Dockerfile": "FROM a\nCOPY x /\n", "app/x": "", "x": "", "app/.dockerignore": "x\n"}, "."),
    ({"docker/Dockerfile": "FROM a\nCOPY . /\n", "docker/start.sh": "", "main.py": ""}, None),
    ({"app/Dockerfile": "FROM a\nCOPY main.py /\n", "app/main.py": "", "main.py": ""}, None),
    ({"app/Dockerfile": "FROM a\nCOPY gone.py /\n", "app/main.py": ""}, None),
    ({"app/Dockerfile": "FROM a\nCOPY main.py gone.py /\n", "app/main.py": ""}, None),
    ({"app/Dockerfile": "# nothing\n"}, None),
]


@pytest.mark.parametrize(("files", "context"), CASES)
def test_context_of_a_dockerfile_that_nothing_names(files: dict[str, str], context: str | None) -> None:
    builds = found(files)
    [one] = builds.dockerfiles
    assert one.dockerfile == next(iter(files))
    assert one.builds[0].source == ""
    if context is None:
        assert one.uncertain
    else:
        assert (one.uncertain, one.builds[0].context or ".") == ("", context)


def test_names() -> None:
    names = ["Dockerfile", "a/Containerfile", "web.Dockerfile", "Dockerfile.j2", "Dockerfile.dockerignore"]
    vendored = ["vendor/x/Dockerfile", "web/node_modules/y/Dockerfile"]
    assert lines(found(dict.fromkeys(names + vendored, "FROM a\n"))) == [
        "Dockerfile .",
        "a/Containerfile a",
        "web.Dockerfile .",
    ]


def test_exclude() -> None:
    def config_of(folder: str) -> Config:
        if f"{folder}/".startswith("sub/"):
            return Config(path="sub/slimify.toml", exclude=("/old",))
        return Config(path="slimify.toml", exclude=("tests/", "*.dev"))

    files = ["Dockerfile", "Dockerfile.dev", "tests/a/Dockerfile", "sub/old/Dockerfile", "sub/x/old/Dockerfile"]
    memory = Memory({**dict.fromkeys(files, "FROM a\n"), "compose.yaml": "services: {a: {build: tests/a}}\n"})
    builds = find_builds(memory, config_of)
    assert [one.dockerfile for one in builds.dockerfiles] == ["Dockerfile", "sub/x/old/Dockerfile"]
    assert builds.problems == ()
