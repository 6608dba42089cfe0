"""Which files a search for Dockerfiles finds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from slimify.config import Config

_EXACT = frozenset({"Dockerfile", "dockerfile", "Containerfile"})
_PREFIXES = ("Dockerfile.", "Containerfile.")
_SUFFIXES = (".Dockerfile", ".dockerfile", ".Containerfile", ".containerfile")
# What is named like a Dockerfile and is none: ignore lists, back-ups, and templates, which some
# other program reads first and whose RUNs may hold anything. Named on the command line, all are fixed.
_LEFT_OUT = """
    .dockerignore .containerignore .bak .orig .rej .swp ~
    .ejs .erb .gotmpl .hbs .in .j2 .jinja .jinja2 .m4 .mustache .template .tmpl .tpl
"""
_OTHERS = tuple(_LEFT_OUT.split())


def is_dockerfile(name: str) -> bool:
    """Whether a search takes a file of this name for a Dockerfile."""
    if name in _EXACT:
        return True
    if name.endswith(_OTHERS):
        return False
    return name.startswith(_PREFIXES) or (name.endswith(_SUFFIXES) and not name.startswith("."))


def find(folder: str, config_of: Callable[[str], Config], failed: Callable[[OSError], None]) -> Iterator[str]:
    """The Dockerfiles under `folder`, sorted, without what .gitignore files and the configuration exclude.

    `config_of` gives the configuration that holds in a folder; what it raises comes through. Folders
    that cannot be read are told to `failed`. Links to folders are not followed: what they lead to is
    in the tree anyway, or does not belong to it. The same goes for a link to a file elsewhere.
    """
    root = os.path.realpath(folder)
    ignores = _Ignores(root)
    for here, folders, names in os.walk(folder, onerror=failed):
        real = os.path.normpath(os.path.join(root, os.path.relpath(here, folder)))
        ignores.enter(real, names)
        candidates = sorted(name for name in names if is_dockerfile(name))
        excluded = ignores.with_config(config_of(here)) if candidates or folders else None
        folders[:] = sorted(
            name for name in folders if name != ".git" and not (excluded and excluded(os.path.join(real, name), True))
        )
        for name in candidates:
            path = os.path.join(here, name)
            if excluded and excluded(os.path.join(real, name), False):
                continue
            if os.path.islink(path) and not _inside(os.path.realpath(path), root):
                continue
            if os.path.isfile(path):
                yield os.path.normpath(path)


def unique(paths: Iterable[str]) -> list[str]:
    """The paths without those that lead to a file already named: two writers of one file are one too many."""
    seen: dict[str, str] = {}
    for path in paths:
        seen.setdefault(os.path.realpath(path), path)
    return list(seen.values())


def excluder(folder: str, patterns: Iterable[str]) -> Callable[[str, bool], bool] | None:
    """The test that says whether `exclude` patterns of a file in `folder` leave out a path, and whether it is a folder.

    Paths are absolute, of whatever tree. Folders above a path are to be asked about before it. None without patterns.
    """
    rules = _Rules(folder, _compile(patterns)) if patterns else None
    return None if rules is None else lambda path, is_folder: bool(_verdict(rules, path, is_folder))


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))


class _Rules(NamedTuple):
    """The patterns of one file, for what lies under `folder`: whether each leaves out, and what it matches."""

    folder: str
    patterns: tuple[tuple[bool, re.Pattern[str]], ...]


class _Ignores:
    """The .gitignore files that hold in the folder being visited, from the repository's root downwards."""

    def __init__(self, root: str) -> None:
        self._rules: list[_Rules] = []
        self._configs: dict[str | None, _Rules | None] = {None: None}
        for folder in reversed(_up_to_repository(root)):
            self._add(folder, os.path.join(folder, ".git", "info", "exclude"))
            if folder != root:
                self._add(folder, os.path.join(folder, ".gitignore"))
        if self._ignored(root, True):
            self._rules = []  # who names an ignored folder wants what is in it

    def enter(self, folder: str, names: list[str]) -> None:
        """Go to `folder`, which has these files. The walk is depth first: what it left does not return."""
        self._rules = [rules for rules in self._rules if _inside(folder, rules.folder)]
        if ".gitignore" in names:
            self._add(folder, os.path.join(folder, ".gitignore"))

    def with_config(self, config: Config) -> Callable[[str, bool], bool] | None:
        """The test that says whether a path (and whether it is a folder) is left out; None if nothing is."""
        if config.path not in self._configs:
            base = os.path.dirname(os.path.realpath(config.path or ""))
            self._configs[config.path] = _Rules(base, _compile(config.exclude)) if config.exclude else None
        own = self._configs[config.path]
        if own is None and not self._rules:
            return None

        def excluded(path: str, folder: bool) -> bool:
            return bool(own is not None and _verdict(own, path, folder)) or self._ignored(path, folder)

        return excluded

    def _ignored(self, path: str, folder: bool) -> bool:
        # The deepest file that has an opinion is right.
        for rules in reversed(self._rules):
            verdict = _verdict(rules, path, folder)
            if verdict is not None:
                return verdict
        return False

    def _add(self, folder: str, path: str) -> None:
        if not os.path.isfile(path):
            return  # a pipe among them: nobody would ever write to it
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().split("\n")
        except OSError:
            return
        if patterns := _compile(line for line in lines if line.strip() and not line.startswith("#")):
            self._rules.append(_Rules(folder, patterns))


def _up_to_repository(folder: str) -> list[str]:
    """`folder` and those above it up to the root of its repository; only itself if it is in none."""
    chain = [folder]
    while not os.path.exists(os.path.join(chain[-1], ".git")):
        parent = os.path.dirname(chain[-1])
        if parent == chain[-1]:
            return [folder]
        chain.append(parent)
    return chain


def _compile(lines: Iterable[str]) -> tuple[tuple[bool, re.Pattern[str]], ...]:
    from pathspec import GitIgnoreSpec, RegexPattern  # 26 ms that only those with an ignore file pay

    found: list[tuple[bool, re.Pattern[str]]] = []
    for line in lines:
        bare = line.rstrip()
        try:
            # What is in a folder, not the folder: pathspec takes `x/**` for both, and then `!x/y` finds nothing.
            spec = GitIgnoreSpec.from_lines([f"{bare}/*" if bare.endswith("/**") else line])
        except ValueError:
            continue  # as git does with what is no pattern
        for pattern in spec.patterns:
            if pattern.include is not None and isinstance(pattern, RegexPattern) and pattern.regex is not None:
                found.append((pattern.include, pattern.regex))
    return tuple(found)


def _verdict(rules: _Rules, path: str, folder: bool) -> bool | None:
    """Whether the patterns leave `path` out, take it in again, or say nothing.

    The last pattern that matches the path itself decides. Folders above it are no longer in
    question: the walk got here. pathspec's own verdict cannot be had that way, and it loses what
    `*`, `!*/`, `!Dockerfile` means. Its expressions mark, as their only group, the slash behind
    what they match; if that is not the path's last character, they match a folder above.
    """
    if not _inside(path, rules.folder) or path == rules.folder:
        return None
    name = os.path.relpath(path, rules.folder) + ("/" if folder else "")
    for leaves_out, expression in reversed(rules.patterns):
        for match in expression.finditer(name):
            if match.lastindex is None or match.end(match.lastindex) == len(name):
                return leaves_out
    return None
