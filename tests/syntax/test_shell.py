"""Scripts as trees: the cures for what the grammar misreads, the guards, and the way back into the file."""

from __future__ import annotations

import pytest

from slimify.syntax.dockerfile import parse
from slimify.syntax.shell import (
    AndOr,
    Body,
    Command,
    Compound,
    Pipeline,
    Script,
    commands_in,
    parse_script,
    shell_body,
)
from slimify.syntax.source import Source


def words(text: str) -> list[list[str]]:
    """The words of every command of a script, assignments in front."""
    script = parse_script(text)
    assert not script.opaque, script.opaque
    return [
        [*(f"{one.name}={one.value.text}" for one in command.assignments), *(word.text for word in command.words)]
        for command in script.commands()
    ]


def body_of(text: str) -> Body:
    instruction = parse(Source(text)).instructions[-1]
    body = shell_body(instruction.trigger or instruction)
    assert body is not None
    return body


# Text, and its commands as lists of words.
READ = {
    # The first cure: words that touch are one word.
    "curl a/$X/b-$Y.tgz c": [["curl", "a/$X/b-$Y.tgz", "c"]],
    "echo ${A}${B}/c\"$D\"'e'": [["echo", "${A}${B}/c\"$D\"'e'"]],
    "rm -rf /x/{a,b}$C": [["rm", "-rf", "/x/{a,b}$C"]],
    # The second cure: what stands behind a redirection's target are arguments.
    "echo >&2 'msg'": [["echo", "'msg'"]],
    "cmd >f arg >g other": [["cmd", "arg", "other"]],
    "a && echo >&2 b c": [["a"], ["echo", "b", "c"]],
    "a | cmd 2>/dev/null b": [["a"], ["cmd", "b"]],
    "> f a b": [["a", "b"]],
    # Assignments and declarations.
    "A=1 B=$C cmd x": [["A=1", "B=$C", "cmd", "x"]],
    "A=1 B=2": [["A=1", "B=2"]],
    "export A=b C='d e'": [["export", "A=b", "C='d e'"]],
    "unset A B": [["unset", "A", "B"]],
    # Commands inside words come before the command that they are a word of.
    "echo $(a b | c)": [["a", "b"], ["c"], ["echo", "$(a b | c)"]],
    'x="$(a)" b "`c d`"': [["a"], ["c", "d"], ['x="$(a)"', "b", '"`c d`"']],
    # Compound commands.
    "if a; then b; elif c; then d; else e; fi": [["a"], ["b"], ["c"], ["d"], ["e"]],
    "for i in $(ls) x; do a $i; b; done": [["ls"], ["a", "$i"], ["b"]],
    "while a; do b; done > $(c)": [["c"], ["a"], ["b"]],
    "case $(a) in x|y) b;; *) c; d;; esac": [["a"], ["b"], ["c"], ["d"]],
    "f() { a; b; }; f x": [["a"], ["b"], ["f", "x"]],
    "(a; b) && { c; } || ! d": [["a"], ["b"], ["c"], ["d"]],
    # What only looks odd.
    "echo a#b": [["echo", "a#b"]],
    "find . -exec rm {} \\;": [["find", ".", "-exec", "rm", "{}", "\\;"]],
    "echo é ✓ \u00a0x": [["echo", "é", "✓", "\u00a0x"]],
    "a -p1 < f": [["a", "-p1"]],
    "a\nb\n\nc": [["a"], ["b"], ["c"]],
    "a # why": [["a"]],
}


@pytest.mark.parametrize(("text", "wanted"), READ.items())
def test_commands(text: str, wanted: list[list[str]]) -> None:
    assert words(text) == wanted


# Scripts of which nothing may be said, by the guard that stops each.
OPAQUE = {
    # bytes that no node covers
    "text that the parser skipped": ["x - 2>&1", "a && \\ b"],
    # reserved words as command names
    "as a command": ["! { a; }", "time a", "a && time b", "done", "}"],
    # a word boundary inside a word
    "a word cut in two": ["A=a/$X/$Y-b/$Z c", "PATH=/a:$X/b:$PATH/c cmd", "A=a`b`c d"],
    # a word taken for a file descriptor
    "file descriptor": ["patch -p1< f", "patch -p1<f"],
    # back-ticks inside a word
    "back-ticks": ["N=${B-`c`}", "echo ${A:-`b`}"],
    "syntax error": ["if a; then b", "a &&", "a | | b", "echo 'open", 'echo "open', "( a"],
    "unexpected": ["a ;; b"],
    "here-document": ["cat <<EOF\na\nEOF"],
    "control characters": ["a \x0c b", "a\rb", "a \x00 b", "a\x1cb"],
    "empty": ["", "  ", "\t"],
}


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason, texts in OPAQUE.items() for text in texts])
def test_guards(reason: str, text: str) -> None:
    script = parse_script(text)
    assert script.opaque
    assert not list(script.commands())
    assert reason in script.opaque or script.opaque == "syntax error"


@pytest.mark.parametrize("text", ["['/usr/sbin/apache2']", "['a', 'b']", "[a]"])
def test_a_word_that_starts_with_a_bracket_is_no_test(text: str) -> None:
    script = parse_script(text)
    assert script.opaque or words(text)


def test_deep_nesting_is_no_crash() -> None:
    for text in ("(" * 5000 + "a" + ")" * 5000, "$(" * 3000 + "a" + ")" * 3000, "a && " * 20_000 + "a"):
        script = parse_script(text)
        assert script.opaque or len(list(script.commands())) >= 1
    chain = parse_script(" && ".join(f"a{n} > f" for n in range(3000)))
    assert len(list(chain.commands())) == 3000


def _node(text: str) -> object:
    script = parse_script(text)
    assert not script.opaque, script.opaque
    return script.body.items[0].node


def test_lists() -> None:
    node = _node("a && b || c && d")
    assert isinstance(node, AndOr)
    assert node.operators == ("&&", "||", "&&")
    assert [one.name for one in node.operands if isinstance(one, Command)] == ["a", "b", "c", "d"]
    script = parse_script("a; b & c\nd;")
    assert [item.separator for item in script.body.items] == [";", "&", "\n", ";"]
    assert [script.text[item.node.start : item.node.end] for item in script.body.items] == ["a", "b", "c", "d"]


def test_pipelines() -> None:
    node = _node("! a | b 2>&1 | c > f")
    assert isinstance(node, Pipeline)
    assert node.negated
    assert [one.name for one in node.commands if isinstance(one, Command)] == ["a", "b", "c"]
    node = _node("a && b 2>&1 | c")
    assert isinstance(node, AndOr)
    assert isinstance(node.operands[1], Pipeline)
    node = _node("a | b && c")
    assert isinstance(node, AndOr)
    assert isinstance(node.operands[0], Pipeline)


@pytest.mark.parametrize(
    ("text", "redirects"),
    [
        ("a > f", [("", ">", "f")]),
        ("a 2>&1", [("2", ">&", "1")]),
        ("a 2> f >> g < h", [("2", ">", "f"), ("", ">>", "g"), ("", "<", "h")]),
        ("a >/x/$Y-$Z.log b", [("", ">", "/x/$Y-$Z.log")]),
        ("a &> f", [("", "&>", "f")]),
    ],
)
def test_redirections(text: str, redirects: list[tuple[str, str, str]]) -> None:
    node = _node(text)
    assert isinstance(node, Command)
    assert [(one.descriptor, one.operator, one.target and one.target.text) for one in node.redirects] == redirects


@pytest.mark.parametrize(
    ("text", "kind", "parts"),
    [
        ("( a; b )", "subshell", ["a; b"]),
        ("{ a; b; }", "group", ["a; b;"]),
        ("if a; then b; else c; fi", "if", ["a;", "b;", "c;"]),
        ("for i in x; do a; done", "for", ["a;"]),
        ("while a; do b; done", "while", ["a;", "b;"]),
        ("until a; do b; done", "until", ["a;", "b;"]),
        ("case x in y) a;; esac", "case", ["a"]),
        ("f() { a; }", "function", ["{ a; }"]),
        ("[[ -n $x ]]", "test", []),
        ("(( a + 1 ))", "arithmetic", []),
    ],
)
def test_compound_commands(text: str, kind: str, parts: list[str]) -> None:
    node = _node(text)
    assert isinstance(node, Compound)
    assert node.kind == kind
    if kind != "function":
        assert [text[part.start : part.end].strip() for part in node.parts] == parts


@pytest.mark.parametrize(
    ("word", "value", "pattern"),
    [
        ("a", "a", False),
        ("'a b'", "a b", False),
        ('"a b"', "a b", False),
        ("a\\ b", "a b", False),
        ('"a\\"b\\n"', 'a"b\\n', False),
        ("a'b'\"c\"", "abc", False),
        ("$a", None, False),
        ('"$a"', None, False),
        ("'$a'", "$a", False),
        ("\\$a", "$a", False),
        ('"\\$a"', "$a", False),
        ("a$", "a$", False),
        ("$(a)", None, False),
        ("`a`", None, False),
        ("$'a'", None, False),
        ("*.x", "*.x", True),
        ("'*.x'", "*.x", False),
        ("\\*", "*", False),
        ("a?", "a?", True),
        ("[a]", "[a]", True),
        ("{a,b}", "{a,b}", True),
        ("~/a", "~/a", True),
        ("a~", "a~", False),
        ('""', "", False),
        ("$?", None, False),
        ("$1", None, False),
    ],
)
def test_values_of_words(word: str, value: str | None, pattern: bool) -> None:
    script = parse_script(f"echo {word} end")
    assert not script.opaque, script.opaque
    command = list(script.commands())[-1]
    assert [one.text for one in command.words] == ["echo", word, "end"]
    assert command.words[1].value == value
    if value is not None:
        assert command.words[1].pattern is pattern


def test_comments_of_a_script() -> None:
    script = parse_script("a # b\nc # d")
    assert [script.text[start:end] for start, end in script.comments] == ["# b", "# d"]


def _check_spans(script: Script) -> None:
    for command in commands_in(script.body):
        for word in command.words:
            assert script.text[word.start : word.end] == word.text
        for one in command.assignments:
            assert script.text[one.start : one.end] == f"{one.name}={one.value.text}"
            assert script.text[one.value.start : one.value.end] == one.value.text
        for redirect in command.redirects:
            if redirect.target is not None:
                assert script.text[redirect.target.start : redirect.target.end] == redirect.target.text


@pytest.mark.parametrize("text", [*READ])
def test_offsets_in_the_script(text: str) -> None:
    _check_spans(parse_script(text))


CONTINUED = (
    "FROM a\r\n"
    "RUN --mount=type=cache,target=/x \\\r\n"
    "    # first\r\n"
    "    apt-get update \\\r\n"
    "\r\n"
    "    && apt-get inst\\\r\n"
    "all -y \\\r\n"
    "      # é\r\n"
    '      curl "$X" > /dev/null\r\n'
)


def test_spans_lead_through_continuations() -> None:
    source = Source(CONTINUED)
    body = body_of(CONTINUED)
    first, second = body.script.commands()
    seen = [[source[body.span(word.start, word.end)] for word in command.words] for command in (first, second)]
    assert seen == [["apt-get", "update"], ["apt-get", "inst\\\r\nall", "-y", "curl", '"$X"']]
    assert [word.text for word in second.words] == ["apt-get", "install", "-y", "curl", '"$X"']
    assert second.redirects[0].target is not None
    target = second.redirects[0].target
    assert source[body.span(target.start, target.end)] == "/dev/null"
    assert source.position(body.span(second.start, second.end).start).line == 6
    assert source.position(body.span(target.start, target.end).start)[:2] == (9, 19)


def test_an_empty_span_is_where_it_stands() -> None:
    body = body_of("FROM a\nRUN b \\\n  && c\n")
    at = body.script.text.index("c")
    assert body.span(at, at).start == body.span(at, at).end == "FROM a\nRUN b \\\n  && c\n".index("c")


@pytest.mark.parametrize(
    ("instruction", "script"),
    [
        ("RUN a b", "a b"),
        ("run  a", "a"),
        ("CMD a", "a"),
        ("ENTRYPOINT a && b", "a && b"),
        ("HEALTHCHECK CMD a b", "a b"),
        ("HEALTHCHECK --interval=3s cmd   a", "a"),
        ("ONBUILD RUN a", "a"),
        ("ONBUILD CMD a", "a"),
        ("RUN --network=none a", "a"),
        ('RUN ["a", ]', '["a", ]'),
    ],
)
def test_where_scripts_are(instruction: str, script: str) -> None:
    assert body_of(f"FROM x\n{instruction}\n").script.text == script


@pytest.mark.parametrize(
    "instruction",
    ['RUN ["a"]', 'CMD ["a"]', "HEALTHCHECK NONE", 'HEALTHCHECK CMD ["a"]', "ENV a=b", "COPY a b", 'ONBUILD RUN ["a"]'],
)
def test_where_no_scripts_are(instruction: str) -> None:
    one = parse(Source(f"FROM x\n{instruction}\n")).instructions[-1]
    assert shell_body(one.trigger or one) is None


def test_a_run_with_a_heredoc_is_opaque() -> None:
    for text in ("FROM x\nRUN <<E\na\nE\n", "FROM x\nRUN cat <<E && b\na\nE\n"):
        assert body_of(text).script.opaque == "here-document"
