"""Write slimify/knowledge/python_tools.json: which modules and programs Python's tools of development bring.

Installs the packages that `[python] tools` in production.toml names, and what they require, into a virtual
environment that is deleted again, one by one and without their build isolation being needed: wheels only.

    python scripts/inspect_python_tools.py
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "slimify" / "knowledge"
_LOOK = """
import importlib.metadata, json, re
found = {}
for one in importlib.metadata.distributions():
    tops, programs, needs = set(), set(), set()
    for file in one.files or ():
        parts = file.parts
        if parts[0] == ".." and "bin" in parts:
            programs.add(parts[-1])
        elif parts[0] not in ("..", "__pycache__") and not parts[0].endswith((".dist-info", ".egg-info", ".pth")):
            tops.add(parts[0].partition(".")[0])
    for point in one.entry_points:
        if point.group == "console_scripts":
            programs.add(point.name)
    for text in one.requires or ():
        if "extra ==" not in text:
            needs.add(re.match(r"[\\w.-]+", text)[0])
    found[one.metadata["Name"]] = [one.version, sorted(tops), sorted(programs), sorted(needs)]
print(json.dumps(found))
"""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def inspect(names: list[str]) -> dict[str, list[object]]:
    """Each package with its version, modules, programs and requirements."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = f"{folder}/bin/python"
        tried: set[str] = {"pip"}
        found: dict[str, list[object]] = {}
        waiting = [normalised(name) for name in names]
        while waiting:
            tried |= set(waiting)
            command = [python, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:"]
            if subprocess.run([*command, *waiting], capture_output=True, check=False).returncode:
                for name in waiting:
                    if subprocess.run([*command, name], capture_output=True, check=False).returncode:
                        print(f"{name} has no wheel", file=sys.stderr)
            text = subprocess.run([python, "-I", "-c", _LOOK], check=True, capture_output=True, text=True).stdout
            found = {normalised(name): value for name, value in json.loads(text).items()}
            needed = {normalised(str(one)) for value in found.values() for one in value[3]}
            waiting = sorted(needed - tried)
        return found


def main() -> None:
    data = tomllib.loads((FOLDER / "production.toml").read_text(encoding="utf-8"))
    tools = data["python"]["tools"].split()
    found = inspect(tools)
    lines = []
    for name, (version, modules, programs, needs) in sorted(found.items()):
        required = sorted({normalised(str(one)) for one in needs} if isinstance(needs, list) else ())
        value = {"version": version, "modules": modules, "programs": programs, "requires": required}
        lines.append(f"    {json.dumps(name)}: {json.dumps(value)}")
    source = f"scripts/inspect_python_tools.py, {datetime.date.today()}: the files of the newest version as installed"
    text = f'{{\n  "source": {json.dumps(source)},\n  "packages": {{\n' + ",\n".join(lines) + "\n  }\n}\n"
    (FOLDER / "python_tools.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
