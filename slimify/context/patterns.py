"""moby's patternmatcher, with the results for the parents taken along, as BuildKit walks a build context.

It decides what .dockerignore keeps out and what `COPY --exclude` and `--parents` take.
Source: github.com/moby/patternmatcher (`MatchesUsingParentResults`), github.com/tonistiigi/fsutil
(`filter.go`); Docker documentation, "Build context", ".dockerignore files".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple

from slimify.context.expressions import PatternError, to_python
from slimify.context.globs import check_glob
from slimify.context.paths import clean
from slimify.syntax.words import SPACE

__all__ = ["START", "Matcher", "PatternError", "Verdict"]

_BOM = "\ufeff"


class Verdict(NamedTuple):
    """Whether a path is matched, and by which patterns: bit n for pattern n, its parents' matches included."""

    matched: bool
    bits: int


START = Verdict(False, 0)
"""What holds for the root, which no pattern can match."""


class _Rule(NamedTuple):
    """One pattern. `value` is what `kind` compares with: a whole path, its start, its end, or an expression."""

    text: str
    negated: bool
    kind: str
    value: str


class Matcher:
    """A list of patterns of which the last that matches decides; `!` in front takes back."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Raises `PatternError` for a pattern that Docker refuses or slimify does not follow."""
        self._rules = tuple(rule for pattern in patterns if (rule := _rule(pattern)) is not None)
        self._exceptions = tuple(rule for rule in self._rules if rule.negated)
        # fsutil's optimisation, which can be seen from outside: see `enters`.
        self._plain_exceptions = not any(set("*[]?^\\") & set(_trunk(rule.text)) for rule in self._exceptions)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns as moby keeps them, cleaned."""
        return tuple("!" * rule.negated + rule.text for rule in self._rules)

    @property
    def has_exceptions(self) -> bool:
        """Whether there is a `!` pattern."""
        return bool(self._exceptions)

    def step(self, path: str, parent: Verdict) -> Verdict:
        """The verdict on `path`, given the one on the folder it is in (`START` for the root)."""
        if not self._matches_any(path):
            return parent
        matched = False
        bits = 0
        for bit, negated, matches in self._tests:
            # moby does not even look at a pattern that could change nothing, and so does not
            # remember for what is below that it matches here.
            if not parent.bits & bit and (negated != matched or not matches(path)):
                continue
            bits |= bit
            matched = not negated
        return Verdict(matched, bits)

    def bits(self, path: str) -> int:
        """Which patterns match the path itself, each taken alone: bit n for pattern n."""
        if not self._matches_any(path):
            return 0
        return sum(bit for bit, _, matches in self._tests if matches(path))

    def verdict(self, path: str) -> Verdict:
        """The verdict on a path, from the root down."""
        verdict = START
        at = -1
        while (at := path.find("/", at + 1)) >= 0:
            verdict = self.step(path[:at], verdict)
        return self.step(path, verdict)

    def matches(self, path: str) -> bool:
        """Whether a path, relative and with `/`, is matched."""
        return self.verdict(path).matched

    def enters(self, folder: str) -> bool:
        """Whether something in a folder that is matched may still not be, so that it must be walked.

        BuildKit skips a matched folder if no `!` pattern has a wildcard and none names something
        in it; `!a/*/**` counts there as `!a`, and so takes nothing back from the folders in `a`.
        """
        if self._plain_exceptions and not any(
            f"{_trunk(rule.text)}/".startswith(f"{folder}/") for rule in self._exceptions
        ):
            return False
        segments = folder.split("/")
        return any(_reaches_into(rule.text, segments) for rule in self._exceptions)

    @cached_property
    def _matches_any(self) -> Callable[[str], object]:
        """The quick test whether any pattern matches the path itself."""
        exact = {rule.value for rule in self._rules if rule.kind == "exact"}
        starts = tuple(rule.value for rule in self._rules if rule.kind == "start")
        ends = tuple(rule.value for rule in self._rules if rule.kind == "end")
        exact.update(end[1:] for end in ends if end.startswith("/"))
        expressions = [f"(?:{rule.value})" for rule in self._rules if rule.kind == "expression"]
        expression = re.compile("|".join(expressions), re.ASCII).match if expressions else None

        def matches_any(path: str) -> object:
            return (
                path in exact
                or path.startswith(starts)
                or path.endswith(ends)
                or (expression is not None and expression(path))
            )

        return matches_any

    @cached_property
    def _tests(self) -> tuple[tuple[int, bool, Callable[[str], object]], ...]:
        return tuple((1 << n, rule.negated, _test(rule)) for n, rule in enumerate(self._rules))


def _test(rule: _Rule) -> Callable[[str], object]:
    value = rule.value
    if rule.kind == "exact":
        return value.__eq__
    if rule.kind == "start":
        return lambda path: path.startswith(value)
    if rule.kind == "end":
        whole = value[1:] if value.startswith("/") else None
        return lambda path: path.endswith(value) or path == whole
    return re.compile(value, re.ASCII).match


def _rule(pattern: str) -> _Rule | None:
    text = pattern.strip(SPACE)
    if not text:
        return None
    text = clean(text)
    negated = text.startswith("!")
    if negated:
        text = text[1:]
        if not text:
            raise PatternError("pattern '!' takes back nothing, which Docker refuses")
    try:
        check_glob(text)
        kind, value = _translate(text)
    except PatternError as error:
        raise PatternError(f"pattern '{text}' {error}") from None
    return _Rule(text, negated, kind, value)


def _translate(pattern: str) -> tuple[str, str]:
    """What moby makes of a pattern: a whole path, its start or end, or an expression."""
    text = pattern.removeprefix(_BOM)  # Go's scanner swallows one, wherever in the file the pattern stands
    kind = "exact"
    expression = ["^"]
    at = 0
    while at < len(text):
        first = at == 0
        char = text[at]
        at += 1
        if char == "*" and text.startswith("*", at):
            at += 2 if text.startswith("/", at + 1) else 1
            if at < len(text):
                expression.append("(.*/)?")
                kind = "expression"
            elif kind == "exact":
                kind = "start"
            else:
                expression.append(".*")
                kind = "expression"
            if first:
                kind = "end"
        elif char in "*?":
            expression.append("[^/]*" if char == "*" else "[^/]")
            kind = "expression"
        elif char == "\\":
            expression += char, text[at : at + 1]
            at += 1
            kind = "expression"
        else:
            expression.append(f"\\{char}" if char in ".+()$" else char)
            if char in "[]":
                kind = "expression"
    if kind == "exact":
        return kind, pattern
    if kind == "start":
        return kind, pattern[:-2]
    if kind == "end":
        if text != pattern:
            raise PatternError("starts with a byte order mark, which slimify does not follow")
        return kind, pattern[2:]
    return kind, to_python("".join((*expression, "$")))


def _trunk(pattern: str) -> str:
    """A pattern without the `/**` and `/*` at its end, as fsutil compares it with folders."""
    return pattern.removesuffix("/**").removesuffix("/*")


def _reaches_into(pattern: str, folder: list[str]) -> bool:
    """Whether a pattern may match a path inside the folder with these segments."""
    segments = pattern.split("/")
    for at, name in enumerate(folder):
        if at >= len(segments):
            return False
        segment = segments[at]
        # Brackets, escapes and what moby leaves unescaped can match a slash.
        if "**" in segment or set("[\\|{^") & set(segment) or segment.startswith(_BOM):
            return True
        if "*" not in segment and "?" not in segment and segment != name:
            return False
    return len(segments) > len(folder)
