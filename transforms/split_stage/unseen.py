"""Folders of the image that only the build works in: what it copies there, the application does not see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from slimify.transforms.split_stage.files import Files

from slimify.context.copies import USUAL_FOLDERS
from slimify.semantics.build import BuildStage

_SAID = frozenset(["CMD", "ENTRYPOINT", "ENV", "HEALTHCHECK", "VOLUME"])


def unseen(
    stage: BuildStage, files: Files, folders: Iterable[str], filled: Iterable[str], mentions: Callable[[str], bool]
) -> tuple[str, ...]:
    """Of the folders that the build works in, those that the application neither works in nor names.

    `filled` are those below them that the build fills, which the command line may name. `mentions` tells whether the
    sources have a path in them.
    """
    workdir = (stage.final_state.workdir or "/").rstrip("/") + "/"
    texts = [step.instruction.logical.text for step in stage.steps if step.keyword in _SAID]
    texts += [files.text(one.path) or "" for one in files.context.entries() if one.path.endswith(".sh")]
    known = sorted(filled, key=len, reverse=True)

    def named(folder: str) -> bool:
        below = "|".join(re.escape(one.removeprefix(folder)) for one in known if one.startswith(f"{folder}/"))
        path = re.compile(rf"{re.escape(folder)}(?![\w-])" + (rf"(?!(?:{below})(?:/|\b))" if below else ""))
        return any(map(path.search, texts)) or mentions(folder)

    return tuple(
        one
        for one in folders
        if one not in USUAL_FOLDERS
        and not f"{one}/".startswith(workdir)
        and not workdir.startswith(f"{one}/")
        and not named(one)
    )
