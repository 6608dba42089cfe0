"""What one layer brings and a later one deletes: its bytes stay, and are told where they are known."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimify.transforms.leftovers.files import ARCHIVE, under

from slimify.rewrite.edit import Evidence, Finding
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import verb
from slimify.semantics.effects import Effects, effects

NAME = "delete-in-layer"
# Below this nobody wants to hear of it.
_LEAST_BYTES = 100_000
# Programs that bring bytes, other than a line of text or an empty folder.
_BRINGERS = frozenset({"7z", "aria2c", "axel", "bsdtar", "cp", "curl", "dd", "git", "rsync", "tar", "unzip", "wget"})
_TOO_WIDE = frozenset({"/", "/*", ".", "*", ""})


def deleted_later(build: Build, stage: BuildStage, handled: set[str]) -> Iterator[Finding]:
    """Findings of a stage."""
    read = [(step, _effects(step)) for step in stage.steps]
    for step, found in read:
        if step.keyword != "RUN" or found is None:
            continue
        earlier = read[: step.index]
        told: set[int] = set()
        for path in sorted(found.deletes):
            base = path.rstrip("*").rstrip("/")
            if path in _TOO_WIDE or path in handled or any(under(one, base) for one in found.writes):
                continue
            for other, effect in earlier:
                if other.index in told:
                    continue
                size = _brought(build, other, effect, base)
                if size is not None and _large(size):
                    told.add(other.index)
                    yield _finding(step, other, path, size)


def _effects(step: Step) -> Effects | None:
    body = step.body if step.keyword == "RUN" else None
    if body is None or body.script.opaque:
        return None
    return effects(body.script, step.state.variables, step.state.workdir)


def _brought(build: Build, step: Step, found: Effects | None, base: str) -> int | None:
    """The bytes that a step has put at a path, 0 where they are not known; None where it has put nothing there."""
    if step.keyword in ("COPY", "ADD"):
        return _copied(build, step, base)
    if found is None:
        return None
    if base.startswith("the package "):
        return _package(step, found, base) if base in found.writes else None
    caches = [one.rstrip("/*") for one in _caches(found)]
    if any(under(base, cache) or under(cache, base) for cache in caches):
        return None
    there = [one for one in found.writes if one.startswith("/") and (one == base or under(one, base))]
    # The folder itself was there before, so that only what lies inside counts.
    if base.count("/") < 2:
        there = [one for one in there if one != base]
    gone = any(under(base, one.rstrip("*").rstrip("/")) for one in found.deletes)
    return 0 if there and not gone and base.startswith("/") and any(_bring(found, one) for one in there) else None


def _bring(found: Effects, path: str) -> bool:
    """Whether a program that brings bytes speaks of a path, or of the archive that it is named after."""
    stem = posixpath.basename(path)
    words = (
        word.text if value is None else value
        for call in found.invocations
        if call.program in _BRINGERS
        for value, word in zip(call.argv, call.words, strict=True)
    )
    return any(stem in word for word in words)


def _caches(found: Effects) -> Iterator[str]:
    for call in found.invocations:
        if call.manager is not None:
            yield from call.manager.cache_paths


def _copied(build: Build, step: Step, base: str) -> int | None:
    from slimify.context.copies import copied, named

    one = step.instruction
    if not base.startswith("/") or base.count("/") < 1:
        return None
    if build.context is not None and one.flag("from") is None:
        taken = copied(one, step.state, build.context)
        if not isinstance(taken, str):
            sizes = [
                entry.size
                for source, target in taken.files
                if target is not None and under(target, base) and (entry := build.context.entry(source)) is not None
            ]
            return sum(sizes) if sum(sizes) >= _LEAST_BYTES else None
    words = one.exec_form or tuple(token.text for token in one.tokens)
    target = words[-1] if words else ""
    if not target.startswith("/") or "$" in target:
        return None
    names = [posixpath.basename(word) for word in words[:-1]] if named(one, step.state) or one.flag("from") else []
    names += [posixpath.basename(word) for word in words[:-1] if "://" in word]
    names = [name for name in names if ARCHIVE.fullmatch(name)]
    inside = [posixpath.join(target, name) for name in names if name and name != "."]
    return (
        0
        if any(under(one, base) for one in inside) or (base == posixpath.normpath(target) and ARCHIVE.fullmatch(base))
        else None
    )


def _package(step: Step, found: Effects, what: str) -> int:
    """What a Debian package brings, without what other packages bring as well."""
    from slimify.knowledge.debian import closure_size
    from slimify.knowledge.images import describe

    image = describe(step.state.image or "")
    if image is None or image.release is None or image.distribution != "debian":
        return 0
    names = [one for call in found.invocations if (action := verb(call)) is not None for one in action.operands if one]
    name = what.removeprefix("the package ")
    if name not in names:
        return 0
    return closure_size([name], image.release) or 0


def _large(size: int) -> bool:
    """Whether it is worth a word: known to be, or not known."""
    return not 0 < size < _LEAST_BYTES


def _finding(step: Step, other: Step, path: str, size: int) -> Finding:
    weight = f" ({size / 1_000_000:.1f} MB)" if size else ""
    return Finding(
        NAME,
        f"{path}{weight} stays in the image when it is deleted here",
        "{line 0} has put it into a layer of its own, which a later one cannot make smaller",
        step.instruction.span,
        evidence=(Evidence("the layer that holds it", other.instruction.span),),
    )
