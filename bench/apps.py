"""The applications: each a folder with sources, a naive `Dockerfile`, an `expert.Dockerfile` and a `bench.toml`."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import NamedTuple

from slimify.proof.smoke import Smoke

FOLDER = Path(__file__).resolve().parent / "apps"
EXPERT, ABOUT = "expert.Dockerfile", "bench.toml"


class App(NamedTuple):
    """An application: its folder, what it stands for, and how it is tried."""

    name: str
    folder: Path
    kind: str
    smoke: Smoke

    @property
    def naive(self) -> str:
        return (self.folder / "Dockerfile").read_text(encoding="utf-8")

    @property
    def expert(self) -> str:
        return (self.folder / EXPERT).read_text(encoding="utf-8")

    def copy_to(self, target: Path) -> None:
        """The build context as its author has it: without what belongs to the bench."""
        shutil.copytree(self.folder, target, ignore=shutil.ignore_patterns(EXPERT, ABOUT), symlinks=True)


def load(folder: Path = FOLDER, only: tuple[str, ...] = ()) -> list[App]:
    """All applications, or those that are named. Raises `SystemExit` for one that is not there."""
    known = sorted(path.parent for path in folder.glob(f"*/{ABOUT}"))
    if unknown := sorted(set(only) - {path.name for path in known}):
        raise SystemExit(f"no application is called {', '.join(unknown)}")
    return [_read(path) for path in known if not only or path.name in only]


def _read(folder: Path) -> App:
    about = tomllib.loads((folder / ABOUT).read_text(encoding="utf-8"))
    smoke = Smoke(
        run=tuple(about.get("run", ())),
        http=tuple(about.get("http", ("/",))),
        expect=about.get("expect", ""),
        wait=about.get("wait", 60.0),
    )
    return App(folder.name, folder, about["kind"], smoke)
