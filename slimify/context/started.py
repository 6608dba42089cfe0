"""Which programs the sources of Ruby and PHP start, as far as that can be read without a parser of the language.

Sources: Ruby's documentation of Kernel, IO, Open3 and Process; PHP's manual, "Program execution Functions", and
Symfony's, "The Process Component". What is found may be too much, such as a word in a text that looks like a call;
a call whose program is computed is found as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.found import Place

_WORD = r"[\w./+-]+"
_RUBY_CALL = re.compile(
    r"(?:(?<![\w.:@$&\"'])|\b(?:Kernel|Process|Open3|IO|PTY|POSIX::Spawn)\s*\.\s*)"
    r"(?:system|exec|spawn|popen[23]?e?|capture[23]e?|pipeline(?:_\w+)?)\b(?![:?!=.\w])(?!\s*(?:=|\||:|\)|,|$|\.\s))"
    r"[\s(]\s*(.*)"
)
_RAKE_CALL = re.compile(r"(?<![\w.:@$&\"'])sh[\s(]\s*([\"'].*)")
_RUBY_QUOTED = re.compile(r"`([^`\n]*)`|%x(?:\{([^}\n]*)|\(([^)\n]*)|\[([^\]\n]*)|\|([^|\n]*)|([^\w\s])(.*))")
_PHP_CALL = re.compile(
    r"(?<![\w>:$])\\?(?:exec|shell_exec|system|passthru|proc_open|popen|pcntl_exec)\s*\(\s*(.*)"
    r"|\bnew\s+\\?(?:Symfony\\Component\\Process\\)?Process\s*\(\s*(.*)"
    r"|\bProcess::(?:fromShellCommandline|run|start)\s*\(\s*(.*)"
)
_PHP_QUOTED = re.compile(r"[=(]\s*`([^`\n]*)`")
_DEFINES = re.compile(r"\s*(?:def|alias|alias_method|attr_\w+|function|public function|private function)\b")


class Started(NamedTuple):
    """A program that is started by name; `name` is None where it is computed."""

    name: str | None
    place: Place


def ruby_programs(path: str, text: str) -> Iterator[Started]:
    """The programs that a Ruby source starts."""
    rake = path.endswith((".rake", "Rakefile"))
    for number, line in enumerate(text.split("\n__END__")[0].splitlines(), 1):
        code = re.sub(r"(?:^|\s)#(?!\{).*", "", line)
        if not code.strip() or _DEFINES.match(code):
            continue
        place = Place(path, number)
        for match in _RUBY_CALL.finditer(code):
            yield Started(_first(match[1]), place)
        for match in _RAKE_CALL.finditer(code) if rake else ():
            yield Started(_first(match[1]), place)
        for match in _RUBY_QUOTED.finditer(code):
            inner = next((one for one in match.groups()[:5] if one is not None), match[7] or "")
            if inner.strip():
                yield Started(_program(inner), place)


def php_programs(path: str, text: str) -> Iterator[Started]:
    """The programs that a PHP source starts."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("//", "*", "/*", "#")) or _DEFINES.match(line):
            continue
        place = Place(path, number)
        for match in _PHP_CALL.finditer(line):
            yield Started(_first(match[1] or match[2] or match[3] or ""), place)
        for match in _PHP_QUOTED.finditer(line):
            yield Started(_program(match[1]), place)


def _first(arguments: str) -> str | None:
    """The program in the first argument of a call: a text, or a list that starts with one."""
    literal = re.match(r"(?:\[|array\()?\s*([\"'])(.*)", arguments)
    return None if literal is None else _program(literal[2].partition(literal[1])[0])


def _program(command: str) -> str | None:
    """The program at the start of a command line; None where it is computed, or there is more than one."""
    words = command.split()
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
    if not words or re.search(r"[;&|]|\$\(", command):
        return None
    return words[0] if re.fullmatch(_WORD, words[0]) else None
