"""An archive that is copied, unpacked and deleted in a later layer: it is mounted for the RUN that unpacks it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.transforms.copy_chown import needs_buildkit
from slimify.transforms.leftovers.files import (
    ARCHIVE,
    covers,
    in_volume,
    named_in_context,
    names_it,
    stands_before,
    unpacks,
)

from slimify.context.copies import USUAL_FOLDERS
from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.rewrite.join import Style
from slimify.semantics.branches import branches
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.build_context import Kind
from slimify.semantics.commands import Invocation
from slimify.semantics.effects import Effects, effects
from slimify.syntax.shell import AndOr, Body
from slimify.syntax.source import Span

NAME = "delete-in-layer"
_REFERENCE = "https://docs.docker.com/reference/dockerfile/#run---mounttypebind"
# Archives that ADD does not unpack by itself (Dockerfile reference, "ADD").
_NOT_UNPACKED = re.compile(r".*\.(?:zip|deb|rpm)", re.IGNORECASE)
# Programs that read a file and leave it alone.
_READERS = frozenset({"sha1sum", "sha256sum", "sha512sum", "md5sum", "echo", "printf", "test", "[", "ls", "file", "cd"})


class _Archive(NamedTuple):
    """The COPY of an archive: its path in the context, or in the stage `origin`, and in the image."""

    step: Step
    source: str
    path: str
    origin: str


class _Use(NamedTuple):
    """The RUN that unpacks it, and the call of rm in it."""

    step: Step
    body: Body
    removal: Invocation


class _RefusedError(Exception):
    """Why the archive is not mounted."""


def copied_archives(build: Build, stage: BuildStage, step: Step, handled: set[str]) -> Iterator[Rewrite | Finding]:
    """The mount in place of a COPY, or why there is none. `handled` gathers the paths that something is said of."""
    archive = _archive(step)
    if archive is None:
        return
    later = [one for one in stage.steps[step.index + 1 :] if names_it(one.instruction.logical.text, archive.path)]
    after = stage.steps[step.index + 1 :]
    if not any(covers(path, archive.path) for one in after if one.keyword == "RUN" for path in _deleted(one)):
        return
    handled.add(archive.path)
    base = posixpath.basename(archive.path)
    try:
        use = _use(build, archive, later)
        edits = (_flag(build, use, archive), _without_copy(build, step), *_without_rm(use, archive))
    except _RefusedError as refused:
        size = _size(build, archive)
        weight = f", {size / 1_000_000:.1f} MB," if size is not None else ""
        title = f"{base}{weight} stays in the layer of the COPY when it is deleted later"
        yield Finding(NAME, title, str(refused), step.instruction.span)
        return
    text = use.body.script.text[use.removal.command.start : use.removal.command.end]
    yield Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"mount {base} for the RUN that unpacks it",
        reason="what a COPY has put into a layer stays when a later one deletes it; a mount is no part of a layer",
        edits=edits,
        evidence=(
            Evidence("this copies it, and nothing else reads it", step.instruction.span),
            Evidence("this unpacks and deletes it", use.step.instruction.span, _REFERENCE),
        ),
        saves=_size(build, archive),
        keywords=frozenset({"RUN", step.keyword}),
        drops=(" ".join(text.split()),),
    )


def _archive(step: Step) -> _Archive | None:
    one = step.instruction
    words = one.exec_form or tuple(token.text for token in one.tokens)
    if len(words) != 2 or one.heredocs or "$" in "".join(words) or not ARCHIVE.fullmatch(words[0]):
        return None
    source, target = words
    if re.search(r"[*?\[\\,\s\"']|://", source + target) or (
        one.keyword == "ADD" and not _NOT_UNPACKED.fullmatch(source)
    ):
        return None
    workdir = step.state.workdir
    if not target.startswith("/"):
        if workdir is None:
            return None
        full = posixpath.normpath(posixpath.join(workdir, target))
    else:
        full = posixpath.normpath(target)
    if target.endswith("/") or full == workdir or full in USUAL_FOLDERS:
        full = posixpath.join(full, posixpath.basename(source))
    elif not ARCHIVE.fullmatch(full):
        return None
    origin = one.flag("from") or ""
    place = posixpath.normpath(source) if origin else posixpath.normpath(f"/{source}").lstrip("/")
    return _Archive(step, place, full, origin)


def _deleted(step: Step) -> frozenset[str]:
    body = step.body
    if body is None or body.script.opaque:
        return frozenset()
    return effects(body.script, step.state.variables, step.state.workdir).deletes


def _size(build: Build, archive: _Archive) -> int | None:
    if build.context is None or archive.origin:
        return None
    entry = build.context.entry(archive.source)
    return entry.size if entry is not None else None


def _use(build: Build, archive: _Archive, later: list[Step]) -> _Use:
    """The one RUN that uses it. Raises `_RefusedError`."""
    copy = archive.step.instruction
    if not needs_buildkit(build):
        raise _RefusedError(
            "RUN --mount needs BuildKit, and nothing in this file says that it is built with it (`# syntax=`)"
        )
    if {one.name for one in copy.flags} - {"from", "chown", "chmod"}:
        raise _RefusedError("the COPY has flags that a mount does not have")
    if archive.origin and archive.origin.lower() not in [
        name for stage in build.stages[: archive.step.stage] for name in (stage.name, str(stage.index))
    ]:
        raise _RefusedError("it comes from another image")
    if build.context is not None and not archive.origin:
        entry = build.context.entry(archive.source)
        if entry is None or entry.kind is not Kind.FILE:
            raise _RefusedError(f"{archive.source} is no regular file of the build context")
        if why := named_in_context(build.context, archive.path):
            raise _RefusedError(why)
    if not stands_before(build, archive.step, posixpath.dirname(archive.path)):
        raise _RefusedError(
            f"the COPY may make {posixpath.dirname(archive.path)}, which a mount would not leave behind"
        )
    if len(later) != 1:
        raise _RefusedError(f"more than one instruction names it: line {later[0].instruction.start_line} is the first")
    step = later[0]
    for other in build.steps():
        maker = build.stages[other.stage].name == archive.origin.lower() or str(other.stage) == archive.origin
        if other.stage != step.stage and not maker and names_it(other.instruction.logical.text, archive.path):
            raise _RefusedError(f"line {other.instruction.start_line} names it, too")
    if in_volume(build, step, archive.path):
        raise _RefusedError("its folder is a volume or a mount")
    body = step.body
    if body is None or body.script.opaque or not step.state.shell.posix or step.instruction.escape != "\\":
        raise _RefusedError("the RUN that deletes it cannot be read with certainty")
    if not build.pragmas.allows(NAME, step.instruction) or build.pragmas.guards(step.instruction):
        raise _RefusedError("a comment for a linter or a pragma stands above the RUN")
    owned = any(copy.flag(name) is not None for name in ("chown", "chmod"))
    if owned and step.state.user not in (None, "root", "0"):
        raise _RefusedError("the COPY gives it an owner or a mode, which a mount would not")
    found = effects(body.script, step.state.variables, step.state.workdir)
    return _Use(step, body, _removal(found, archive))


def _removal(found: Effects, archive: _Archive) -> Invocation:
    """The rm of the archive; everything else must only read it."""
    base = posixpath.basename(archive.path)
    removal = None
    for call in found.invocations:
        values = [value if value is not None else word.text for value, word in zip(call.argv, call.words, strict=True)]
        if call.program == "rm" and any(base == posixpath.basename(value.rstrip("/")) for value in values):
            if removal is not None or call.nested or call.wrappers:
                raise _RefusedError("it is deleted in a way that cannot be taken out")
            removal = call
        elif call.program == "rm" and any(
            archive.path.startswith(value.rstrip("*").rstrip("/") + "/") for value in values
        ):
            raise _RefusedError("it is deleted with its folder, and what is mounted cannot be deleted")
        elif any(base in value for value in values) and not _only_reads(call, base):
            raise _RefusedError(f"{call.program or 'a program'} may do more than read it")
    if removal is None:
        raise _RefusedError("it is deleted with its folder, and what is mounted cannot be deleted")
    return removal


def _only_reads(call: Invocation, base: str) -> bool:
    return call.program in _READERS or any(posixpath.basename(one.path) == base for one in unpacks(call))


def _flag(build: Build, use: _Use, archive: _Archive) -> Edit:
    one = use.step.instruction
    newline = build.dockerfile.source.newline_at(one.start_line)
    indent = Style.of(build.dockerfile, [one]).indent
    origin = f"from={archive.origin}," if archive.origin else ""
    flag = f"--mount=type=bind,{origin}source={archive.source},target={archive.path}"
    return Edit(Span(one.source_arguments.start, one.source_arguments.start), f"{flag} \\{newline}{indent}")


def _without_copy(build: Build, step: Step) -> Edit:
    source = build.dockerfile.source
    one = step.instruction
    lines = {comment.line for comment in build.dockerfile.comments}
    if not build.pragmas.allows(NAME, one) or one.start_line - 1 in lines or one.comments:
        raise _RefusedError("the comment above the COPY would come to stand above something else")
    start, end = source.line_span(one.start_line).start, source.line_span(one.end_line).end
    last = source.line_of(len(source.text))

    def blank(line: int) -> bool:
        return 0 < line <= last and not source.text[slice(*source.line_span(line))].strip()

    if blank(one.start_line - 1) and blank(one.end_line + 1):
        end = source.line_span(one.end_line + 1).end
    return Edit(Span(start, end), "")


def _without_rm(use: _Use, archive: _Archive) -> Iterator[Edit]:
    """Take the rm out of its list, or out of the rm the one file of several."""
    body, command = use.body, use.removal.command
    base = posixpath.basename(archive.path)
    files = [word for word in use.removal.words if not word.text.startswith("-")]
    if branches(body.script.body, command) != () or len(files) != 1 or posixpath.basename(files[0].text) != base:
        raise _RefusedError("it is deleted together with other files, or on a condition")
    for item in body.script.body.items:
        node = item.node
        if isinstance(node, AndOr) and command in node.operands and "||" not in node.operators:
            at = node.operands.index(command)
            if at == 0:
                break
            span = Span(
                body.span(node.operands[at - 1].end - 1, node.operands[at - 1].end).end,
                body.span(command.end - 1, command.end).end,
            )
            if any(span.start < comment.span.start < span.end for comment in use.step.instruction.comments):
                raise _RefusedError("a comment stands in front of the rm")
            yield Edit(span, "")
            return
    raise _RefusedError("the rm is not one of several commands joined with &&")
