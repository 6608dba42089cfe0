"""Writing it down: names in the install, the removal at the end, and the RUNs as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from slimify.transforms.build_deps.exchange import Exchange
from slimify.transforms.build_deps.installs import Install
from slimify.transforms.build_deps.refused import RefusedError
from slimify.transforms.build_deps.row import Row

from slimify.rewrite.edit import Edit
from slimify.rewrite.insert import at_end
from slimify.rewrite.join import Style, Unit, edits, split_lines
from slimify.semantics.build import Build
from slimify.syntax.source import Source, Span

VIRTUAL = ".build-deps"
_WIDE = 100


class Written(NamedTuple):
    """The edits, and the commands whose work they do in another way."""

    edits: tuple[Edit, ...]
    drops: tuple[str, ...]


def written(build: Build, row: Row, install: Install, swap: Exchange) -> Written:
    """The edits of a row. Raises `RefusedError` where there is no place for them."""
    source = build.dockerfile.source
    first = row.moved or row.units[0]
    style = Style.of(build.dockerfile, [one.step.instruction for one in (first, *row.units)])
    newline = source.newline_at(first.step.instruction.start_line)
    pen = _Pen(source, style, newline)
    change, drops = pen.alpine(first, install, swap) if install.alpine else pen.debian(first, install, swap)
    made: list[Edit] = []
    if row.moved is None:
        made += change
    if row.joint is not None:
        made += edits(build, row.units, row.joint)
    elif row.units[0].step.instruction.start_line == row.units[0].step.instruction.end_line:
        made += split_lines(row.units[0], style, newline)
    if row.moved is not None:
        if row.moved.step.instruction.start_line == row.moved.step.instruction.end_line:
            change = [*change, *split_lines(row.moved, style, newline)]
        made += pen.move(build, row.moved, row.units[0], change)
    last = row.units[-1]
    end = at_end(build, last.step, last.body, pen.removal(install, swap), _errexit(last))
    if isinstance(end, str):
        raise RefusedError(end, last.step.instruction.span)
    made.append(end._replace(text=pen.broken(end.text)))
    return Written(tuple(made), drops)


def _errexit(unit: Unit) -> bool:
    shell = unit.step.state.shell
    return "e" in unit.effects.options or "e" in shell.options or not shell.certain


class _Pen:
    def __init__(self, source: Source, style: Style, newline: str) -> None:
        self.source = source
        self.style = style
        self.newline = newline

    @property
    def joiner(self) -> str:
        indent = self.style.indent
        return f" && \\{self.newline}{indent}" if self.style.trailing else f" \\{self.newline}{indent}&& "

    def broken(self, text: str) -> str:
        """A command that was put on the line of others, on a line of its own."""
        return self.joiner + text.removeprefix(" && ") if text.startswith(" && ") and "\n" not in text else text

    def removal(self, install: Install, swap: Exchange) -> str:
        if install.alpine:
            return f"apk del --no-network {install.virtual or VIRTUAL}"
        command = "apt-get purge -y --auto-remove"
        if len(command) + sum(len(one) + 1 for one in swap.removed) <= _WIDE:
            return " ".join((command, *swap.removed))
        return command + "".join(f" \\{self.newline}{self.style.indent * 2}{one}" for one in swap.removed)

    def debian(self, unit: Unit, install: Install, swap: Exchange) -> tuple[list[Edit], tuple[str, ...]]:
        """More names behind the last one."""
        if not swap.added:
            return [], ()
        last = install.call.words[-1]
        span = unit.body.span(last.start, last.end)
        lead = self._lead(span)
        text = "".join(f" {one}" if lead is None else f" \\{self.newline}{lead}{one}" for one in swap.added)
        return [Edit(Span(span.end, span.end), text)], ()

    def alpine(self, unit: Unit, install: Install, swap: Exchange) -> tuple[list[Edit], tuple[str, ...]]:
        """What stays in a call of its own, the build dependencies under a name by which they go again."""
        body, call = unit.body, install.call
        stays = [word.text for word, name in install.names if name not in swap.removed] + list(swap.added)
        goes = [word.text for word, name in install.names if name in swap.removed]
        verb = next(word for word in call.words if word.value == "add")
        whole = Span(body.span(call.command.start, call.command.start + 1).start, body.span(verb.start, verb.end).end)
        end = body.span(call.command.end - 1, call.command.end).end
        prefix = self.source[whole]
        options = "".join(f" {word.text}" for word in install.options)
        lead = self._lead(body.span(install.names[0][0].start, install.names[0][0].end))
        if any(whole.start < comment.span.start < end for comment in unit.step.instruction.comments):
            raise RefusedError("a comment stands among the packages", unit.step.instruction.span)
        if "\n" in prefix:
            raise RefusedError("the install is broken over lines in an odd place", unit.step.instruction.span)
        asked = f"{prefix}{options} --virtual {install.virtual or VIRTUAL}{self._listed(goes, lead)}"
        joiner = f"; \\{self.newline}{self.style.indent}" if unit.several else self.joiner
        text = f"{prefix}{options}{self._listed(stays, lead)}{joiner}{asked}" if stays else asked
        drops = (" ".join(word.text for word in call.command.words),) if stays or install.virtual else ()
        return [Edit(Span(whole.start, end), text)], drops

    def _listed(self, names: Sequence[str], lead: str | None) -> str:
        return "".join(f" {one}" if lead is None else f" \\{self.newline}{lead}{one}" for one in names)

    def _lead(self, span: Span) -> str | None:
        """The indent of a word that starts a line; None for one that does not."""
        line = self.source.line_span(self.source.line_of(span.start))
        lead = self.source.text[line.start : span.start]
        return lead if not lead.strip() else None

    def move(self, build: Build, moved: Unit, to: Unit, change: Sequence[Edit]) -> list[Edit]:
        """Take a RUN away with the comments above it, and put its script in front of another one's."""
        source = self.source
        one = moved.step.instruction
        comments = {comment.line for comment in build.dockerfile.comments}
        line = one.start_line
        while line - 1 in comments:
            line -= 1
        above = source.line_span(line).start
        start, end = moved.body.span(0, 1).start, moved.body.span(moved.end - 1, moved.end).end
        script = source.text[start:end]
        for edit in sorted(change, reverse=True):
            script = script[: edit.span.start - start] + edit.text + script[edit.span.end - start :]
        after = source.line_span(one.end_line).end
        if line > 1 and _blank(source, line - 1) and _blank(source, one.end_line + 1):
            after = source.line_span(one.end_line + 1).end
        target = to.step.instruction.start_line
        while target - 1 in comments:
            target -= 1
        place = source.line_span(target).start
        into = to.body.span(0, 1).start
        made = [Edit(Span(above, after), ""), Edit(Span(into, into), script + self.joiner)]
        said = source.text[above : source.line_span(one.start_line).start]
        return [*made, Edit(Span(place, place), said)] if said else made


def _blank(source: Source, line: int) -> bool:
    last = source.line_of(len(source.text))
    return line <= last and not source.text[slice(*source.line_span(line))].strip()
