from __future__ import annotations

import json

import pytest

from tests.bot.builds.memory import found, lines, problems

FROM = "FROM alpine\n"
CASES = {
    "defaults": ('target "a" {}\n', ["Dockerfile . @docker-bake.hcl:1"]),
    "variables": (
        """variable "TAG" { default = "1.0" }
variable "FULL" { default = "v${TAG}" }
variable "NONE" {}
target "a" {
  context = "."
  dockerfile = "docker/Dockerfile"
  args = { TAG = TAG, FULL = FULL, NONE = NONE, UPPER = upper(TAG), N = 1, B = true, "Q" = "$${x} \\"y\\"" }
  contexts = { b = "target:b", s = "./s" }
}
""",
        ['docker/Dockerfile . TAG=1.0 FULL=v1.0 NONE UPPER N=1 B=true Q=${x} "y" b->target:b s->s @docker-bake.hcl:4'],
    ),
    "inheritance": (
        """target "_common" { args = { A = "1", B = "2" } }
target "a" {
  inherits = ["_common"]
  target = "prod"
  args = { B = "3" }
}
""",
        ["Dockerfile . target=prod A=1 B=3 @docker-bake.hcl:2"],
    ),
    "a target that others inherit from, in a group": (
        'group "default" { targets = ["a", "b"] }\ntarget "a" {}\ntarget "b" {\n inherits = ["a"]\n target = "x"\n}\n',
        ["Dockerfile . @docker-bake.hcl:2", "Dockerfile . target=x @docker-bake.hcl:3"],
    ),
    "matrix": (
        """target "a" {
  name = "a-${item.v}-${s}"
  matrix = { item = [{ v = "1" }, { v = "2" }], s = ["x"] }
  target = s
  args = { V = item.v }
}
""",
        ["Dockerfile . target=x V=1 @docker-bake.hcl:1", "Dockerfile . target=x V=2 @docker-bake.hcl:1"],
    ),
    "a computed target": (
        'variable "D" { default = true }\ntarget "a" { target = D ? "x" : "y" }\n',
        ["Dockerfile . @docker-bake.hcl:2 ? its target {D_x_y} is not constant"],
    ),
    "inline and remote": (
        'target "a" { dockerfile-inline = "FROM x" }\ntarget "b" { context = "https://github.com/a/b.git" }\n',
        [],
    ),
    "functions are no targets": (
        'function "f" {\n params = [n]\n result = "${n}"\n}\ntarget "a" { args = { X = f("y") } }\n',
        ["Dockerfile . X @docker-bake.hcl:5"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_target(case: str) -> None:
    text, expected = CASES[case]
    named = {line.split()[0] for line in expected}
    builds = found({"docker-bake.hcl": text, **dict.fromkeys(named, FROM)})
    assert lines(builds) == expected
    assert problems(builds) == []


def test_json_and_overrides() -> None:
    whole = {
        "variable": {"V": {"default": "1"}},
        "target": {"a": {"context": "app", "args": {"V": "${V}", "P": "a\\b"}}},
    }
    builds = found(
        {
            "docker-bake.json": json.dumps(whole),
            "docker-bake.override.hcl": 'target "a" {\n  target = "dev"\n}\n',
            "app/Dockerfile": FROM,
        }
    )
    assert lines(builds) == ["app/Dockerfile app target=dev V=1 P=a\\b @docker-bake.override.hcl:1"]


@pytest.mark.parametrize(("path", "context"), [("ci/Dockerfile", "ci"), ("Dockerfile", ".")])
def test_runs_where_the_dockerfile_is(path: str, context: str) -> None:
    assert lines(found({"ci/docker-bake.hcl": 'target "a" {}\n', path: FROM})) == [
        f"{path} {context} @ci/docker-bake.hcl:1"
    ]


def test_what_is_no_hcl_is_told() -> None:
    assert problems(found({"docker-bake.hcl": 'target "a" {\n'})) == ["docker-bake.hcl:0: it is no HCL at line 2"]
