"""Where the engine finds the transforms: the project's own, then those of installed plug-ins."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slimify.rewrite.pipeline import Transform

GROUP = "slimify.transforms"


@functools.cache
def transforms() -> Sequence[Transform]:
    """The pipeline in its order. A plug-in's entry point names a `Transform`; it runs after our own."""
    from slimify.transforms import PIPELINE

    return (*PIPELINE, *_plugins())


def _plugins() -> list[Transform]:
    if not _any_plugin():
        return []
    from importlib.metadata import entry_points

    return [point.load() for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)]


def _any_plugin() -> bool:
    """Whether an installed package mentions our group. importlib.metadata alone would cost a third of a cold start."""
    import os

    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                try:
                    with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
                        if f"[{GROUP}]" in file.read():
                            return True
                except OSError:
                    continue
    return False
