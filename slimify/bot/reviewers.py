"""Whom to ask for a review."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

# Login names of all three forges; a team has the name of its organisation in front.
_PERSON = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?", re.ASCII)
_MOST = 15


class Reviewers(NamedTuple):
    """Login names, and teams as `owner/team`."""

    people: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def without(self, login: str) -> Reviewers:
        """All but one person: nobody can be asked to review what is their own."""
        return self._replace(people=tuple(one for one in self.people if one.lower() != login.lower()))


def reviewers_of(names: Iterable[str]) -> Reviewers:
    """The names sorted into people and teams, each once, with or without an `@`. What can be no name is left out."""
    people: list[str] = []
    teams: list[str] = []
    for name in dict.fromkeys(one.removeprefix("@") for one in names):
        parts = name.split("/")
        if all(_PERSON.fullmatch(part) for part in parts):
            (people if len(parts) == 1 else teams).append(name)
    return Reviewers(tuple(people[:_MOST]), tuple(teams[:_MOST]))
