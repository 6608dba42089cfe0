"""What is asked of every install from a lock file before its development dependencies are left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from slimify.transforms.production.evidence import MissingEvidence
from slimify.transforms.production.installs import Install, in_environment, stands_plainly, undecided

from slimify.knowledge.production import facts
from slimify.rewrite.edit import Rewrite
from slimify.semantics.build import Build
from slimify.semantics.build_context import BuildContext


class Judge(ABC):
    """Decides about the installs of one manager in one stage. `facts` are what the proof rests on."""

    def __init__(self, build: Build, manager: str, installs: list[Install]) -> None:
        self.build = build
        self.manager = manager
        self.about: dict[str, Any] = facts()["manager"][manager]
        self.installs = installs
        self.first = installs[0].step
        self.facts: list[str] = []

    def rewrite(self) -> Rewrite:
        """The rewrite. Raises `MissingEvidence`."""
        undecided(self.installs, self.says)
        context = self.build.context
        if context is None:
            raise MissingEvidence("the build context is not known, so neither is what needs them")
        for install in self.installs:
            stands_plainly(install)
            self.plain(install)
        return self.proven(context)

    def says(self, install: Install) -> bool:
        """Whether the user has said which dependencies are wanted."""
        return in_environment(install, self.about["env"]) or install.call.has(*self.about["options"])

    @abstractmethod
    def plain(self, install: Install) -> None:
        """Raises `MissingEvidence` where the command says more than is known here."""

    @abstractmethod
    def proven(self, context: BuildContext) -> Rewrite:
        """The rewrite, if nothing needs what it leaves out. Raises `MissingEvidence`."""
