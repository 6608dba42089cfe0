"""Where the files of an image come from, as far as they come from the build context."""

from __future__ import annotations

import posixpath

from slimify.transforms.split_stage.refused import Refused

from slimify.context.copies import Copied, copied
from slimify.knowledge.image_config import config
from slimify.semantics.build import Build, BuildStage, Step, mounts


class Files:
    """Where the files of the image come from, as far as they come from the build context.

    What is copied from another image is left out: it is for the pack that lets it pass.
    """

    def __init__(self, build: Build, stage: BuildStage) -> None:
        assert build.context is not None
        self.context = build.context
        self.stage = stage
        base = config(stage.image) if stage.image else None
        self._base = base.workdir if base is not None else "/"
        self.taken: dict[int, Copied] = {}
        for step in stage.steps:
            if step.keyword in ("COPY", "ADD") and not step.instruction.flag("from"):
                state = step.state._replace(workdir=self.folder(step))
                found = copied(step.instruction, state, build.context)
                if isinstance(found, str):
                    raise Refused(f"what is copied is not known: {found}", step.instruction.span)
                self.taken[step.index] = found

    def folder(self, step: Step | None) -> str:
        """The working directory when a step runs, or at the end."""
        state = self.stage.final_state if step is None else step.state
        before = self.stage.steps if step is None else self.stage.steps[: step.index]
        if state.workdir is None and any(one.keyword == "WORKDIR" for one in before):
            raise Refused("the working directory is not known", None if step is None else step.instruction.span)
        return posixpath.normpath(state.workdir or self._base)

    @property
    def placed(self) -> frozenset[str]:
        """The paths in the image of all files that are copied, as far as they are known."""
        return frozenset(image for taken in self.taken.values() for _, image in taken.files if image is not None)

    def source(self, step: Step, place: str) -> tuple[str, int | None] | None:
        """The path in the context of a file in the image when a step runs, and the step that brings it."""
        for mount in mounts(step.instruction):
            target = posixpath.normpath(posixpath.join(self.folder(step), mount.target))
            if mount.type == "bind" and not mount.source_stage and target == place:
                return posixpath.normpath(mount.source).lstrip("/"), None
            if mount.type not in ("bind", "cache") or mount.source_stage:
                raise Refused("a mount may bring anything", step.instruction.span)
        for index in sorted((at for at in self.taken if at < step.index), reverse=True):
            files = self.taken[index].files
            if any(image is None for _, image in files):
                raise Refused("where a file is copied to is not known", self.stage.steps[index].instruction.span)
            for origin, image in reversed(files):
                if image == place:
                    return origin, index
        return None

    def text(self, path: str, limit: int = 1 << 20) -> str | None:
        """What a file of the context says, None for one that is large or none that a person wrote."""
        entry = self.context.entry(path)
        if entry is None or entry.size > limit:
            return None
        text = self.context.text(path)
        return None if text is None or "\0" in text else text

    def at(self, step: Step, place: str) -> str | None:
        """The path in the context of a file that a COPY has brought to a place of the image when a step runs."""
        for index in sorted((at for at in self.taken if at < step.index), reverse=True):
            for origin, image in reversed(self.taken[index].files):
                if image is None:
                    raise Refused("where a file is copied to is not known", self.stage.steps[index].instruction.span)
                if image == place:
                    return origin
        return None

    def again(self, index: int, moving: set[int]) -> bool:
        """Whether a later COPY brings the same files to the same places, with nothing but settings in between."""
        wanted = {(origin, image) for origin, image in self.taken[index].files}
        steps = self.stage.steps
        if steps[index].instruction.flags:
            return False
        for at in range(index + 1, len(steps)):
            if at in self.taken and wanted <= set(self.taken[at].files):
                return True
            if steps[at].keyword == "USER" or (steps[at].keyword == "RUN" and at not in moving):
                return False
        return False
