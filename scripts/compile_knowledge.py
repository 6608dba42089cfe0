"""Write the JSON files of slimify/knowledge from the TOML files beside them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "slimify" / "knowledge"


def package_managers(data: dict[str, Any]) -> None:
    """What only people read (notes, where an estimate comes from) stays behind."""
    for manager in data["manager"]:
        manager.pop("notes", None)
        manager.pop("estimate_source", None)


def language_packages(data: dict[str, Any]) -> None:
    for package in data["package"]:
        package.pop("notes", None)


def production(data: dict[str, Any]) -> None:
    data["node"]["tools"] = data["node"]["tools"].split()
    for name in ("tools", "shared"):
        data["python"][name] = data["python"][name].split()
    data["python"]["earlier"] = {
        name: [before, required.split()] for name, (before, required) in data["python"]["earlier"].items()
    }
    for name in ("tools", "brought"):
        data["ruby"][name] = data["ruby"][name].split()
    data["php"]["tools"] = data["php"]["tools"].split()
    data["php"]["commands"] = data["php"]["commands"].splitlines()


def as_it_is(data: dict[str, Any]) -> None:
    """Nothing in the file is for people alone."""


SOURCES: dict[str, Callable[[dict[str, Any]], None]] = {
    "package_managers": package_managers,
    "python_packages": language_packages,
    "node_packages": language_packages,
    "ruby_packages": language_packages,
    "system_packages": as_it_is,
    "ignorable": as_it_is,
    "production": production,
}


def compiled(name: str = "package_managers") -> str:
    """The text of one JSON file, named without its ending."""
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    SOURCES[name](data)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    for source in SOURCES:
        (FOLDER / f"{source}.json").write_text(compiled(source), encoding="utf-8")
