"""Where the files of an image come from, as far as they come from the build context."""

from __future__ import annotations

import posixpath

from slimify.transforms.split_stage.refused import Refused

from slimify.context.copies import Copied, copied
from slimify.semantics.build import Build, BuildStage, Step, mounts


class Files:
    """Where the files of the image come from, as far as they come from the build context."""

    def __init__(self, build: Build, stage: BuildStage) -> None:
        assert build.context is not None
        self.stage = stage
        self.taken: dict[int, Copied] = {}
        for step in stage.steps:
            if step.keyword in ("COPY", "ADD"):
                state = step.state._replace(workdir=step.state.workdir or "/")
                found = copied(step.instruction, state, build.context)
                if isinstance(found, str):
                    raise Refused(f"what is copied is not known: {found}", step.instruction.span)
                self.taken[step.index] = found

    def source(self, step: Step, place: str) -> tuple[str, int | None] | None:
        """The path in the context of a file in the image when a step runs, and the step that brings it."""
        for mount in mounts(step.instruction):
            target = posixpath.normpath(posixpath.join(step.state.workdir or "/", mount.target))
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
