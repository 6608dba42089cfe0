"""One visit to one repository: read it, and settle each of its pull requests.

Nothing is remembered from one visit to the next, so that a visit that was cut short is simply made again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from slimify.bot.allowance import Allowance
from slimify.bot.builds.find import find_builds
from slimify.bot.commit_files import CommitFiles
from slimify.bot.forge import Forge, Repository
from slimify.bot.git import Clone, clone
from slimify.bot.git_errors import EmptyRepositoryError
from slimify.bot.git_extract import extract
from slimify.bot.git_process import Credentials, Limits
from slimify.bot.groups import PREFIX, Group, groups_of
from slimify.bot.names import is_branch, is_repository
from slimify.bot.prover import Prover
from slimify.bot.settings import Bot
from slimify.bot.settle import Event, Surroundings, settle
from slimify.bot.tree_config import TreeFinder
from slimify.config import FILE


class Visited(NamedTuple):
    """What came of a visit."""

    repository: str
    events: tuple[Event, ...]


class Visitor:
    """Visits repositories of one forge.

    `credentials` are for git. `allowance` says how many pull requests may still be opened. `say` gets lines for a log;
    `redact` takes secrets out of what is shown.
    """

    def __init__(
        self,
        forge: Forge,
        bot: Bot,
        credentials: Credentials | None,
        allowance: Allowance,
        now: Callable[[], datetime],
        say: Callable[[str], None],
        redact: Callable[[str], str],
    ) -> None:
        self.forge = forge
        self.bot = bot
        self._credentials = credentials
        self._allowance = allowance
        self._now = now
        self._say = say
        self._redact = redact

    def visit(self, name: str, again: bool = False) -> Visited:
        """Visit a repository. With `again` an earlier visit may have ended in the middle.

        Raises `ForgeError`, `GitError`, `ConfigError` and `ScheduleError`.
        """
        if not is_repository(name):
            return _skipped(name, "this is no name of a repository")
        repository = self.forge.repository(name)
        if why := self._unfit(repository):
            return _skipped(name, why)
        try:
            with self._cloned(repository, repository.default_branch) as commit:
                finder = TreeFinder(commit.read)
                base = finder.root.bot.base or repository.default_branch
                if base == commit.branch:
                    return self._inside(repository, commit, finder, again)
            if not is_branch(base) or base.startswith(PREFIX):
                return _skipped(name, f"{FILE} names a branch that can be none")
            with self._cloned(repository, base) as commit:
                return self._inside(repository, commit, TreeFinder(commit.read), again)
        except EmptyRepositoryError:
            return _skipped(name, "it is empty")

    def _unfit(self, repository: Repository) -> str:
        """Why there can be no pull request; empty if there can."""
        if repository.archived:
            return "it is archived"
        if repository.empty:
            return "it is empty"
        if repository.fork and not self.bot.forks:
            return "it is a fork"
        if not repository.can_push:
            return "the token may not push to it"
        return ""

    @contextmanager
    def _cloned(self, repository: Repository, branch: str) -> Iterator[Clone]:
        with tempfile.TemporaryDirectory(prefix="slimify-clone-", ignore_cleanup_errors=True) as work:
            folder = os.path.join(work, "clone")
            url, given = repository.clone_url, self._credentials
            with clone(url, folder, branch=branch or None, credentials=given, limits=Limits()) as commit:
                yield commit

    def _inside(self, repository: Repository, commit: Clone, finder: TreeFinder, again: bool) -> Visited:
        me = self.forge.me()
        files, manners = CommitFiles(commit), finder.root.bot
        found = find_builds(files, finder.if_readable)
        for problem in found.problems:
            self._say(f"{problem.path}:{problem.line}: {problem.why}")
        groups = groups_of(found.dockerfiles, manners)
        with Prover(lambda folder: extract(commit, folder), self.bot.prove, self._say) as prover:
            around = Surroundings(
                forge=self.forge,
                bot=self.bot,
                me=me,
                repository=repository,
                commit=commit,
                files=files,
                finder=finder,
                manners=manners,
                prove=prover if self.bot.prove.enabled else None,
                allowance=self._allowance,
                now=self._now,
                say=self._say,
                redact=self._redact,
                again=again,
            )
            events = [settle(around, group, "there is nothing to improve") for group in groups]
            wanted = {group.branch for group in groups}
            why = "there is no such Dockerfile any more" if manners.enabled else f"{FILE} says that there is to be none"
            for pull in self.forge.open_from(repository.name, PREFIX):
                if pull.head not in wanted and pull.author == me:
                    events.append(settle(around, Group(pull.head, ()), why))
        if not events:
            events.append(Event("left", "it has no Dockerfile" if manners.enabled else why))
        return Visited(repository.name, tuple(events))


def _skipped(name: str, why: str) -> Visited:
    return Visited(name, (Event("skipped", why),))
