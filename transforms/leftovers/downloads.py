"""An archive that is downloaded and unpacked in one RUN, and left there: it is removed once it is unpacked."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimify.transforms.leftovers.files import (
    TEMPORARY,
    Named,
    covers,
    downloads,
    in_volume,
    named_in_context,
    names_it,
    under,
    unpacks,
)

from slimify.rewrite.edit import Evidence, Finding, Level, Rewrite
from slimify.rewrite.insert import after_command, at_end
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import Invocation
from slimify.semantics.effects import Effects, effects
from slimify.syntax.shell import AndOr, Body

NAME = "delete-in-layer"
# What they make leads to the file.
_POINTERS = ("alternatives", "ln", "update-alternatives")
_REMOVERS = ("rm", "unlink", "shred", "find")


def downloaded(build: Build, step: Step) -> Iterator[Rewrite | Finding]:
    """What can be removed in this RUN behind the command that unpacks it."""
    body = step.body
    if body is None or body.script.opaque or not step.state.shell.posix or step.instruction.escape != "\\":
        return
    found = effects(body.script, step.state.variables, step.state.workdir)
    calls = found.invocations
    fetched = [(at, one) for at, call in enumerate(calls) for one in downloads(call)]
    for at, one in fetched:
        if [posixpath.basename(other.path) for _, other in fetched].count(posixpath.basename(one.path)) > 1:
            continue
        place = _unpacked(calls, at, one)
        if place is not None and not _goes(found, calls[at:], _full(found, one.path)):
            yield from _propose(build, step, body, found, one, *place)


def _unpacked(calls: tuple[Invocation, ...], at: int, one: Named) -> tuple[Invocation, Named] | None:
    """The call that unpacks a download, and how it names it; None where it is not the last to speak of it."""
    base = posixpath.basename(one.path)
    if any(call.program in _POINTERS and any(base in word.text for word in call.words) for call in calls):
        return None
    for call in reversed(calls[at + 1 :]):
        if not any(base in (value or word.text) for value, word in zip(call.argv, call.words, strict=True)):
            continue
        for named in unpacks(call):
            both = one.path.startswith("/") and named.path.startswith("/")
            same = posixpath.normpath(named.path) == posixpath.normpath(one.path) if both else True
            if named.word is not None and posixpath.basename(named.path) == base and same:
                return call, named
        return None
    return None


def _full(found: Effects, path: str) -> str:
    """The path of a download in the image, as far as it is known."""
    if path.startswith("/"):
        return posixpath.normpath(path)
    base = posixpath.basename(path)
    full = [one for one in found.writes if posixpath.basename(one) == base]
    return full[0] if len(full) == 1 else f"./{path}"


def _goes(found: Effects, calls: tuple[Invocation, ...], path: str) -> bool:
    """Whether the RUN removes it, or may: by its name, with its folder, at the end of a trap."""
    if any(leak.kind == "trap" for leak in found.leaks):
        return True
    for call in calls:
        if call.program == "mv" and any(covers(one or "*", path) for one in call.operands[:-1]):
            return True
        if call.program in _REMOVERS and any(covers(one or "*", path) for one in call.operands):
            return True
    return False


def _propose(
    build: Build, step: Step, body: Body, found: Effects, one: Named, call: Invocation, named: Named
) -> Iterator[Rewrite | Finding]:
    assert named.word is not None
    path = _full(found, one.path)
    base = posixpath.basename(path)
    title = f"{base} stays in the layer when it is unpacked"
    why, blame = _wanted(build, step, path, named.word.text)
    if why:
        evidence = (Evidence("what may want it", blame.instruction.span),) if blame is not None else ()
        where = " ({line 0})" if evidence else ""
        yield Finding(NAME, title, why + where, step.instruction.span, evidence=evidence)
        return
    errexit = "e" in found.options or "e" in step.state.shell.options or not step.state.shell.certain
    command = f"rm {named.word.text}"
    if call.nested or call.wrappers:
        place = None
    else:
        place = after_command(build, step, body, call.command, command, errexit)
        if isinstance(place, str) and _may_wait(body, found, call, path == named.path):
            place = at_end(build, step, body, command, errexit)
    if place is None or isinstance(place, str):
        yield Finding(
            NAME, title, place or "it is unpacked in a place behind which nothing can be put", step.instruction.span
        )
        return
    span = body.span(call.command.start, call.command.end)
    yield Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"remove {base} when it is unpacked",
        reason=f"{base} is downloaded in this RUN and unpacked, and nothing names it later",
        edits=(place,),
        evidence=(Evidence("this unpacks it", span), Evidence("a layer holds what is there at the end of its RUN")),
    )


def _may_wait(body: Body, found: Effects, call: Invocation, absolute: bool) -> bool:
    """Whether a call is one of a list joined with && that is the whole script, so that its end is as good a place."""
    node = body.script.body.items[-1].node
    if len(body.script.body.items) > 1 or not isinstance(node, AndOr) or "||" in node.operators:
        return False
    moves = any(
        other.program in ("cd", "pushd") and other.command.start > call.command.start for other in found.invocations
    )
    return call.command in node.operands and (absolute or not moves)


def _wanted(build: Build, step: Step, path: str, word: str) -> tuple[str, Step | None]:
    """Why it is not certain that nothing wants the file later, and what speaks of it; empty if it is."""
    if in_volume(build, step, path):
        return "its folder is a volume or a mount", None
    base = posixpath.basename(path)
    if any(base in (value or "") for value in step.state.env.values()):
        return "a variable of the image names it", None
    spelled = posixpath.basename(_bare(word))
    for other in build.steps():
        if other.stage == step.stage and other.index <= step.index:
            continue
        text = other.instruction.logical.text
        if names_it(text, path) or spelled in _bare(text):
            return "it is named later", other
    if any(under(path, folder) for folder in TEMPORARY):
        return "", None
    if build.context is not None:
        return named_in_context(build.context, path), None
    copies = (
        other for other in build.steps() if other.keyword in ("COPY", "ADD") and other.instruction.flag("from") is None
    )
    first = next(copies, None)
    if first is not None:
        return "whether a script names it is not known without the build context", first
    return "", None


def _bare(text: str) -> str:
    """A text with its variables written in one way, and without quotes."""
    return re.sub(r"\$\{(\w+)\}", r"$\1", text).replace('"', "").replace("'", "")
