"""From a source to an outcome: the transforms in order, until nothing changes, each step checked.

A rewrite is believed only after the new text has been parsed again and compared with the old:
the same stages, the same instructions apart from those the rewrite says it touches, no command
of any RUN lost or reordered. What fails is dropped and reported as slimify's own fault.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from slimify.rewrite.checks import fault, moved, relaid
from slimify.rewrite.edit import Edit, FileEdit, Finding, Level, Rewrite, Severity
from slimify.rewrite.outcome import Change, Notice, Outcome
from slimify.rewrite.reshaping import reshaping_fault
from slimify.rewrite.text import Origin, apply, identity
from slimify.semantics.build import Build, Least, analyse
from slimify.semantics.build_context import BuildContext
from slimify.semantics.validate import validate
from slimify.syntax.dockerfile import parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source, Span
from slimify.syntax.witness import disagreement

# Each pass applies what the one before made possible. An instruction may move on by one neighbour in each, so that a
# long file takes more of them; without an end there are only transforms that quarrel.
MAX_PASSES = 8
_MOST_PASSES = 100


class Transform(NamedTuple):
    """One optimisation. `level` is the lowest level at which any rewrite of it may be made.

    `request` names the field of `Options` without which it does not run, for what is a matter of
    taste or of the builder at hand; to name the transform in `only` is a request as well.
    """

    name: str
    level: Level
    summary: str
    run: Callable[[Build], Iterator[Rewrite | Finding]]
    request: str = ""


class Options(NamedTuple):
    """What the user asks for. Empty `only` means every transform."""

    level: Level = Level.STANDARD
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    target: str | None = None
    build_args: Mapping[str, str] = {}
    cache_mounts: bool = False
    least: Least = Least()
    layout: bool = False

    def allows(self, transform: Transform) -> bool:
        if transform.level > self.level or transform.name in self.skip:
            return False
        if transform.request and not getattr(self, transform.request) and transform.name not in self.only:
            return False
        return not self.only or transform.name in self.only


class _Text(NamedTuple):
    """A state of the text on its way, with the account of its lines."""

    build: Build
    origins: tuple[Origin, ...]

    @property
    def source(self) -> Source:
        return self.build.dockerfile.source

    def original_lines(self, span: Span) -> tuple[int, ...]:
        source = self.source
        first, last = source.line_of(span.start), source.line_of(max(span.start, span.end - 1))
        found = {line for at in range(first, last + 1) for line in self.origins[at - 1].lines}
        return tuple(sorted(found)) or (first,)


def fix(
    source: Source,
    options: Options | None = None,
    context: BuildContext | None = None,
    pipeline: Sequence[Transform] | None = None,
) -> Outcome:
    """Rewrite one Dockerfile. Nothing is read or written but `source` (and what `context` reads).

    Raises `DockerfileSyntaxError` for a file that Docker would reject, and `TargetError` for a
    target that is no stage of it.
    """
    options = options or Options()
    transforms = [one for one in (_registered() if pipeline is None else pipeline) if options.allows(one)]
    text = _read(source, options, None, identity(source))
    changes: list[Change] = []
    faults: list[Notice] = []
    notices: list[Notice] = []
    files: dict[str, FileEdit] = {}
    settled: dict[str, tuple[_Text, list[Notice]]] = {}
    witnessed = False
    passes = 0
    context = _believed(text.build, options, context, faults)
    if context is not None:
        text = text._replace(build=replace(text.build, context=context))
    limit = min(MAX_PASSES + len(text.build.dockerfile.instructions), _MOST_PASSES)
    while passes < limit:
        passes += 1
        notices = []
        before = text
        for transform in transforms:
            known, told = settled.get(transform.name, (None, []))
            if known is text:
                notices += told
                continue
            rewrites, findings = _propose(transform, text.build, options.level)
            # A file is changed once: its new content is nothing that the context knows of.
            rewrites = [one for one in rewrites if not any(file.path in files for file in one.files)]
            told = [_locate(finding, text) for finding in findings]
            notices += told
            if not rewrites:
                settled[transform.name] = (text, told)
                continue
            if not witnessed and (why := disagreement(text.build.dockerfile)):
                reason = f"a second parser reads this file differently ({why})"
                finding = Finding(transform.name, "nothing is rewritten", reason, rewrites[0].span, Severity.WARNING)
                return Outcome(source, source, (), (_locate(finding, text),), identity(source), passes)
            witnessed = True
            text, applied, dropped = _apply(rewrites, text, options, context)
            changes += applied
            faults += dropped
            files.update((file.path, file) for change in applied for file in change.rewrite.files)
        if text is before:
            break
    return Outcome(
        before=source,
        after=text.source,
        changes=tuple(changes),
        notices=(*faults, *_misspelled(text), *notices),
        origins=text.origins,
        passes=passes,
        files=tuple(file._replace(path=posixpath.join(context.root, file.path)) for file in files.values())
        if context is not None
        else (),
    )


def proposals(
    source: Source,
    options: Options | None = None,
    context: BuildContext | None = None,
    pipeline: Sequence[Transform] | None = None,
) -> list[tuple[Transform, Rewrite]]:
    """What each transform proposes for this very text, in their order, before any of it is made, and unchecked.

    `fix`, with a pipeline of a transform that proposes one of them alone, makes and checks that one.
    """
    options = options or Options()
    transforms = [one for one in (_registered() if pipeline is None else pipeline) if options.allows(one)]
    build = _read(source, options, None, ()).build
    build = replace(build, context=_believed(build, options, context, []))
    return [(one, rewrite) for one in transforms for rewrite in _propose(one, build, options.level)[0]]


def _believed(build: Build, options: Options, context: BuildContext | None, told: list[Notice]) -> BuildContext | None:
    """The context, unless the Dockerfile copies what is not in it: then it is built with another one.

    At level safe nobody may ask for it.
    """
    if context is None or options.level is Level.SAFE:
        return None
    from slimify.context.plausible import missing

    if (found := missing(build, context)) is None:
        return context
    step, source = found
    reason = f"{source} is not in {context.root or 'it'}; what rests on the context is left out"
    finding = Finding("context", "the folder is not the build context", reason, step.instruction.span)
    told.append(_locate(finding, _Text(build, identity(build.dockerfile.source))))
    return None


def _misspelled(text: _Text) -> list[Notice]:
    """Warnings of pragmas that name what does not exist, at their place: no transform moves a comment."""
    pragmas = text.build.pragmas
    known = {one.name for one in _registered()} if pragmas.named else set()
    wrong = [(f"there is no transform {name}", span) for name, span in pragmas.named if name not in known]
    wrong += [(f"{word} is not understood", span) for word, span in pragmas.unknown]
    return [
        _locate(Finding("pragma", "a pragma without effect", why, span, Severity.WARNING), text) for why, span in wrong
    ]


def _registered() -> Sequence[Transform]:
    # The only place where the engine reaches the transforms, and late, because they import the engine.
    from slimify.rewrite.registry import transforms

    return transforms()


def _read(source: Source, options: Options, context: BuildContext | None, origins: tuple[Origin, ...]) -> _Text:
    dockerfile = parse(source)
    validate(dockerfile)
    build = analyse(
        dockerfile, target=options.target, build_args=options.build_args, context=context, least=options.least
    )
    return _Text(build, origins)


def _propose(transform: Transform, build: Build, level: Level) -> tuple[list[Rewrite], list[Finding]]:
    """What a transform wants, without what the level or a pragma forbids and without conflicts."""
    rewrites: list[Rewrite] = []
    findings: list[Finding] = []
    protected = _protected(transform.name, build)
    for proposal in transform.run(build):
        if isinstance(proposal, Finding):
            findings.append(proposal)
        elif _touches(proposal, protected):
            continue
        elif proposal.level > level:
            title = f"at level {proposal.level.label}: {proposal.title}"
            findings.append(Finding(transform.name, title, proposal.reason, proposal.span))
        else:
            rewrites.append(proposal)
    return _without_conflicts(rewrites), findings


def _protected(transform: str, build: Build) -> list[Span]:
    """The instructions that a pragma keeps from a transform."""
    pragmas = build.pragmas
    if not (pragmas.keep_file or pragmas.skip_file or pragmas.kept or pragmas.skipped):
        return []
    return [one.span for one in build.dockerfile.instructions if not pragmas.allows(transform, one)]


def _touches(rewrite: Rewrite, protected: list[Span]) -> bool:
    return any(edit.span.start <= end and edit.span.end >= start for start, end in protected for edit in rewrite.edits)


def _without_conflicts(rewrites: Iterable[Rewrite]) -> list[Rewrite]:
    """The first of several rewrites that touch the same text wins; the others get their turn in the next pass."""
    chosen: list[Rewrite] = []
    taken: list[Span] = []
    paths: set[str] = set()
    for rewrite in rewrites:
        if paths & {file.path for file in rewrite.files}:
            continue
        if any(_overlap(edit.span, other) for edit in rewrite.edits for other in _near(taken, edit.span)):
            continue
        chosen.append(rewrite)
        paths |= {file.path for file in rewrite.files}
        for edit in rewrite.edits:
            insort(taken, edit.span)
    return chosen


def _near(taken: list[Span], span: Span) -> list[Span]:
    """Those of the sorted, disjoint spans that can meet this one: the one before it, and those that start in it."""
    first = max(bisect_left(taken, (span.start,)) - 1, 0)
    return taken[first : bisect_right(taken, (span.end + 1,))]


def _overlap(one: Span, other: Span) -> bool:
    if one.start == one.end or other.start == other.end:
        # Two insertions at one place would need an order that nobody has given.
        return other.start <= one.start <= other.end or one.start <= other.start <= one.end
    return one.start < other.end and other.start < one.end


def _apply(
    rewrites: list[Rewrite], text: _Text, options: Options, context: BuildContext | None
) -> tuple[_Text, list[Change], list[Notice]]:
    """Apply all rewrites together; if a check fails, one by one, so that only the guilty are dropped."""
    attempt, why = _attempt(rewrites, text, options, context)
    if attempt is not None:
        return attempt, [_change(rewrite, text) for rewrite in rewrites], []
    if len(rewrites) == 1:
        return text, [], [_locate(_fault(rewrites[0], why), text)]
    good: list[Rewrite] = []
    dropped: list[Notice] = []
    for rewrite in rewrites:
        attempt, why = _attempt([*good, rewrite], text, options, context)
        if attempt is None:
            dropped.append(_locate(_fault(rewrite, why), text))
        else:
            good.append(rewrite)
    if not good:
        return text, [], dropped
    attempt, _ = _attempt(good, text, options, context)
    assert attempt is not None
    return attempt, [_change(rewrite, text) for rewrite in good], dropped


def _attempt(
    rewrites: list[Rewrite], text: _Text, options: Options, context: BuildContext | None
) -> tuple[_Text | None, str]:
    edits: list[tuple[str, Edit]] = [(one.transform, edit) for one in rewrites for edit in one.edits]
    try:
        source, origins = apply(text.source, text.origins, edits)
        after = _read(source, options, context, origins)
    except (DockerfileSyntaxError, ValueError) as error:
        return None, str(error)
    why = _wrong(rewrites, text.build, after.build) or disagreement(after.build.dockerfile)
    return (None, why) if why else (after, "")


def _wrong(rewrites: list[Rewrite], before: Build, after: Build) -> str:
    if all(one.lays_out for one in rewrites):
        return relaid(before, after)
    if not any(one.reshapes for one in rewrites):
        touched = frozenset().union(*(one.keywords for one in rewrites))
        drops = tuple(drop for one in rewrites for drop in one.drops)
        why = fault(before, after, touched, drops)
        if not why and any(one.moves for one in rewrites):
            why = moved(before, after, tuple(add for one in rewrites for add in one.adds))
        return why
    if len(rewrites) > 1:
        return "a rewrite that reshapes stages is to be looked at alone"
    return reshaping_fault(before, after, rewrites[0].brings)


def _fault(rewrite: Rewrite, reason: str) -> Finding:
    return Finding(rewrite.transform, f"dropped: {rewrite.title}", reason, rewrite.span, Severity.FAULT)


def _change(rewrite: Rewrite, text: _Text) -> Change:
    evidence = tuple(
        (fact, text.original_lines(fact.span)[0] if fact.span is not None else 0) for fact in rewrite.evidence
    )
    spans = [edit.span for edit in rewrite.edits] or [rewrite.span]
    lines = {line for span in spans for line in text.original_lines(span)}
    return Change(rewrite, tuple(sorted(lines)), evidence)


def _locate(finding: Finding, text: _Text) -> Notice:
    lines = text.original_lines(finding.span)
    position = text.source.position(finding.span.start)
    reason = finding.reason
    for at, fact in enumerate(finding.evidence):
        if fact.span is not None:
            reason = reason.replace(f"{{line {at}}}", f"line {text.original_lines(fact.span)[0]}")
    return Notice(finding, reason, lines[0], position.column, lines[-1])
