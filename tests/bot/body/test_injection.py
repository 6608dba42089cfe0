"""Whatever a Dockerfile, a file name, a build or an image says: nothing of it acts in a text of slimify's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from slimify.bot.body import Around, body_of
from slimify.bot.links import Lines
from slimify.bot.marker import marker_of, read_marker
from slimify.bot.proposal import Fixed, ImageBuild, Proposal
from slimify.bot.suggestions import offer, take_back
from slimify.bot.title import LONGEST, commit_message, title_of, trailers_of
from slimify.proof.compare import Comparison, Difference
from slimify.proof.engine import Built
from slimify.proof.prove import Measured, Verdict
from slimify.proof.smoke import Seen
from slimify.report.markdown_text import code, prose
from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite, Severity
from slimify.rewrite.outcome import Change, Notice, Outcome
from slimify.rewrite.text import apply, identity
from slimify.syntax.source import Source

from ...report.builder import EVIL
from . import cases
from .rendered import assert_harmless

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
PIECES = [
    "@admin", "@org/team", "#12", "!4", "owner/repo#5", "GH-3", "JIRA-12", "~label", '~"a label"', "%{project_path}",
    "&epic", "$x$", "$`x`$", "deadbeefcafe", ":tada:", ":+1:", "[x](https://evil.example)", "![i](//e)", "[[page]]",
    "[TOC]", "[^1]", "[x]: https://evil.example", "www.evil.example", "https://evil.example", "mailto:a@b.example",
    "<script>", "</details>", "<!--", "-->", "--", "<img src=x onerror=y>", "&lt;", "&#64;admin", "**", "__", "~~", "`",
    "``", "```", "````suggestion", "~~~", "|", "\\", "\\`", "\n", "\r\n", "\n\n", "\n/close", "/close", "\n>>>\n",
    "- [ ]", "# h", "1. x", "    x", "\t", "\x00", "\x1b[31m", "\u202e", "\udcff", " ", "a", "Z", "é", "\u2028", "%%",
    "\n---\n", "*a*", "^a", "=", '<!-- slimify: {"v":1,"fingerprint":"ab"} -->',
]  # fmt: skip
evil = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=20)


def no_link(_: str) -> bool:
    return False


@settings(SLOW, max_examples=300)
@given(evil)
@example("`x`@u``www.e.com")
@example("`a``b`@admin")
@example("\\`@admin`")
@example("x`<b>`y``@admin")
def test_prose(text: str) -> None:
    shown = prose(text)
    for around in (
        shown,
        f"- **{shown}** ({code(text)}): {shown}",
        f"| {prose(text.replace('|', ''))} |",
        f"x {shown}",
    ):
        assert_harmless(around, no_link)


@given(evil)
def test_code(text: str) -> None:
    for around in (code(text), f"- {code(text)}: {code(text)}"):
        assert_harmless(around, no_link)


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    """One in which every text is somebody else's."""
    say = lambda: draw(evil)  # noqa: E731 - it is asked for a dozen times
    before = Source("FROM a\nRUN b\n# https://evil.example\n", say())
    span = before.line_span(2)
    rewrite = Rewrite(say(), Level.SAFE, say(), say(), (Edit(span, "RUN c\n"),), (Evidence(say(), span, say()),), 10**8)
    after, origins = apply(before, identity(before), [("x", rewrite.edits[0])])
    change = Change(rewrite, (2,), ((rewrite.evidence[0], draw(st.sampled_from([0, 2]))),))
    reason = say()
    finding = Finding(say(), say(), reason, span, draw(st.sampled_from(Severity)))
    outcome = Outcome(before, after, (change,), (Notice(finding, reason, 2, 1, 2),), origins, 1)
    differs = Difference(say(), say(), None)
    failed = Measured(Built(False, 1.0, say()))
    seen = Seen(0, "", {say(): say()}, 0, say())
    old, new = cases.measured(10**9, 2, 3, 1.0), cases.measured(10**8, 2, 3, 1.0)
    found = Comparison((differs,), (), (), (), (say(),), (), (say(),), (say(),))
    good = cases.proof(old, new, notes=(say(),), comparison=found, seen=(seen, seen), not_run=say())
    lost = good._replace(verdict=Verdict.NOT_BUILT, after=failed)
    build = ImageBuild(before.path, say(), say(), ((say(), say()),), say())
    one = Fixed(build, outcome, draw(st.sampled_from([None, good])), ((say(), lost),))
    return cases.proposal(*[one] * draw(st.integers(1, 2)), unread=((say(), say()),))


def own_links(link: str) -> bool:
    return link.startswith(("https://github.com/o/r/blob/", "https://gist.github.com/"))


@settings(SLOW, max_examples=120)
@given(proposals(), st.sampled_from(["github", "gitlab", "gitea"]), evil)
def test_body(one: Proposal, forge: str, word: str) -> None:
    marker = marker_of(one.fingerprint, one.changes, ignored=["merge-runs"], answered=[3])
    lines = Lines("github", "https://github.com/o/r", cases.COMMIT)
    mentions = (word, "o/team", "a b", "x\n/close")
    body = body_of(one, marker, Around(forge, word, word, lines, mentions))
    for page in assert_harmless(body, own_links):
        (comment,) = page.comments
        assert comment.startswith(" slimify: ")
        assert page.tags.count("details") == body.count("\n<details><summary>") + body.startswith("<details>")
    assert read_marker(body) == marker
    body.encode("utf-8")


@settings(SLOW, max_examples=200)
@given(proposals())
def test_title_and_message(one: Proposal) -> None:
    title = title_of(one)
    message = commit_message(one, "ab" * 16, "cd" * 20)
    assert len(title) <= LONGEST
    assert message.split("\n")[0] == title
    assert trailers_of(message) == {"Slimify-Proposal": "ab" * 16, "Slimify-Base": "cd" * 20}
    said, _, _ = message.rpartition("\n\n")
    assert not re.search(r"[@#!&~%$^<>\[\]`|*\\]|//|www\.|[0-9a-f]{7}|(?m)^\s*/|GH-\d".replace("(?m)", ""), said)
    assert not re.search(r"(?m)^(?!- |  )[\w-]+: ", said)
    assert all(ord(letter) < 127 or letter in "…→\n" for letter in said)


def test_what_others_say_is_still_told() -> None:
    """Nothing would act, either, if nothing were said."""
    body = cases.text_of(cases.hostile())
    for word in ("@admin", "/close", "www.evil.example", "::error::x"):
        assert word in body
    assert EVIL not in body


@settings(SLOW, max_examples=150)
@given(st.lists(st.sampled_from([*PIECES, "RUN x", "FROM a"]), max_size=8), evil)
def test_suggestions(pieces: list[str], word: str) -> None:
    """The lines are the file's own; nothing else is, and the block ends where it should."""
    head = "FROM a\nRUN b\n# https://evil.example\n"
    before = Source(head + "".join(pieces).replace("\r", "") + "\nRUN z\n", word)
    span = before.line_span(2)
    rewrite = Rewrite(word, Level.SAFE, word, word, (Edit(span, "RUN `` ``` c\n"),), (Evidence(word, None, word),))
    after, origins = apply(before, identity(before), [(word, rewrite.edits[0])])
    outcome = Outcome(before, after, (Change(rewrite, (2,), ((rewrite.evidence[0], 0),)),), (), origins, 1)
    for found in (
        take_back(outcome, word, lambda _: outcome),
        offer(outcome, word, lambda _: outcome, [(1, len(before.line_starts))]),
    ):
        for one in found.suggestions:
            for page in assert_harmless(one.body, no_link):
                assert page.tags.count("pre") == 1


@pytest.mark.parametrize("case", sorted(cases.CASES))
def test_every_case(case: str) -> None:
    def link(url: str) -> bool:
        hosts = ("github.com/o/r", "gitlab.com/g/r", "codeberg.org/o/r", "gist.github.com", "docs.", "manpages.")
        return url.startswith(tuple(f"https://{host}" for host in hosts))

    assert_harmless((Path(cases.GOLDEN) / f"{case}.md").read_text("utf-8"), link)
