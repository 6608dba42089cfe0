"""Configuration files that are programs (vite.config.ts, next.config.js …), read for plain values only."""

from __future__ import annotations

import enum
import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from slimify.context.found import Place, is_file, line_of, source
from slimify.context.node.javascript import T, Token, string_at, tokens
from slimify.semantics.build_context import BuildContext

_EXTENSIONS = ("js", "mjs", "cjs", "ts", "mts", "cts")


class Seen(enum.Enum):
    """How a key stands in a file."""

    ABSENT = "absent"
    LITERAL = "literal"
    COMPUTED = "computed"


class Value(NamedTuple):
    """A setting: its text where it is a literal, and where it stands."""

    seen: Seen
    text: str
    place: Place


class ConfigFile(NamedTuple):
    """The tokens of a configuration. `composed` says that it takes in settings from elsewhere."""

    path: str
    text: str
    tokens: tuple[Token, ...]
    composed: bool

    def value(self, key: str, inside: str = "") -> Value:
        """The value of `key: …`, in the object behind `inside:` where that is given.

        Several different values, as of branches, count as computed.
        """
        found: list[Value] = []
        for start, end in self._ranges(inside):
            for at in range(start, end - 2):
                if self._is_key(at, key):
                    place = Place(self.path, line_of(self.text, self.tokens[at].at))
                    text = self._literal(at + 2)
                    found.append(Value(Seen.COMPUTED if text is None else Seen.LITERAL, text or "", place))
        if not found:
            return Value(Seen.ABSENT, "", Place(self.path))
        if len({(one.seen, one.text) for one in found}) > 1:
            return found[0]._replace(seen=Seen.COMPUTED, text="")
        return found[0]

    def has(self, key: str) -> bool:
        """Whether a key of this name stands anywhere."""
        return any(self._is_key(at, key) for at in range(len(self.tokens) - 1))

    def imports(self, name: str) -> bool:
        """Whether the text names a module, as an import would."""
        return any(one.kind is T.STRING and one.value == name for one in self.tokens)

    def _is_key(self, at: int, key: str) -> bool:
        token = self.tokens[at]
        return (
            token.kind in (T.NAME, T.STRING)
            and token.value == key
            and self._mark(at + 1) == ":"
            and self._mark(at - 1) in ("{", ",", "")
        )

    def _mark(self, at: int) -> str:
        if 0 <= at < len(self.tokens) and self.tokens[at].kind is T.MARK:
            return self.tokens[at].value
        return ""

    def _ranges(self, inside: str) -> list[tuple[int, int]]:
        if not inside:
            return [(0, len(self.tokens))]
        found = []
        for at in range(len(self.tokens) - 2):
            if self._is_key(at, inside) and self._mark(at + 2) == "{":
                found.append((at + 3, _closing(self.tokens, at + 2)))
        return found

    def _literal(self, at: int) -> str | None:
        """A string, `true`, `false`, or `path.resolve(__dirname, 'x')` as `./x`."""
        text = string_at(self.tokens, at)
        if text is not None:
            return text.value if text.whole and self._mark(text.end) in (",", "}", ")", "]", "", ";") else None
        if at >= len(self.tokens):
            return None
        if self.tokens[at].kind is T.NAME and self.tokens[at].value in ("true", "false", "undefined"):
            return self.tokens[at].value
        if self._mark(at + 1) == ".":
            at += 2
        if at + 2 >= len(self.tokens) or self.tokens[at].value not in ("resolve", "join") or self._mark(at + 1) != "(":
            return None
        at += 2
        if self.tokens[at].value in ("__dirname", "process"):
            while at < len(self.tokens) and self._mark(at) != ",":
                if self._mark(at) == ";":
                    return None
                at += 1
            at += 1
        parts = ["."]
        while (text := string_at(self.tokens, at)) is not None and text.whole:
            parts.append(text.value)
            at = text.end
            if self._mark(at) != ",":
                break
            at += 1
        return posixpath.join(*parts) if self._mark(at) == ")" and len(parts) > 1 else None


def _closing(found: Sequence[Token], at: int) -> int:
    """The index of the brace that closes the one at `at`; the end if there is none."""
    depth = 0
    for index in range(at, len(found)):
        token = found[index]
        if token.kind is T.MARK and token.value in "{}":
            depth += 1 if token.value == "{" else -1
            if depth == 0:
                return index
    return len(found)


def find_config(context: BuildContext, folder: str, stem: str, wanted: str | None = None) -> ConfigFile | None:
    """`STEM.js` and its relatives in a folder, or the file that an option names; None if there is none to read."""
    names = [wanted] if wanted else [f"{stem}.{extension}" for extension in _EXTENSIONS]
    for name in names:
        path = posixpath.normpath(posixpath.join(folder, name))
        text = source(context, path, 300_000) if is_file(context, path) else None
        if text is not None:
            found = tuple(tokens(text))
            composed = any(
                (one.kind is T.MARK and one.value == "...")
                or (one.kind is T.NAME and one.value in ("mergeConfig", "merge", "extends", "assign"))
                for one in found
            )
            return ConfigFile(path, text, found, composed)
    return None
