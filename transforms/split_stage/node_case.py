"""What is known of a Node stage that is to be split, and what is decided."""

from __future__ import annotations

from typing import NamedTuple

from slimify.transforms.split_stage.node_built import Built
from slimify.transforms.split_stage.node_project import Needs, Project
from slimify.transforms.split_stage.node_runs import Task, What
from slimify.transforms.split_stage.node_start import Start
from slimify.transforms.split_stage.node_system import Tools
from slimify.transforms.split_stage.runs import Run

from slimify.knowledge.images import Image
from slimify.semantics.build import Build, BuildStage


class Case(NamedTuple):
    """What is known of the one stage before it is decided what ships. `globals` are installs for all projects."""

    build: Build
    stage: BuildStage
    image: Image
    runs: dict[int, Run]
    moving: list[Run]
    tasks: list[Task]
    tools: Tools

    def of(self, what: What) -> list[Task]:
        return [one for one in self.tasks if one.what is what]


class Decision(NamedTuple):
    """What ships: on which base, without development dependencies or without any packages, and why.

    `page` says that one output is all that ships, `prune` is the command that removes development dependencies, and
    `lean` says that the user removes them, in a layer above the one that has them.
    """

    target: str
    project: Project
    built: Built
    start: Start
    needs: Needs
    page: bool
    prune: str
    lean: bool
    facts: tuple[str, ...]
