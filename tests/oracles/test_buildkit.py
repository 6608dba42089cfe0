"""slimify's parser and its rewrites, against BuildKit's own parser."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import pytest
from shared_corpus import Sample, changed, is_shared, outcomes, samples

from slimify.rewrite.edit import Level, Severity
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.semantics.build import pairs
from slimify.syntax.dockerfile import KEYWORDS, Dockerfile, Instruction, parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

from .buildkit import BuildKit, Doc, Read, Refused, fit

LEVELS = (Level.STANDARD, Level.AGGRESSIVE)

# What the binding (BuildKit 0.12.5) reads differently, by name of the file or of a case below,
# and why it is the binding that is wrong. An entry that no longer differs fails.
KNOWN: dict[str, str] = {
    "case/onbuild-heredoc": "0.12.5 finds the here-document of a trigger, and gives its lines to nobody",
    "case/check-then-escape": "0.12.5 does not know `# check=`, and reads no directive behind it",
    "case/check-then-syntax-twice": "0.12.5 does not know `# check=`, so to it a second `# syntax=` is a comment",
    "case/onbuild-onbuild": "the binding looks no deeper than one trigger",
    "case/heredoc-spaced": "0.12.5 does not know that blanks may stand behind `<<`; today's lexer skips them",
    "case/flags-beyond-ascii": "BuildKit reads flags byte by byte, and makes other letters of those beyond ASCII",
    "case/json-trailing": "0.12.5 ignores what stands behind a JSON array; today's parser takes it for shell form",
    "edge/moby__buildkit/frontend__dockerfile__parser__testfiles__json__Dockerfile": (
        "the binding ends a string at the NUL that the JSON escape \\u0000 stands for"
    ),
}

# Texts that files are rarely made of.
CASES: dict[str, bytes] = {
    "case/onbuild-heredoc": b"FROM a\nONBUILD RUN <<EOF\nhi\nEOF\nRUN b\n",
    "case/check-then-escape": b"# check=skip=all\n# escape=`\nFROM a\nRUN a `\n  b\n",
    "case/check-then-syntax-twice": b"# check=skip=all\n# syntax=a\n# syntax=b\nFROM a\n",
    "case/escape-then-check": b"# escape=`\n# check=skip=all\nFROM a\nRUN a `\n  b\n",
    "case/escape-twice": b"# escape=`\n# escape=`\nFROM a\n",
    "case/escape-wrong": b"# escape=x\nFROM a\n",
    "case/escape-upper-case": b"# ESCAPE = `\nFROM a\nRUN a `\nb\n",
    "case/directive-behind-comment": b"# hello\n# escape=`\nFROM a\nRUN a `\nRUN b\n",
    "case/directive-behind-blank-line": b"\n# escape=`\nFROM a\nRUN a `\nRUN b\n",
    "case/bom": b"\xef\xbb\xbfFROM a\nRUN b\n",
    "case/bom-and-directive": b"\xef\xbb\xbf# escape=`\nFROM a\nRUN b `\n c\n",
    "case/bom-only-later": b"FROM a\n\xef\xbb\xbfRUN b\n",
    "case/no-final-newline": b"FROM a\nRUN b",
    "case/continued-at-the-end": b"FROM a\nRUN b \\",
    "case/continued-at-the-end-over-comments": b"FROM a\nRUN b \\\n# c\n\n",
    "case/crlf": b"FROM a\r\nRUN b \\\r\n  c\r\n",
    "case/cr-cr-lf": b"FROM a\r\r\nRUN b \\\r\r\n  c\r\r\n",
    "case/lone-cr": b"FROM a\rRUN b\nRUN c\n",
    "case/not-utf-8": b"FROM a\nRUN echo \xff\xfe \\\n \xe9\n",
    "case/nul": b"FROM a\nRUN echo \0b\nRUN c\n",
    "case/two-backslashes": b"FROM a\nRUN echo b \\\\\nRUN c\n",
    "case/three-backslashes": b"FROM a\nRUN echo b \\\\\\\nRUN c\n",
    "case/blank-and-comment-inside": b"FROM a\nRUN b \\\n\n  # c\n\t\n  d\nRUN e\n",
    "case/backslash-and-blanks": b"FROM a\nRUN b \\ \t \n  c\n",
    "case/comment-ends-with-backslash": b"FROM a\n# b \\\nRUN c\n",
    "case/keyword-over-lines": b"FRO\\\nM a\nRU\\\nN b\n",
    "case/keyword-only": b"FROM a\nRUN\nCMD\n",
    "case/odd-case": b"fRoM a aS b\nrUn c\ncOpY --FROM=b x y\n",
    "case/indented": b"  FROM a\n\tRUN b\n\x0bRUN c\n",
    "case/unicode-blanks": "FROM a\n\u00a0RUN b\nRUN\u2003c\n".encode(),
    "case/two-heredocs": b"FROM a\nRUN <<A cat && <<B cat\n1\nA\n2\nB\nRUN c\n",
    "case/heredoc-chomp": b"FROM a\nRUN <<-A\n\tb\n\tA\nRUN c\n",
    "case/heredoc-no-chomp": b"FROM a\nRUN <<A\n\tA\nA\nRUN c\n",
    "case/heredoc-quoted": b"FROM a\nCOPY <<'A B' /x\n1\nA B\nRUN c\n",
    "case/heredoc-descriptor": b"FROM a\nRUN 3<<A cat\n1\nA\n",
    "case/heredoc-with-dockerfile-inside": b"FROM a\nCOPY <<A /x\nFROM b\nRUN c \\\nA\nRUN d\n",
    "case/heredoc-crlf": b"FROM a\r\nRUN <<A\r\nb\r\nA\r\nRUN c\r\n",
    "case/heredoc-behind-continuation": b"FROM a\nRUN b \\\n  <<A\n1\nA\nRUN c\n",
    "case/heredoc-unterminated": b"FROM a\nRUN <<A\n1\n",
    "case/heredoc-empty": b"FROM a\nRUN <<A\nA\nRUN b\n",
    "case/heredoc-without-final-newline": b"FROM a\nRUN <<A\n1\nA",
    "case/heredoc-in-quotes": b"FROM a\nRUN echo '<<A'\nRUN b\n",
    "case/heredoc-three-angles": b"FROM a\nRUN cat <<<A\nRUN b\n",
    "case/heredoc-in-json": b'FROM a\nRUN ["a", "<<A"]\nRUN b\n',
    "case/heredoc-in-cmd": b"FROM a\nCMD cat <<A\nRUN b\n",
    "case/heredoc-variable": b"FROM a\nRUN <<$A\n1\n$A\nRUN b\n",
    "case/heredoc-spaced": b"FROM a\nRUN cat << A\n1\nA\nRUN b\n",
    "case/heredoc-backslash": b"FROM a\nRUN <<\\A\n1\nA\nRUN b\n",
    "case/shift": b"FROM a\nRUN echo $((1<<2))\nRUN b\n",
    "case/flags": (
        b'FROM --platform=linux/amd64 a\nRUN --mount=type=cache,target=/x --network=none b\nCOPY --chown="a b" c d\n'
    ),
    "case/flags-beyond-ascii": "FROM a\nCOPY --chown=é b c\n".encode(),
    "case/flags-odd": b"FROM a\nCOPY --a --b=c\\ d --'e f' -- --g h i\nRUN --  x\nRUN -- --x\nRUN --\n",
    "case/flags-over-lines": b"FROM a\nRUN --mount=a \\\n  --network=b \\\n # c\n  d\n",
    "case/json-not-strings": b"FROM a\nCMD [1]\n",
    "case/json-nested": b'FROM a\nCMD [["a"]]\n',
    "case/json-nothing": b"FROM a\nCMD []\n",
    "case/json-single-quotes": b"FROM a\nCMD ['a']\n",
    "case/json-trailing": b'FROM a\nCMD ["a"] b\n',
    "case/json-null": b"FROM a\nCMD [null]\n",
    "case/json-nan": b"FROM a\nCMD [NaN]\n",
    "case/json-over-lines": b'FROM a\nCMD ["a", \\\n "b"]\n',
    "case/json-escapes": b'FROM a\nCMD ["\\u2603", "\\ud83d\\ude00", "\\n"]\n',
    "case/json-tab-in-string": b'FROM a\nCMD ["a\tb"]\n',
    "case/json-bad-escape": b'FROM a\nCMD ["\\x"]\n',
    "case/env": b"FROM a\nENV a=b c=\"d e\" f=g\\ h i='j k'\nENV l m n\nENV o p=q\n",
    "case/env-no-value": b"FROM a\nENV a\n",
    "case/env-mixed": b"FROM a\nENV a=b c\n",
    "case/env-empty": b"FROM a\nENV\n",
    "case/env-unclosed-quote": b'FROM a\nENV a="b c\n',
    "case/env-over-lines": b"FROM a\nENV a=b \\\n# c\n    d=e\n",
    "case/label-no-value": b"FROM a\nLABEL a\n",
    "case/healthcheck": b'FROM a\nHEALTHCHECK --interval=3s CMD ["a", "b"]\nHEALTHCHECK NONE\nHEALTHCHECK CMD a b\n',
    "case/onbuild": b'FROM a\nONBUILD RUN --network=none a\nONBUILD CMD ["a"]\nONBUILD ENV a=b\nONBUILD\n',
    "case/onbuild-onbuild": b"FROM a\nONBUILD ONBUILD RUN a\n",
    "case/nothing": b"",
    "case/only-comments": b"# a\n# b\n",
    "case/only-blanks": b"\n \n\t\n",
    "case/long-line": b"FROM a\nRUN echo " + b"x" * 65_000 + b"\n",
    "case/too-long-line": b"FROM a\nRUN echo " + b"x" * 66_000 + b"\n",
    "case/line-of-65535": b"FROM a\nRUN " + b"x" * 65_530 + b"\n",
    "case/line-of-65536": b"FROM a\nRUN " + b"x" * 65_531 + b"\n",
    "case/line-of-65537": b"FROM a\nRUN " + b"x" * 65_532 + b"\n",
    "case/line-of-65535-at-the-end": b"FROM a\nRUN " + b"x" * 65_531,
    "case/line-of-65536-at-the-end": b"FROM a\nRUN " + b"x" * 65_532,
}


def every_sample() -> Iterator[Sample]:
    yield from samples()
    for name, data in CASES.items():
        yield Sample(name, data)


def test_there_are_files_to_read() -> None:
    assert len(samples()) > (2400 if is_shared() else 0)
    assert any(outcome.changed for outcome in outcomes(Level.STANDARD).values())


def test_every_file_prints_as_it_was() -> None:
    wrong = []
    for sample in every_sample():
        source = sample.source
        assert source.data == sample.data, sample.name
        try:
            tree = parse(source)
        except DockerfileSyntaxError:
            continue
        if tree.text().encode("utf-8", "surrogateescape") != sample.data:
            wrong.append(sample.name)
    assert not wrong


def test_every_file_is_read_as_buildkit_reads_it(buildkit: BuildKit) -> None:
    differences = {}
    for sample in every_sample():
        if difference := _difference(sample, buildkit):
            differences[sample.name] = difference
    surprises = {name: text for name, text in differences.items() if name not in KNOWN}
    assert not surprises, "\n".join(f"{name}: {text}" for name, text in list(surprises.items())[:20])
    present = {sample.name for sample in every_sample()}
    gone = [name for name in KNOWN if name in present and name not in differences]
    assert not gone, f"no longer different, take them out of KNOWN: {gone}"


def _difference(sample: Sample, buildkit: BuildKit) -> str:
    """How our tree and BuildKit's differ; empty if they do not."""
    text = sample.source.text
    theirs: list[Read] | str
    ours: Dockerfile | str
    try:
        theirs = buildkit.read(text)
    except Refused as error:
        theirs = str(error)
    try:
        ours = parse(sample.source)
    except DockerfileSyntaxError as error:
        ours = str(error)
    if isinstance(ours, str) or isinstance(theirs, str):
        if isinstance(ours, str) and isinstance(theirs, str):
            return ""
        return f"refused by us: {ours!r}" if isinstance(ours, str) else f"refused by BuildKit: {theirs!r}"
    for mine, other in zip(ours.instructions, theirs, strict=False):
        seen = _as_read(mine, ours.source)
        if _known_keyword(mine) and seen != other:
            return f"\n  ours   {seen}\n  theirs {other}"
        if (seen.keyword, seen.start_line, seen.end_line) != (other.keyword, other.start_line, other.end_line):
            return f"\n  ours   {seen}\n  theirs {other}"
    if len(ours.instructions) != len(theirs):
        return f"{len(ours.instructions)} instructions, to BuildKit {len(theirs)}"
    return ""


def _known_keyword(one: Instruction) -> bool:
    """The arguments of what is no instruction are nothing to BuildKit's parser."""
    return one.keyword in KEYWORDS and (one.trigger is None or one.trigger.keyword in KEYWORDS)


def _as_read(one: Instruction, source: Source) -> Read:
    """Our instruction in the words of the binding."""
    inner = one.trigger or one
    value: tuple[str, ...]
    if inner.exec_form is not None and inner.keyword == "HEALTHCHECK":
        value = (inner.words[0].text, *inner.exec_form)
    elif inner.exec_form is not None:
        value = inner.exec_form
    elif inner.keyword in ("ENV", "LABEL"):
        value = tuple(part for pair in pairs(inner) for part in pair)
    elif inner.keyword == "HEALTHCHECK":
        value = tuple(inner.arguments.split(None, 1)) if inner.arguments else ()
    elif inner.keyword in ("RUN", "CMD", "ENTRYPOINT", "SHELL", "MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"):
        value = (inner.arguments,) if inner.arguments else ()
    else:
        value = tuple(word.text for word in inner.words)
    return Read(
        keyword=fit(one.keyword),
        trigger=fit(inner.keyword) if one.trigger is not None else None,
        json=inner.exec_form is not None,
        start_line=one.start_line,
        end_line=one.end_line,
        # Those of a trigger are not to be had from the binding.
        flags=tuple(fit(flag.text) for flag in one.flags),
        value=tuple(fit(word) for word in value),
        heredocs=tuple(Doc(fit(doc.name), doc.descriptor, fit(source[doc.content])) for doc in one.heredocs),
    )


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
def test_what_is_rewritten_is_read_by_buildkit_as_by_us(level: Level, buildkit: BuildKit) -> None:
    wrong = {}
    for name, outcome in changed(level).items():
        if name not in KNOWN and (difference := _difference(Sample(name, outcome.after.data), buildkit)):
            wrong[name] = difference
        buildkit.read(outcome.after.text)
    assert not wrong


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
def test_a_second_fix_changes_nothing(level: Level) -> None:
    wrong = []
    for name, outcome in changed(level).items():
        again = fix(outcome.after, Options(level=level))
        if again.changed or again.changes:
            wrong.append(name)
    assert not wrong


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
def test_there_are_no_faults(level: Level) -> None:
    faults = {
        name: [notice.reason for notice in outcome.notices if notice.finding.severity is Severity.FAULT]
        for name, outcome in outcomes(level).items()
    }
    assert not {name: reasons for name, reasons in faults.items() if reasons}


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
def test_nothing_outside_the_edits_changes(level: Level) -> None:
    wrong = {name: text for name, outcome in outcomes(level).items() if (text := stray_change(outcome))}
    assert not wrong


def lines_of(source: Source) -> list[str]:
    """The lines with what ends them; the last one may be empty."""
    *lines, last = source.text.split("\n")
    return [*(line + "\n" for line in lines), last]


def stray_change(outcome: Outcome) -> str:
    """What an outcome changed without saying so; empty if there is nothing."""
    before, after = lines_of(outcome.before), lines_of(outcome.after)
    if not outcome.changed:
        return "changes without a change" if outcome.changes else ""
    if len(outcome.origins) != len(after):
        return f"{len(outcome.origins)} origins for {len(after)} lines"
    named = {line for change in outcome.changes for line in change.lines}
    transforms = {change.rewrite.transform for change in outcome.changes}
    kept: dict[int, int] = {}
    same: set[int] = set()
    for number, (line, origin) in enumerate(zip(after, outcome.origins, strict=True), 1):
        if not set(origin.transforms) <= transforms:
            return f"line {number} is said to come from {origin.transforms}, which changed nothing"
        if origin.transforms:
            # The line behind a deleted one is said to be touched, though all of it is as it was.
            same.update(old for old in origin.lines if before[old - 1] == line)
            continue
        if len(origin.lines) != 1:
            return f"line {number} comes from {origin.lines} without a transform"
        if before[origin.lines[0] - 1] != line:
            return f"line {number} is said to be line {origin.lines[0]} of the original, and is not"
        if origin.lines[0] in kept:
            return f"line {origin.lines[0]} of the original is there twice"
        kept[origin.lines[0]] = number
    if sorted(kept) != sorted(kept, key=kept.__getitem__):
        return "untouched lines have changed their order"
    for number in range(1, len(before) + 1):
        if number not in named | same and number not in kept:
            return f"line {number} of the original is gone, and no change names it"
    return _stray_difference(outcome, before, after, named)


def _stray_difference(outcome: Outcome, before: list[str], after: list[str], named: set[int]) -> str:
    """The same once more by comparing nothing but the two texts."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, low, high, new_low, new_high in matcher.get_opcodes():
        if tag == "equal":
            continue
        # Where lines repeat, difflib may see the change one repetition further up or down.
        if low < high and not named & set(range(low, high + 2)):
            return f"lines {low + 1} to {high} of the original differ, and no change names them"
        touched = [origin for origin in outcome.origins[new_low:new_high] if origin.transforms]
        if tag == "insert" and not touched:
            return f"lines {new_low + 1} to {new_high} are new, and no transform made them"
    return ""
