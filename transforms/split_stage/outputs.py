"""The files that a build leaves behind, followed through the file operations of its RUNs."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, script_of

from slimify.context.copies import USUAL_FOLDERS
from slimify.semantics.build import Step
from slimify.semantics.commands import Invocation

# They put files somewhere; the last operand says where.
_PLACING = frozenset(["cp", "mv", "install"])
# They change files where they are, and leave owner and place as they were.
_CHANGING = frozenset(["chmod", "strip", "upx"])


class Outputs:
    """Absolute paths of the image, in the order in which they came to be.

    `trees` are folders that the build fills: of what is in them the pack may know the names, or not. `whole` are those
    that ship as they are in the end, because what is written in them is not known. `folders` are those that the build
    made, `entered` those that it worked in, `removed` what it took away, and `patterns` what it took away by a pattern.
    A pack adds what its tools write; what is copied, moved and removed afterwards is followed by `sort`.
    """

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self.trees: dict[str, None] = {}
        self.whole: dict[str, None] = {}
        self.folders: dict[str, None] = {}
        self.entered: dict[str, None] = {}
        self.removed: dict[str, None] = {}
        self.patterns: dict[str, None] = {}
        self._copied: dict[str, None] = {}

    def keep(self, started: Iterable[str]) -> None:
        """Leave out what has a copy elsewhere and is not itself among the programs that are started."""
        for path in self._copied.keys() & self.paths.keys() - set(started):
            del self.paths[path]

    def add(self, path: str) -> None:
        """Something was written."""
        self.paths[path] = None

    def at(self, path: str) -> bool:
        """Whether an output lies at a path or below it, or the path in a folder that the build fills."""
        below = any(one == path or one.startswith(path.rstrip("/") + "/") for one in (*self.paths, *self.trees))
        return below or self.tree(path) is not None or self.inside(path)

    def take_whole(self, path: str) -> None:
        """All of a folder is an output."""
        if not self.inside(path):
            for one in [one for one in self.whole if one.startswith(f"{path}/")]:
                del self.whole[one]
            self.whole[path] = None

    def inside(self, path: str) -> bool:
        """Whether a path is in a folder that ships as a whole."""
        return any(f"{path}/".startswith(f"{one}/") for one in self.whole)

    def takes(self, run: Run) -> bool:
        """Whether all that a set-up does is seen in folders that ship as a whole: folders and modes, no owners."""
        script = script_of(run.step)
        commands = [] if script is None else list(script.commands())
        words = [word.value for one in commands for word in one.words[1:] if word.value not in ("-p", "-R", "-v")]
        return (
            bool(self.whole and words)
            and all(one.name in ("chmod", "mkdir") for one in commands)
            and all(word is not None and self.inside(absolute(run, word)) for word in words)
        )

    @property
    def all(self) -> tuple[str, ...]:
        """What ships, the folders first: what lies in them comes with them."""
        return (*self.whole, *(one for one in self.paths if not self.inside(one)))

    def tree(self, path: str) -> str | None:
        """The folder that the build fills, and a path is in."""
        return next((one for one in self.trees if f"{path}/".startswith(f"{one}/")), None)

    def empty_folders(self) -> tuple[str, ...]:
        """The folders that were made for the application: nothing was built in them, and nothing is in them."""
        used = [*self.entered, *self.paths, *self.trees]
        made = [one for one in self.folders if not self.inside(one)]
        return tuple(one for one in made if not any(f"{path}/".startswith(f"{one}/") for path in used))

    def sort(self, run: Run, call: Invocation, building: bool) -> Run | None:
        """Follow an operation on files that belongs to the build; None where it does not.

        `building` says that the RUN builds something, so that all its files are the build's.
        """
        program, span = call.program or "", run.step.instruction.span
        if program == "cd" and building:
            if len(call.argv) != 1 or call.argv[0] is None or call.argv[0] == "-":
                raise Refused("a RUN goes to a folder that is not known", span)
            self.entered[absolute(run, call.argv[0])] = None
            return run._replace(folder=absolute(run, call.argv[0]))
        if program not in (*_PLACING, *_CHANGING, "mkdir", "rm"):
            return None
        given = [_given(run, value, word.text) for value, word in zip(call.argv, call.words, strict=True)]
        operands = [one for one in given if one is None or not one.startswith("-")]
        if program == "chmod":
            operands = operands[1:]
        concerned = [one for one in operands if one is not None and self.at(absolute(run, one))]
        if not building and not concerned:
            return None
        if any(one is None or not self._plain(run, program, one) for one in operands) and program != "rm":
            raise Refused(f"which files `{program}` works on is not known", span)
        known = [absolute(run, one) for one in operands if one is not None]
        if program == "mkdir":
            if not {one for one in call.argv if one is not None and one.startswith("-")} <= {"-p", "-v", "-pv", "-vp"}:
                raise Refused("a folder is made with a mode of its own", span)
            self.folders.update(dict.fromkeys(known))
        elif program in _CHANGING:
            self._change(run, call, known)
        elif program in _PLACING:
            self._place(run, call, known, operands[-1] or "")
        elif program == "rm":
            self._remove(run, call, operands)
        return run._replace(builds=(*run.builds, call))

    def _plain(self, run: Run, program: str, operand: str) -> bool:
        """Whether an operand is a path, or a pattern for files in a folder that the build fills."""
        if not _is_pattern(operand):
            return True
        folder = posixpath.dirname(absolute(run, operand))
        return program in ("cp", "mv") and not _is_pattern(folder) and self.tree(folder) is not None

    def _change(self, run: Run, call: Invocation, paths: list[str]) -> None:
        for path in paths:
            if self._is_folder(run.step, path) or call.has("-R", "--recursive"):
                raise Refused(f"`{call.program}` changes more than what is built", run.step.instruction.span)
            if not self.at(path):
                self.add(path)

    def _place(self, run: Run, call: Invocation, paths: list[str], typed: str) -> None:
        span = run.step.instruction.span
        options = {one for one in call.argv if one is not None and one.startswith("-")}
        if len(paths) < 2 or not options <= {"-f", "-r", "-R", "-a", "-p", "-v"}:
            raise Refused(f"what `{call.program}` does with its options is not known", span)
        *sources, target = paths
        inside = typed.endswith("/") or typed in (".", "..") or self._is_folder(run.step, target) or len(sources) > 1
        if inside and target in USUAL_FOLDERS and any(map(_is_pattern, sources)):
            raise Refused(f"which files `{call.program}` puts into {target} is not known", span)
        for source in sources:
            place = posixpath.join(target, posixpath.basename(source)) if inside else target
            self._copied[source] = None
            if call.program == "mv":
                for found in (self.paths, self.trees):
                    for one in [one for one in found if one == source or one.startswith(source + "/")]:
                        del found[one]
            self.add(posixpath.normpath(place))

    def _is_folder(self, step: Step, path: str) -> bool:
        return path in USUAL_FOLDERS or path in self.folders or path == (step.state.workdir or "/").rstrip("/")

    def _remove(self, run: Run, call: Invocation, operands: list[str | None]) -> None:
        for one in operands:
            if one is None:
                raise Refused("which files `rm` works on is not known", run.step.instruction.span)
            path = absolute(run, one.rstrip("*").rstrip("/") if one.endswith("/*") else one)
            if any(sign in path for sign in "*?["):
                folder = posixpath.dirname(path[: min(path.find(sign) for sign in "*?[" if sign in path) + 1])
                if self.tree(folder) is not None or any(fnmatch.fnmatchcase(made, path) for made in self.paths):
                    raise Refused(f"which files `{call.program}` removes is not known", run.step.instruction.span)
                self.patterns[path] = None
                continue
            self.removed[path] = None
            for found in (self.paths, self.trees):
                for made in [made for made in found if made == path or made.startswith(path + "/")]:
                    del found[made]


def absolute(run: Run, path: str) -> str:
    """A path as the RUN names it, from the folder that it is in."""
    return posixpath.normpath(posixpath.join(run.folder or run.step.state.workdir or "/", path))


def changed(run: Run, programs: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The paths that a RUN which only sets up names, but for the folders that it makes; of some programs, or of all."""
    script = script_of(run.step)
    found = []
    for command in script.commands() if script is not None else ():
        name = command.words[0].value if command.words else "mkdir"
        if name != "mkdir" and (not programs or name in programs):
            found += [absolute(run, one.value) for one in command.words if one.value is not None]
    return tuple(found)


def copies(stage: str, paths: Iterable[str]) -> tuple[str, ...]:
    """The instructions that bring paths of a build stage, or what a pattern matches, to the same places."""
    places = ((path, f"{posixpath.dirname(path).rstrip('/')}/" if _is_pattern(path) else path) for path in paths)
    return tuple(f"COPY --from={stage} {path} {place}" for path, place in places)


def _given(run: Run, value: str | None, text: str) -> str | None:
    """An argument; that of an unquoted variable is taken to be one, which may be a pattern."""
    name = re.fullmatch(r"\$\{?(\w+)\}?", text)
    known = run.step.state.variable(name[1]) if value is None and name is not None else None
    return known if known and not re.search(r"\s", known) else value


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")
