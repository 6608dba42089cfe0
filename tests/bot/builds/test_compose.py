from __future__ import annotations

import pytest

from tests.bot.builds.memory import found, lines, problems

FROM = "FROM alpine\n"
CASES = {
    "a folder": ("services:\n  web:\n    build: .\n", ["Dockerfile . @compose.yaml:3"]),
    "all keys": (
        """services:
  web:
    build:
      context: ./app
      dockerfile: ../web.Dockerfile
      target: prod
      args: {V: 1.10, FLAG: true, FROM_ENV: }
      additional_contexts:
        lib: ./lib
        base: docker-image://a
""",
        [
            "app/Dockerfile app",
            "web.Dockerfile app target=prod V=1.1 FLAG=true FROM_ENV lib->lib base->docker-image://a @compose.yaml:4",
        ],
    ),
    "arguments as a list": (
        "services:\n  web:\n    build:\n      context: app\n      args:\n        - A=1=2\n        - B\n",
        ["app/Dockerfile app A=1=2 B @compose.yaml:4"],
    ),
    "profiles, anchors, merge keys": (
        """x-build: &build
  context: app
  args: {A: "1"}
services:
  one: {build: {<<: *build, target: one}, profiles: [debug]}
  two: {build: *build}
""",
        ["app/Dockerfile app target=one A=1 @compose.yaml:2", "app/Dockerfile app A=1 @compose.yaml:2"],
    ),
    "defaults": (
        "services:\n  a:\n    build: {context: '${D:-app}', target: '${S-${O:-x}}', args: ['A=$$B${C:+d}']}\n",
        ["app/Dockerfile app target=x A=$B @compose.yaml:3"],
    ),
    "unset": (
        "services:\n  web:\n    build: {context: app, target: $STAGE, args: {A: $B, C: '${D:?no}'}}\n",
        ["app/Dockerfile app A C @compose.yaml:3 ? its target {STAGE} is not constant"],
    ),
    "remote, inline, image": (
        """services:
  a: {build: "https://github.com/a/b.git#main"}
  b: {build: {context: git@github.com:a/b.git}}
  c: {build: {context: ., dockerfile_inline: FROM alpine}}
  d: {image: alpine}
""",
        [],
    ),
    "extends in the file": (
        """services:
  base: {build: {context: app, args: {A: 1, B: 2}}}
  web: {extends: {service: base}, build: {target: web, args: {B: 3}}}
  old: {extends: base}
""",
        ["app/Dockerfile app A=1 B=2 @compose.yaml:2", "app/Dockerfile app target=web A=1 B=3 @compose.yaml:3"],
    ),
    "extends itself": ("services:\n  a: {extends: b}\n  b: {extends: a}\n", []),
    "the first format": ("web:\n  build: app\n", ["app/Dockerfile app @compose.yaml:2"]),
}


@pytest.mark.parametrize("case", CASES)
def test_build(case: str) -> None:
    text, expected = CASES[case]
    named = {line.split()[0] for line in expected}
    builds = found({"compose.yaml": text, **dict.fromkeys(named, FROM), "app/x": "", "lib/x": ""})
    assert lines(builds) == expected
    assert problems(builds) == []


def test_env_file() -> None:
    env = "# a comment\nexport STAGE='prod'\nNAME=${STAGE}-1 # comment\nEMPTY=\n"
    text = "services:\n  web:\n    build: {context: ., target: $STAGE, args: {N: $NAME, E: '${EMPTY:-x}', STAGE: }}\n"
    assert lines(found({"compose.yaml": text, ".env": env, "Dockerfile": FROM})) == [
        "Dockerfile . target=prod N=prod-1 E=x STAGE=prod @compose.yaml:3"
    ]


def test_paths_start_from_each_file() -> None:
    builds = found(
        {
            "compose.yaml": "include:\n  - sub/compose.yml\n  - path: [other/compose.yml]\n    project_directory: .\n",
            "sub/compose.yml": "services:\n  a:\n    build: .\n",
            "other/compose.yml": "services:\n  b:\n    extends: {file: ../base/common.yml, service: c}\n",
            "base/common.yml": "services:\n  c:\n    build: ./c\n",
            "sub/Dockerfile": FROM,
            "base/c/Dockerfile": FROM,
        }
    )
    assert lines(builds) == ["base/c/Dockerfile base/c @base/common.yml:3", "sub/Dockerfile sub @sub/compose.yml:3"]


def test_what_is_not_there_is_told() -> None:
    text = "include: [gone.yml]\nservices:\n  a:\n    build: gone\n  b:\n    build: ../..\n"
    text += "  c:\n    extends: {file: x.yml, service: c}\n"
    assert problems(found({"compose.yaml": text})) == [
        "compose.yaml:6: the context ../.. is outside of the repository",
        "compose.yaml:1: it includes gone.yml, which is not there",
        "compose.yaml:8: it extends x.yml, which is not there",
        "compose.yaml:4: there is no gone/Dockerfile",
    ]


def test_overlay_over_the_usual_file() -> None:
    builds = found(
        {
            "docker-compose.yml": "services:\n  web:\n    build: {context: app, args: {A: 1}}\n",
            "docker-compose.override.yml": "services:\n  web:\n    build: {context: app, target: dev}\n",
            "docker-compose.prod.yml": "services:\n  web:\n    build: {target: prod}\n",
            "app/Dockerfile": FROM,
        }
    )
    assert lines(builds) == [
        "app/Dockerfile app target=dev A=1 @docker-compose.override.yml:3",
        "app/Dockerfile app target=prod A=1 @docker-compose.prod.yml:3",
        "app/Dockerfile app A=1 @docker-compose.yml:3",
    ]
