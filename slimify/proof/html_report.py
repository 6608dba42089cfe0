"""A proof as a page: the figures, the pictures, what differs, what was changed and why, and what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimify.proof.html_elements import Child, Element, element, page
from slimify.proof.html_pictures import layer_bars, legend, treemap
from slimify.proof.image import Image
from slimify.proof.plain import plain
from slimify.proof.portions import bars, lost
from slimify.proof.prove import Proof
from slimify.proof.show_layers import size_text
from slimify.proof.show_proof import aside, percent, rows, seen_in_both, short
from slimify.rewrite.outcome import Change

_LONGEST_LOG = 20_000
_MOST = 200
_NUMBERS = "", "number", "number", "number"


def as_html(proof: Proof, name: str) -> str:
    """One file that can be sent on and kept: it loads nothing, and shows everything without a script."""
    return page(f"{name}: {proof.verdict.value}", *_parts(proof, name))


def _parts(proof: Proof, name: str) -> Iterator[Child]:
    yield element("h1", name)
    yield element("p", proof.verdict.value, class_=f"verdict {'good' if proof.ok else 'bad'}")
    if proof.failed is not None:
        yield from _section("The end of the build's log", element("pre", proof.failed.built.log[-_LONGEST_LOG:]))
        yield from _changes(proof.changes)
        return
    old, new = proof.before, proof.after
    assert new is not None
    assert old.image is not None
    assert new.image is not None
    yield element("p", f"{size_text(old.size)} → {size_text(new.size)}", class_="figure")
    yield element("p", percent(old.size, new.size), class_="faint")
    yield from _differences(proof)
    yield from _figures(proof)
    yield from _pictures(old.image, new.image)
    yield from _changes(proof.changes)
    yield from _aside(proof)
    yield from _seen(proof)


def _section(title: str, *children: Child) -> Iterator[Child]:
    yield element("h2", title)
    yield from children


def _table(head: tuple[str, ...], look: tuple[str, ...], lines: list[list[Child]]) -> Element:
    """A table, and for each column what it looks like."""
    return element(
        "table",
        element("thead", element("tr", *(element("th", one, class_=how) for one, how in zip(head, look, strict=True)))),
        element(
            "tbody",
            *(
                element("tr", *(element("td", cell, class_=how) for cell, how in zip(line, look, strict=True)))
                for line in lines
            ),
        ),
    )


def _figures(proof: Proof) -> Iterator[Child]:
    assert proof.after is not None
    lines: list[list[Child]] = [list(row) for row in rows(proof.before, proof.after)]
    yield from _section("Figures", _table(("", "before", "after", ""), _NUMBERS, lines))


def _differences(proof: Proof) -> Iterator[Child]:
    if not proof.differences:
        return
    lines: list[list[Child]] = [
        [element("code", one.what), element("pre", short(one.before)), element("pre", short(one.after))]
        for one in proof.differences[:_MOST]
    ]
    yield from _section("What differs", _table(("", "before", "after"), ("", "", ""), lines))
    if len(proof.differences) > _MOST:
        yield element("p", f"and {len(proof.differences) - _MOST} more", class_="faint")


def _pictures(before: Image, after: Image) -> Iterator[Child]:
    old, new = bars(before), bars(after)
    kinds = [what for bar in (*old, *new) for what, _ in bar.portions]
    titles = (f"before: {size_text(before.size)}", f"after: {size_text(after.size)}")
    yield from _section("Layers, by what they hold", legend(kinds), layer_bars([(titles[0], old), (titles[1], new)]))
    gone, fresh = lost(before, after)
    if not gone:
        return
    told = f"{size_text(sum(one.size for one in gone))} of what was there before."
    told += f" {size_text(fresh)} are new." if fresh else ""
    yield from _section("What went away", element("p", told), legend(one.kind for one in gone), treemap(gone))


def _changes(changes: tuple[Change, ...]) -> Iterator[Child]:
    if not changes:
        return
    lines: list[list[Child]] = []
    for one in changes:
        rewrite = one.rewrite
        evidence = [
            element("li", text.text + (f" (line {line})" if text.span is not None else ""), _link(text.source))
            for text, line in one.evidence
        ]
        why = element("div", rewrite.reason, element("ul", *evidence) if evidence else None)
        place = str(one.line) if one.line == one.end_line else f"{one.line}–{one.end_line}"
        lines.append([element("code", rewrite.transform), place, rewrite.title, why])
    head = "transform", "line", "change", "reason"
    yield from _section("What was changed, and why", _table(head, ("short", "short", "", ""), lines))


def _link(source: str) -> Child:
    """Where a fact is from; only an address on the web becomes a link."""
    if not source:
        return None
    if source.startswith("https://"):
        return element("span", " ", element("a", "source", href=source, rel="noopener noreferrer"))
    return element("span", f" ({source})", class_="faint")


def _aside(proof: Proof) -> Iterator[Child]:
    """What is no difference and should be known."""
    found = proof.comparison
    if found is None:
        return
    if found.gone:
        lines: list[list[Child]] = [[kind.title, size_text(size), kind.transform] for kind, size in found.gone]
        head = "files that are gone", "size", "what leaves them out"
        yield from _section("What is gone, by kind", _table(head, ("", "number", ""), lines))
    for title, names in aside(found):
        yield from _listed(title.capitalize(), names)


def _listed(title: str, names: Sequence[str]) -> Iterator[Child]:
    """Names, a line each; none can forge another one."""
    more = [f"and {len(names) - _MOST} more"] if len(names) > _MOST else []
    text = "\n".join([*(plain(name) for name in names[:_MOST]), *more])
    yield from _section(f"{title}: {len(names)}", element("pre", text))


def _seen(proof: Proof) -> Iterator[Child]:
    if proof.not_run:
        yield from _section("Not run", element("p", proof.not_run))
    if proof.notes:
        yield from _section("What to know", element("ul", *(element("li", plain(one)) for one in proof.notes)))
    if proof.seen is None:
        return
    yield from _section("Seen in both", element("ul", *(element("li", one) for one in seen_in_both(proof))))
    for title, seen in zip(("before", "after"), proof.seen, strict=True):
        if seen.log.strip():
            log = element("pre", seen.log[-_LONGEST_LOG:])
            yield element("details", element("summary", f"What it wrote, {title}"), log)
