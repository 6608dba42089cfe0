"""A proof as text, as Markdown, and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slimify.proof.prove import Measured, Proof, Verdict
from slimify.proof.show_layers import size_text

_LONGEST = 300
_LINES = 20


def as_text(proof: Proof, name: str) -> str:
    """For people at a terminal."""
    return "\n".join(_lines(proof, name)) + "\n"


def as_markdown(proof: Proof, name: str) -> str:
    """For a pull request: a table, and what differs below it."""
    lines = [f"**{name}: {proof.verdict.value}**", ""]
    if proof.after is not None and proof.after.built.ok:
        lines += ["| | before | after | |", "| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {what} | {old} | {new} | {change} |" for what, old, new, change in rows(proof.before, proof.after)
        ]
    if proof.not_run:
        lines += ["", f"Not run: {proof.not_run}.", ""]
    lines += [f"- {_code(one)}" for one in proof.notes]
    for one in proof.differences[:_LINES]:
        lines.append(f"- {_code(one.what)}: {_code(short(one.before))} → {_code(short(one.after))}")
    return "\n".join(lines) + "\n"


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
    failed = proof.after if proof.verdict is Verdict.NOT_BUILT else proof.before
    if proof.verdict in (Verdict.NOT_BUILT, Verdict.NEVER_BUILT) and failed is not None:
        yield from (f"  | {line}" for line in failed.built.log.splitlines()[-_LINES:])
        return
    assert proof.after is not None
    for what, old, new, change in rows(proof.before, proof.after):
        yield f"  {what:<30} {old:>10} {new:>10} {change:>7}".rstrip()
    for one in proof.differences:
        yield f"  different: {one.what}"
        yield f"    before: {short(one.before)}"
        yield f"    after:  {short(one.after)}"
    if proof.not_run:
        yield f"  not run: {proof.not_run}"
    yield from (f"  {one}" for one in proof.notes)
    if proof.comparison is None:
        return
    for kind, size in proof.comparison.gone:
        if size >= 100_000:
            yield f"  {size_text(size):>10} less of {kind.title}"
    if proof.comparison.left_out:
        first = ", ".join(f"/{path}" for path in proof.comparison.left_out[:3])
        count = len(proof.comparison.left_out)
        yield f"  left out on purpose: {first}" + (f" and {count - 3} more" if count > 3 else "")
    if proof.comparison.unsteady:
        first = ", ".join(proof.comparison.unsteady[:3])
        count = len(proof.comparison.unsteady)
        yield f"  differs from build to build: {first}" + (f" and {count - 3} more" if count > 3 else "")
    if proof.seen is not None:
        yield from (f"  seen in both: {one}" for one in seen_in_both(proof))


def seen_in_both(proof: Proof) -> Iterator[str]:
    """What was the same when both ran."""
    assert proof.seen is not None
    old, new = proof.seen
    for key in old.answers:
        if old.answers[key] == new.answers.get(key):
            yield f"the answer of {key}: {old.answers[key].splitlines()[0]}"
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


def _code(text: str) -> str:
    """A text that nothing in it leaves: paths and logs are not ours."""
    return f"`{' '.join(text.split()).replace('`', chr(39)) or ' '}`"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def percent(old: int, new: int) -> str:
    """By how much something grew or shrank."""
    whole = round(100 * (new - old) / old) if old else 0
    return "" if not old else f"{whole:+d} %" if whole else "0 %"
