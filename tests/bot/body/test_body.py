"""The text of a pull request: what it says, and that it fits."""

from __future__ import annotations

import pytest

from slimify.bot.body import Around, body_of
from slimify.bot.limits import Section, fitted, limit_of
from slimify.bot.links import NO_LINES, Lines
from slimify.bot.marker import marker_of, read_marker
from slimify.bot.suggestions import take_back
from slimify.bot.tables import own_layers
from slimify.bot.title import commit_message
from slimify.proof.prove import Verdict
from slimify.proof.smoke import Seen
from slimify.syntax.source import Source

from ...report import builder
from ...rewrite.test_diff import lines_edit, outcome_of
from . import cases
from .cases import CASES, GOLDEN, fixed, measured, proof, proposal, text_of

SIZES = measured(533_492_117, 6, 1226, 38.66), measured(74_729_496, 3, 1226, 37.97)


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    assert CASES[name]() == (GOLDEN / f"{name}.md").read_text("utf-8"), "python -m tests.bot.body --update"


def test_no_golden_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == CASES.keys()


def opening(text: str) -> str:
    return text.split("\n")[0]


def test_what_is_measured_comes_first() -> None:
    text = text_of(proposal(fixed(builder.tame(), proof(*SIZES))))
    assert opening(text) == (
        "This makes the image **86 % smaller: 74.7 MB instead of 533 MB**. "
        "Both versions were built, compared and run: they hold the same program."
    )
    assert "| image | 533 MB | **74.7 MB** | **-86 %** |" in text.split("\n###")[0]


@pytest.mark.parametrize(
    ("more", "opens", "checked"),
    [
        (
            {"seen": None, "not_run": "it starts none"},
            "built and compared:",
            "Not run: it starts none.",
        ),
        ({"seen": (Seen(1, "", {}, None, ""),) * 2}, "built and compared:", "run, which showed nothing to work."),
        ({}, "built, compared and run:", "Then both were run."),
    ],
)
def test_no_more_is_claimed_than_was_done(more: dict[str, object], opens: str, checked: str) -> None:
    text = text_of(proposal(fixed(builder.tame(), proof(*SIZES, **more))))
    assert f"Both versions were {opens}" in opening(text)
    assert checked in text


def test_an_estimate_is_called_one() -> None:
    text = text_of(proposal(fixed(builder.tame())))
    assert opening(text) == ("This makes the image **about 40 MB smaller**. This is an estimate: nothing was built.")
    assert "| image (estimated) | | | about 40 MB less |\n| layers that the Dockerfile adds | 4 | 3 | |" in text
    assert "How this was checked" not in text


def test_a_proof_that_did_not_hold() -> None:
    failed = proof(*SIZES, verdict=Verdict.NEVER_BUILT)._replace(after=None, comparison=None, seen=None)
    text = text_of(proposal(fixed(builder.tame(), failed)))
    assert "This is an estimate" in opening(text)
    assert "which came to this: the Dockerfile does not build as it is." in text
    assert "same program" not in text


def test_an_image_of_the_same_size() -> None:
    same = proof(measured(10**9, 3, 1, 1.0), measured(10**9 - 1, 2, 1, 1.0), Verdict.SAME_SIZE)
    assert opening(text_of(proposal(fixed(builder.tame(), same)))).startswith("This leaves the size of the image as it")


def test_how_to_have_it_otherwise() -> None:
    for forge, noun in (("github", "pull request"), ("gitlab", "merge request"), ("gitea", "pull request")):
        text = text_of(proposal(fixed(builder.tame())), forge, settings="pyproject.toml")
        for said in (
            "`/slimify ignore modern-instructions`",
            "`/slimify rebase`",
            "`/slimify stop`",
            "`pyproject.toml`",
        ):
            assert said in text
        assert f"Close this {noun}, and it never comes again." in text


def test_secrets_are_taken_out_before_anything_is_escaped() -> None:
    secret = "ghp_a_b_c"
    tame = builder.tame()
    (first, *rest) = tame.changes
    told = first.rewrite._replace(title=f"use {secret}", reason=secret)
    evidence = ((first.evidence[0][0]._replace(text=secret, source=secret), 0),)
    outcome = tame._replace(changes=(first._replace(rewrite=told, evidence=evidence), *rest))
    lost = proof(*SIZES, verdict=Verdict.NEVER_BUILT)
    lost = lost._replace(before=lost.before._replace(built=lost.before.built._replace(ok=False, log=f"a\n{secret}\n")))
    one = fixed(outcome)._replace(dropped=(("slim-base", lost),))
    clean = body_of(
        proposal(one, unread=((secret, secret),)),
        marker_of("ab", []),
        Around("github", redact=lambda text: text.replace(secret, "[secret]")),
    )
    assert "a_b_c" not in clean.replace("\\", "")
    assert clean.count("[secret]") == 7
    assert secret in text_of(proposal(one)).replace("\\", "")


def test_what_looks_like_a_secret_never_comes_out() -> None:
    token = "ghp_" + "a1B2" * 9
    tame = builder.tame()
    (first, *rest) = tame.changes
    told = first.rewrite._replace(title=f"use {token}", reason=f"`{token}`")
    one = proposal(fixed(tame._replace(changes=(first._replace(rewrite=told), *rest))), unread=((token, token),))
    suggested = take_back(one.fixed[0].outcome, "Dockerfile", lambda _: tame)
    for text in (text_of(one), commit_message(one, "ab", "cd"), *[one.body for one in suggested.suggestions]):
        assert "a1B2" not in text
    assert "[redacted]" in suggested.suggestions[0].body


def test_names_of_build_arguments_are_told_and_values_are_not() -> None:
    one = fixed(builder.tame(), proof(*SIZES), build_args=(("NPM_TOKEN", "hunter2"),))
    text = text_of(proposal(one))
    assert "`NPM_TOKEN`" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("forge", ["github", "gitlab", "gitea"])
def test_it_fits(forge: str) -> None:
    text = "FROM a\n" + "".join(f"RUN {at}\n" for at in range(400))
    edits = [(f"t{at % 90}", [lines_edit(text, at, at, f"RUN x{at}\n")]) for at in range(2, 400, 2)]
    many = outcome_of(text, [edits])
    told = "é" * 700
    changes = tuple(
        one._replace(rewrite=one.rewrite._replace(title=f"{at} {told}", reason=told))
        for at, one in enumerate(many.changes)
    )
    huge = fixed(many._replace(changes=changes), proof(*SIZES, notes=(told,) * 50), source=told)
    for one in (proposal(huge), proposal(*[huge._replace(proof=None)] * 12, unread=((told, told),) * 100)):
        marker = marker_of(one.fingerprint, one.changes)
        body = body_of(one, marker, Around(forge, lines=Lines(forge, "https://x.example", cases.COMMIT)))
        limit = {"github": 65_536, "gitlab": 1_048_576, "gitea": 65_535}[forge]
        assert len(body.encode()) < limit
        assert read_marker(body) == marker
        assert "/slimify stop" in body
        # The largest limit has room for one such Dockerfile.
        fits = forge == "gitlab" and len(one.fixed) == 1
        assert ("left out, because the text would be too long here" in body) != fits
        assert body.count("<details>") == body.count("</details>")


def test_what_matters_least_goes_first() -> None:
    sections = [Section("a" * 50), Section("b" * 50, 2, "b"), Section("c" * 50, 1, "c"), Section("d" * 50, 2, "d")]
    assert fitted(sections, 1000) == "\n\n".join(one.text for one in sections)
    said = "_1 section left out, because the text would be too long here: d._"
    assert fitted(sections, 200) == "\n\n".join(["a" * 50, "b" * 50, "c" * 50, said])
    said = "_2 sections left out, because the text would be too long here: b, d._"
    assert fitted(sections, 120) == "\n\n".join(["a" * 50, said, "c" * 50])
    said = "_3 sections left out, because the text would be too long here: b, c, d._"
    assert fitted(sections, 1) == "\n\n".join(["a" * 50, said])


def test_an_unknown_forge_takes_the_least() -> None:
    assert limit_of("other") == limit_of("gitea") < limit_of("github") < limit_of("gitlab")


@pytest.mark.parametrize(
    ("forge", "link"),
    [
        ("github", "[lines 3-9](https://x.example/o/r/blob/abc/a%20b/Dockerfile#L3-L9)"),
        ("gitlab", "[lines 3-9](https://x.example/o/r/-/blob/abc/a%20b/Dockerfile#L3-9)"),
        ("gitea", "[lines 3-9](https://x.example/o/r/src/commit/abc/a%20b/Dockerfile#L3-L9)"),
        ("other", "lines 3-9"),
    ],
)
def test_links_to_lines(forge: str, link: str) -> None:
    assert Lines(forge, "https://x.example/o/r/", "abc").link("a b/Dockerfile", 3, 9) == link


def test_lines_without_a_link() -> None:
    assert NO_LINES.link("Dockerfile", 3, 3) == "line 3"
    assert Lines("github", "https://x.example/o/r", "abc").link("\udcff", 1, 2) == "lines 1-2"
    assert Lines("github", "javascript:alert(1)", "abc").link("Dockerfile", 1, 1) == "line 1"
    assert "(" not in Lines("github", "https://x.example", "a) [b](c").link("Dockerfile", 1, 1)
    assert Lines("github", "https://x.example", "abc").link("a)b/`c`", 1, 1).endswith("/a%29b/%60c%60#L1)")


@pytest.mark.parametrize(
    ("text", "target", "layers"),
    [
        ("FROM a\nRUN b\nCOPY c d\nADD e f\nENV g=h\n", None, 3),
        ("FROM a AS b\nRUN c\nFROM b\nRUN d\n", None, 2),
        ("FROM a AS b\nRUN c\nFROM d\nRUN e\n", None, 1),
        ("FROM a AS b\nRUN c\nRUN c\nFROM d\nRUN e\n", "b", 2),
        ("FROM a\n", "nosuch", None),
    ],
)
def test_layers_of_its_own(text: str, target: str | None, layers: int | None) -> None:
    assert own_layers(Source(text), target) == layers
