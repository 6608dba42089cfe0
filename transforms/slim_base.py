"""slim-base: a full base image becomes the slim variant of the same image, version and release."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.semantics.branches import branches
from slimify.semantics.build import Build, BuildStage, Least
from slimify.semantics.commands import verb
from slimify.semantics.effects import effects
from slimify.syntax.source import Span

if TYPE_CHECKING:
    from slimify.transforms.slim.base import Images, Ledger, Missing

NAME = "slim-base"
# Names of variables whose values may be more than a version, such as `3.12-alpine`.
_WIDE = re.compile(r"TAG|VARIANT|IMAGE|BASE|FLAVOU?R|DISTRO|SUITE", re.IGNORECASE)


def slim_base(build: Build) -> Iterator[Rewrite | Finding]:
    """Build on the slim variant, if all that the stage and the application use is in it or can be installed.

    >>> # FROM debian:bookworm   ->   FROM debian:bookworm-slim
    """
    for stage in build.stages:
        if stage.parent is not None or stage.image is None or not build.ships(stage.index):
            continue
        if "@" in stage.image or "/" in stage.image.removeprefix("docker.io/library/").removeprefix("library/"):
            continue
        yield from _slim(build, stage)


def _slim(build: Build, stage: BuildStage) -> Iterator[Rewrite | Finding]:
    from slimify.knowledge.image_siblings import respell, slim_sibling
    from slimify.knowledge.images import describe

    reference = stage.image or ""
    sibling = slim_sibling(reference)
    if sibling is None:
        return
    from slimify.transforms.slim.base import Ledger, RefusedError, images_of
    from slimify.transforms.slim.walk import Walk, chain_of

    span = stage.stage.base.span
    title = f"{reference} is not exchanged for {sibling}"
    try:
        images = images_of(reference)
        if images is None:
            about = describe(reference)
            release = f" in {about.release}" if about is not None and about.release else ""
            raise RefusedError(f"it is not known what the slim image lacks{release}")
        written = respell(stage.stage.image, reference, sibling)
        if written is None or _takes_anything(stage.stage.image):
            raise RefusedError("more than a version is in a variable, whose other values are not known")
        ledger = Ledger(images, stage.index, frozenset(one.index for one in chain_of(build, stage)))
        Walk(build, stage, ledger).run()
        yield _rewrite(build, stage, ledger, written)
    except RefusedError as refused:
        evidence = (Evidence(refused.reason, refused.span),) if refused.span is not None else ()
        where = " ({line 0})" if refused.span is not None else ""
        yield Finding(NAME, title, refused.reason + where, span, evidence=evidence)


def _takes_anything(literal: str) -> bool:
    """Whether the variables of a FROM may name an image, or a tag with more than a version in it."""
    head, _, tag = literal.rpartition("/")[2].partition(":")
    words = re.findall(r"\$\{?(\w+)", tag)
    return "$" in literal.removesuffix(tag) or any(_WIDE.search(word) for word in words) or (not tag and "$" in head)


def _rewrite(build: Build, stage: BuildStage, ledger: Ledger, written: str) -> Rewrite:
    from slimify.transforms.slim.base import RefusedError

    from slimify.knowledge.debian import closure_size, knows

    images = ledger.images
    names = _asked_for(ledger)
    missing = [ledger.missing[name] for name in names]
    for one in missing:
        if not knows(one.package, images.release):
            raise RefusedError(f"{one.what}, and {one.package} is not known in {images.release}", one.at.span)
    # What the full image has beforehand, and the stage asks for all the same, is installed now.
    anew = [name for name in sorted(ledger.anew) if knows(name, images.release)]
    added = closure_size([*names, *anew], images.release)
    if added is None:
        raise RefusedError(f"how large {', '.join(names) or 'what is installed'} would be is not known")
    saves = _saved(build.least, images, added, missing)
    edits = [Edit(stage.stage.base.words[0].span, written)]
    if missing:
        edits.append(_installing(build, stage, missing, min(ledger.place(one.at) for one in ledger.missing.values())))
    evidence = [Evidence(f"{one.what}: {one.package} is installed for it", one.at.span) for one in missing]
    evidence += ledger.notes.values()
    if missing and images.release not in images.full:
        evidence.append(Evidence(f"the tag names no release: {images.release} is that of today", stage.stage.base.span))
    extra = f" with {', '.join(names)}" if names else ""
    installed = " or is installed" if names else ""
    return Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"build on {images.slim}{extra}",
        reason=f"all that is used is in the slim image of the same release ({images.release}){installed}",
        edits=tuple(edits),
        evidence=tuple(evidence),
        saves=saves,
        keywords=frozenset({"FROM", "RUN"}) if missing else frozenset({"FROM"}),
    )


def _asked_for(ledger: Ledger) -> list[str]:
    """The packages to name: those that are missing, without what comes with another of them."""
    from slimify.knowledge.debian import closure

    names = sorted(ledger.missing)
    for name in tuple(names):
        others = [other for other in names if other != name]
        if any(name in (closure([other], ledger.images.release) or ()) for other in others):
            names = others
    return names


def _saved(least: Least, images: Images, added: int, missing: list[Missing]) -> int | None:
    from slimify.transforms.slim.base import RefusedError

    from slimify.knowledge.image_sizes import uncompressed_bytes

    full, slim = uncompressed_bytes(images.full), uncompressed_bytes(images.slim)
    if full is None or slim is None:
        if missing:
            raise RefusedError("how much it would save is not known")
        return None
    saved = full.bytes - slim.bytes - added
    if not least.pays(saved, full.bytes):
        raise RefusedError(f"it would save {max(saved, 0) // 1_000_000} MB only")
    return saved


def _installing(build: Build, stage: BuildStage, missing: list[Missing], first: tuple[int, int]) -> Edit:
    """Name the packages in the first install of the stage if that comes early enough, else in a RUN of their own."""
    names = " ".join(one.package for one in missing)
    for step in stage.steps:
        if step.keyword == "USER" or (step.index, 0) > first:
            break
        body = step.body if step.keyword == "RUN" else None
        if body is None or body.script.opaque:
            continue
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            action = verb(call) if call.program in ("apt-get", "apt") else None
            if action is None or action.name != "install" or call.nested or None in action.operands:
                continue
            inside = branches(body.script.body, call.command)
            if inside != () or call.has("-t", "--target-release", "-f", "--fix-broken", "--only-upgrade"):
                continue
            if (step.index, call.command.start) < first and call.words and action.operands:
                end = body.span(call.words[-1].end - 1, call.words[-1].end).end
                return Edit(Span(end, end), f" {names}")
    source = build.dockerfile.source
    end = stage.stage.base.span.end
    newline = source.newline_at(source.line_of(stage.stage.base.span.start))
    escape = stage.stage.base.escape
    lines = (
        f"RUN apt-get update {escape}",
        f"    && apt-get install -y --no-install-recommends {names} {escape}",
        "    && rm -rf /var/lib/apt/lists/*",
    )
    return Edit(Span(end, end), newline + newline.join(lines))
