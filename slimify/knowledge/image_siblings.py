"""Which tag of the same image, or which other image, does the same with less in it.

A sibling is only ever named if it is known to exist, and known to stand on the same release of the
same distribution: what was compiled on the one then finds the C library of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from slimify.knowledge import packed
from slimify.knowledge.images import BASES, describe, facts, release_of, state
from slimify.knowledge.references import Reference, parse
from slimify.knowledge.releases import DEBIAN, distribution, release_in


def slim_sibling(reference: str) -> str | None:
    """The slim variant of the same image, version and release, spelled as the reference is.

    `python:3.11` gives `python:3.11-slim`, `node:20-bookworm` gives `node:20-bookworm-slim`. None where
    there is none, where the tag is slim already, and where either release is not known.
    """
    parsed = parse(reference)
    image = describe(reference)
    if parsed is None or image is None or parsed.name not in facts()["slim"]["images"]:
        return None
    if image.slim or image.distribution != "debian":
        return None
    candidates = list(_with_word(parsed.tag, "slim"))
    if parsed.tag == "latest" and parsed.name in facts()["latest"]:
        candidates = [facts()["latest"][parsed.name]]
    return _first(parsed, candidates)


def run_siblings(reference: str) -> tuple[str, ...]:
    """What the programs that an image builds can run on, the most capable first.

    A JDK has its JRE (same vendor, version and release; for Maven and Gradle, of the JDK that they
    stand on), .NET's SDK has `aspnet` and `runtime`, Swift its slim tag, CUDA's devel its runtime, and
    the compilers of Go, Rust and Haskell have the bare distribution of the same release. Empty where
    nothing is known.
    """
    parsed = parse(reference)
    if parsed is None:
        return ()
    about = facts()
    found: list[str | None] = []
    if parsed.name in about["flavours"]:
        found = [_flavour(parsed)]
    elif describe(reference) is None:
        return ()
    elif parsed.name in about["jre"]["images"]:
        found = [_first(parsed, _jre(parsed.tag))]
    elif parsed.name in about["on"]["images"]:
        found = [_jre_below(parsed)]
    elif parsed.name in about["compiler"]["images"]:
        found = [_bare(parsed)]
    elif parsed.name in about["swap"]:
        word = about["swap"][parsed.name]["insert"]
        found = [_first(parsed, _with_word(parsed.tag, word))] if word not in parsed.tag.split("-") else []
    elif parsed.name in about["dotnet"]:
        names = about["dotnet"][parsed.name]
        found = [_first(parsed, [parsed.tag, f"{parsed.tag}-slim"], name) for name in names]
    return tuple(one for one in found if one is not None)


def run_sibling(reference: str) -> str | None:
    """The first of `run_siblings`, None if there is none."""
    return next(iter(run_siblings(reference)), None)


def static_sibling(reference: str) -> str | None:
    """The distroless image for a statically linked program that a compiler's image makes.

    None for what is no compiler's image. The newest Debian where the image's own has none: nothing
    of it is linked to.
    """
    image = describe(reference)
    if image is None or image.kind == "windows" or image.name not in facts()["compiler"]["images"]:
        return None
    about = facts()["distroless"]
    number = DEBIAN.get(image.release or "", "")
    newest = list(about["images"].values())[-1][0]
    names = [one for some in about["images"].values() for one in some]
    own = f"static-debian{number}"
    return f"{about['prefix']}{own if own in names else newest}:latest"


def respell(literal: str, expanded: str, replacement: str) -> str | None:
    """The replacement for what is written in the file, its variables kept.

    `literal` is the text of the FROM, `expanded` what it stands for, and `replacement` what is to
    stand for it instead. Given `python:${V}`, `python:3.11` and `python:3.11-slim` it is
    `python:${V}-slim`. None where the replacement changes what a variable stands for. Whether other
    values of the variable have such a sibling is not looked at.
    """
    if "$" not in literal:
        return replacement if literal == expanded else None
    if re.search(r"[\\'\"\s]", literal):
        return None
    match = re.search(r"(?:\}|\$\w+)(?=[^$}]*$)", literal)
    if match is None:
        return None
    tail = literal[match.end() :]
    kept = expanded.removesuffix(tail)
    if kept + tail != expanded or not replacement.startswith(kept):
        return None
    new_tail = replacement[len(kept) :]
    if not match.group().endswith("}") and re.match(r"\w", new_tail):
        return None
    return literal[: match.end()] + new_tail


def _with_word(tag: str, word: str) -> Iterator[str]:
    """A tag with one more word, at every place it could stand."""
    words = tag.split("-") if tag != "latest" else []
    for place in range(len(words), -1, -1):
        yield "-".join([*words[:place], word, *words[place:]])


def _jre(tag: str) -> Iterator[str]:
    words = tag.split("-")
    places = [place for place, word in enumerate(words) if re.fullmatch(r"(?:jdk|sdk)\d*", word)]
    if any(re.fullmatch(r"jre\d*|headless", word) for word in words):
        return
    if not places:
        yield from _with_word(tag, "jre")
    for place in places:
        jre = re.sub(r"jdk|sdk", "jre", words[place])
        yield "-".join([*words[:place], jre, *words[place + 1 :]])


def _first(parsed: Reference, candidates: Iterator[str] | list[str], name: str = "") -> str | None:
    """The first candidate that exists, is as current as the original, and has the same known release."""
    name = name or parsed.name
    release, _ = release_of(parsed)
    if release is None or release == "windows":
        return None
    wanted = ("current",) if parsed.mirror or state(parsed.name, parsed.tag) == "current" else ("current", "historic")
    for tag in candidates:
        there = Reference(parsed.prefix, name, tag, parsed.mirror)
        if state(name, tag) in wanted and release_of(there)[0] == release:
            return there.with_tag(tag)
    return None


def _jre_below(parsed: Reference) -> str | None:
    base = parse((packed.table(BASES, parsed.name) or {}).get(parsed.tag, "@"))
    release, _ = release_of(parsed)
    if base is None or base.name not in facts()["jre"]["images"] or release is None:
        return None
    # The base was read on the day that the tag was last listed, the release is that of the tag now.
    stem = "-".join(word for word in base.tag.split("-") if not release_in(word))
    tags = [base.tag, stem, f"{stem}-{release}"]
    wanted = ("current",) if parsed.mirror or state(parsed.name, parsed.tag) == "current" else ("current", "historic")
    for tag in (jre for one in tags for jre in _jre(one)):
        there = Reference(parsed.prefix, base.name, tag, parsed.mirror)
        if state(base.name, tag) in wanted and release_of(there)[0] == release:
            return there.with_tag(tag)
    return None


def _bare(parsed: Reference) -> str | None:
    release, _ = release_of(parsed)
    family = distribution(release or "")
    if release is None or family not in ("debian", "alpine"):
        return None
    tag = f"{release}-slim" if family == "debian" else release.removeprefix("alpine")
    return _first(parsed, [tag], family)


def _flavour(parsed: Reference) -> str | None:
    flavour = facts()["flavours"][parsed.name]
    if not re.fullmatch(flavour["pattern"], parsed.tag):
        return None
    words = [flavour["to"] if word == flavour["from"] else word for word in parsed.tag.split("-")]
    return parsed.with_tag("-".join(words))
