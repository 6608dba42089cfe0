"""modern-instructions: old spellings become today's, and what does not do what it seems to is pointed out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite, Severity
from slimify.semantics.build import POSIX_SHELLS, Build, BuildStage, Step, pairs
from slimify.syntax.dockerfile import Instruction
from slimify.syntax.shell import AndOr, Command, ShellNode
from slimify.syntax.source import Source, Span
from slimify.syntax.words import WordError, expand

NAME = "modern-instructions"
_REFERENCE = "https://docs.docker.com/reference/dockerfile/"
_VARIABLE = re.compile(r"\$(?:\{\w+[^}]*\}|[A-Za-z_]\w*)")
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def modern_instructions(build: Build) -> Iterator[Rewrite | Finding]:
    """MAINTAINER becomes a LABEL, `ENV name value` becomes `ENV name=value`.

    >>> # MAINTAINER Jan <jan@example.com>  ->  LABEL maintainer="Jan <jan@example.com>"
    >>> # ENV GREETING hello world          ->  ENV GREETING="hello world"
    """
    source = build.dockerfile.source
    for step in build.steps():
        one = step.instruction
        if step.keyword == "MAINTAINER":
            yield _maintainer(source, build.stages[step.stage], one)
        elif step.keyword in ("ENV", "LABEL"):
            yield from _equals(source, one)
        elif step.keyword == "ARG":
            yield from _argument(build, one)
        elif step.keyword == "RUN":
            yield from _run(step)


def _maintainer(source: Source, stage: BuildStage, one: Instruction) -> Rewrite | Finding:
    labels = [name for step in stage.steps if step.keyword == "LABEL" for name, _ in pairs(step.instruction)]
    if "maintainer" in labels:
        return Finding(NAME, "MAINTAINER could be a LABEL", "there is a label maintainer already", one.span)
    value = one.arguments
    escape = one.escape
    quoted = '"' + "".join(escape + char if char in ('"', "$", escape) else char for char in value) + '"'
    reason = "MAINTAINER is deprecated"
    if one.comments or one.start_line != one.end_line or _expanded(quoted, {}, escape) != value:
        return Finding(NAME, "MAINTAINER could be a LABEL", "its text cannot be quoted with certainty", one.span)
    keyword = source[one.keyword_span]
    label = "label" if keyword.islower() else "LABEL"
    return Rewrite(
        transform=NAME,
        level=Level.SAFE,
        title="MAINTAINER becomes LABEL maintainer",
        reason=reason,
        edits=(Edit(Span(one.span.start, one.source_arguments.end), f"{label} maintainer={quoted}"),),
        evidence=(Evidence("deprecated since Docker 1.13", None, _REFERENCE + "#maintainer-deprecated"),),
        keywords=frozenset({"MAINTAINER", "LABEL"}),
    )


def _equals(source: Source, one: Instruction) -> Iterator[Rewrite | Finding]:
    text = one.arguments
    if not text or "=" in one.tokens[0].text:
        return
    match = _BLANKS.search(text)
    if match is None:
        return
    name, old = text[: match.start()], text[match.end() :]
    quote = '"' if _BLANKS.search(old) else ""
    if len(old) > 1 and old[0] == old[-1] and old[0] in "\"'" and old.count(old[0]) == 2:
        quote = ""
    new = quote + old + quote
    if not _same(old, new, one.escape) or (quote and any(c in old for c in "\"'")):
        yield Finding(
            NAME,
            f"{one.keyword} {name} could be written with =",
            "its quotes cannot be kept with certainty",
            one.span,
        )
        return
    begin = one.arguments_span.start
    gap = one.logical.span(begin + match.start(), begin + match.end())
    value = one.logical.span(begin + match.end(), one.arguments_span.end)
    # A line break between name and value would put the value's quote on a line of its own.
    if "\n" in source[gap] or "#" in source[gap]:
        yield Finding(NAME, f"{one.keyword} {name} could be written with =", "it runs over several lines", one.span)
        return
    edits = [Edit(gap, "=" + quote)]
    if quote:
        edits.append(Edit(Span(value.end, value.end), quote))
    yield Rewrite(
        transform=NAME,
        level=Level.SAFE,
        title=f"write {one.keyword} {name} with =",
        reason="the form with a blank is deprecated, and takes the rest of the line as one value",
        edits=tuple(edits),
        evidence=(
            Evidence(
                "legacy key/value format",
                None,
                "https://docs.docker.com/reference/build-checks/legacy-key-value-format/",
            ),
        ),
        keywords=frozenset({one.keyword}),
    )


def _same(old: str, new: str, escape: str) -> bool:
    """Whether both spellings expand to the same, whatever the variables in them hold."""
    names = re.findall(r"[A-Za-z_]\w*", old)
    samples: tuple[dict[str, str], ...] = (
        {},
        dict.fromkeys(names, "x"),
        dict.fromkeys(names, "a  'b\" \\c"),
        dict.fromkeys(names, ""),
    )
    values = [(_expanded(old, env, escape), _expanded(new, env, escape)) for env in samples]
    # A value that Docker rejects has no meaning that could be kept.
    return all(before is not None and before == after for before, after in values)


def _expanded(word: str, env: dict[str, str], escape: str) -> str | None:
    try:
        return expand(word, dict(env), escape).value
    except WordError:
        return None


def _argument(build: Build, one: Instruction) -> Iterator[Finding]:
    words = [token.text for token in one.tokens]
    if len(words) != 2 or any("=" in word for word in words):
        return
    name, value = words
    used = re.search(r"\$\{?" + re.escape(value) + r"\b", build.dockerfile.source.text)
    if _IDENTIFIER.fullmatch(value) and (used or value.isupper()):
        return
    yield Finding(
        NAME,
        f"ARG {name} {value} declares two arguments",
        f"a default needs an equals sign: ARG {name}={value}",
        one.span,
        Severity.WARNING,
        (Evidence("ARG <name>[=<default value>]", None, _REFERENCE + "#arg"),),
    )


def _run(step: Step) -> Iterator[Finding]:
    one = step.instruction
    if one.exec_form:
        program = posixpath.basename(one.exec_form[0])
        found = next((match[0] for word in one.exec_form for match in [_VARIABLE.search(word)] if match), None)
        if found and program not in POSIX_SHELLS and program not in ("env", "cmd", "powershell", "pwsh"):
            yield Finding(
                NAME,
                f"{found} is not expanded in exec form",
                "no shell runs the exec form; write it in shell form, or name a shell",
                one.span,
                Severity.WARNING,
                (Evidence("exec form and variables", None, _REFERENCE + "#exec-form"),),
            )
        return
    body = step.body
    if body is None or body.script.opaque or len(body.script.body.items) != 1:
        return
    node = body.script.body.items[0].node
    commands = node.operands if isinstance(node, AndOr) else (node,)
    if all(_without_effect(command) for command in commands):
        yield Finding(
            NAME,
            "this RUN has no effect",
            "each RUN starts a new shell in WORKDIR; what all that follows should see belongs into WORKDIR or ENV",
            one.span,
            Severity.WARNING,
            (Evidence("WORKDIR", None, _REFERENCE + "#workdir"), Evidence("ENV", None, _REFERENCE + "#env")),
        )


def _without_effect(node: ShellNode) -> bool:
    """Whether a command changes nothing but the shell that runs it, which ends with the RUN."""
    if not isinstance(node, Command) or node.redirects:
        return False
    if any(word.substitutions for word in node.words):
        return False
    return node.name in ("cd", "export", "alias", "umask") and len(node.words) > 1
