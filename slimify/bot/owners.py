"""Whom CODEOWNERS names for the files of a proposal.

Source: GitHub documentation, "About code owners"; GitLab documentation, "Code Owners"; Forgejo documentation,
"Code owners".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from slimify.bot.reviewers import Reviewers, reviewers_of

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitea/CODEOWNERS", ".forgejo/CODEOWNERS", "CODEOWNERS")
PLACES_LAST = ("docs/CODEOWNERS",)
# GitHub reads no more than 3 MB; the patterns become regular expressions, and somebody may mean them to be slow.
_LARGEST = 256 * 1024
_MOST_STARS = 8
_LONGEST_LINE = 1000


def owners_of(paths: Iterable[str], read: Callable[[str], bytes | None]) -> Reviewers:
    """The people and teams that own any of these files. A file that makes no sense names nobody."""
    for place in (*PLACES, *PLACES_LAST):
        data = read(place)
        if data is not None:
            return _owners(paths, data) if len(data) <= _LARGEST else Reviewers()
    return Reviewers()


def _owners(paths: Iterable[str], data: bytes) -> Reviewers:
    from codeowners import CodeOwners

    lines = []
    for line in data.decode("utf-8", "replace").splitlines():
        pattern = line.split("#")[0]
        if len(pattern) <= _LONGEST_LINE and pattern.count("*") <= _MOST_STARS:
            # GitHub has no character classes and no exclusions here; in GitLab brackets begin a section.
            lines.append("" if pattern.startswith("!") or "[" in pattern else pattern)
    try:
        owners = CodeOwners("\n".join(lines))
    except (ValueError, re.error):
        return Reviewers()
    found = [name for path in paths for kind, name in owners.of(path) if kind != "EMAIL"]
    return reviewers_of(found)
