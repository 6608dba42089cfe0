"""What rewrites a naive Dockerfile: slimify at its levels, the expert by hand, and the peers by their commands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import slimify
from bench.apps import App
from slimify.proof.prove import Subject
from slimify.rewrite.outcome import Change

LEVELS = ("safe", "standard", "aggressive")


class Written(NamedTuple):
    """A Dockerfile after a rewrite, its ignore file, what slimify did, and what was declined and why.

    `packages_may_go` says that it leaves language packages out on purpose.
    """

    text: str
    ignored: str | None = None
    made: tuple[Change, ...] = ()
    declined: tuple[str, ...] = ()
    packages_may_go: bool = False

    @property
    def changes(self) -> tuple[str, ...]:
        """The names of the transforms."""
        return tuple(dict.fromkeys(change.rewrite.transform for change in self.made))

    def subject(self, before: str, context: Path) -> Subject:
        """What is to be proved. No application comes with an ignore file."""
        return Subject(before, self.text, str(context), (None, self.ignored), self.made, self.packages_may_go)


def by_slimify(level: str, app: App, context: Path) -> Written:
    """slimify's rewrite, with the build context beside it."""
    outcome = slimify.fix(app.naive, path=str(context / "Dockerfile"), context=str(context), level=level)
    ignored = next((file.after for file in outcome.files), None)
    declined = dict.fromkeys(f"{one.finding.transform}:{one.line}: {one.reason}" for one in outcome.notices)
    return Written(outcome.after.text, ignored, outcome.changes, tuple(declined))


def by_expert(app: App) -> Written:
    """The yardstick. An expert leaves development dependencies out, too."""
    return Written(app.expert, packages_may_go=True)


class Peer(NamedTuple):
    """Another program that rewrites Dockerfiles: its command, which is given a file and writes it, or prints it."""

    name: str
    command: Callable[[str], Sequence[str]]
    prints: bool = False

    @property
    def version(self) -> str:
        said = subprocess.run([_program(self.command("")[0]), "--version"], capture_output=True, text=True).stdout
        found = re.search(r"\d+(\.\d+)+", said)
        return found[0] if found else ""

    @property
    def installed(self) -> bool:
        return shutil.which(_program(self.command("")[0])) is not None

    def rewrite(self, app: App, folder: Path) -> Written:
        """Its rewrite, made in a fresh folder. A peer that fails leaves the Dockerfile as it was."""
        context = folder / "peer"
        shutil.rmtree(context, ignore_errors=True)
        app.copy_to(context)
        path = context / "Dockerfile"
        program, *arguments = self.command(str(path))
        ran = subprocess.run([_program(program), *arguments], capture_output=True, text=True, cwd=context)
        text = ran.stdout if self.prints and ran.returncode == 0 else path.read_text(encoding="utf-8")
        # A frontend that a `# syntax=` line names cannot be pulled where the bench runs.
        text = re.sub(r"\A#\s*syntax=.*\n", "", text)
        ignore = context / ".dockerignore"
        return Written(text, ignore.read_text(encoding="utf-8") if ignore.is_file() else None)


def _program(name: str) -> str:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


PEERS = (
    Peer(
        "tally",
        lambda path: (
            *("tally", "lint", "--fix", "--fix-unsafe", "--no-config"),
            *("--slow-checks", "off", "--fail-level", "none", path),
        ),
    ),
    Peer("dockerfile-doctor", lambda path: ("dockerfile-doctor", "--fix", "--unsafe-fixes", path)),
    Peer("docktor", lambda path: ("docktor", "optimize", "--raw", path), prints=True),
    Peer("docker-parfum", lambda path: ("docker-parfum", "repair", "--output", path, path)),
)
