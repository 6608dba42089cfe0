"""What the bot has to propose to one repository, before any forge is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple

from slimify.rewrite.outcome import Outcome

if TYPE_CHECKING:
    from slimify.proof.prove import Proof


class ImageBuild(NamedTuple):
    """How a repository builds an image. Paths start from its root; the root itself is the empty string.

    `build_args` without a value are taken from the environment of the build, or computed by it. `source` says where
    that stands, such as `compose.yaml:12`; empty for a Dockerfile that was only found. `contexts` are the additional
    ones by name: a path, or as written what is none. `uncertain` says why it is not sure that this is how it is built,
    and is empty if it is; where it is not, only what is safe without knowing the context may be done.
    """

    dockerfile: str
    context: str
    target: str | None = None
    build_args: tuple[tuple[str, str | None], ...] = ()
    source: str = ""
    contexts: tuple[tuple[str, str], ...] = ()
    uncertain: str = ""


class FileChange(NamedTuple):
    """A file of the repository before and after; `before` is None for a new one. `mode` as git has it."""

    path: str
    before: bytes | None
    after: bytes
    mode: str = "100644"


class Fixed(NamedTuple):
    """One Dockerfile that was rewritten. Paths in `outcome` start from the root of the repository.

    `dropped` are transforms that a proof left out, each with its proof. `again` makes the rewrite with only some of its
    transforms, and everything else alike.
    """

    build: ImageBuild
    outcome: Outcome
    proof: Proof | None = None
    dropped: tuple[tuple[str, Proof], ...] = ()
    again: Callable[[Collection[str]], Outcome] | None = None


class Proposal(NamedTuple):
    """All that one pull request is about.

    `unread` says by path why nothing could be made of a Dockerfile, which may be another time; `declined` of which ones
    there is nothing that nobody has refused.
    """

    fixed: tuple[Fixed, ...]
    files: tuple[FileChange, ...]
    unread: tuple[tuple[str, str], ...] = ()
    declined: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Names the contents before and after, and nothing else: the same proposal has the same one, at any commit."""
        whole = hashlib.sha256()
        for file in sorted(self.files):
            for part in (file.path.encode("utf-8", "surrogateescape"), file.before or b"", file.after):
                whole.update(hashlib.sha256(part).digest())
        return whole.hexdigest()[:32]

    @property
    def changes(self) -> frozenset[str]:
        """Names each single change by its file, transform and title, so that one that was refused is known again."""
        return frozenset(
            change_name(one.build.dockerfile, change.rewrite.transform, change.rewrite.title)
            for one in self.fixed
            for change in one.outcome.changes
        )


def change_name(dockerfile: str, transform: str, title: str) -> str:
    """The name of a change, short enough for a marker in a pull request's text."""
    text = "\0".join((dockerfile, transform, title))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]
