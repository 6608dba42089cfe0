"""The base images that the applications name, and that the engine has them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from bench import bases
from bench.apps import App
from slimify.proof.engine import Engine
from slimify.semantics.build import analyse
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source


def names(text: str) -> Iterator[str]:
    """The images that a Dockerfile builds on."""
    for stage in analyse(parse(Source(text, "Dockerfile"))).stages:
        if stage.image and stage.image != "scratch":
            yield stage.image


def of(app: App) -> list[str]:
    """The images that an application needs in all its versions, besides those that a rewrite chooses."""
    return sorted({*names(app.naive), *names(app.expert)})


def inspect(engine: Engine, image: str) -> dict[str, Any] | None:
    """What the engine tells of an image; None if it has none of that name."""
    asked = subprocess.run([engine.program, "image", "inspect", image], capture_output=True, text=True)
    return json.loads(asked.stdout)[0] if asked.returncode == 0 else None


def provide(engine: Engine, images: list[str]) -> dict[str, int]:
    """Make what the engine does not have, and say how large each is. Raises `SystemExit` where that fails."""
    bases.make(images)
    found = {image: inspect(engine, image) for image in images}
    return {image: about["Size"] for image, about in found.items() if about is not None}
