"""What must still be true after a rewrite, whatever transform made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.semantics.build import Build, BuildStage
from slimify.semantics.images import image_name
from slimify.syntax.dockerfile import Instruction
from slimify.syntax.shell import (
    AndOr,
    Assignment,
    Command,
    Compound,
    Pipeline,
    Redirect,
    Sequence,
    ShellNode,
    Word,
    shell_body,
)
from slimify.syntax.source import Span


def fault(before: Build, after: Build, touched: frozenset[str], drops: tuple[str, ...] = ()) -> str:
    """Why `after` is not an acceptable rewrite of `before`; empty if it is.

    `touched` are the keywords that the rewrite may change. Every other instruction must be there
    as before and in the same order, and RUNs may gain commands and options but lose none, except
    those in `drops`, each once.
    """
    left = list(drops)
    if len(before.stages) != len(after.stages):
        return "the number of stages changed"
    if _fixed(before.dockerfile.preamble, touched) != _fixed(after.dockerfile.preamble, touched):
        return "an instruction in front of the first stage changed"
    for old, new in zip(before.stages, after.stages, strict=True):
        if (old.name, old.parent) != (new.name, new.parent) or not _same_base(old, new, touched):
            return f"stage {old.label} changed its name or base"
        if _fixed(old.stage.instructions, touched) != _fixed(new.stage.instructions, touched):
            return f"an instruction of stage {old.label} changed that should not have"
        was, now = (_tokens(*one) for one in _differing(before, after, old.index))
        if why := _lost(_without(was, left), now):
            return f"stage {old.label}: {why}"
    return f"{left[0]!r} was to go, but is not there" if left else ""


def moved(before: Build, after: Build, adds: tuple[str, ...]) -> str:
    """Why more has changed than the places of COPYs, and that those in `adds` are new; empty if it has not."""
    new = Counter(adds)
    for old, now in zip(before.stages, after.stages, strict=True):
        was, is_now = (
            Counter(one.logical.text for one in stage.stage.instructions if one.keyword == "COPY")
            for stage in (old, now)
        )
        if was - is_now:
            return f"stage {old.label}: a COPY is gone"
        extra = is_now - was
        if extra - new:
            return f"stage {old.label}: a COPY is new that was not declared"
        new -= extra
    return "a new COPY is not there" if new else ""


def relaid(before: Build, after: Build) -> str:
    """Why more has changed than the layout; empty if every instruction says word for word what it said."""
    olds, news = before.dockerfile.instructions, after.dockerfile.instructions
    if len(olds) != len(news):
        return "the number of instructions changed"
    if _remarks(before) != _remarks(after):
        return "a comment changed"
    for old, new in zip(olds, news, strict=True):
        where = f"{old.keyword} in line {old.start_line}"
        if _frame(before, old) != _frame(after, new):
            return f"{where}: more than its layout changed"
        if old.arguments == new.arguments:
            continue
        bodies = (shell_body(old), shell_body(new))
        if old.keyword != "RUN" or any(body is None or body.script.opaque for body in bodies):
            return f"{where}: its arguments changed"
        if _tokens(before, (old,)) != _tokens(after, (new,)):
            return f"{where}: its commands changed"
    return ""


def _remarks(build: Build) -> list[str]:
    dockerfile = build.dockerfile
    spans = [one.span for one in dockerfile.directives] + [one.span for one in dockerfile.comments]
    return [dockerfile.source[span] for span in spans]


def _frame(build: Build, one: Instruction) -> tuple[object, ...]:
    """All of an instruction but its arguments."""
    source = build.dockerfile.source
    fed = [source[Span(doc.content.start, doc.terminator.end)] for doc in one.heredocs]
    return source[one.keyword_span], [flag.text for flag in one.flags], one.exec_form, fed


def _without(tokens: list[_Token], drops: list[str]) -> list[_Token]:
    """The tokens without the commands to be dropped, which are struck off the list, and their `&&`."""
    rest: list[_Token] = []
    joined = False
    for token in tokens:
        if isinstance(token, _Call) and str(token) in drops:
            drops.remove(str(token))
            joined = True
            if rest and rest[-1] == "&&":
                rest.pop()
                joined = False
        elif not (joined and token == "&&"):
            rest.append(token)
            joined = False
        else:
            joined = False
    return rest


def _same_base(old: BuildStage, new: BuildStage, touched: frozenset[str]) -> bool:
    """Whether a stage has its base still; one that may touch FROM may take another tag of the same image."""
    if old.image == new.image:
        return True
    flags = [[flag.text for flag in one.stage.base.flags] for one in (old, new)]
    if "FROM" not in touched or old.parent is not None or old.image is None or new.image is None:
        return False
    names = [image_name(one) for one in (old.image, new.image)]
    return flags[0] == flags[1] and names[0].repository == names[1].repository and not names[0].digest


def _differing(before: Build, after: Build, stage: int) -> Iterator[tuple[Build, tuple[Instruction, ...]]]:
    """The instructions of a stage, old and new, without those at its start and end that are the same in both."""
    sides = [(build, build.stages[stage].stage.instructions) for build in (before, after)]
    texts = [[build.dockerfile.source[one.span] for one in instructions] for build, instructions in sides]
    least = min(map(len, texts))
    head = next((at for at in range(least) if texts[0][at] != texts[1][at]), least)
    tail = next((at for at in range(least - head) if texts[0][-1 - at] != texts[1][-1 - at]), least - head)
    for build, instructions in sides:
        yield build, instructions[head : len(instructions) - tail]


def _fixed(instructions: tuple[Instruction, ...], touched: frozenset[str]) -> list[tuple[str, str]]:
    return [(one.keyword, one.logical.text) for one in instructions if one.keyword not in touched]


class _Call(NamedTuple):
    """A simple command: the flags of its RUN, its assignments and words, and its redirections."""

    flags: tuple[str, ...]
    words: tuple[str, ...]
    redirects: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((*self.words, *self.redirects))


# A stage's scripts, flat: its commands, and the text of everything that stands between them.
_Token = _Call | str

# What a rewrite may put around commands. Everything else decides which of them run, and on what.
_FREE = frozenset(["&&", ";", "(", ")", "{", "}"])


def _tokens(build: Build, instructions: tuple[Instruction, ...]) -> list[_Token]:
    tokens: list[_Token] = []
    for one in instructions:
        if one.keyword != "RUN":
            continue
        body = shell_body(one)
        if body is None or body.script.opaque:
            fed = [build.dockerfile.source.text[slice(*heredoc.content)] for heredoc in one.heredocs]
            tokens.append("\n".join([one.logical.text, *fed]))
            continue
        flattener = _Flattener(body.script.text, tuple(flag.text for flag in one.flags))
        flattener.sequence(body.script.body)
        tokens += flattener.tokens
    return tokens


class _Flattener:
    """Writes a script down as tokens, in the order of the text."""

    def __init__(self, text: str, flags: tuple[str, ...]) -> None:
        self.text = text
        self.flags = flags
        self.tokens: list[_Token] = []

    def sequence(self, node: Sequence) -> None:
        for at, item in enumerate(node.items, 1):
            self.node(item.node)
            if item.separator == "&":
                self.tokens.append("&")
            elif at < len(node.items):
                self.tokens.append(";")

    def node(self, node: ShellNode) -> None:
        if isinstance(node, Command):
            words = self._texts(node.assignments) + self._texts(node.words)
            self.tokens.append(_Call(self.flags, words, self._texts(node.redirects)))
        elif isinstance(node, Compound):
            self.compound(node)
        elif isinstance(node, AndOr):
            self.node(node.operands[0])
            for operator, operand in zip(node.operators, node.operands[1:], strict=True):
                self.tokens.append(operator)
                self.node(operand)
        else:
            self.pipeline(node)

    def pipeline(self, node: Pipeline) -> None:
        if node.negated:
            self.tokens.append("!")
        self.node(node.commands[0])
        for left, right in zip(node.commands, node.commands[1:], strict=False):
            self.between(left.end, right.start)
            self.node(right)

    def compound(self, node: Compound) -> None:
        """The lists of a compound command, and its keywords, patterns and redirections as they are written."""
        at = node.start
        for part in () if node.kind in ("test", "arithmetic") else node.parts:
            self.between(at, part.start)
            self.sequence(part)
            at = part.end
        self.between(at, node.end)

    def between(self, start: int, end: int) -> None:
        if text := " ".join(self.text[start:end].split()):
            self.tokens.append(text)

    def _texts(self, nodes: Iterable[Assignment | Word | Redirect]) -> tuple[str, ...]:
        return tuple(self.text[node.start : node.end] for node in nodes)


def _lost(before: list[_Token], after: list[_Token]) -> str:
    """What of the old scripts is missing in the new ones, or was added that may not be."""
    added: list[_Token] = []
    remaining = iter(after)
    for wanted in before:
        for candidate in remaining:
            if candidate == wanted or _extends(candidate, wanted):
                break
            added.append(candidate)
        else:
            return f"{_name(wanted)} is gone"
    for token in (*added, *remaining):
        if isinstance(token, str) and token not in _FREE:
            return f"{_name(token)} is new"
    return ""


def _name(token: _Token) -> str:
    return f"the command {str(token)!r}" if isinstance(token, _Call) else repr(token)


def _extends(candidate: _Token, wanted: _Token) -> bool:
    """Whether a command is the other one with options or assignments added, or with a mount added to its RUN."""
    if isinstance(candidate, str) or isinstance(wanted, str) or candidate.redirects != wanted.redirects:
        return False
    flags = _added(candidate.flags, wanted.flags)
    if flags is None or any(not flag.startswith("--mount=") for flag in flags):
        return False
    if "install" in wanted.words:
        # More packages may be named behind those that were.
        end = len(candidate.words)
        while end > len(wanted.words) and candidate.words[end - 1] != wanted.words[-1]:
            end -= 1
        candidate = candidate._replace(words=candidate.words[:end])
    words = _added(candidate.words, wanted.words)
    if words is None:
        return False
    options = [word.startswith("-") for word in words]
    # `-o Dir::Log=/dev/null`: an option and its value; `A=b`: an assignment.
    return all(
        option or "=" in word or (at > 0 and options[at - 1])
        for at, (word, option) in enumerate(zip(words, options, strict=True))
    )


def _added(candidate: tuple[str, ...], wanted: tuple[str, ...]) -> list[str] | None:
    """What one list of words has more than the other, or None if it does not contain it in order."""
    rest = list(wanted)[::-1]
    more = []
    for word in candidate:
        if rest and word == rest[-1]:
            rest.pop()
        else:
            more.append(word)
    return None if rest else more
