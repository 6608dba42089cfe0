"""Words, flags, JSON forms and variables as Docker reads them."""

from __future__ import annotations

import pytest
from e2b_dockerfile_utils import ShellLex
from hypothesis import example, given
from hypothesis import strategies as st

from slimify.syntax.words import (
    HeredocMarker,
    NotStrings,
    WordError,
    blank_separated,
    builder_flags,
    expand,
    heredoc_marker,
    heredoc_markers,
    json_strings,
    quoted_words,
)

ENV = {
    "empty": "",
    "name": "value",
    "path": "/usr/local/lib/libfoo.so.1.2",
    "two": "two words",
    "star": "a*b?c",
    "dollar": "$name",
    "v": "aXbXc",
}

# The Dockerfile reference's "Environment replacement", each rule at least once: word, result.
EXPANDED = {
    # plain references
    "$name": "value",
    "${name}": "value",
    "${name}_x": "value_x",
    "$name_x": "",
    "a$name-b": "avalue-b",
    "$unset": "",
    "${unset}": "",
    "$empty|${empty}": "|",
    "$dollar": "$name",
    # what is no reference
    "\\$name": "$name",
    "\\${name}": "${name}",
    "'$name'": "$name",
    "'${name}'": "${name}",
    "a$": "a$",
    "a$/b": "a$/b",
    "$": "$",
    # quotes and escapes
    '"$name"': "value",
    "\"'$name'\"": "'value'",
    "'\"$name\"'": '"$name"',
    '"a \\"b\\" c"': 'a "b" c',
    '"a \\b"': "a \\b",
    '"\\$name"': "$name",
    "a\\ b": "a b",
    "a\\\\b": "a\\b",
    "'a\\'": "a\\",
    "a''b\"\"": "ab",
    "x'y'\"z\"": "xyz",
    "": "",
    # defaults
    "${unset:-x}": "x",
    "${empty:-x}": "x",
    "${name:-x}": "value",
    "${unset-x}": "x",
    "${empty-x}": "",
    "${name-x}": "value",
    "${unset:-}": "",
    "${unset:-$name}": "value",
    "${unset:-${name}s}": "values",
    "${unset:-${other:-deep}}": "deep",
    "${unset:-a b}": "a b",
    "${unset:-'$name'}": "$name",
    '${unset:-"$name"}': "value",
    "${unset:-\\}}": "}",
    # alternatives
    "${name:+x}": "x",
    "${empty:+x}": "",
    "${unset:+x}": "",
    "${name+x}": "x",
    "${empty+x}": "x",
    "${unset+x}": "",
    "${name:+$empty}": "",
    # required
    "${name:?must be set}": "value",
    "${name?}": "value",
    "${empty?}": "",
    # prefixes and suffixes
    "${path#/usr}": "/local/lib/libfoo.so.1.2",
    "${path#*/}": "usr/local/lib/libfoo.so.1.2",
    "${path##*/}": "libfoo.so.1.2",
    "${path%.*}": "/usr/local/lib/libfoo.so.1",
    "${path%%.*}": "/usr/local/lib/libfoo",
    "${path%/*}": "/usr/local/lib",
    "${path%%/*}": "",
    "${path#nothing}": "/usr/local/lib/libfoo.so.1.2",
    "${path%nothing}": "/usr/local/lib/libfoo.so.1.2",
    "${name#v?l}": "ue",
    "${name%?e}": "val",
    "${star#a\\*}": "b?c",
    "${star%\\?c}": "a*b",
    "${unset#x}": "",
    "${name#$name}": "",
    # replacement
    "${v/X/-}": "a-bXc",
    "${v//X/-}": "a-b-c",
    "${v/X/}": "abXc",
    "${v//X/}": "abc",
    "${v/b*/-}": "aX-",
    "${v//?X/-}": "--c",
    "${v/Y/-}": "aXbXc",
    "${v/X/$name}": "avaluebXc",
    "${path//\\//_}": "_usr_local_lib_libfoo.so.1.2",
    "${unset/a/b}": "",
    # words that only look odd
    "a=b": "a=b",
    "~": "~",
    "`name`": "`name`",
    "$(name)": "$(name)",
    "ü$name✓": "üvalue✓",
    "$1": "",
    "<a>": "<a>",
}

REFUSED = (
    "${",
    "${name",
    "${name:",
    "${name:-",
    "${name:-x",
    "${}",
    "${:}",
    "${name:x}",
    "${name!x}",
    "${name@Q}",
    "${unset:?}",
    "${unset?why}",
    "${empty:?why}",
    "${v/X}",
    "${v/X/-",
    "'open",
    '"open',
)


@pytest.mark.parametrize(("word", "wanted"), EXPANDED.items())
def test_expansion(word: str, wanted: str) -> None:
    assert expand(word, ENV).value == wanted


@pytest.mark.parametrize("word", REFUSED)
def test_expansion_refuses_what_docker_refuses(word: str) -> None:
    with pytest.raises(WordError):
        expand(word, ENV)
    with pytest.raises(ValueError, match="failed to process"):
        _lex(word)


@pytest.mark.parametrize("word", [*EXPANDED, *REFUSED])
def test_expansion_agrees_with_the_other_port(word: str) -> None:
    assert _ours(word) == _theirs(word)


# Characters that mean something to the lexer, and pieces that make it go further.
_PIECES = st.sampled_from(
    [
        "$",
        "${",
        "}",
        "{",
        ":",
        "-",
        "+",
        "?",
        "#",
        "%",
        "/",
        "*",
        "'",
        '"',
        "\\",
        "`",
        " ",
        "\t",
        "<",
        "<<",
        "=",
        "@",
        "!",
        "name",
        "empty",
        "unset",
        "path",
        "v",
        "X",
        "a",
        "1",
        "_",
        "ü",
        "${name}",
        "$name",
        "${unset:-",
        "${v//X/",
        "\xa0",
    ]
)
WORDS = st.lists(_PIECES, max_size=14).map("".join)


@given(WORDS, st.sampled_from(["\\", "`"]))
@example("${v//?/}", "\\")
@example("${v%%?}", "\\")
def test_expansion_agrees_with_the_other_port_on_anything(word: str, escape: str) -> None:
    assert _ours(word, escape) == _theirs(word, escape)


def _lex(word: str, escape: str = "\\") -> str:
    return ShellLex(escape, env=ENV, skip_unset_env=False).process_word(word)


def _ours(word: str, escape: str = "\\") -> str | None:
    try:
        return expand(word, ENV, escape).value
    except WordError:
        return None


def _theirs(word: str, escape: str = "\\") -> str | None:
    try:
        return _lex(word, escape)
    except ValueError:
        return None


def test_the_other_escape_character() -> None:
    assert expand("`$name\\", ENV, "`").value == "$name\\"
    assert expand("C:\\$name", ENV, "`").value == "C:\\value"


@pytest.mark.parametrize(
    ("word", "value", "names"),
    [
        ("plain", "plain", set()),
        ("$known", "k", {"known"}),
        ("$secret", None, {"secret"}),
        ("a${secret}b", None, {"secret"}),
        ("'$secret'", "$secret", set()),
        ("${secret:-x}", None, {"secret"}),
        ("${secret+x}", None, {"secret"}),
        ("${known:-$secret}", None, {"secret", "known"}),
        ("${known:+x}$missing", "x", {"known", "missing"}),
    ],
)
def test_what_is_not_known_stays_unknown(word: str, value: str | None, names: set[str]) -> None:
    """A default that is not used is expanded by Docker all the same, and may be unknown."""
    found = expand(word, {"known": "k", "secret": None})
    assert found.value == value
    assert found.value is None or found.names == names


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("a=b c=d", ["a=b", "c=d"]),
        ('a="b c" d', ['a="b c"', "d"]),
        ("a='b c' d", ["a='b c'", "d"]),
        ("a=b\\ c d", ["a=b\\ c", "d"]),
        ('a="b \\" c" d', ['a="b \\" c"', "d"]),
        ("a='b \\' c", ["a='b \\'", "c"]),
        ('a="b c', ['a="b c']),
        ('"" b', ['""', "b"]),
        ("a\\", ["a"]),
        ("a \\", ["a"]),
        ("\\\\ a", ["\\\\", "a"]),
        ("", []),
        ("  ", []),
        ("a\u00a0b\u2003c", ["a", "b", "c"]),
        ("a\x1cb", ["a\x1cb"]),
        ("ü='é è'", ["ü='é è'"]),
    ],
)
def test_quoted_words(text: str, wanted: list[str]) -> None:
    tokens = quoted_words(text, 0, len(text), "\\")
    assert [token.text for token in tokens] == wanted
    for token in tokens:
        assert text[token.start : token.end].rstrip("\\") in (token.text, token.text.rstrip("\\"))


@pytest.mark.parametrize(
    ("text", "flags", "rest"),
    [
        ("--a b", ["--a"], "b"),
        ("--a=b --c=d e", ["--a=b", "--c=d"], "e"),
        ("  --a=b   c", ["--a=b"], "c"),
        ('--a="b c" d', ["--a=b c"], "d"),
        ("--a='b c' d", ["--a=b c"], "d"),
        ("--a=b\\ c d", ["--a=b c"], "d"),
        ("--'a b' c", ["--a b"], "c"),
        ("-- --a b", [], "--a b"),
        ("--a -- b", ["--a"], "b"),
        ("--a", ["--a"], ""),
        ("-a b", [], "-a b"),
        ("a --b", [], "a --b"),
        ("", [], ""),
        ("--mount=type=cache,target=/x,id=${A} y", ["--mount=type=cache,target=/x,id=${A}"], "y"),
    ],
)
def test_builder_flags(text: str, flags: list[str], rest: str) -> None:
    tokens, at = builder_flags(text, 0, len(text), "\\")
    assert [token.text for token in tokens] == flags
    assert text[at:].strip() == rest
    for token in tokens:
        assert text[token.start : token.end].startswith("--")
        assert not text[token.start : token.end].endswith(" ")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('["a"]', ("a",)),
        ('[ "a" , "b" ] ', ("a", "b")),
        (' \t["a"]', ("a",)),
        ("[]", ()),
        ('["\\u2603\\n"]', ("☃\n",)),
        ('["\\ud83d\\ude00"]', ("😀",)),
        ("['a']", None),
        ('["a"', None),
        ('["a"] b', None),
        ('["a",]', None),
        ('["\\x"]', None),
        ('["a\tb"]', None),
        ("[NaN]", None),
        ("[Infinity]", None),
        ("a", None),
        ("", None),
        ('{"a": "b"}', None),
        ("[" * 100_000, None),
    ],
)
def test_json_strings(text: str, wanted: tuple[str, ...] | None) -> None:
    assert json_strings(text) == wanted


@pytest.mark.parametrize("text", ["[1]", '["a", null]', '[["a"]]', '[{"a": "b"}]', "[true]"])
def test_json_of_other_things_is_refused(text: str) -> None:
    with pytest.raises(NotStrings):
        json_strings(text)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("<<EOF", HeredocMarker("EOF", 0, expand=True, chomp=False)),
        ("<<-EOF", HeredocMarker("EOF", 0, expand=True, chomp=True)),
        ("3<<EOF", HeredocMarker("EOF", 3, expand=True, chomp=False)),
        ("<<'EOF'", HeredocMarker("EOF", 0, expand=False, chomp=False)),
        ('<<-"EOF"', HeredocMarker("EOF", 0, expand=False, chomp=True)),
        ("<<'E O F'", HeredocMarker("E O F", 0, expand=False, chomp=False)),
        ("<<E'O'F", HeredocMarker("EOF", 0, expand=False, chomp=False)),
        ("<<$X", HeredocMarker("$X", 0, expand=True, chomp=False)),
        ("<<<EOF", None),
        ("<<", None),
        ("<<-", None),
        ("<EOF", None),
        ("x<<EOF", None),
        ("<<A<<B", None),
    ],
)
def test_heredoc_marker(word: str, wanted: HeredocMarker | None) -> None:
    assert heredoc_marker(word) == wanted


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("RUN <<A", ["A"]),
        ("RUN <<A <<B", ["A", "B"]),
        ("RUN cat <<A && cat <<-B > x", ["A", "B"]),
        ("COPY <<A <<'B C' /x", ["A", "B C"]),
        ("RUN echo '<<A'", []),
        ('RUN echo "<<A"', []),
        ("RUN echo \\<<A", []),
        ("RUN cat <<<A", []),
        ("RUN echo 1<<2", ["2"]),
        ("RUN echo $((1<<2))", []),
        ("RUN echo 'open <<A", []),
        ("RUN echo x<<A", []),
    ],
)
def test_heredoc_markers(line: str, names: list[str]) -> None:
    assert [marker.name for marker in heredoc_markers(line)] == names


def test_blank_separated() -> None:
    text = "a  b\tc\x0bd\u00a0e"
    tokens = blank_separated(text, 0, len(text))
    assert [token.text for token in tokens] == ["a", "b", "c", "d\u00a0e"]
    assert all(text[token.start : token.end] == token.text for token in tokens)
