"""What runs in an image of a Python application: the entries of its sources, and the programs of its packages."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from slimify.transforms.production.evidence import MissingEvidence
from slimify.transforms.production.runs import Lost, Place, Runs

from slimify.context.python.entry import Entry, EntryKind, find_entries
from slimify.context.python.metadata import Script
from slimify.semantics.build import State
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation

_UNKNOWN_PROGRAM = "is not known to run Python"
_RUNNERS = frozenset({"poetry", "pdm", "pipenv", "uv"})


class PythonRuns(Runs):
    """Collects the entries. `aliases` are scripts of the manifest that `pdm run` and `pipenv run` know."""

    def __init__(self, context: BuildContext, lost: Lost, scripts: Sequence[Script], aliases: frozenset[str]) -> None:
        super().__init__(context, lost)
        self.scripts = scripts
        self.aliases = aliases
        self.entries: dict[Entry, None] = {}

    def managed(self, manager: str, call: Invocation, place: Place) -> bool:
        """`poetry run` and its like; not a `uv run` that would install again."""
        action = next((one for one in call.argv if one is None or not one.startswith("-")), "")
        if manager not in _RUNNERS or action != "run":
            return False
        if manager == "uv" and not self._keeps(call, place.state):
            raise MissingEvidence(f"{place.name} says uv run, which would install them when it starts")
        at = call.argv.index("run")
        if (set(call.argv[at + 1 :]) - {None}) & self.aliases:
            raise MissingEvidence(f"what {place.name} runs is a script of the manifest, which is not followed")
        self.language([manager, *call.argv], place, 0)
        return True

    @staticmethod
    def _keeps(call: Invocation, state: State) -> bool:
        if call.has("--no-sync", "--no-dev"):
            return True
        return any((state.variable(name) or "").lower() in ("1", "true") for name in ("UV_NO_SYNC", "UV_NO_DEV"))

    def is_source(self, path: str) -> bool:
        return path.endswith(".py")

    def language(self, argv: Sequence[str | None], place: Place, depth: int) -> None:
        environ = {**place.state.args, **place.state.env}
        for entry in find_entries(argv, place.state.workdir, environ, self.scripts):
            words = [posixpath.basename(entry.via)]
            words += [entry.target] if entry.kind in (EntryKind.MODULE, EntryKind.OTHER) else []
            for word in words:
                self.not_lost(word, place)
            if entry.kind is not EntryKind.OTHER:
                self.entries[entry] = None
            elif entry.why.endswith(_UNKNOWN_PROGRAM):
                self.program(entry.target, place, depth)
            elif not entry.target:
                raise MissingEvidence(f"{place.name} cannot be followed: {entry.why}")
            else:
                self.doubt = self.doubt or f"{place.name}: {entry.why}"
