"""Joining adjacent RUNs so that one shell does what a fresh shell for each of them did.

`plan` decides how, or why not; `edits` writes the plan down with the fewest possible changes to
the text. When it pays to join is for the transforms to say.

The rules are those of POSIX XCU 2.8.1, 2.9.3, 2.9.4 and of `set -e` in XCU 2.15: it is ignored in
every command of an AND-OR list but the last, in braces and in subshells alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from slimify.rewrite.edit import Edit
from slimify.semantics.build import Build, Step
from slimify.semantics.effects import CHEAP, SYSTEM_MANAGERS, Effects, effects
from slimify.semantics.images import image_name
from slimify.syntax.dockerfile import Dockerfile, Instruction
from slimify.syntax.shell import AndOr, Body, Command, Compound, Item, Pipeline, ShellNode
from slimify.syntax.source import Source, Span

# These options only print, or only end the shell earlier; see `_quiet_options`.
_QUIET = frozenset("exv")


class Unit(NamedTuple):
    """A RUN that could share a shell with its neighbour."""

    step: Step
    body: Body
    effects: Effects

    @property
    def items(self) -> tuple[Item, ...]:
        return self.body.script.body.items

    @property
    def several(self) -> bool:
        """Whether the script is more than one AND-OR list, so that its status is that of the last."""
        return len(self.items) > 1

    @property
    def alternatives(self) -> bool:
        node = self.items[0].node
        return isinstance(node, AndOr) and "||" in node.operators

    @property
    def compound(self) -> bool:
        """Whether `-e` could act inside one of the commands."""
        return self.effects.substitutes or any(has_compound(item.node) for item in self.items)

    @property
    def errexit(self) -> bool:
        """Whether the script relies on `set -e`, its own or the one that SHELL turns on."""
        on = "e" in self.effects.options or "e" in self.step.state.shell.options
        inside = self.several or self._ends_compound or self.effects.substitutes
        return self.effects.nested_errexit or (on and inside)

    @property
    def _ends_compound(self) -> bool:
        node = self.items[-1].node
        return has_compound(node.operands[-1] if isinstance(node, AndOr) else node)

    @property
    def leaks(self) -> bool:
        """Whether the shell is another one afterwards, options aside."""
        return self.effects.exits or any(leak.kind != "option" for leak in self.effects.leaks)

    @property
    def end(self) -> int:
        """Where the last command ends in the script, a `;` behind it left out."""
        return self.items[-1].node.end

    @property
    def text(self) -> str:
        return self.body.script.text


class Form(NamedTuple):
    """How a unit stands in the joint script."""

    opening: str
    closing: str


_BARE = Form("", "")
_GROUP = Form("{ ", "; }")
_SUBSHELL = Form("( ", " )")


class Plan(NamedTuple):
    """A joint script: `operator` is what stands between the units, `&&` or `;`."""

    operator: str
    forms: tuple[Form, ...]


def unit(build: Build, step: Step, transform: str) -> Unit | str:
    """The RUN as a unit, or why it cannot share a shell with anything."""
    one = step.instruction
    if not build.pragmas.allows(transform, one):
        return "a pragma protects it"
    if one.exec_form is not None:
        return "it is in exec form, which no shell runs"
    if one.heredocs:
        return "it holds a here-document"
    if build.dockerfile.escape != "\\":
        return "the file's escape character is not the backslash"
    if step.state.family.os == "windows" or not step.state.shell.posix:
        return f"its shell ({' '.join(step.state.shell.argv) or 'of a Windows image'}) is not known to be a POSIX shell"
    body = step.body
    if body is None or body.script.opaque:
        return f"its script cannot be read with certainty ({body.script.opaque if body else 'none'})"
    if body.script.comments:
        return "a shell comment ends its script and would swallow what follows"
    found = effects(body.script, step.state.variables, step.state.workdir)
    if found.background:
        return f"it starts a process that lives on ({found.background}), which Docker stops at the end of the RUN"
    if found.replaces:
        return "it replaces the shell with exec"
    if found.mounted:
        return f"what it writes to {found.mounted} lasts only until the end of the RUN"
    if any(item.separator == "&" for item in body.script.body.items):
        return "it starts a background job"
    return Unit(step, body, found)


def wall(build: Build, above: Unit, below: Unit) -> str:
    """Why two adjacent RUNs must stay apart whatever they do; empty if nothing keeps them apart."""
    first, second = above.step.instruction, below.step.instruction
    if [flag.text for flag in first.flags] != [flag.text for flag in second.flags]:
        return "their flags differ"
    if any(mount.type == "tmpfs" or (mount.type == "bind" and mount.writable) for mount in above.step.mounts):
        return "what the first one writes to its mount is gone before the second one"
    if build.pragmas.guards(second):
        return "a linter's ignore comment belongs to the second one"
    if why := _changes_the_next_shell(above):
        return why
    head = build.dockerfile.source.text[second.span.start : below.body.span(0, 1).start]
    if "#" in head:
        return "a comment stands between the keyword and the command of the second one"
    return ""


_SHELL_PATHS = frozenset(
    f"{folder}/{name}" for folder in ("/bin", "/usr/bin") for name in ("sh", "bash", "dash", "ash")
)


def _changes_the_next_shell(above: Unit) -> str:
    """What a RUN does that only a shell started after it takes notice of."""
    state = above.step.state
    found = above.effects
    if found.moves_home and (state.workdir is None or state.workdir.startswith("/home")):
        return "the first one deletes or moves a home folder, which may be the working directory of the second"
    if _SHELL_PATHS & (found.writes | found.deletes | found.touches):
        return "the first one replaces the shell itself, which the second one is then run with"
    if state.shell.options & {"l", "i"} or state.sets("BASH_ENV") or state.sets("ENV"):
        return "the shell reads start-up files, which the first one may have changed for the second"
    if state.user not in (None, "root", "0") and "/etc/passwd" in found.touches:
        return "the first one changes users or groups, which Docker looks up again for the second"
    workdir = state.workdir
    for path in found.deletes:
        here = workdir is not None and (workdir == path or workdir.startswith(path.rstrip("/") + "/"))
        if here or path in (".", "./.", "./..") or path.startswith("./../"):
            return "the first one deletes the working directory, which Docker makes again for the second"
    return ""


def plan(units: Sequence[Unit]) -> Plan | str:
    """How to join these RUNs, in this order, or why there is no right way."""
    joined = _and_plan(units)
    if isinstance(joined, Plan):
        return joined
    sequence = _sequence_plan(units)
    return sequence if sequence is not None else joined


class _After(NamedTuple):
    """What is still to come in the same shell.

    `simple` tells that `-e` could not act on it; `programs` are those it looks up, and `moved` those
    of them that something before them, but also still to come, may put elsewhere.
    """

    simple: bool
    programs: frozenset[str]
    moved: frozenset[str]


def _afters(units: Sequence[Unit]) -> list[_After]:
    """For each unit, what comes after it."""
    found: list[_After] = []
    simple, programs, moved = True, frozenset[str](), frozenset[str]()
    for one in reversed(units):
        found.append(_After(simple, programs, moved))
        moved |= _put_elsewhere(one, programs)
        simple = simple and not (one.several or one.compound or one.effects.options)
        if not one.effects.ran <= programs:
            programs |= one.effects.ran
    return found[::-1]


def _and_plan(units: Sequence[Unit]) -> Plan | str:
    """`A && B && C`."""
    forms: list[Form] = []
    for at, (one, after) in enumerate(zip(units, _afters(units), strict=True)):
        last = at == len(units) - 1
        if not last and one.errexit:
            return "set -e has no effect in front of &&"
        if not last and not one.step.state.shell.certain and (one.several or one.compound):
            return "the base image may bring a shell with set -e, which has no effect in front of &&"
        if not last and (one.leaks or not _quiet_options(one, after) or _moves_programs(one, after)):
            forms.append(_SUBSHELL)
        elif one.several or (at and one.alternatives):
            forms.append(_GROUP)
        else:
            forms.append(_BARE)
    return Plan("&&", tuple(forms))


def _sequence_plan(units: Sequence[Unit]) -> Plan | None:
    """`set -e; A; B; C`, where the first of the RUNs relies on `set -e` from its first command on."""
    first = units[0]
    leading = first.items[0].node
    if not (isinstance(leading, Command) and leading.name == "set" and "e" in first.effects.options):
        return None
    if _hides_failure(first.items[-1].node):
        return None
    options = first.effects.options
    if first.leaks or first.effects.nested_errexit or not options <= {*_QUIET, "u", "pipefail"}:
        return None
    afters = _afters(units)
    if _moves_programs(first, afters[0]):
        return None
    forms = [_BARE]
    for at, one in enumerate(units[1:], 1):
        last = at == len(units) - 1
        if one.several or one.compound or one.effects.options or "$(" in one.text or "`" in one.text:
            return None
        if ("u" in options and "$" in one.text) or ("pipefail" in options and _pipes(one)):
            return None
        node = one.items[0].node
        if any(isinstance(part, Pipeline) and part.negated for part in _operands(node)):
            return None
        wrap = not last and (isinstance(node, AndOr) or one.leaks or _moves_programs(one, afters[at]))
        forms.append(_SUBSHELL if wrap else _BARE)
    return Plan(";", tuple(forms))


def _hides_failure(node: ShellNode) -> bool:
    """Whether a command can fail without ending a shell with `set -e`, as its status or in a branch of it."""
    if isinstance(node, AndOr):
        return True
    if isinstance(node, Pipeline):
        return node.negated or any(_hides_failure(one) for one in node.commands)
    return isinstance(node, Compound) and node.kind not in ("test", "arithmetic")


def _operands(node: ShellNode) -> tuple[ShellNode, ...]:
    return node.operands if isinstance(node, AndOr) else (node,)


def _pipes(one: Unit) -> bool:
    return any(isinstance(part, Pipeline) for item in one.items for part in _operands(item.node))


def has_compound(node: ShellNode) -> bool:
    """Whether a command is a compound one, or has one among its parts."""
    if isinstance(node, Compound):
        return node.kind not in ("test", "arithmetic")
    if isinstance(node, AndOr):
        return any(has_compound(operand) for operand in node.operands)
    if isinstance(node, Pipeline):
        return any(has_compound(command) for command in node.commands)
    return False


def _quiet_options(one: Unit, after: _After) -> bool:
    """Whether the options that a unit sets change nothing for the later ones.

    `-x` and `-v` only print. `-e` matters only to a script of several lists or to a compound
    command; in an AND-OR list of simple commands the first failure ends the script as it is.
    """
    options = one.effects.options
    if not options:
        return not any(leak.kind == "option" for leak in one.effects.leaks)
    return options <= _QUIET and after.simple


def _moves_programs(one: Unit, after: _After) -> bool:
    """Whether the shell could remember a program's old place after a unit has put a new one elsewhere.

    A shell looks a program up once and remembers where it was (POSIX XCU 2.9.1.1). After
    `pip install --upgrade pip` the new pip may lie in another folder of PATH than the old one,
    which a fresh shell would see and the same shell would not. A subshell forgets.
    """
    again = one.effects.ran & after.programs
    return bool(again & after.moved) or bool(_put_elsewhere(one, again))


def _put_elsewhere(one: Unit, programs: frozenset[str]) -> frozenset[str]:
    """Those of the programs that a unit may install into another folder of PATH."""
    installs = one.effects.installs
    programs -= CHEAP
    if not installs or not programs:
        return frozenset()
    if _is_python(one.step.state.image):
        # There pip is in the first folder of PATH already, where a new one takes its place.
        installs -= {"pip"}
    found = {name for name in programs if name in installs or name.rstrip("0123456789.") in installs}
    return frozenset(found | (programs - _SYSTEM_PROGRAMS if "*" in installs else set()))


def _is_python(image: str | None) -> bool:
    return image is not None and image_name(image).short in ("python", "pypy")


_SYSTEM_PROGRAMS = SYSTEM_MANAGERS | {"apt-get", "aptitude", "dpkg", "rpm"}


def edits(build: Build, units: Sequence[Unit], joint: Plan) -> tuple[Edit, ...]:
    """The edits that turn the units into one RUN as planned."""
    style = Style.of(build.dockerfile, [one.step.instruction for one in units])
    source = build.dockerfile.source
    made: list[Edit] = []
    for at, (one, form) in enumerate(zip(units, joint.forms, strict=True)):
        start = one.body.span(0, 1).start
        end = one.body.span(one.end - 1, one.end).end
        last = at == len(units) - 1
        if at:
            before = units[at - 1].step.instruction
            made += _blank_lines_between(build.dockerfile, before, one.step.instruction)
            line_start = source.line_starts[one.step.instruction.start_line - 1]
            operator = "&& " if joint.operator == "&&" and not style.trailing else ""
            made.append(Edit(Span(line_start, start), style.indent + operator + form.opening))
        elif form.opening:
            made.append(Edit(Span(start, start), form.opening))
        if (
            form is _BARE
            and joint.operator == "&&"
            and one.step.instruction.start_line == one.step.instruction.end_line
        ):
            made += split_lines(one, style, source.newline_at(one.step.instruction.start_line))
        tail_end = one.step.instruction.span.end
        if not last:
            tail = {"&&": " &&" if style.trailing else "", ";": ";"}[joint.operator]
            made.append(Edit(Span(end, tail_end), form.closing + tail + " \\"))
        elif form.closing:
            made.append(Edit(Span(end, tail_end), form.closing))
    return tuple(edit for edit in made if source[edit.span] != edit.text)


def split_lines(one: Unit, style: Style, newline: str) -> list[Edit]:
    """One command per line: each `&&` of a script on a single line starts a line of its own."""
    node = one.items[0].node
    if one.several or not isinstance(node, AndOr) or "||" in node.operators:
        return []
    made = []
    between = f" && \\{newline}{style.indent}" if style.trailing else f" \\{newline}{style.indent}&& "
    for left, right in zip(node.operands, node.operands[1:], strict=False):
        if one.text[left.end : right.start].strip(" \t") == "&&":
            span = Span(one.body.span(left.end, left.end).start, one.body.span(right.start, right.start).start)
            made.append(Edit(span, between))
    return made


def _blank_lines_between(dockerfile: Dockerfile, above: Instruction, below: Instruction) -> list[Edit]:
    """Docker warns of blank lines inside an instruction, and will refuse them one day."""
    source = dockerfile.source
    made = []
    for line in range(above.end_line + 1, below.start_line):
        span = source.line_span(line)
        if not source[span].strip():
            made.append(Edit(span, ""))
    return made


class Style(NamedTuple):
    """How a file breaks its RUNs over lines."""

    indent: str
    trailing: bool

    @classmethod
    def of(cls, dockerfile: Dockerfile, preferred: Sequence[Instruction] = ()) -> Style:
        """The habits of these instructions if they have any, else of the file, else four spaces and leading `&&`."""
        return _habits(dockerfile.source, preferred) or _file_style(dockerfile)


_FILE_STYLES: WeakKeyDictionary[Source, Style] = WeakKeyDictionary()


def _file_style(dockerfile: Dockerfile) -> Style:
    style = _FILE_STYLES.get(dockerfile.source)
    if style is None:
        runs = [one for one in dockerfile.instructions if one.keyword == "RUN"]
        style = _habits(dockerfile.source, runs) or Style("    ", False)
        _FILE_STYLES[dockerfile.source] = style
    return style


def _habits(source: Source, instructions: Sequence[Instruction]) -> Style | None:
    commands: Counter[str] = Counter()  # the indents of lines that start a command
    arguments: Counter[str] = Counter()  # and of the others
    leading = trailing = 0
    for one in instructions:
        if one.heredocs:
            continue
        starts = False
        for line in range(one.start_line, one.end_line + 1):
            text = source[source.line_content(line)]
            stripped = text.strip()
            if stripped.startswith("#"):
                continue
            if line > one.start_line and stripped:
                first = starts or stripped.startswith(("&&", "||", ";", "|"))
                (commands if first else arguments)[text[: len(text) - len(text.lstrip(" \t"))]] += 1
                leading += stripped.startswith("&&")
            ended = stripped.rstrip("\\").rstrip()
            starts = ended.endswith(("&&", "||", ";", "|"))
            trailing += ended.endswith("&&") and line < one.end_line
    indents = commands or arguments
    if not indents:
        return None
    indent = min(indents, key=lambda key: (-indents[key], len(key)))
    # Arguments may be lined up far to the right, where no command belongs.
    return Style(indent if commands or len(indent.expandtabs(4)) <= 8 else "    ", trailing > leading)
