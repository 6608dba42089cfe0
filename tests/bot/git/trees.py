"""A folder of a commit as a build context, as a proposal looks at it."""

from __future__ import annotations

from slimify.bot.builds.repository import FolderContext, Repository
from slimify.bot.commit_files import CommitFiles
from slimify.bot.git import Clone


def tree_of(clone: Clone, folder: str, dockerfile: str | None = None) -> FolderContext:
    return FolderContext(Repository(CommitFiles(clone)), folder, dockerfile)


def resolve(clone: Clone, path: str) -> str | None:
    """The file that a path leads to."""
    return Repository(CommitFiles(clone)).real(path)
