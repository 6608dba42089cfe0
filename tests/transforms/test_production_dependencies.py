from __future__ import annotations

import json
from typing import Any

import pytest

from slimify.context.memory import MemoryContext
from slimify.knowledge.production import node_major, npm_flag
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source

DOCKERFILE = """FROM node:20
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
CMD ["node", "server.js"]
"""
PACKAGE = {
    "name": "shop",
    "main": "server.js",
    "scripts": {"start": "node server.js", "dev": "nodemon server.js", "test": "jest"},
    "dependencies": {"express": "^4"},
    "devDependencies": {"jest": "^29", "nodemon": "^3"},
}
LOCK: dict[str, Any] = {
    "lockfileVersion": 3,
    "packages": {
        "node_modules/express": {"version": "4.0.0"},
        "node_modules/jest": {"version": "29.0.0", "dev": True},
        "node_modules/nodemon": {"version": "3.0.0", "dev": True},
        "node_modules/chokidar": {"version": "3.0.0", "dev": True},
    },
}
FILES = {
    "package.json": json.dumps(PACKAGE),
    "package-lock.json": json.dumps(LOCK),
    "server.js": 'require("express")().listen(80);\n',
}


def run(dockerfile: str = DOCKERFILE, **files: str) -> Outcome:
    context = MemoryContext({**FILES, **{name.replace("__", "/"): text for name, text in files.items()}})
    return fix(Source(dockerfile), Options(only=("production-dependencies",)), context)


def reasons(outcome: Outcome) -> list[str]:
    assert not outcome.changed
    return [notice.reason for notice in outcome.notices]


def test_it_fires() -> None:
    outcome = run()
    assert "RUN npm ci --omit=dev\n" in outcome.after.text
    (change,) = outcome.changes
    assert change.rewrite.reason.startswith("3 of 4 packages in package-lock.json")
    assert any("runs node server.js" in fact.text for fact, _ in change.evidence)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('["node", "server.js"]', '["npm", "run", "dev"]', "the command runs nodemon"),
        ('["node", "server.js"]', '["npx", "nodemon", "server.js"]', "the command runs nodemon"),
        ('["node", "server.js"]', '["node", "other.js"]', "other.js, which the command runs"),
        ('["node", "server.js"]', '["node", "$FILE"]', "which the command runs"),
        ('["node", "server.js"]', '["sh", "-c", "npm test"]', "the command runs jest"),
        ('["node", "server.js"]', "node_modules/.bin/nodemon server.js", "the command runs nodemon"),
        ('["node", "server.js"]', '["tsx", "server.js"]', "compiles with tsx"),
        ('["node", "server.js"]', '["node", "-r", "ts-node/register", "server.js"]', "compiles with ts-node"),
        ('CMD ["node", "server.js"]\n', "", "nothing says what the image runs"),
        ("COPY . .", "COPY . .\nRUN npm test", "RUN npm runs jest"),
        ("COPY . .", "COPY . .\nRUN npx jest", "RUN npx runs jest"),
        ("COPY . .", "COPY . .\nRUN make", "cannot be followed"),
        ("COPY . .", 'COPY . .\nRUN ["npm", "test"]', "a later RUN cannot be read"),
        ("COPY . .", "COPY . .\nRUN <<EOF\nnpm test\nEOF", "a later RUN cannot be read"),
        ("COPY . .", "COPY . .\nRUN npm ci", "installs more than once"),
        ("COPY . .", "COPY . .\nRUN npm install left-pad", "installs the others again"),
        ("COPY . .", "COPY . .\nWORKDIR /srv", "in another folder"),
        ("COPY . .", "COPY . .\nONBUILD RUN npm test", "a trigger"),
        ("COPY . .", "COPY . .\nENV NODE_OPTIONS=-rts-node/register", "NODE_OPTIONS"),
        ("COPY . .", "COPY . .\nENV NODE_ENV=test", "NODE_ENV is test"),
        ("COPY . .", "COPY $WHAT .", "what a COPY takes is not known"),
        ("COPY . .", "COPY . .\nHEALTHCHECK CMD npx jest", "the health check runs jest"),
        ("RUN npm ci", "RUN cd /app && npm ci", "changes the folder"),
        ("RUN npm ci", "RUN npm ci --workspace=a", "--workspace=a"),
        ("RUN npm ci", "RUN npm init -y > package.json\nRUN npm ci", "may change package.json"),
        ("RUN npm ci", "RUN npm i -g npm@6\nRUN npm ci", "installs another version"),
        ("RUN npm ci", 'RUN sh -c "npm ci"', "where no option can be added"),
        ("RUN npm ci", "RUN yarn install", "the lock file of yarn"),
        ("WORKDIR /app\n", "", "working directory|folder"),
        ("node:20", "node:8", "too old"),
        ("node:20", "ubuntu:24.04", "is not known"),
        ("node:20", "node:20 AS dev", ""),
    ],
)
def test_it_does_not_fire(old: str, new: str, reason: str) -> None:
    import re

    found = DOCKERFILE.replace(old, new)
    assert found != DOCKERFILE
    outcome = run(found)
    if not reason:
        assert outcome.changed  # the last stage is what is wanted, whatever its name
        return
    assert any(re.search(reason, one) or reason in one for one in reasons(outcome)), reasons(outcome)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"server.js": 'require("chokidar");'}, "server.js:1 imports chokidar"),
        ({"server.js": 'import("jest");'}, "imports jest"),
        ({"server.js": 'require("@babel/register");'}, "imports @babel/register, which may load presets"),
        ({"server.js": 'require("child_process").exec("npx jest");'}, "runs jest"),
        ({"server.js": "require(name);", "lib__a.js": 'require("jest");'}, "lib/a.js:1 imports jest"),
        ({"compose.yml": "services:\n  a:\n    command: [npm, run, dev]\n"}, "not understood"),
        ({"compose.yml": "services:\n  a:\n    command: ['npm', 'run', 'dev']\n"}, "compose.yml:3 runs nodemon"),
        ({"Makefile": "test:\n\tdocker run --rm shop npm test\n"}, "Makefile:2 runs jest"),
        ({"node_modules__a__index.js": ""}, "node_modules of the build context"),
        ({"pnpm-workspace.yaml": "packages:\n  - a\n"}, "workspace"),
        ({"package-lock.json": "{"}, "cannot be read"),
    ],
)
def test_what_the_context_tells(files: dict[str, str], reason: str) -> None:
    assert any(reason in one for one in reasons(run(**files)))


@pytest.mark.parametrize(
    "dockerfile",
    [
        DOCKERFILE.replace("npm ci", "npm ci --omit=dev"),
        DOCKERFILE.replace("npm ci", "npm ci --production"),
        DOCKERFILE.replace("npm ci", "NODE_ENV=production npm ci"),
        DOCKERFILE.replace("WORKDIR", "ARG NODE_ENV\nWORKDIR"),
    ],
)
def test_the_user_has_decided(dockerfile: str) -> None:
    assert not reasons(run(dockerfile))


def test_settings_have_decided() -> None:
    assert not reasons(run(**{".npmrc": "omit=dev\n"}))


def test_a_driver_is_no_tool() -> None:
    package = {**PACKAGE, "devDependencies": {"jest": "^29", "sqlite3": "^5"}}
    lock = {**LOCK, "packages": {**LOCK["packages"], "node_modules/sqlite3": {"dev": True}}}
    outcome = run(**{"package.json": json.dumps(package), "package-lock.json": json.dumps(lock)})
    assert reasons(outcome) == ["sqlite3 is not known to be a mere tool: another package may load it"]


def test_no_development_dependencies() -> None:
    package = {**PACKAGE, "devDependencies": {}}
    assert not reasons(run(**{"package.json": json.dumps(package)}))


def test_another_stage_copies_from_it() -> None:
    text = DOCKERFILE.replace("node:20", "node:20 AS base") + "FROM base\nFROM base AS b\nCOPY --from=base /app /x\n"
    assert reasons(run(text + "FROM node:20\nCOPY --from=base /app /x\n"))[0].startswith("stage 3 takes files")


def test_a_child_stage_needs_them() -> None:
    text = DOCKERFILE.replace("node:20", "node:20 AS base") + "FROM base AS check\nRUN npm test\nFROM base\n"
    assert reasons(run(text))


def test_a_stage_that_others_continue_runs_something_as_well() -> None:
    text = DOCKERFILE.replace("node:20", "node:20 AS base").replace('["node", "server.js"]', '["npm", "run", "dev"]')
    final = 'FROM base\nCMD ["node", "server.js"]\n'
    assert "nodemon" in reasons(run(text + final))[0]
    assert run(text.replace('CMD ["npm", "run", "dev"]\n', "") + final).changed


def test_versions() -> None:
    assert [node_major(one) for one in ("node:20", "node:hydrogen-slim", "node", "node:8-onbuild", "python:3")] == [
        20,
        18,
        15,
        None,
        None,
    ]
    assert [npm_flag(one) for one in (8, 10, 14, 15, 22)] == [
        None,
        "--only=production",
        "--only=production",
        "--omit=dev",
        "--omit=dev",
    ]
