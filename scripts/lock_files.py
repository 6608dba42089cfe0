"""Lock files of uv and of poetry, for the scripts that collect facts from them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

KNOWLEDGE = Path(__file__).parent.parent / "slimify" / "knowledge"

# The package index and what calls itself its mirror. Packages of any other index may be other ones.
INDEX = re.compile(r"https://pypi\.org/simple/?|https://[a-z.]+/(pypi/(web/)?)?simple/?")


class Lock(NamedTuple):
    """One lock file. `packages` are its tables, `indexed` those of them that come from the index."""

    poetry: bool
    data: dict[str, Any]
    text: str

    @property
    def packages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.data.get("package", [])
        return found

    @property
    def indexed(self) -> list[dict[str, Any]]:
        if self.poetry:
            return [package for package in self.packages if not package.get("source")]
        return [one for one in self.packages if INDEX.fullmatch(one.get("source", {}).get("registry", ""))]


def read_lock(path: Path) -> Lock:
    """Raises `tomllib.TOMLDecodeError` for what somebody merged badly."""
    text = path.read_text(encoding="utf-8")
    return Lock(path.name.endswith("poetry.lock"), tomllib.loads(text), text)


def files(paths: Iterable[Path], pattern: str = "*.lock") -> list[Path]:
    """The files that are named, and those in folders that are named."""
    return [file for path in paths for file in (sorted(path.rglob(pattern)) if path.is_dir() else [path])]


def normal(name: str) -> str:
    """The one spelling of a name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def known_packages() -> set[str]:
    """The names that python_packages.toml has."""
    source = tomllib.loads((KNOWLEDGE / "python_packages.toml").read_text(encoding="utf-8"))
    names = {entry["name"] for entry in source["package"]}
    return names | {name for group in (*source["plain"], *source["bundled"]) for name in group["names"]}
