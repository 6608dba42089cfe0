"""What an image with a compiled program starts: an output of the build, or a script that leads to one."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from slimify.transforms.split_stage.start import Called, CommandLines

from slimify.knowledge.image_config import config
from slimify.semantics.build import pairs
from slimify.syntax.source import Span

if TYPE_CHECKING:
    from slimify.transforms.split_stage.compiled import Compiled

# The folders in which the distributions find programs by their names alone.
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# Shells that not every image has.
_SHELLS = frozenset(["bash", "ksh", "zsh"])


class Start(CommandLines):
    """What the image starts has to be an output, or a script that leads to one."""

    def __init__(self, pack: Compiled) -> None:
        super().__init__(pack.build, pack.stage, pack.files)
        self.pack = pack
        self.started_paths: dict[str, None] = {}
        # Those on the PATH of the compiler's image only.
        self.folders: dict[str, None] = {}

    def check(self, call: Called) -> None:
        if call.program in _SHELLS:
            self.programs[call.program, call.where] = None
        self.pack.check(call)

    def started(self, argv: list[str]) -> None:
        if argv and (name := posixpath.basename(argv[0])) in _SHELLS:
            self.programs[name, "the command line"] = None

    def opened(self, origin: str, path: str, text: str, span: Span) -> bool:
        shebang = re.match(r"#!\s*(?:\S*/env\s+)?(?:\S*/)?(\w+)", text)
        if shebang is not None and shebang[1] in _SHELLS:
            self.programs[shebang[1], origin] = None
        return super().opened(origin, path, text, span)

    def brought(self, call: Called) -> bool:
        if self.pack.runs_by(call):
            self.started_paths[call.program] = None
            return True
        if "/" in call.typed:
            places = [posixpath.normpath(posixpath.join(self.workdir, call.typed))]
        else:
            places = [f"{folder}/{call.typed}" for folder in self._path()]
        found = next((one for one in places if self.pack.outputs.at(one)), None)
        if found is None:
            return False
        self.started_paths[found] = None
        folder = posixpath.dirname(found)
        if "/" not in call.typed and folder not in (*_PATH, *self._own):
            self.folders[folder] = None
        return True

    def _path(self) -> tuple[str, ...]:
        known = config(self.stage.image or "")
        return (*self._own, *(() if known is None else known.path), *_PATH)

    @property
    def _own(self) -> tuple[str, ...]:
        """The folders that the stage puts on the PATH, which it does in the stage that ships as well."""
        values = [
            value
            for step in self.stage.steps
            if step.keyword == "ENV"
            for name, value in pairs(step.instruction)
            if name == "PATH"
        ]
        return tuple(one for value in values for one in value.strip("\"'").split(":") if one.startswith("/"))
