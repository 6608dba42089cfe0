"""How Docker splits an instruction into words, and how it expands variables in them.

The rules are BuildKit's, not the shell's: only ENV, ARG, LABEL, COPY, FROM and the like are
read this way. What RUN hands to the shell is read in `slimify.syntax.shell`.
Source: Dockerfile reference, "Environment replacement" and "Here-Documents".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

# What Go's unicode.IsSpace takes for white space; str.isspace differs at U+001C to U+001F.
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_SPACES = frozenset(SPACE)
_BLANKS = re.compile(r"[\t\v\f\r ]+")
# Characters that neither end, quote nor escape anything, whatever the escape character is.
_ORDINARY = re.compile(r"[A-Za-z0-9_=./:,+@%-]+")
# What stands in quotes, up to the next character that could mean something, whatever the escape character is.
_IN_DOUBLE = re.compile(r'[^"$\\`]+')
_IN_QUOTES = {"": _ORDINARY, '"': re.compile(r'[^"\\`]+'), "'": re.compile(r"[^']+")}
_HEREDOC = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)", re.ASCII)


class Token(NamedTuple):
    """A word and where it stands in the text it was cut from; `text` may lack quotes that stood there."""

    text: str
    start: int
    end: int


class WordError(ValueError):
    """A word that Docker's lexer rejects, such as `${` without its brace."""


class NotStrings(ValueError):
    """A JSON array with something else than strings in it, which Docker refuses."""


def blank_separated(text: str, start: int, end: int) -> list[Token]:
    """The words of FROM, EXPOSE, COPY and other instructions that know no quoting."""
    tokens = []
    at = start
    for match in _BLANKS.finditer(text, start, end):
        tokens.append(Token(text[at : match.start()], at, match.start()))
        at = match.end()
    if at < end:
        tokens.append(Token(text[at:end], at, end))
    return tokens


def quoted_words(text: str, start: int, end: int, escape: str) -> list[Token]:
    """The words of ENV, LABEL and ARG: quotes and escapes hold a word together and stay in its text."""
    tokens: list[Token] = []
    word: list[str] = []
    word_start = start
    at = start
    quote = ""
    inside = False
    while at < end:
        if inside and (plain := _IN_QUOTES[quote].match(text, at, end)):
            word.append(plain[0])
            at = plain.end()
            continue
        char = text[at]
        if not inside:
            if char in _SPACES:
                at += 1
                continue
            inside, word_start = True, at
        if not quote and char in _SPACES:
            tokens.append(Token("".join(word), word_start, at))
            word, inside = [], False
            at += 1
            continue
        if not quote and char in "'\"":
            quote = char
        elif quote and char == quote:
            quote = ""
        elif char == escape and quote != "'":
            if at + 1 == end:
                quote = ""
                at += 1
                continue
            word.append(char)
            at += 1
            char = text[at]
        word.append(char)
        at += 1
    if word:
        tokens.append(Token("".join(word), word_start, end))
    return tokens


def builder_flags(text: str, start: int, end: int, escape: str) -> tuple[list[Token], int]:
    """The `--name=value` words in front of an instruction's arguments, and where the arguments start."""
    flags: list[Token] = []
    at = start
    while True:
        while at < end and text[at] in _SPACES:
            at += 1
        if not text.startswith("--", at, end):
            return flags, at
        flag_start = at
        word: list[str] = []
        quote = ""
        quoted = False
        while at < end:
            char = text[at]
            if not quote and char in _SPACES:
                break
            if not quote and char in "'\"":
                quote, quoted = char, True
            elif quote and char == quote:
                quote = ""
            else:
                if char == escape:
                    if at + 1 == end:
                        quote = ""
                        at += 1
                        continue
                    at += 1
                    char = text[at]
                word.append(char)
            at += 1
        value = "".join(word)
        if value == "--":
            return flags, at
        if value or quoted:
            flags.append(Token(value, flag_start, at))
        if at >= end:
            return flags, end


def json_strings(text: str) -> tuple[str, ...] | None:
    """The strings of an instruction's JSON (exec) form, or None where the text is no JSON array.

    Raises `NotStrings` where the array holds anything but strings.
    """
    text = text.lstrip(SPACE)
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return None
    except RecursionError:
        return None
    strings = tuple(value for value in values if isinstance(value, str))
    if len(strings) != len(values):
        raise NotStrings("when using JSON array syntax, arrays must be comprised of strings only")
    return strings


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class HeredocMarker(NamedTuple):
    """A `<<NAME` on an instruction's line."""

    name: str
    descriptor: int
    expand: bool
    chomp: bool


def heredoc_marker(word: str) -> HeredocMarker | None:
    """Read one word as the start of a here-document, if it is one."""
    match = _HEREDOC.fullmatch(word)
    if match is None or not match[3]:
        return None
    rest = match[3]
    names = _Lexer(rest, _unset, escape="\\", keep_unset=True).words()
    if len(names) != 1:
        return None
    raw = _Lexer(rest, _unset, escape="\\", keep_unset=True, raw_quotes=True).words()
    name = names[0]
    quotes = name.count("'") + name.count('"')
    raw_quotes = raw[0].count("'") + raw[0].count('"')
    descriptor = int(match[1]) if match[1] else 0
    return HeredocMarker(name, descriptor, expand=quotes == raw_quotes, chomp=match[2] == "-")


def heredoc_markers(line: str) -> list[HeredocMarker]:
    """Every here-document that a joined instruction line opens, in order."""
    lexer = _Lexer(line, _unset, escape="\\", keep_unset=True, raw_quotes=True, raw_escapes=True)
    try:
        words = lexer.words()
    except WordError:
        return []
    markers = []
    for word in words:
        if "<<" in word and (marker := heredoc_marker(word)) is not None:
            markers.append(marker)
    return markers


class Expansion(NamedTuple):
    """What a word becomes. `value` is None when it depends on a variable whose value is not known."""

    value: str | None
    names: frozenset[str]


def expand(word: str, env: Mapping[str, str | None], escape: str = "\\") -> Expansion:
    """Expand variables and remove quotes as Docker does for ENV, ARG, LABEL, USER, WORKDIR and so on.

    A name missing from `env` is unset; a name mapped to None is set to something unknown.
    Raises `WordError` where Docker would.
    """
    if "$" not in word and "'" not in word and '"' not in word and escape not in word:
        return Expansion(word, frozenset())
    names: set[str] = set()

    def get(name: str) -> tuple[bool, str]:
        names.add(name)
        if name not in env:
            return False, ""
        value = env[name]
        if value is None:
            raise _Unknown
        return True, value

    try:
        value = _Lexer(word, get, escape).word()
    except _Unknown:
        return Expansion(None, frozenset(names))
    return Expansion(value, frozenset(names))


class _Unknown(Exception):
    """The value of a variable that was needed is not known."""


def _unset(_name: str) -> tuple[bool, str]:
    return False, ""


_EOF = ""
_SPECIAL = frozenset("@*#?-$!0")


class _Lexer:
    """One pass over one text. The options are those the Dockerfile frontend itself switches between."""

    def __init__(
        self,
        text: str,
        get: Callable[[str], tuple[bool, str]],
        escape: str,
        *,
        keep_unset: bool = False,
        raw_quotes: bool = False,
        raw_escapes: bool = False,
    ) -> None:
        self.text = text
        self.at = 0
        self.get = get
        self.escape = escape
        self.keep_unset = keep_unset
        self.raw_quotes = raw_quotes
        self.raw_escapes = raw_escapes

    def word(self) -> str:
        return self._until(_EOF, self.raw_escapes)[0]

    def words(self) -> list[str]:
        return self._until(_EOF, self.raw_escapes)[1]

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else _EOF

    def _next(self) -> str:
        char = self._peek()
        self.at += 1
        return char

    def _until(self, stop: str, raw_escapes: bool) -> tuple[str, list[str]]:
        before, self.raw_escapes = self.raw_escapes, raw_escapes
        result: list[str] = []
        words: list[str] = []
        current: list[str] = []

        def loose(text: str) -> None:
            for char in text:
                if char not in _SPACES:
                    current.append(char)
                elif current:
                    words.append("".join(current))
                    current.clear()

        try:
            while (char := self._peek()) != _EOF:
                if stop and char == stop:
                    self.at += 1
                    break
                if char == "$":
                    value = self._dollar()
                    loose(value)
                elif char == "'":
                    value = self._single()
                    current.append(value)
                elif char == '"':
                    value = self._double()
                    current.append(value)
                elif char == "<":
                    value = self._less()
                    current.append(value)
                else:
                    self.at += 1
                    value = char
                    if char == self.escape:
                        if raw_escapes:
                            current.append(char)
                            result.append(char)
                        value = self._next()
                        if value == _EOF:
                            break
                        current.append(value)
                    else:
                        loose(char)
                result.append(value)
            else:
                if stop:
                    raise WordError(f"unexpected end of statement while looking for matching {stop}")
        finally:
            self.raw_escapes = before
        if word := "".join(current):
            words.append(word)
        return "".join(result), words

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            self.at = len(self.text)
            raise WordError("unexpected end of statement while looking for matching single-quote")
        start, self.at = self.at, end + 1
        return self.text[start : end + 1] if self.raw_quotes else self.text[start + 1 : end]

    def _double(self) -> str:
        self.at += 1
        result = ['"'] if self.raw_quotes else []
        while (char := self._peek()) != '"':
            if plain := _IN_DOUBLE.match(self.text, self.at):
                result.append(plain[0])
                self.at = plain.end()
                continue
            if char == _EOF:
                raise WordError("unexpected end of statement while looking for matching double-quote")
            if char == "$":
                result.append(self._dollar())
                continue
            self.at += 1
            if char == self.escape:
                if self.raw_escapes:
                    result.append(char)
                following = self._peek()
                if following == _EOF:
                    continue
                if following in ('"', "$", self.escape):
                    char = self._next()
            result.append(char)
        self.at += 1
        if self.raw_quotes:
            result.append('"')
        return "".join(result)

    def _less(self) -> str:
        self.at += 1
        if self._peek() != "<":
            return "<"
        start = self.at - 1
        self.at += 1
        # BuildKit skips space, tab and carriage return here.
        while self._peek() in (" ", "\t", "\r"):
            self.at += 1
        return self.text[start : self.at]

    def _name(self) -> str:
        start = self.at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self.at += 1
        elif first in _SPECIAL and first:
            self.at += 1
        else:
            while (char := self._peek()) and (char.isalpha() or char.isdecimal() or char == "_"):
                self.at += 1
        return self.text[start : self.at]

    def _dollar(self) -> str:
        self.at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            found, value = self.get(name)
            return value if found or not self.keep_unset else "$" + name
        self.at += 1
        if self._peek() == _EOF:
            raise WordError("syntax error: missing '}'")
        if self._peek() in "{}:":
            raise WordError("syntax error: bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            found, value = self.get(name)
            return value if found or not self.keep_unset else f"${{{name}}}"
        if operator == "/":
            return self._replace(name)
        colon = operator == ":"
        if colon:
            operator = self._next()
        if not operator or operator not in ("+-?" if colon else "+-?#%"):
            raise WordError(f"unsupported modifier ({':' * colon}{operator}) in substitution")
        word = self._brace_word("}", raw_escapes=operator in "#%", missing="}")
        if self.keep_unset and not self.get(name)[0]:
            return f"${{{name}{':' * colon}{operator}{word}}}"
        found, value = self.get(name)
        filled = found and not (colon and not value)
        if operator == "-":
            return value if filled else word
        if operator == "+":
            return word if filled else ""
        if operator == "?":
            if not filled:
                raise WordError(f"{name}: {word or 'is not allowed to be unset or empty'}")
            return value
        return _trim(value, word, operator)

    def _brace_word(self, stop: str, raw_escapes: bool, missing: str) -> str:
        try:
            return self._until(stop, raw_escapes)[0]
        except WordError:
            if self._peek() == _EOF:
                raise WordError(f"syntax error: missing '{missing}' in substitution") from None
            raise

    def _replace(self, name: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self.at += 1
        pattern = self._brace_word("/", raw_escapes=True, missing="/")
        replacement = self._brace_word("}", raw_escapes=True, missing="}")
        found, value = self.get(name)
        if self.keep_unset and not found:
            return f"${{{name}/{pattern}/{replacement}}}"
        regex = re.compile(_pattern(pattern, greedy=True))
        return regex.sub(lambda _: replacement, value, count=0 if everywhere else 1)


def _trim(value: str, pattern: str, operator: str) -> str:
    """`${V#pattern}`, `##`, `%` and `%%`: the shortest or longest match taken off an end."""
    greedy = pattern.startswith(operator)
    if greedy:
        pattern = pattern[1:]
    regex = re.compile(_pattern(pattern, greedy))
    if operator == "#":
        match = regex.match(value)
        return value[match.end() :] if match else value
    # From the end: the longest match starts first, the shortest one last.
    starts = range(len(value) + 1) if greedy else range(len(value), -1, -1)
    for start in starts:
        if regex.fullmatch(value, start):
            return value[:start]
    return value


def _pattern(pattern: str, greedy: bool) -> str:
    """A shell pattern as a regular expression. Docker's patterns know `*`, `?` and `\\`, and no brackets."""
    out = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append(".*" if greedy else ".*?")
        elif char == "?":
            out.append(".")
        elif char == "\\":
            following = pattern[at : at + 1]
            if following and following in "}/":
                continue
            if not following or following not in "*?\\":
                raise WordError(f"invalid escape '\\{following}' in substitution")
            out.append("\\" + following)
            at += 1
        else:
            out.append(re.escape(char))
    return "".join(out)
