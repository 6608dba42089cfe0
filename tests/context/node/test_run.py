from __future__ import annotations

import json

import pytest

from slimify.context.found import Place
from slimify.context.node.lock import Lock, Locked
from slimify.context.node.package_json import Package, read_package
from slimify.context.node.run import Run, development_packages, follow, follow_text
from tests.context.memory import Files

SCRIPTS = {
    "prestart": "npm run build",
    "build": "tsc && cp -r a b",
    "start": "cross-env NODE_ENV=production node -r dotenv/config dist/main",
    "serve": "node server.js",
    "dev": "nodemon --watch src --exec 'ts-node src/index.ts'",
    "all": "run-p watch:*",
    "watch:a": "tsx src/index.ts",
    "watch:b": "nodemon server.js",
    "watch:b:c": "gulp",
    "both": "concurrently -n a,b \"npm:serve\" 'yarn dev'",
    "loop": "npm run loop",
}
PACKAGE = {
    "name": "x",
    "main": "server.js",
    "scripts": SCRIPTS,
    "workspaces": ["packages/*"],
    "dependencies": {"dotenv": "1", "next": "1", "cross-env": "1", "@nestjs/cli": "1"},
    "devDependencies": {"typescript": "5", "nodemon": "1", "ts-node": "1", "tsx": "1", "npm-run-all": "1"},
}
FILES: dict[str, str | bytes] = {
    "package.json": json.dumps(PACKAGE),
    "server.js": "",
    "src/index.ts": "",
    "entry.sh": '#!/bin/sh\nset -e\ntsc\nexec "$@"\n',
    "bin/tool": "#!/usr/bin/env node\n",
    "packages/api/package.json": json.dumps({"name": "@x/api", "scripts": {"start": "node api.js"}}),
    "packages/api/api.js": "",
}


def run(*argv: str | None, lock: Lock | None = None) -> tuple[Package, Run]:
    made = Files(FILES)
    package = read_package(made)
    assert isinstance(package, Package)
    return package, follow(made, package, argv, Place("Dockerfile", 9), lock)


@pytest.mark.parametrize(
    ("command", "files", "development"),
    [
        ("node server.js", ["server.js"], []),
        ("node .", ["server.js"], []),
        ("node server", ["server.js"], []),
        ("node --max-old-space-size=1 -r dotenv/config --require ./server server.js x.js", ["server.js"], []),
        ("npm run serve", ["server.js"], []),
        ("npm --silent run serve -- --port 1", ["server.js"], []),
        ("npm start", [], ["typescript"]),
        ("npm run dev", ["src/index.ts"], ["nodemon", "ts-node"]),
        ("yarn dev", ["src/index.ts"], ["nodemon", "ts-node"]),
        ("pnpm run all", ["src/index.ts", "server.js"], ["npm-run-all", "tsx", "nodemon"]),
        ("npm run both", ["server.js", "src/index.ts"], ["nodemon", "ts-node"]),
        ("npx tsx watch src/index.ts", ["src/index.ts"], ["tsx"]),
        ("npx --no-install next start", [], []),
        ("node_modules/.bin/ts-node src/index.ts", ["src/index.ts"], ["ts-node"]),
        ("node -r ts-node/register src/index.ts", ["src/index.ts"], ["ts-node"]),
        ("nodemon", ["server.js"], ["nodemon"]),
        ("nest start", [], []),
        ("next start -p 3000", [], []),
        ("serve -s build", [], []),
        ("pm2-runtime server.js -i max", ["server.js"], []),
        ("pm2-runtime start -i max server.js", ["server.js"], []),
        ("./bin/tool", ["bin/tool"], []),
        ("tini -g -- node server.js", ["server.js"], []),
        ("./entry.sh node server.js", ["entry.sh", "server.js"], ["typescript"]),
        ("sh entry.sh npm run serve", ["entry.sh", "server.js"], ["typescript"]),
        ("npm --prefix packages/api start", ["packages/api/api.js"], []),
        ("npm start -w @x/api", [], ["typescript"]),
        ("npm -w @x/api start", ["packages/api/api.js"], []),
        ("yarn workspace @x/api start", ["packages/api/api.js"], []),
    ],
)
def test_what_runs(command: str, files: list[str], development: list[str]) -> None:
    package, found = run(*command.split())
    assert list(found.files) == files
    assert list(development_packages(package, found)) == development


@pytest.mark.parametrize(
    "command", ["node server.js", "npm run serve", "next start", "nest start", "yarn dev", "npm start"]
)
def test_nothing_unknown_in(command: str) -> None:
    assert run(*command.split())[1].unknown == ()


@pytest.mark.parametrize(
    "argv",
    [
        ("npm", "run", None),
        ("npm", None),
        ("npm",),
        ("npm", "run", "absent"),
        ("npm", "run", "loop"),
        ("npm", "ci"),
        ("npx", "unheard-of"),
        ("npx", None),
        ("yarn",),
        ("yarn", "unheard-of"),
        ("yarn", "dlx", "x"),
        ("pnpm", "dlx", "x"),
        ("pnpm", "-F", "absent", "start"),
        ("node", "-e", "1"),
        ("node",),
        ("node", None),
        ("node", "/abs/x.js"),
        ("pm2-runtime", "ecosystem.config.js"),
        ("gulp",),
        ("npm", "run", "watch:b:c"),
        ("sh", "gone.sh"),
        ("sh", "-c", "$CMD"),
        ("sh", "-c", "if"),
        (None, "x"),
        ("cross-env", None),
        ("concurrently", None),
        ("run-s", "absent"),
        ("npm", "--prefix", "gone", "start"),
    ],
)
def test_what_cannot_be_followed_is_said(argv: tuple[str | None, ...]) -> None:
    assert run(*argv)[1].unknown


def test_a_built_file_is_missing() -> None:
    assert run("npm", "start")[1].missing == ("dist/main",)
    assert run("node", "../x.js")[1].missing == ()


def test_the_lock_tells_who_brings_a_command() -> None:
    lock = Lock("package-lock.json", "npm", "3", (Locked("node_modules/t", "t", "1", dev=True, bins=("tool",)),))
    package, found = run("tool", lock=lock)
    assert (found.ran[0].package, found.ran[0].group) == ("t", "transitive")
    assert list(development_packages(package, found, frozenset())) == ["t"]
    assert not development_packages(package, found, frozenset({"t"}))


def test_places_are_those_of_the_scripts() -> None:
    made = Files({"package.json": '{\n"scripts": {\n"a": "npm run b",\n"b": "node x"}}'})
    package = read_package(made)
    assert isinstance(package, Package)
    found = follow_text(made, package, "npm run a && true", Place("Dockerfile", 3))
    assert [(one.program, one.place.line) for one in found.ran] == [("npm", 3), ("npm", 3), ("node", 4)]


def test_hostile_scripts_end() -> None:
    scripts = {f"s{n}": f"npm run s{n + 1} && npm run s{n + 1}" for n in range(60)}
    made = Files({"package.json": json.dumps({"scripts": scripts})})
    package = read_package(made)
    assert isinstance(package, Package)
    assert follow(made, package, ("npm", "run", "s0"), Place("x")).unknown
