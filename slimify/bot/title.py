"""The title of a pull request and the message of its commit: the effect first, and no word of anybody else.

A title and a message cannot hold code, so that nothing could keep a word of a Dockerfile from being a mention, a
reference or a command (GitHub docs, "Autolinked references"; GitLab docs, "GitLab-specific references"). What is not
slimify's own is let through only where it is plain.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from slimify.bot.figures import Figures, estimated_size, figures_in_all
from slimify.bot.proposal import Fixed, Proposal
from slimify.bot.quoted import by_looks
from slimify.report.common import changes_in_order, count, human_size, lines_of, one_line
from slimify.report.markdown_text import RISKY

LONGEST = 72
"""Where git's own tools and the forges begin to cut a subject (git-commit(1), "Discussion")."""

PROPOSAL = "Slimify-Proposal"
BASE = "Slimify-Base"

# Below, a size is no reason to read on.
_LEAST = 1_000_000
_MOST_LINES = 100

# What each transform comes to, the one that wins most first.
EFFECTS = {
    "split-stage": "Leave the build tools out of the image",
    "slim-base": "Build on a slim base image",
    "production-dependencies": "Leave development dependencies out of the image",
    "drop-build-deps": "Leave build dependencies out of the image",
    "no-install-recommends": "Leave recommended packages out of the image",
    "clean-package-cache": "Leave no package caches in the image",
    "cache-mounts": "Keep package caches in the builder, not in the image",
    "delete-in-layer": "Leave no unpacked archives in the image",
    "copy-chown": "Store files once, with their owner",
    "merge-runs": "Join layers that hide each other's files",
    "order-for-cache": "Install packages before the sources are copied",
    "dockerignore": "Send less to the builder",
    "pair-update-install": "Update package lists where packages are installed",
    "drop-dead-instructions": "Drop instructions that a later one overrides",
    "modern-instructions": "Write old instructions as they are written today",
    "layout": "Lay out commands one on a line",
}
_UNKNOWN = "Improve the Dockerfile"

# A word that no forge, no CI system ("[skip ci]") and no shell of a hook makes anything of.
_PLAIN_WORD = re.compile(r"[\w.,:;/=+()'-]+", re.ASCII)
_PLAIN_PATH = re.compile(r"\.?\w[\w.-]*(?:/\.?\w[\w.-]*)*", re.ASCII)


def title_of(proposal: Proposal) -> str:
    """What the proposal does to the image: measured, estimated and then said so, or in words."""
    fixed = proposal.fixed
    found = figures_in_all(fixed)
    for what in _images(fixed):
        title = _with_figures(what, found) or _in_words(fixed)
        if len(title) <= LONGEST:
            return title
    raise AssertionError("the last name of an image is a short one")


def _with_figures(what: str, found: Figures) -> str:
    if found.saved is None or found.saved < _LEAST:
        return ""
    if found.measured is None:
        return f"Make {what} about {estimated_size(found.saved)} smaller (estimated)"
    old, new = found.measured
    return f"Make {what} {human_size(found.saved)} smaller ({human_size(old)} → {human_size(new)})"


def _images(fixed: tuple[Fixed, ...]) -> Iterator[str]:
    """Names of what gets smaller, the most telling first and the last one short."""
    if len(fixed) > 1:
        yield f"{len(fixed)} images"
        return
    for one in fixed:
        path = one.build.dockerfile
        name = path.removesuffix("/Dockerfile")
        if path != "Dockerfile" and _PLAIN_PATH.fullmatch(name) and not RISKY.search(name):
            yield f"the image of {name}"
    yield "the image"


def _in_words(fixed: tuple[Fixed, ...]) -> str:
    made = {change.rewrite.transform for one in fixed for change in one.outcome.changes}
    effect = next((effect for name, effect in EFFECTS.items() if name in made), _UNKNOWN)
    return effect if len(fixed) < 2 else f"{effect} ({len(fixed)} Dockerfiles)"


def strength(transform: str) -> int:
    """The rank of a transform by what it wins, from 0."""
    names = list(EFFECTS)
    return names.index(transform) if transform in names else len(names)


# --- the commit ---


def commit_message(proposal: Proposal, fingerprint: str, base: str) -> str:
    """The message of the commit: the title, a line for each change, and what the bot knows its own commit by.

    `fingerprint` is the proposal's, `base` the commit that it was made for. The trailers are as
    git-interpret-trailers(1) reads them. Raises `ValueError` for values that are no hexadecimal digits.
    """
    for value in (fingerprint, base):
        if not re.fullmatch(r"[0-9a-f]+", value):
            raise ValueError(f"no hash: {value!r}")
    lines = list(_change_lines(proposal))
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"- and {count(len(lines) - _MOST_LINES, 'line')} more"]
    body = "\n".join(lines)
    trailers = f"{PROPOSAL}: {fingerprint}\n{BASE}: {base}\n"
    return "\n\n".join(part for part in (title_of(proposal), body, trailers) if part)


def _change_lines(proposal: Proposal) -> Iterator[str]:
    several = len(proposal.fixed) > 1
    for one in proposal.fixed:
        if several:
            yield _wrapped(f"{_words(one.build.dockerfile)}:")
        told: set[str] = set()
        for change in changes_in_order(one.outcome):
            where = f"line{'s' if change.line != change.end_line else ''} {lines_of(change.line, change.end_line)}"
            line = f"- {_words(change.rewrite.transform)}: {_words(change.rewrite.title)} ({where})"
            if line not in told:
                told.add(line)
                yield _wrapped(line)


def _wrapped(line: str) -> str:
    """Lines of at most 72 characters, the later ones indented, so that none of them can be a trailer."""
    wrapped = textwrap.wrap(line, LONGEST, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(wrapped)


def _words(text: str) -> str:
    """The text with a mark for each word that is not plain."""
    words = one_line(by_looks(text)).split(" ")
    return " ".join(word if _PLAIN_WORD.fullmatch(word) and not _acts(word) else "…" for word in words if word)


def _acts(word: str) -> bool:
    # The colon in the name of an image begins an address in Markdown, and nothing in a commit.
    return any(RISKY.search(part) for part in (word.split(":") if word.count(":") == 1 else [word]))


def trailers_of(message: str) -> dict[str, str]:
    """The trailers of the bot's own in a message; empty for a message of somebody else's.

    Only the last paragraph holds trailers (git-interpret-trailers(1)), and of one that is there twice none counts.
    """
    last = message.replace("\r\n", "\n").rstrip().rpartition("\n\n")[2]
    found: dict[str, str] = {}
    twice: set[str] = set()
    for line in last.split("\n"):
        match = re.fullmatch(rf"({PROPOSAL}|{BASE}): ([0-9a-f]{{1,64}})[ \t]*", line)
        if match:
            twice |= {match[1]} & found.keys()
            found[match[1]] = match[2]
    return {name: value for name, value in found.items() if name not in twice}
