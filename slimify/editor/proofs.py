"""What the last proof has measured of a document, for hovers."""

from __future__ import annotations

from slimify.proof.remembered import Remembered, recall
from slimify.report.common import human_size
from slimify.semantics.build import Build, BuildStage
from slimify.syntax.dockerfile import Instruction
from slimify.syntax.source import Span

# What makes a layer whenever it is there; a WORKDIR does so only if it makes its folder.
_LAYERS = ("RUN", "COPY", "ADD")


def proven_text(build: Build, text: str, one: Instruction) -> str:
    """What is known of an instruction from the last proof of exactly this text, as Markdown; empty if nothing is."""
    found = recall(text)
    if found is None:
        return ""
    last = build.stages[build.target if build.target is not None else -1]
    if one is last.stage.base:
        than = ""
        if found.other is not None and found.other != found.size:
            word = "the same program" if found.same else "what was not the same program"
            than = f"; as {word} it had {human_size(found.other)}"
        return f"**{human_size(found.size)}** has the image, by the proof of {found.day}{than}"
    sizes = _sizes(last, found)
    return f"**{human_size(sizes[one.span])}** in its layer, by the proof of {found.day}" if one.span in sizes else ""


def _sizes(last: BuildStage, found: Remembered) -> dict[Span, int]:
    """The bytes of each instruction of the last stage: its layers are those on top, in the order of the file."""
    layers = list(found.layers)
    sizes: dict[Span, int] = {}
    for step in reversed(last.steps):
        if step.keyword not in (*_LAYERS, "WORKDIR"):
            continue
        if layers and layers[-1][0] == step.keyword:
            sizes[step.instruction.span] = layers.pop()[1]
        elif step.keyword != "WORKDIR":
            return {}  # another builder, which records something else
    return sizes
