"""The transforms, in the order in which they run."""

from __future__ import annotations

from slimify.rewrite.edit import Level
from slimify.rewrite.pipeline import Transform
from slimify.transforms.merge_runs import merge_runs

PIPELINE: tuple[Transform, ...] = (
    Transform("merge-runs", Level.SAFE, "join adjacent RUNs where bytes are won", merge_runs),
)
