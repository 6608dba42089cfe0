"""The transforms, in the order in which they run.

The order is the plan: first an update finds its install; then the stages get their shape and their
bases, and the instructions their places; then neighbours become one layer, and each layer is
cleaned; last come the instructions that shape the configuration, the build context, and the layout.
"""

from __future__ import annotations

from slimify.transforms.cache_mounts import cache_mounts
from slimify.transforms.clean_package_cache import clean_package_cache
from slimify.transforms.copy_chown import copy_chown
from slimify.transforms.delete_in_layer import delete_in_layer
from slimify.transforms.dockerignore import dockerignore
from slimify.transforms.drop_build_deps import drop_build_deps
from slimify.transforms.drop_dead_instructions import drop_dead_instructions
from slimify.transforms.layout import layout
from slimify.transforms.merge_runs import merge_runs
from slimify.transforms.modern_instructions import modern_instructions
from slimify.transforms.no_install_recommends import no_install_recommends
from slimify.transforms.order_for_cache import order_for_cache
from slimify.transforms.pair_update_install import pair_update_install
from slimify.transforms.production_dependencies import production_dependencies
from slimify.transforms.slim_base import slim_base
from slimify.transforms.split_stage.transform import split_stage

from slimify.rewrite.edit import Level
from slimify.rewrite.pipeline import Transform

PIPELINE: tuple[Transform, ...] = (
    Transform("pair-update-install", Level.SAFE, "put an index update where its install is", pair_update_install),
    Transform("split-stage", Level.STANDARD, "build in one stage and ship another", split_stage),
    Transform("slim-base", Level.STANDARD, "build on the slim variant of the same image", slim_base),
    Transform("order-for-cache", Level.STANDARD, "install packages before the sources are copied", order_for_cache),
    Transform("copy-chown", Level.STANDARD, "give files their owner when they are copied", copy_chown),
    Transform("merge-runs", Level.SAFE, "join adjacent RUNs where bytes are won", merge_runs),
    Transform(
        "drop-build-deps",
        Level.STANDARD,
        "remove build dependencies in the layer that they are installed in",
        drop_build_deps,
    ),
    Transform(
        "delete-in-layer", Level.STANDARD, "remove archives in the layer that they are unpacked in", delete_in_layer
    ),
    Transform("no-install-recommends", Level.AGGRESSIVE, "leave recommended packages out", no_install_recommends),
    Transform(
        "production-dependencies",
        Level.STANDARD,
        "leave development dependencies out of what ships",
        production_dependencies,
    ),
    Transform(
        "cache-mounts",
        Level.STANDARD,
        "mount package managers' caches from the builder (on request)",
        cache_mounts,
        request="cache_mounts",
    ),
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
    Transform("dockerignore", Level.STANDARD, "keep out of the context what no image wants", dockerignore),
    Transform("layout", Level.SAFE, "one command on a line, at one indent (on request)", layout, request="layout"),
)
