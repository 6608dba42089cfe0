"""The figures of a pull request as tables: measured, or clearly estimated."""

from __future__ import annotations

from collections.abc import Sequence

from slimify.bot.figures import estimated_size, figures, measurements
from slimify.bot.proposal import Fixed
from slimify.bot.quoted import Quoted
from slimify.proof.show_layers import size_text
from slimify.proof.show_proof import large, percent, rows
from slimify.semantics.build import TargetError, analyse
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source

_HEAD = ["| | before | after | |", "| --- | ---: | ---: | ---: |"]
_ROWS, _KINDS = 40, 3
# What becomes a layer of the image.
_FILLS = frozenset(["RUN", "COPY", "ADD"])


def overview(fixed: Sequence[Fixed], quoted: Quoted) -> str:
    """One row for each Dockerfile."""
    lines = ["| Dockerfile | before | after | |", "| --- | ---: | ---: | ---: |"]
    for one in fixed[:_ROWS]:
        found = figures(one)
        if found.measured is not None:
            old, new = found.measured
            cells = [size_text(old), size_text(new), f"**{percent(old, new)}**"]
        else:
            cells = ["", "", f"about {estimated_size(found.saved)} less" if found.saved else ""]
        lines.append(f"| {quoted.cell(one.build.dockerfile)} | {' | '.join(cells)} |")
    if len(fixed) > _ROWS:
        lines.append(f"| and {len(fixed) - _ROWS} more | | | |")
    if any(figures(one).measured is None and figures(one).saved for one in fixed):
        lines += ["", "_What is told with “about” is an estimate: that image was not built._"]
    return "\n".join(lines)


def figures_of(one: Fixed) -> str:
    """What was measured, before and after, or what can be told without; empty if that is nothing."""
    found = measurements(one.proof)
    if found is None:
        return _estimates(one)
    lines = list(_HEAD)
    for what, old, new, change in rows(*found):
        strong = "**" if what == "image" else ""
        cells = [old, f"{strong}{new}{strong}", f"{strong}{change}{strong}" if change else ""]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    gone = large(one.proof.comparison) if one.proof and one.proof.comparison else []
    if gone:
        kinds = [f"{size_text(size)} of {kind.title}" for kind, size in gone[:_KINDS]]
        lines += ["", f"No longer in it: {', '.join(kinds)}{' and smaller things' if gone[_KINDS:] else ''}."]
    return "\n".join(lines)


def _estimates(one: Fixed) -> str:
    """What can be told of an image that nobody built."""
    saves = one.outcome.saves
    lines = [f"| image (estimated) | | | about {estimated_size(saves)} less |"] if saves else []
    layers = [own_layers(text, one.build.target) for text in (one.outcome.before, one.outcome.after)]
    if None not in layers and layers[0] != layers[1]:
        lines.append(f"| layers that the Dockerfile adds | {layers[0]} | {layers[1]} | |")
    if not lines:
        return ""
    return "\n".join([*_HEAD, *lines])


def own_layers(dockerfile: Source, target: str | None) -> int | None:
    """How many layers the RUNs, COPYs and ADDs of the stage that ships make, with those of the stages below it.

    None if the target is no stage.
    """
    try:
        build = analyse(parse(dockerfile), target=target)
    except TargetError:
        return None
    at = build.target if build.target is not None else len(build.stages) - 1
    layers = 0
    stage: int | None = at
    while stage is not None:
        layers += sum(step.keyword in _FILLS for step in build.stages[stage].steps)
        stage = build.stages[stage].parent
    return layers
