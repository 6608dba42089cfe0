"""A proof in words: what was compared, and what was left out because a proof failed."""

from __future__ import annotations

from collections.abc import Sequence

from slimify.bot.figures import measurements
from slimify.bot.proposal import Fixed, ImageBuild
from slimify.bot.quoted import Quoted
from slimify.proof.prove import Proof
from slimify.proof.show_proof import aside, log_tail, seen_in_both, short, some
from slimify.report.common import count
from slimify.report.markdown_text import is_address

_TRIED, _DIFFERENCES, _LOG_LINES = 10, 5, 8


def checked(one: Fixed, proof: Proof, quoted: Quoted, heading: str, report_url: str | None) -> str:
    """What was built, compared and run, and what that came to."""
    lines = [f"{heading} How this was checked", "", _compared(proof, quoted) + _as_built(one.build, quoted)]
    points = [quoted.prose(f"seen in both: {text}") for text in (seen_in_both(proof) if proof.seen is not None else ())]
    points += [quoted.prose(note) for note in proof.notes]
    if proof.comparison is not None:
        points += [f"{title}: {quoted.code(some(names))}" for title, names in aside(proof.comparison)]
    points += _differences(proof, quoted)
    lines += ["", *(f"- {point}" for point in points)] if points else []
    if report_url is not None and is_address(report_url):
        lines += ["", f"[The whole proof, file by file]({report_url})"]
    return "\n".join(lines)


def _compared(proof: Proof, quoted: Quoted) -> str:
    if measurements(proof) is None:
        return f"Both versions were to be built and compared, which came to this: {proof.verdict.value}."
    first = (
        "Both versions were built without a cache, and the images compared: their configuration, the packages of "
        "each language, the application's files, and the libraries that its programs need. "
        "They hold the same program."
    )
    if proof.not_run:
        return f"{first} Not run: {quoted.prose(proof.not_run)}."
    return f"{first} Then both were run{'' if ran(proof) else ', which showed nothing to work'}."


def _as_built(build: ImageBuild, quoted: Quoted) -> str:
    parts = [f"the context {quoted.code(build.context or '.')}"]
    parts += [f"the target {quoted.code(build.target)}"] if build.target else []
    # Their values may be secrets.
    names = [name for name, _ in build.build_args]
    parts += [f"build arguments for {quoted.code(some(names))}"] if names else []
    source = f", as in {quoted.code(build.source)}" if build.source else ""
    return f" The builds had {', '.join(parts)}{source}."


def _differences(proof: Proof, quoted: Quoted) -> list[str]:
    found = [
        f"{quoted.code(one.what)}: {quoted.code(short(one.before))} became {quoted.code(short(one.after))}"
        for one in proof.differences[:_DIFFERENCES]
    ]
    more = len(proof.differences) - _DIFFERENCES
    return [*found, f"and {count(more, 'difference')} more"] if more > 0 else found


def dropped(tried: Sequence[tuple[str, Proof]], quoted: Quoted, heading: str) -> str:
    """The transforms that a proof left out, and what it found."""
    lines = [f"{heading} Tried, and left out again", ""]
    for transform, proof in tried[:_TRIED]:
        lines.append(f"- {quoted.code(transform)}: {proof.verdict.value}")
        lines += [f"  - {difference}" for difference in _differences(proof, quoted)]
        tail = log_tail(proof.failed)[-_LOG_LINES:] if proof.failed is not None else []
        lines += [f"  - {quoted.code(line)}" for line in tail if line.strip()]
    return "\n".join(lines)


def ran(proof: Proof | None) -> bool:
    """Whether both versions were run, and something was shown to work."""
    return proof is not None and proof.seen is not None and all(seen.shown for seen in proof.seen)
