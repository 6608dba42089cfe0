"""The transforms, in the order in which they run.

The order is the plan: first an update finds its install, then neighbours become one layer, then
each layer is cleaned, and last the instructions that shape the configuration are set right.
"""

from __future__ import annotations

from slimify.transforms.clean_package_cache import clean_package_cache
from slimify.transforms.drop_dead_instructions import drop_dead_instructions
from slimify.transforms.merge_runs import merge_runs
from slimify.transforms.modern_instructions import modern_instructions
from slimify.transforms.no_install_recommends import no_install_recommends
from slimify.transforms.pair_update_install import pair_update_install
from slimify.transforms.slim_base import slim_base

from slimify.rewrite.edit import Level
from slimify.rewrite.pipeline import Transform

PIPELINE: tuple[Transform, ...] = (
    Transform("slim-base", Level.STANDARD, "build on the slim variant of the same image", slim_base),
    Transform("pair-update-install", Level.SAFE, "put an index update where its install is", pair_update_install),
    Transform("merge-runs", Level.SAFE, "join adjacent RUNs where bytes are won", merge_runs),
    Transform("no-install-recommends", Level.AGGRESSIVE, "leave recommended packages out", no_install_recommends),
    Transform("clean-package-cache", Level.SAFE, "leave no package manager's cache in a layer", clean_package_cache),
    Transform(
        "drop-dead-instructions",
        Level.SAFE,
        "drop what a later instruction overrides",
        drop_dead_instructions,
    ),
    Transform(
        "modern-instructions",
        Level.SAFE,
        "write old instructions as they are written today",
        modern_instructions,
    ),
)
