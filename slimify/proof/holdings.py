"""What kind of thing a file of an image is, by its path, and which transform leaves it out.

Source: Filesystem Hierarchy Standard 3.0; Debian policy, 9.1 and 12; the cache folders of `slimify.knowledge`.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from slimify.knowledge.package_managers import load


class Holding(NamedTuple):
    """A kind of file: what people call it, and the transform that leaves it out; empty for what belongs there."""

    title: str
    transform: str = ""


APPLICATION = Holding("the application")
CACHES = "clean-package-cache"
_TOOLS = "|".join(
    [
        r"usr/(?:local/)?(?:lib|libexec)/(?:gcc|llvm)[^/]*/.*",
        r"usr/(?:local/)?bin/(?:[\w-]*-)?(?:gcc|g\+\+|cpp|cc1|clang|cmake|make|ld|as|ninja)(?:[-.]?[\d.]+)?",
        r"usr/local/(?:go|rustup)/.*",
        r"usr/share/cmake[^/]*/.*",
        r"usr/lib/jvm/[^/]+/jmods/.*",
    ]
)
_KINDS: tuple[tuple[Holding, str], ...] = (
    (Holding("version history", "dockerignore"), r"(?:.*/)?\.(?:git|hg|svn)/.*"),
    (Holding("compilers and build tools", "split-stage"), _TOOLS),
    (Holding("headers", "split-stage"), r"usr/(?:local/)?(?:[\w-]+-linux-gnu\w*/)?include/.*|.*\.(?:h|hpp)"),
    (Holding("static libraries", "split-stage"), r".*\.(?:a|la)"),
    (Holding("documentation", ""), r"usr/(?:local/)?share/(?:doc|man|info|gtk-doc|lintian)/.*"),
    (Holding("translations", ""), r"usr/(?:local/)?share/(?:locale|i18n)/.*"),
    (Holding("compiled Python modules", ""), r".*\.py[co]"),
    (Holding("Python packages", ""), r".*/(?:site|dist)-packages/.*"),
    (Holding("Node packages", "production-dependencies"), r"(?:.*/)?node_modules/.*"),
    (Holding("Ruby gems", ""), r"(?:.*/)?(?:gems|bundle)/.*"),
    (Holding("shared libraries", ""), r".*\.so(?:\.[\d.]+)?"),
    (Holding("the distribution", ""), r"(?:bin|etc|lib\w*|sbin|usr|var)/.*"),
)


def holding(path: str) -> Holding:
    """What a file is, by its path without a slash in front."""
    if (manager := _cache(path)) is not None:
        return Holding(f"{manager} cache", CACHES)
    for kind, pattern in _patterns():
        if pattern.fullmatch(path):
            return kind
    return APPLICATION


@functools.cache
def _patterns() -> tuple[tuple[Holding, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(text)) for kind, text in _KINDS)


def _cache(path: str) -> str | None:
    match = _caches().match(path)
    return None if match is None or match.lastgroup is None else _titles()[int(match.lastgroup[1:])]


@functools.cache
def _titles() -> tuple[str, ...]:
    return tuple(manager.title for manager in load())


@functools.cache
def _caches() -> re.Pattern[str]:
    """All known caches as one pattern with a group for each manager."""
    groups = []
    for number, manager in enumerate(load()):
        paths = [_pattern(path) for path in manager.cache_paths]
        if known := [path for path in paths if path]:
            groups.append(f"(?P<m{number}>{'|'.join(known)})")
    return re.compile("|".join(groups))


def _pattern(path: str) -> str:
    """A cache folder of a package manager as a pattern; empty for one that only a variable names."""
    home = r"(?:root|home/[^/]+)"
    path = re.sub(r"^\$\{CARGO_HOME[^}]*\}", "/usr/local/cargo", path)
    if "$" in path:
        return ""
    path = path.rstrip("/*")
    tail = ".*".join(map(re.escape, (path[2:] if path.startswith("~/") else path.lstrip("/")).split("*")))
    return (f"{home}/{tail}" if path.startswith("~/") else tail) + "/."
