"""A proof as text, as Markdown, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from slimify.proof.compare import Comparison
from slimify.proof.holdings import Holding
from slimify.proof.plain import code, plain
from slimify.proof.prove import Measured, Proof
from slimify.proof.show_layers import size_text
from slimify.report.markdown_text import prose

_LONGEST = 300
_LINES = 20
_NAMES = 8
# Below, a kind of file is not worth a word.
_LEAST = 100_000


def as_text(proof: Proof, name: str) -> str:
    """For people at a terminal."""
    return "\n".join(plain(line) for line in _lines(proof, name)) + "\n"


def as_markdown(proof: Proof, name: str) -> str:
    """For a pull request: a table, and what differs below it."""
    return "\n".join(_markdown(proof, name)) + "\n"


def _markdown(proof: Proof, name: str) -> Iterator[str]:
    yield from (f"**{prose(name)}: {proof.verdict.value}**", "")
    if proof.after is not None and proof.after.built.ok:
        yield from ("| | before | after | |", "| --- | ---: | ---: | ---: |")
        for what, old, new, change in rows(proof.before, proof.after):
            yield f"| {what} | {old} | {new} | {change} |"
    if proof.failed is not None:
        # Indented by four, so that nothing in a log ends the block.
        yield from (f"    {plain(line)}" for line in log_tail(proof.failed))
    if proof.not_run:
        yield from ("", f"Not run: {prose(proof.not_run)}.", "")
    if proof.comparison is not None:
        gone = [f"{size_text(size)} of {kind.title}" for kind, size in large(proof.comparison)]
        told = [("gone", gone)] if gone else []
        told += [(title, [code(one) for one in names]) for title, names in aside(proof.comparison)]
        yield from ["", *(f"- {title}: {some(names)}" for title, names in told), ""] if told else []
    yield from (f"- {code(one)}" for one in proof.notes)
    for one in proof.differences[:_LINES]:
        yield f"- {code(one.what)}: {code(short(one.before))} → {code(short(one.after))}"
    if len(proof.differences) > _LINES:
        yield f"- and {len(proof.differences) - _LINES} more"


def as_data(proof: Proof, name: str) -> dict[str, Any]:
    """For programs. Sizes are in bytes, times in seconds."""
    found = proof.comparison
    return {
        "name": name,
        "verdict": proof.verdict.name.lower().replace("_", "-"),
        "before": _measured(proof.before),
        "after": None if proof.after is None else _measured(proof.after),
        "differences": [one._asdict() for one in proof.differences],
        "left_out": [] if found is None else list(found.left_out),
        "gone": [] if found is None else [{"what": kind.title, "bytes": size} for kind, size in found.gone],
        "unsteady": [] if found is None else list(found.unsteady),
        "system_packages": [] if found is None else list(found.system),
        "changes": [
            {
                "transform": one.rewrite.transform,
                "line": one.line,
                "title": one.rewrite.title,
                "reason": one.rewrite.reason,
            }
            for one in proof.changes
        ],
        "not_run": proof.not_run or None,
        "log": None if proof.failed is None else list(log_tail(proof.failed)),
        "notes": list(proof.notes),
        "seen": None if proof.seen is None else [one._asdict() for one in proof.seen],
    }


def _measured(one: Measured) -> dict[str, Any]:
    return {
        "built": one.built.ok,
        "seconds": round(one.built.seconds, 2),
        "bytes": one.size,
        "compressed_bytes": one.compressed,
        "layers": one.layers,
        "context_bytes": one.context,
        "rebuild_seconds": {what: round(seconds, 2) for what, seconds in one.rebuilds.items()},
    }


def rows(old: Measured, new: Measured) -> Iterator[tuple[str, str, str, str]]:
    """The figures: what is measured, before, after, and the change."""
    yield "image", size_text(old.size), size_text(new.size), percent(old.size, new.size)
    if old.compressed is not None and new.compressed is not None:
        change = percent(old.compressed, new.compressed)
        yield "image, compressed", size_text(old.compressed), size_text(new.compressed), change
    yield "layers", str(old.layers), str(new.layers), ""
    yield "build context", size_text(old.context), size_text(new.context), percent(old.context, new.context)
    yield "build from nothing", _seconds(old.built.seconds), _seconds(new.built.seconds), ""
    for what in (one for one in old.rebuilds if one in new.rebuilds):
        yield f"build after {what} changed", _seconds(old.rebuilds[what]), _seconds(new.rebuilds[what]), ""


def _lines(proof: Proof, name: str) -> Iterator[str]:
    yield f"{name}: {proof.verdict.value}"
    if proof.failed is not None:
        yield from (f"  | {line}" for line in log_tail(proof.failed))
        return
    assert proof.after is not None
    for what, old, new, change in rows(proof.before, proof.after):
        yield f"  {what:<30} {old:>10} {new:>10} {change:>7}".rstrip()
    for one in proof.differences:
        yield f"  different: {one.what}"
        yield from _indented("before: ", short(one.before))
        yield from _indented("after:  ", short(one.after))
    if proof.not_run:
        yield f"  not run: {proof.not_run}"
    yield from (f"  {one}" for one in proof.notes)
    if proof.comparison is None:
        return
    for kind, size in large(proof.comparison):
        yield f"  {size_text(size):>10} less of {kind.title}"
    for title, names in aside(proof.comparison):
        yield f"  {title}: {some(names)}"
    if proof.seen is not None:
        yield from (f"  seen in both: {one}" for one in seen_in_both(proof))


def log_tail(failed: Measured) -> list[str]:
    """The last lines of what a build said."""
    return failed.built.log.splitlines()[-_LINES:]


def large(found: Comparison) -> list[tuple[Holding, int]]:
    """What is gone, by kind, as far as it is worth a word."""
    return [(kind, size) for kind, size in found.gone if size >= _LEAST]


def aside(found: Comparison) -> Iterator[tuple[str, list[str]]]:
    """What is no difference and should be known: what it is, and its names."""
    for title, names in (
        ("left out on purpose", [f"/{path}" for path in found.left_out]),
        ("packages of the distribution that are gone", [one for one in found.system if not one.startswith("+")]),
        ("packages of the distribution that are new", [one[1:] for one in found.system if one.startswith("+")]),
        ("differs from build to build", list(found.unsteady)),
    ):
        if names:
            yield title, names


def some(names: Sequence[str]) -> str:
    """The first of many names, and how many there are beside them."""
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def _indented(label: str, value: str) -> Iterator[str]:
    """A value of several lines, none of which can be taken for a line of the report."""
    for number, line in enumerate(value.split("\n")):
        yield f"    {label if number == 0 else ' ' * len(label)}{line}"


def seen_in_both(proof: Proof) -> Iterator[str]:
    """What was the same when both ran."""
    assert proof.seen is not None
    old, new = proof.seen
    for key in old.answers:
        if old.answers[key] == new.answers.get(key):
            yield f"the answer of {key}: {(old.answers[key].splitlines() or [''])[0]}"
    if old.exit is not None and old.exit == new.exit:
        yield f"it ends with status {old.exit}"
    if old.exit is None and new.exit is None:
        yield "it runs on"
    if old.health is not None and old.health == new.health:
        yield f"the health check ends with status {old.health}"


def short(value: str | None) -> str:
    """A value of a difference, not longer than anybody reads."""
    if value is None:
        return "nothing"
    return value if len(value) <= _LONGEST else value[:_LONGEST] + " …"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def percent(old: int, new: int) -> str:
    """By how much something grew or shrank."""
    whole = round(100 * (new - old) / old) if old else 0
    return "" if not old else f"{whole:+d} %" if whole else "0 %"
