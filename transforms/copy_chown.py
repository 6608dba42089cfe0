"""copy-chown: files get their owner and mode when they are copied, not in a layer that holds them again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import invocations
from slimify.syntax.shell import AndOr, Body, Command
from slimify.syntax.source import Span

NAME = "copy-chown"

_RECURSIVE = ("-R", "--recursive")
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*"
_OWNER = re.compile(f"({_NAME})(?::({_NAME}))?")
_REFERENCE = "https://docs.docker.com/reference/dockerfile/#copy---chown---chmod"
# Where a folder that COPY makes gets its owner, and one that is there keeps its own.
_BUILDKIT = "https://github.com/moby/buildkit/issues/1941"
# Frontends that know `COPY --chmod` (BuildKit, docs/dockerfile, "COPY --chmod": 1.2).
_SYNTAX = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?::(?:1|1\.(?:[2-9]|[1-9]\d)(?:\.\d+)?|latest|labs|1-labs))?"
)
_USER_TOOLS = frozenset({"useradd", "adduser", "addgroup", "groupadd", "usermod", "groupmod"})
# Users that every image has: LSB core, "Required Users"; Debian's base-passwd; Alpine's baselayout.
_EVERYWHERE = frozenset({"root", "bin", "daemon", "nobody"})


class _Change(NamedTuple):
    """A chown or chmod that a RUN starts with: its command, what it is told, and on what it works."""

    command: Command
    value: str
    path: str
    rest: Command | None


def copy_chown(build: Build) -> Iterator[Rewrite | Finding]:
    """Fold a `chown -R` of what was just copied into the COPYs.

    >>> # COPY . /app                     ->  COPY --chown=app:app . /app
    >>> # RUN chown -R app:app /app
    """
    for stage in build.stages:
        if not build.ships(stage.index):
            continue
        for step in stage.steps:
            body = step.body
            if step.keyword != "RUN" or body is None or not _plain(step, body):
                continue
            if change := _first(step, body, "chown"):
                yield from _chown(build, step, body, change)
            elif change := _first(step, body, "chmod"):
                yield from _chmod(build, step, body, change)
            else:
                yield from _further_on(build, step, body)


def _plain(step: Step, body: Body) -> bool:
    one = step.instruction
    return not (body.script.opaque or one.flags or one.heredocs) and step.state.shell.posix and one.escape == "\\"


def _first(step: Step, body: Body, program: str) -> _Change | None:
    """The chown -R or chmod of one path that a script starts with, if nothing but `&&` is behind it."""
    items = body.script.body.items
    if len(items) != 1 or items[0].separator == "&":
        return None
    node = items[0].node
    if isinstance(node, Command):
        return _change(step, node, program, None)
    if not isinstance(node, AndOr) or any(operator != "&&" for operator in node.operators):
        return None
    first, second = node.operands[:2]
    if not isinstance(first, Command) or not isinstance(second, Command):
        return None
    return _change(step, first, program, second)


def _change(step: Step, node: Command, program: str, rest: Command | None) -> _Change | None:
    if node.name != program or node.redirects or node.assignments:
        return None
    words = node.words[1:]
    if program == "chown":
        words = tuple(word for word in words if word.value not in _RECURSIVE)
        if len(words) != len(node.words) - 2:
            return None
    if len(words) != 2 or words[0].value is None or any(word.pattern for word in words):
        return None
    (call,) = invocations(node, step.state.variables)
    path = call.argv[-1]
    if path is None or words[0].value.startswith("-") or words[-1] is not node.words[-1]:
        return None
    absolute = _absolute(step, path)
    return None if absolute is None else _Change(node, words[0].value, absolute, rest)


def _absolute(step: Step, path: str) -> str | None:
    import posixpath

    from slimify.context.paths import clean

    if not path.startswith("/"):
        if step.state.workdir is None or path.startswith("~"):
            return None
        path = posixpath.join(step.state.workdir, path)
    return clean(path)


def _further_on(build: Build, step: Step, body: Body) -> Iterator[Finding]:
    """A chown -R of a folder that COPYs alone have filled, but behind other commands."""
    for command in body.script.commands():
        if (change := _change(step, command, "chown", None)) is None:
            continue
        from slimify.context.folder import Filled, filled_by_copies

        if isinstance(filled_by_copies(build, step, change.path), Filled):
            why = "the commands in front of it in the same RUN come after the COPY, and it may need what they do"
            yield _declined(step, f"chown -R stores all that is in {change.path} once more", why, None)


def _chown(build: Build, step: Step, body: Body, change: _Change) -> Iterator[Rewrite | Finding]:
    from slimify.context.folder import Unproven, filled_by_copies

    filled = filled_by_copies(build, step, change.path)
    if filled is None:
        return
    title = f"chown -R stores all that is in {change.path} once more"
    if isinstance(filled, Unproven):
        yield _declined(step, title, filled.why, filled.step)
        return
    owner = _owner(change.value)
    why = "the owner is not given as user or user:group" if owner is None else ""
    why = why or _later_user(build, filled.copies[0], step, change.value)
    if step.state.user not in (None, "root", "0", "root:root", "0:0"):
        why = why or f"{step.state.user}, who runs it, may not give files away"
    why = why or _again(step, body, change)
    for copy in filled.copies:
        why = why or _unfit(build, copy, owner, change.value)
    if why or owner is None:
        yield _declined(step, title, why, None)
        return
    edits = [_flag(copy, f"--chown={owner} ") for copy in filled.copies if copy.instruction.flag("chown") is None]
    if not edits:
        why = "the COPYs have the owner already; left is what is not theirs"
        yield _declined(step, title, why, filled.copies[0])
        return
    gone = _removal(build, step, body, change) if filled.made else None
    kept = gone is None
    edits.append(gone or _not_recursive(body, change))
    text = body.script.text[change.command.start : change.command.end]
    reason = f"the RUN stores every file of {change.path} a second time, in a layer of its own"
    if kept:
        reason += "; the folder itself is not one of the files that are copied, so it still gets its owner from the RUN"
    yield Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"copy the files of {change.path} with --chown={owner}",
        reason=reason,
        edits=tuple(edits),
        evidence=(
            Evidence(
                f"nothing else puts anything into {change.path}", filled.copies[0].instruction.span, filled.source
            ),
            Evidence("this chown, right behind it, shows that the user exists", step.instruction.span),
            Evidence("COPY gives its owner to what it makes, not to a folder that was there", None, _BUILDKIT),
        ),
        saves=_bytes(build, filled.copies),
        keywords=frozenset({"RUN", "COPY"}),
        drops=(text,),
    )


def _declined(step: Step, title: str, why: str, blame: Step | None) -> Finding:
    evidence = (Evidence("what stands against it", blame.instruction.span),) if blame is not None else ()
    reason = f"{why} ({{line 0}})" if evidence else why
    return Finding(NAME, title, reason, step.instruction.span, evidence=evidence)


def _owner(value: str) -> str | None:
    """What `--chown` needs to give what `chown` gives: without a group, chown leaves root's, COPY takes the user's."""
    match = _OWNER.fullmatch(value)
    if match is None:
        return None
    return f"{match[1]}:{match[2]}" if match[2] else f"{match[1]}:0"


def _later_user(build: Build, first: Step, last: Step, owner: str) -> str:
    """Why the user may not exist when the first of the COPYs runs (hazard 27); a number needs no user.

    What nothing in between has made was there before: without it the chown would fail.
    """
    from slimify.semantics.effects import effects

    names = [name for name in dict.fromkeys(owner.split(":")) if not name.isdecimal() and name not in _EVERYWHERE]
    if not names:
        return ""
    for step in build.stages[last.stage].steps[first.index : last.index]:
        body = step.body
        if step.keyword != "RUN" or body is None:
            continue
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            if call.program in _USER_TOOLS:
                return f"{' and '.join(names)} may not exist yet where the files are copied"
            if call.manager is not None and call.manager.name != "pip":
                return f"a package that is installed after the COPY may bring {' and '.join(names)}"
    return ""


def _again(step: Step, body: Body, change: _Change) -> str:
    """Why the RUN may store the files all the same: another of its commands works on them."""
    from slimify.semantics.effects import effects

    found = effects(body.script, step.state.variables, step.state.workdir)
    for call in found.invocations:
        if call.command is change.command or call.command.start == change.command.start:
            continue
        words = [value for value in call.argv if value is not None]
        if any(change.path in value or value in (".", "./", "*", "./*") for value in words) or None in call.argv:
            return f"{call.program or 'another command'} in the same RUN works on the files too"
    return ""


def _unfit(build: Build, copy: Step, owner: str | None, value: str) -> str:
    """Why a COPY cannot take a --chown that does what the chown does."""
    one = copy.instruction
    given = one.flag("chown")
    if given is not None and given not in (owner, value if ":" in value else owner):
        return f"a COPY gives its files to {given} already"
    for flag in ("link", "parents"):
        if one.flag(flag) is not None:
            return f"with --{flag} the folders that a COPY makes have owners of their own"
    if one.flag("from") is not None and ":" not in value:
        return "chown leaves the group that the files have in the other stage, which COPY --chown would not"
    if _follows_links(copy) and not _no_links(build, copy):
        return "BusyBox's chown may follow links out of the folder, and whether there are any is not known"
    return ""


def _follows_links(copy: Step) -> bool:
    from slimify.knowledge.images import describe

    image = describe(copy.state.image or "")
    return image is None or image.distribution in ("", "alpine")


def _no_links(build: Build, copy: Step) -> bool:
    from slimify.context.copies import copied
    from slimify.semantics.build_context import Kind

    if build.context is None:
        return False
    taken = copied(copy.instruction, copy.state, build.context)
    if isinstance(taken, str):
        return False
    entries = [build.context.entry(source) for source, _ in taken.files]
    return all(entry is not None and entry.kind is Kind.FILE for entry in entries)


def _flag(copy: Step, flag: str) -> Edit:
    at = copy.instruction.source_arguments.start
    return Edit(Span(at, at), flag)


def _bytes(build: Build, copies: tuple[Step, ...]) -> int | None:
    """The size of what the COPYs take, if all of it is known."""
    from slimify.context.copies import copied

    if build.context is None:
        return None
    files: dict[str | None, int] = {}
    for copy in copies:
        taken = copied(copy.instruction, copy.state, build.context)
        if isinstance(taken, str):
            return None
        for source, target in taken.files:
            entry = build.context.entry(source)
            files[target] = entry.size if entry is not None else 0
    return sum(files.values())


# ------------------------------------------------------------------------ editing the RUN


def _removal(build: Build, step: Step, body: Body, change: _Change) -> Edit | None:
    """Take the command away, the whole RUN if it is all there is; None where a comment would lose what it is about."""
    source = build.dockerfile.source
    one = step.instruction
    if build.pragmas.guards(one) or any(comment.line == one.start_line - 1 for comment in build.dockerfile.comments):
        return None
    if change.rest is not None:
        start = body.span(change.command.start, change.command.start + 1).start
        end = body.span(change.rest.start, change.rest.start + 1).start
        between = any(start < comment.span.start < end for comment in one.comments)
        return None if between else Edit(Span(start, end), "")
    if one.comments:
        return None
    start = source.line_span(one.start_line).start
    end = source.line_span(one.end_line).end
    if one.start_line > 1 and _blank(build, one.start_line - 1) and _blank(build, one.end_line + 1):
        end = source.line_span(one.end_line + 1).end
    return Edit(Span(start, end), "")


def _blank(build: Build, line: int) -> bool:
    source = build.dockerfile.source
    last = source.line_of(len(source.text))
    return line <= last and not source.text[slice(*source.line_span(line))].strip()


def _not_recursive(body: Body, change: _Change) -> Edit:
    words = change.command.words
    at = next(at for at, word in enumerate(words) if word.value in _RECURSIVE)
    start, end = (body.span(word.start, word.start + 1).start for word in words[at : at + 2])
    return Edit(Span(start, end), "")


# --------------------------------------------------------------------------------- chmod


def _chmod(build: Build, step: Step, body: Body, change: _Change) -> Iterator[Rewrite | Finding]:
    """`COPY run.sh /` and `chmod +x /run.sh`: one regular file, copied by its name right before."""
    if change.value not in ("755", "0755", "+x", "a+x") or build.context is None or step.index == 0:
        return
    copy = build.stages[step.stage].steps[step.index - 1]
    if copy.keyword != "COPY" or (mode := _mode(build, copy, change.path)) is None:
        return
    title = f"chmod stores {change.path} once more"
    if change.value in ("+x", "a+x") and mode not in (0o644, 0o755):
        yield _declined(step, title, f"with mode {mode:o} in the build context, +x does not make it 755", None)
    elif not needs_buildkit(build):
        why = "COPY --chmod needs BuildKit, and nothing in this file says that it is built with it (`# syntax=`)"
        yield _declined(step, title, why, None)
    elif any(copy.instruction.flag(flag) is not None for flag in ("chmod", "link")):
        yield _declined(step, title, "the COPY has a --chmod or --link already", copy)
    elif (gone := _removal(build, step, body, change)) is None:
        yield _declined(step, title, "the comment above the RUN would come to stand above something else", None)
    else:
        entry_size = _bytes(build, (copy,))
        yield Rewrite(
            transform=NAME,
            level=Level.STANDARD,
            title=f"copy {change.path} with --chmod=755",
            reason="the RUN stores the file a second time, in a layer of its own",
            edits=(_flag(copy, "--chmod=755 "), gone),
            evidence=(
                Evidence("this copies one regular file by its name", copy.instruction.span, _REFERENCE),
                Evidence("this changes its mode, and nothing else does", step.instruction.span),
            ),
            saves=entry_size,
            keywords=frozenset({"RUN", "COPY"}),
            drops=(body.script.text[change.command.start : change.command.end],),
        )


def _mode(build: Build, copy: Step, path: str) -> int | None:
    """The mode in the context of the one regular file that a COPY takes by its name and puts at `path`."""
    from slimify.context.copies import copied
    from slimify.context.paths import clean
    from slimify.semantics.build_context import Kind

    context = build.context
    words = copy.instruction.exec_form or tuple(token.text for token in copy.instruction.tokens)
    if context is None or len(words) != 2:
        return None
    taken = copied(copy.instruction, copy.state, context)
    if isinstance(taken, str) or taken.links or len(taken.files) != 1:
        return None
    source, target = taken.files[0]
    entry = context.entry(source)
    if target != path or entry is None or entry.kind is not Kind.FILE or clean(f"/{words[0]}") != f"/{source}":
        return None
    return entry.mode & 0o7777


def needs_buildkit(build: Build) -> bool:
    """Whether the file can only be built by a BuildKit that knows `COPY --chmod`."""
    dockerfile = build.dockerfile
    if (syntax := dockerfile.directive("syntax")) is not None:
        return _SYNTAX.fullmatch(syntax) is not None
    for one in dockerfile.instructions:
        names = {flag.name for flag in one.flags}
        if one.heredocs or (one.keyword == "COPY" and names & {"chmod", "link"}) or "mount" in names:
            return True
    return False
