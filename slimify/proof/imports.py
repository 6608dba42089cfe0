"""Whether what was installed can still be loaded: each package of Python and of Node is imported inside the image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from slimify.proof.compare import Difference
from slimify.proof.engine import Engine

# Distributions name their modules in top_level.txt, or by their files (Core metadata; importlib.metadata).
_PYTHON = """
import importlib, importlib.metadata, json, os, sys
names, failed = set(), {}
for one in importlib.metadata.distributions():
    given = (one.read_text("top_level.txt") or "").split()
    if not given:
        for file in one.files or ():
            first = file.parts[0]
            if len(file.parts) == 1 and first.endswith(".py"):
                given.append(first[:-3])
            elif len(file.parts) == 2 and file.parts[1] == "__init__.py":
                given.append(first)
    names.update(name for name in given if name.isidentifier() and name not in ("setuptools", "pkg_resources", "pip"))
out = os.dup(1)
os.dup2(2, 1)
for name in sorted(names):
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = type(error).__name__ + ": " + str(error)[:200]
os.write(out, json.dumps({"loaded": len(names) - len(failed), "failed": failed}).encode())
os._exit(0)
"""
_NODE = """
const fs = require("fs"), path = require("path"), failed = {};
let loaded = 0;
const write = fs.writeSync;
process.stdout.write = () => true;
const folder = path.join(process.cwd(), "node_modules");
const names = [];
for (const one of fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []) {
  if (one.startsWith(".")) continue;
  if (one.startsWith("@")) for (const two of fs.readdirSync(path.join(folder, one))) names.push(one + "/" + two);
  else names.push(one);
}
for (const name of names) {
  try { require(path.join(folder, name)); loaded += 1; }
  catch (error) { failed[name] = String(error.code || error.name) + ": " + String(error.message).slice(0, 200); }
}
write(1, JSON.stringify({ loaded, failed }));
process.exit(0);
"""


def failed_imports(engine: Engine, image: str, name: str, language: str) -> dict[str, str] | None:
    """The packages that cannot be loaded, each with the reason; None where the image has no such interpreter."""
    programs = {"Python": ("python3", ["-c", _PYTHON]), "Node": ("node", ["-e", _NODE])}
    entrypoint, argv = programs[language]
    ran = engine.run(image, name, argv, entrypoint, timeout=300.0)
    try:
        found: Mapping[str, Any] = json.loads(ran.output[ran.output.index("{") :])
    except ValueError:
        return None
    failed: dict[str, str] = found["failed"]
    return failed


def differences(before: dict[str, str] | None, after: dict[str, str] | None, language: str) -> Iterator[Difference]:
    """What loaded before and does not any more."""
    if before is None:
        return
    if after is None:
        yield Difference(f"the interpreter of {language}", "there", None)
        return
    for name, why in sorted(after.items()):
        if name not in before:
            yield Difference(f"{language} package {name} loads", "yes", why)
