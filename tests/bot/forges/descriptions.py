"""The forges' own descriptions of their APIs, as `scripts/need-forge-oracles` brings them."""

from __future__ import annotations

import functools
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[3]
ORACLES = ROOT / "build/forge-oracles"
MODULES = ORACLES / "node_modules"

ASKED = """
/user /orgs/{org}/repos /users/{username}/repos /search/repositories /gists
/repos/{owner}/{repo} /repos/{owner}/{repo}/git/ref/{ref} /repos/{owner}/{repo}/git/refs/{ref}
/repos/{owner}/{repo}/pulls /repos/{owner}/{repo}/pulls/{pull_number}
/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers /repos/{owner}/{repo}/pulls/{pull_number}/reviews
/repos/{owner}/{repo}/issues/{issue_number}/comments /repos/{owner}/{repo}/issues/{issue_number}/labels
/repos/{owner}/{repo}/collaborators/{username}/permission
"""
"""What the bot asks GitHub for; Prism takes minutes to start on the whole."""


def need() -> None:
    """Install the descriptions, or skip the test."""
    ran = subprocess.run([ROOT / "scripts/need-forge-oracles"], capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(ran.stderr.strip() or "the forges' descriptions cannot be installed")


@contextmanager
def prism(upstream: str, errors: Path) -> Iterator[str]:
    """Prism between the bot and `upstream`: what is not as GitHub describes it becomes an error. Yields its address."""
    description = errors.with_name("github.json")
    description.write_text(json.dumps(_part(ASKED.split())))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["node", MODULES / ".bin/prism", "proxy", "--errors", "--port", str(port), description, upstream]
    with errors.open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 120
            while "Prism is listening" not in errors.read_text():
                assert process.poll() is None, errors.read_text()
                assert time.monotonic() < deadline, "Prism does not start"
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _part(paths: list[str]) -> dict[str, Any]:
    """GitHub's description of these paths alone, with what they refer to."""
    whole = json.loads((MODULES / "@octokit/openapi/generated/api.github.com.json").read_text())
    part: dict[str, Any] = {key: whole[key] for key in ("openapi", "info")}
    part["paths"] = {path: whole["paths"][path] for path in paths}
    for path in [path for path in paths if path.endswith("{ref}")]:
        # A reference is more than one part of a path, which OpenAPI cannot say: here all are `heads/slimify/…`.
        asked = json.dumps(part["paths"].pop(path))
        part["paths"][path.replace("{ref}", "heads/slimify/{ref}")] = json.loads(asked)
    components: dict[str, dict[str, Any]] = {}
    found = {json.dumps(part["paths"])}
    while found:
        for kind, name in re.findall(r'"#/components/(\w+)/([^"/]+)"', found.pop()):
            if name not in components.setdefault(kind, {}):
                components[kind][name] = whole["components"][kind][name]
                found.add(json.dumps(components[kind][name]))
    # Examples are half of it, and not looked at.
    whole_part: dict[str, Any] = _without_examples(part | {"components": components})
    return whole_part


def _without_examples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_examples(one) for key, one in value.items() if key != "examples"}
    return [_without_examples(one) for one in value] if isinstance(value, list) else value


@functools.cache
def gitea_types() -> dict[str, Any]:
    """JSON Schemas of Gitea's types, by name, from those of gitea-js, which are made of Gitea's `swagger.v1.json`.

    No field is required there; what they tell is that a field exists, and of which type it is.
    """
    types = MODULES / "gitea-js/dist/index.d.ts"
    # Only what is exported is made a schema of.
    copied = ORACLES / "gitea.ts"
    copied.write_text(re.sub(r"^(interface|type|enum) ", r"export \1 ", types.read_text(), flags=re.MULTILINE))
    command = ["node", MODULES / ".bin/ts-json-schema-generator", "--path", copied, "--no-type-check", "--type", "*"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    definitions: dict[str, Any] = json.loads(made.stdout)["definitions"]
    return definitions


def assert_gitea(name: str, value: object) -> None:
    """That a value is one of Gitea's types."""
    schema = {"definitions": gitea_types(), "$ref": f"#/definitions/{name}"}
    # `jsonschema.validate` would check all the schemas first, each time.
    jsonschema.Draft7Validator(schema).validate(value)
