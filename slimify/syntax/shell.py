"""What a RUN hands to the shell, as a tree of commands whose offsets lead back into the Dockerfile.

tree-sitter-bash reads the joined text, which is what the shell receives, never the raw lines.
It is quietly wrong on about 3 % of real bodies. Two of its habits are mended here (words that
touch are one word; words behind a redirection's target are arguments), and where a guard sees
any other trace of a misreading, the whole body is declared opaque: nothing may then be said of it
or changed in it.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node, Parser

from slimify.syntax.dockerfile import Instruction, Logical
from slimify.syntax.grammar import bash
from slimify.syntax.source import Span

_PARSER = Parser(bash())

# POSIX XCU 2.4, "Reserved Words", and those of bash. None can be the name of a command.
RESERVED = frozenset(
    "! { } [[ ]] case coproc do done elif else esac fi for function if in select then time until while".split()
)
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789")
_SPECIAL_PARAMETERS = frozenset("@*#?-$!0123456789")
# The shell has no blanks but space and tab; the grammar takes these for some as well.
_STRANGE = frozenset("\0\r\v\f\x1c\x1d\x1e\x1f")


class Word(NamedTuple):
    """One word as written. Offsets count characters of the script's text.

    `value` is what the shell makes of it, or None where that depends on an expansion.
    `pattern` says that it holds an unquoted `*`, `?`, `[`, `{` or a leading `~`, which the shell
    may expand further. `substitutions` are the scripts of its `$(…)`.
    """

    text: str
    start: int
    end: int
    value: str | None
    pattern: bool
    substitutions: tuple[Sequence, ...]


class Assignment(NamedTuple):
    """`NAME=value` in front of a command, or alone."""

    name: str
    value: Word
    start: int
    end: int


class Redirect(NamedTuple):
    """`> file`, `2>&1`, `< file`; `target` is None where the operator has none."""

    operator: str
    descriptor: str
    target: Word | None
    start: int
    end: int


class Command(NamedTuple):
    """A simple command (POSIX XCU 2.9.1)."""

    start: int
    end: int
    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]

    @property
    def name(self) -> str | None:
        """The literal command name; None where there is none or it is expanded."""
        return self.words[0].value if self.words else None


class Pipeline(NamedTuple):
    """Two or more commands joined by `|`, or any command behind `!`."""

    start: int
    end: int
    negated: bool
    commands: tuple[ShellNode, ...]


class AndOr(NamedTuple):
    """Pipelines joined by `&&` and `||`, which bind equally and from the left (POSIX XCU 2.9.3)."""

    start: int
    end: int
    operands: tuple[ShellNode, ...]
    operators: tuple[str, ...]


class Item(NamedTuple):
    """A member of a list and what ends it: `;`, `&`, a line feed, or nothing."""

    node: ShellNode
    separator: str


class Sequence(NamedTuple):
    """A list: AND-OR lists with `;`, `&` or line feeds between them."""

    start: int
    end: int
    items: tuple[Item, ...]


class Compound(NamedTuple):
    """A compound command or a function definition.

    `kind` is one of subshell, group, if, for, while, until, case, select, function, test,
    arithmetic. `parts` are the lists inside, conditions before bodies; `words` what a for loop
    runs over or a case looks at.
    """

    start: int
    end: int
    kind: str
    parts: tuple[Sequence, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


ShellNode = Command | Pipeline | AndOr | Compound


class Script(NamedTuple):
    """The parsed text of a shell-form instruction. `opaque` tells why it could not be understood, or is empty."""

    text: str
    body: Sequence
    comments: tuple[Span, ...]
    opaque: str

    def commands(self) -> Iterator[Command]:
        """Every simple command, those in compound commands and substitutions included, as written."""
        if not self.opaque:
            yield from commands_in(self.body)


class Body(NamedTuple):
    """A script together with its place in the Dockerfile."""

    script: Script
    logical: Logical
    base: int

    def span(self, start: int, end: int) -> Span:
        """The span in the source of `script.text[start:end]`."""
        return self.logical.span(self.base + start, self.base + end)


def commands_in(node: Sequence | ShellNode) -> Iterator[Command]:
    """The simple commands below a node, in the order of the text."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from commands_in(item.node)
    elif isinstance(node, AndOr):
        for operand in node.operands:
            yield from commands_in(operand)
    elif isinstance(node, Pipeline):
        for command in node.commands:
            yield from commands_in(command)
    elif isinstance(node, Compound):
        yield from _in_words(node.words, node.redirects)
        for part in node.parts:
            yield from commands_in(part)
    else:
        words = [assignment.value for assignment in node.assignments]
        words += node.words
        yield from _in_words(words, node.redirects)
        yield node


def _in_words(words: list[Word] | tuple[Word, ...], redirects: tuple[Redirect, ...]) -> Iterator[Command]:
    for word in words:
        for sequence in word.substitutions:
            yield from commands_in(sequence)
    for redirect in redirects:
        if redirect.target is not None:
            for sequence in redirect.target.substitutions:
                yield from commands_in(sequence)


@functools.lru_cache(maxsize=4096)
def shell_body(instruction: Instruction) -> Body | None:
    """The script of a shell-form RUN, CMD, ENTRYPOINT or HEALTHCHECK CMD; None where there is none.

    A RUN that is fed by a here-document is opaque, since the Dockerfile frontend and the shell
    share it out between them.
    """
    if instruction.exec_form is not None:
        return None
    start, end = instruction.arguments_span
    text = instruction.logical.text
    if instruction.keyword == "HEALTHCHECK":
        if text[start : start + 3].upper() != "CMD":
            return None
        start += 3
        while start < end and text[start] in " \t":
            start += 1
    elif instruction.keyword not in ("RUN", "CMD", "ENTRYPOINT"):
        return None
    script = _opaque(text[start:end], "here-document") if instruction.heredocs else parse_script(text[start:end])
    return Body(script, instruction.logical, start)


def _opaque(text: str, reason: str) -> Script:
    return Script(text, Sequence(0, len(text), ()), (), reason)


@functools.lru_cache(maxsize=4096)
def parse_script(text: str) -> Script:
    """Read a shell script that has no line continuations left in it."""
    if not text.strip(" \t\n"):
        return _opaque(text, "empty")
    if not _STRANGE.isdisjoint(text):
        return _opaque(text, "control characters")
    # To the shell every byte above 127 is an ordinary character of a word; the grammar knows
    # Unicode blanks and letters. One plain character each keeps the offsets.
    plain = text if text.isascii() else "".join(c if c < "\x80" else "%" for c in text)
    tree = _PARSER.parse(plain.encode("ascii"))
    root = tree.root_node
    if root.has_error:
        return _opaque(text, "syntax error")
    builder = _Builder(text)
    try:
        builder.check_tokens(root)
        body = builder.sequence(root.children, 0, len(text))
    except _Misread as error:
        return _opaque(text, str(error))
    except RecursionError:
        return _opaque(text, "nested too deeply")
    return Script(text, body, tuple(builder.comments), "")


class _Misread(Exception):
    """A trace of something that the grammar did not understand as the shell does."""


_COMPOUND_KINDS = {
    "subshell": "subshell",
    "compound_statement": "group",
    "if_statement": "if",
    "for_statement": "for",
    "c_style_for_statement": "for",
    "while_statement": "while",
    "case_statement": "case",
    "function_definition": "function",
    "test_command": "test",
}
_STATEMENTS = frozenset(
    [
        "command",
        "pipeline",
        "list",
        "negated_command",
        "redirected_statement",
        "declaration_command",
        "unset_command",
        "variable_assignment",
        "variable_assignments",
        *_COMPOUND_KINDS,
    ]
)
_CLAUSES = frozenset(["elif_clause", "else_clause", "do_group", "case_item"])
_REDIRECTS = frozenset(["file_redirect", "heredoc_redirect", "herestring_redirect"])
_OPERATOR_BEFORE_DESCRIPTOR = frozenset(" \t\n;|&()<>")


def _below(node: Node) -> Node | None:
    """The left end of a list, or the list that a redirection is wrapped around."""
    if node.type == "list":
        return node.children[0]
    if node.type == "redirected_statement":
        for child in node.children:
            if child.type in ("list", "redirected_statement"):
                return child
    return None


class _Builder:
    def __init__(self, text: str) -> None:
        self.text = text
        self.comments: list[Span] = []

    def check_tokens(self, root: Node) -> None:
        """Every character outside blanks belongs to a token, and no token is one the shell would not see."""
        text = self.text
        cursor = root.walk()
        at = 0
        while True:
            if cursor.goto_first_child():
                continue
            node = cursor.node
            assert node is not None
            start, end = node.start_byte, node.end_byte
            if start > at and text[at:start].replace("\\\n", "").strip(" \t\n"):
                raise _Misread("text that the parser skipped")
            kind = node.type
            if kind == "comment":
                self.comments.append(Span(start, end))
            elif kind == "file_descriptor" and not self._is_descriptor(start, end):
                raise _Misread("a word taken for a file descriptor")
            at = max(at, end)
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    if text[at:].strip(" \t\n"):
                        raise _Misread("text that the parser skipped")
                    return

    def _is_descriptor(self, start: int, end: int) -> bool:
        """Digits alone are a descriptor, and only where no word runs into them (POSIX XCU 2.7)."""
        alone = not start or self.text[start - 1] in _OPERATOR_BEFORE_DESCRIPTOR
        return alone and self.text[start:end].isdecimal()

    def sequence(self, children: list[Node], start: int, end: int) -> Sequence:
        items: list[Item] = []
        pending: ShellNode | None = None
        for child in children:
            kind = child.type
            if kind == "comment":
                continue
            if kind in _STATEMENTS:
                if pending is not None:
                    items.append(Item(pending, self._line_feed(pending.end, child.start_byte)))
                pending = self.statement(child)
            elif kind in (";", "&", "\n"):
                if pending is not None:
                    items.append(Item(pending, kind))
                    pending = None
                elif kind != "\n":
                    raise _Misread(f"a stray {kind}")
            else:
                raise _Misread(f"an unexpected {kind}")
        if pending is not None:
            items.append(Item(pending, ""))
        return Sequence(start, end, tuple(items))

    def _line_feed(self, start: int, end: int) -> str:
        if "\n" not in self.text[start:end]:
            raise _Misread("two commands without a separator")
        return "\n"

    def statement(self, node: Node) -> ShellNode:
        kind = node.type
        if kind == "command":
            return self.command(node)
        if kind == "list" or (kind == "redirected_statement" and _below(node) is not None):
            return self.and_or(node)
        if kind == "pipeline":
            return self.pipeline(node)
        if kind == "negated_command":
            inner = self._only_statement(node)
            commands = inner.commands if isinstance(inner, Pipeline) and not inner.negated else (inner,)
            return Pipeline(node.start_byte, node.end_byte, True, commands)
        if kind == "redirected_statement":
            return self.redirected(node)
        if kind in ("declaration_command", "unset_command"):
            return self.declaration(node)
        if kind in ("variable_assignment", "variable_assignments"):
            nodes = node.children if kind == "variable_assignments" else [node]
            assignments = tuple(self.assignment(child) for child in nodes)
            self._check_gaps(assignments)
            return Command(node.start_byte, node.end_byte, assignments, (), ())
        return self.compound(node)

    def _only_statement(self, node: Node) -> ShellNode:
        inner = [child for child in node.children if child.type in _STATEMENTS]
        if len(inner) != 1:
            raise _Misread(f"a {node.type} of {len(inner)} commands")
        return self.statement(inner[0])

    def and_or(self, node: Node) -> ShellNode:
        """A chain of `&&` and `||`, and the redirections that the grammar wraps around parts of it.

        The grammar reads `a > f && b > g` as one redirection around a list whose first member is
        a redirection, and so on: a tree as deep as the chain is long. Walk it, do not recurse.
        """
        spine: list[Node] = []
        current = node
        while (below := _below(current)) is not None:
            spine.append(current)
            current = below
        operands: list[ShellNode] = []
        operators: list[str] = []
        self._add_operand(self.statement(current), operands, operators)
        for parent in reversed(spine):
            if parent.type == "redirected_statement":
                redirects, extra = self.redirects(parent)
                operands[-1] = self._attach(operands[-1], redirects, self.words(extra), parent.end_byte)
                continue
            for child in parent.children[1:]:
                kind = child.type
                if kind in ("&&", "||"):
                    operators.append(kind)
                elif kind in _STATEMENTS:
                    self._add_operand(self.statement(child), operands, operators)
                elif kind != "comment":
                    raise _Misread(f"an unexpected {kind}")
        if len(operands) != len(operators) + 1:
            raise _Misread("a list with an operand missing")
        if not operators:
            return operands[0]
        return AndOr(node.start_byte, node.end_byte, tuple(operands), tuple(operators))

    def _add_operand(self, operand: ShellNode, operands: list[ShellNode], operators: list[str]) -> None:
        if isinstance(operand, AndOr):
            operands += operand.operands
            operators += operand.operators
        else:
            operands.append(operand)

    def pipeline(self, node: Node) -> ShellNode:
        commands: list[ShellNode] = []
        negated = False
        before: AndOr | None = None
        for child in node.children:
            if child.type in _STATEMENTS:
                command = self.statement(child)
                if isinstance(command, AndOr) and not commands:
                    # `a && b 2>&1 | c`: the redirection drew the whole list into the pipeline.
                    before, command = command, command.operands[-1]
                if isinstance(command, AndOr):
                    raise _Misread("a list inside a pipeline")
                if isinstance(command, Pipeline):
                    if command.negated and commands:
                        raise _Misread("a ! inside a pipeline")
                    negated = negated or command.negated
                    commands += command.commands
                else:
                    commands.append(command)
            elif child.type not in ("|", "|&", "comment"):
                raise _Misread(f"an unexpected {child.type}")
        joined = Pipeline(commands[0].start, node.end_byte, negated, tuple(commands))
        if before is None:
            return joined
        return AndOr(before.start, node.end_byte, (*before.operands[:-1], joined), before.operators)

    def command(self, node: Node) -> Command:
        assignments: list[Assignment] = []
        words: list[Node] = []
        redirects: list[Redirect] = []
        loose: list[Node] = []
        for child in node.children:
            kind = child.type
            if kind == "variable_assignment":
                assignments.append(self.assignment(child))
            elif kind in _REDIRECTS:
                redirect, extra = self.redirect(child)
                redirects.append(redirect)
                loose += extra
            elif kind != "comment":
                words.append(child)
        return self._command(node.start_byte, node.end_byte, assignments, words + loose, redirects)

    def _command(
        self,
        start: int,
        end: int,
        assignments: list[Assignment],
        nodes: list[Node],
        redirects: list[Redirect],
    ) -> Command:
        # Only a redirection can put words out of their order, or stand between them.
        words = self.words(sorted(nodes, key=lambda node: node.start_byte) if redirects else nodes)
        if words and not assignments and words[0].text in RESERVED:
            raise _Misread(f"{words[0].text} as a command")
        parts: list[Assignment | Word | Redirect] = [*assignments, *words, *redirects]
        self._check_gaps(sorted(parts, key=lambda part: part.start) if redirects else parts)
        return Command(start, end, tuple(assignments), words, tuple(redirects))

    def _check_gaps(self, parts: tuple[Assignment, ...] | list[Assignment | Word | Redirect]) -> None:
        for left, right in itertools.pairwise(parts):
            if left.end == right.start and not isinstance(right, Redirect) and not isinstance(left, Redirect):
                raise _Misread("a word cut in two")

    def declaration(self, node: Node) -> Command:
        """`export A=b` is a command with arguments; the grammar gives it a node of its own."""
        return self._command(
            node.start_byte,
            node.end_byte,
            [],
            [child for child in node.children if child.type != "comment"],
            [],
        )

    def words(self, nodes: list[Node]) -> tuple[Word, ...]:
        words: list[Word] = []
        group: list[Node] = []
        for node in nodes:
            if group and group[-1].end_byte != node.start_byte:
                words.append(self.word(group))
                group = []
            group.append(node)
        if group:
            words.append(self.word(group))
        return tuple(words)

    def word(self, nodes: list[Node]) -> Word:
        start, end = nodes[0].start_byte, nodes[-1].end_byte
        text = self.text[start:end]
        value, pattern = _literal(text)
        substitutions: tuple[Sequence, ...] = ()
        if "(" in text or "`" in text:
            substitutions = tuple(self._substitutions(nodes))
        return Word(text, start, end, value, pattern, substitutions)

    def _substitutions(self, nodes: list[Node]) -> Iterator[Sequence]:
        for node in nodes:
            kind = node.type
            if kind in ("command_substitution", "process_substitution"):
                children = node.children
                if len(children) > 1 and children[1].type in _REDIRECTS:
                    continue  # $(< file)
                yield self.sequence(children[1:-1], children[0].end_byte, children[-1].start_byte)
            elif kind == "expansion" and "`" in self.text[node.start_byte : node.end_byte]:
                raise _Misread("back-ticks inside an expansion")
            else:
                yield from self._substitutions(node.children)

    def assignment(self, node: Node) -> Assignment:
        start, end = node.start_byte, node.end_byte
        text = self.text[start:end]
        name, _, _ = text.partition("=")
        value_start = start + len(name) + 1
        children = [child for child in node.children if child.start_byte >= value_start]
        value_text = text[len(name) + 1 :]
        value, pattern = _literal(value_text)
        substitutions = tuple(self._substitutions(children)) if "(" in value_text or "`" in value_text else ()
        word = Word(value_text, value_start, end, value, pattern, substitutions)
        return Assignment(name.removesuffix("+"), word, start, end)

    def redirect(self, node: Node) -> tuple[Redirect, list[Node]]:
        """A redirection, and the words behind its target that are arguments of the command."""
        if node.type == "heredoc_redirect":
            raise _Misread("here-document")
        descriptor = ""
        operator = ""
        targets: list[Node] = []
        for child in node.children:
            if child.type == "file_descriptor":
                descriptor = self.text[child.start_byte : child.end_byte]
            elif not operator and not child.is_named:
                operator = child.type
            else:
                targets.append(child)
        group = targets[:1]
        rest = targets[1:]
        while rest and rest[0].start_byte == group[-1].end_byte:
            group.append(rest.pop(0))
        target = self.word(group) if group else None
        end = target.end if target else node.end_byte
        return Redirect(operator, descriptor, target, node.start_byte, end), rest

    def redirects(self, node: Node) -> tuple[tuple[Redirect, ...], list[Node]]:
        """The redirections of a statement, and the words behind their targets."""
        redirects: list[Redirect] = []
        extra: list[Node] = []
        for child in node.children:
            if child.type in _REDIRECTS:
                redirect, rest = self.redirect(child)
                redirects.append(redirect)
                extra += rest
        return tuple(redirects), extra

    def redirected(self, node: Node) -> ShellNode:
        redirects, extra = self.redirects(node)
        statements = [child for child in node.children if child.type in _STATEMENTS]
        if not statements:
            return self._command(node.start_byte, node.end_byte, [], extra, list(redirects))
        return self._attach(self.statement(statements[0]), redirects, self.words(extra), node.end_byte)

    def _attach(self, node: ShellNode, redirects: tuple[Redirect, ...], words: tuple[Word, ...], end: int) -> ShellNode:
        """Give redirections to the right-most command, to which they belong."""
        if isinstance(node, AndOr):
            raise _Misread("a redirection around a list")
        if isinstance(node, Pipeline):
            last = self._attach(node.commands[-1], redirects, words, end)
            return Pipeline(node.start, end, node.negated, (*node.commands[:-1], last))
        if isinstance(node, Compound):
            if words:
                raise _Misread("words behind a compound command")
            return Compound(node.start, end, node.kind, node.parts, node.words, (*node.redirects, *redirects))
        joined = (*node.words, *words)
        self._check_gaps(sorted([*node.assignments, *joined], key=lambda part: part.start))
        return Command(node.start, end, node.assignments, joined, (*node.redirects, *redirects))

    def compound(self, node: Node) -> Compound:
        kind = _COMPOUND_KINDS.get(node.type)
        if kind is None:
            raise _Misread(f"an unexpected {node.type}")
        first = node.children[0].type
        if first in ("until", "select"):
            kind = first
        elif first == "((":
            kind = "arithmetic"
        parts: list[Sequence] = []
        words: list[Node] = []
        redirects: list[Redirect] = []
        if kind == "test":
            if first != "((" and self.text[node.children[0].end_byte] not in " \t\n":
                raise _Misread("a word taken for a test")
            parts += self._substitutions(node.children)
        else:
            self._clause(node, parts, words, redirects)
        return Compound(node.start_byte, node.end_byte, kind, tuple(parts), self.words(words), tuple(redirects))

    def _clause(self, node: Node, parts: list[Sequence], words: list[Node], redirects: list[Redirect]) -> None:
        """Collect the lists of a compound command: the runs of statements between its keywords."""
        run: list[Node] = []

        def close() -> None:
            if run:
                parts.append(self.sequence(run, run[0].start_byte, run[-1].end_byte))
                run.clear()

        for child in node.children:
            kind = child.type
            if kind in _STATEMENTS or (run and kind in (";", "&", "\n")):
                run.append(child)
                continue
            close()
            if kind in _CLAUSES:
                self._clause(child, parts, words, redirects)
            elif kind in _REDIRECTS:
                redirect, rest = self.redirect(child)
                if rest:
                    raise _Misread("words behind a compound command")
                redirects.append(redirect)
            elif child.is_named and kind != "comment":
                words.append(child)
        close()


# Words without any character that quotes, expands or makes a pattern: most of them.
_PLAIN = re.compile(r"[^'\"\\`$<>*?\[{]*")


def _literal(text: str) -> tuple[str | None, bool]:
    """What quoting and escapes leave of a word (POSIX XCU 2.2), and whether it is open to expansion as a pattern."""
    pattern = text.startswith("~")
    if _PLAIN.fullmatch(text):
        return text, pattern
    out: list[str] = []
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        at += 1
        if char == "'":
            close = text.find("'", at)
            if close < 0:
                return None, pattern
            out.append(text[at:close])
            at = close + 1
        elif char == '"':
            while at < end and text[at] != '"':
                char = text[at]
                at += 1
                if char == "\\" and at < end and text[at] in '$`"\\\n':
                    out.append(text[at])
                    at += 1
                elif char == "`" or (char == "$" and _expands(text, at)):
                    return None, pattern
                else:
                    out.append(char)
            at += 1
        elif char == "\\":
            out.append(text[at : at + 1])
            at += 1
        elif (
            char == "`"
            or (char in "<>" and text.startswith("(", at))
            or (char == "$" and (_expands(text, at) or text[at : at + 1] in ("'", '"')))
        ):
            return None, pattern
        else:
            pattern = pattern or char in "*?[{"
            out.append(char)
    return "".join(out), pattern


def _expands(text: str, at: int) -> bool:
    """Whether the `$` in front of `text[at]` starts an expansion."""
    following = text[at : at + 1]
    return bool(following) and (following in _NAME or following in _SPECIAL_PARAMETERS or following in "({[")
