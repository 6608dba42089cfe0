"""No secret is shown: the ones that are known, and what looks like one."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.bot.redact import MARK, RedactingFilter, Secrets

TOKEN = 'p@ss/w0rd+é"x'


@pytest.mark.parametrize(
    "form",
    [
        TOKEN,
        quote(TOKEN, safe=""),
        json.dumps(TOKEN)[1:-1],
        json.dumps(TOKEN, ensure_ascii=False)[1:-1],
        *(base64.b64encode(f"{user}:{TOKEN}".encode()).decode() for user in ("", "u", "us", "user", "oauth2")),
        *(base64.b64encode(f"{user}:{TOKEN}:x".encode()).decode() for user in ("", "u", "us")),
        base64.urlsafe_b64encode(TOKEN.encode()).decode(),
    ],
)
def test_a_known_secret_in_any_dress(form: str) -> None:
    shown = Secrets([TOKEN]).redact(f"before {form} after")
    assert MARK in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "w0rd" not in shown
    for word in shown.replace(MARK, " ").split():
        # What is left of base64 is at most a group of what was beside it, and of the secret's ends.
        assert len(word) <= 12


@given(
    st.text("abcXYZ019-_./+=é\"'\\ ", min_size=8, max_size=30).filter(lambda text: len(text.strip()) >= 8),
    st.text("ab: ", max_size=4),
    st.text("ab: ", max_size=4),
)
def test_it_is_found_anywhere_in_base64(secret: str, before: str, after: str) -> None:
    secret = secret.strip()
    coded = base64.b64encode((before + secret + after).encode()).decode()
    shown = Secrets([secret]).redact(coded)
    # What is beside it stays, and at both ends a character or two that it shares with that.
    assert len(shown.replace(MARK, "").rstrip("=")) <= len(base64.b64encode((before + after).encode())) + 6
    assert MARK in shown


def test_a_secret_within_another() -> None:
    secrets = Secrets(["abcdefgh"])
    secrets.add("xabcdefghx")
    assert secrets.redact("xabcdefghx abcdefgh") == f"{MARK} {MARK}"
    assert "abcdefgh" not in repr(secrets)


@pytest.mark.parametrize("value", ["", "  ", "abc"])
def test_what_is_too_short_hides_nothing(value: str) -> None:
    assert Secrets([value]).redact("abc and a b c") == "abc and a b c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host/x", f"https://{MARK}@host/x"),
        ("to https://tok3n@host/x.git failed", f"to https://{MARK}@host/x.git failed"),
        ("https://u:p@ss:w@host/x", f"https://{MARK}@host/x"),
        ("postgres://u:pw@host/x", f"postgres://u:{MARK}@host/x"),
        ("http://a:b@h https://c:d@i", f"http://{MARK}@h https://{MARK}@i"),
        ("Authorization: Basic dTpw", f"Authorization: {MARK}"),
        ("'authorization': 'Bearer abc.def'", f"'authorization': '{MARK}'"),
        ("Authorization: token abc, next", f"Authorization: {MARK}, next"),
        ("PRIVATE-TOKEN: abcdef", f"PRIVATE-TOKEN: {MARK}"),
        ("Set-Cookie: a=b; c=d\nnext", f"Set-Cookie: {MARK}\nnext"),
        ("/x?a=b&access_token=abc&c=d", f"/x?a=b&access_token={MARK}&c=d"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY----- x", f"{MARK} x"),
    ],
)
def test_where_secrets_stand(text: str, shown: str) -> None:
    assert Secrets().redact(text) == shown


@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1B2" * 9,
        "gho_" + "a" * 36,
        "ghs_" + "a" * 36,
        "github_pat_" + "A1_b" * 20,
        "glpat-" + "a-1_" * 5,
        "gldt-" + "a" * 20,
        "glrt-" + "t" * 20,
        "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM",
    ],
)
def test_what_looks_like_a_token(token: str) -> None:
    shown = Secrets().redact(f"got {token}: no")
    assert token[8:] not in shown
    assert shown.startswith(f"got {MARK}")


@pytest.mark.parametrize(
    "text",
    [
        "ssh://git@github.com/o/n",
        "git@github.com:o/n",
        "a@b.c",
        "https://host/@scope/x",
        "https://host/a@b",
        "0" * 40,
        "authorization failed for x",
        "glibc-2.36-9+deb12u9-some-more",
        "see https://h/x?tokens=1",
        "ghp_short",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert Secrets().redact(text) == text


def test_no_text_takes_long() -> None:
    secrets = Secrets(["s3cret-token"])
    for text in (
        "a" * 200_000,
        "http://" * 30_000,
        "https://" + "a@" * 100_000,
        "authorization" * 15_000,
        "eyJ" * 60_000,
    ):
        start = time.process_time()
        secrets.redact(text)
        assert time.process_time() - start < 2, text[:20]


def test_logs() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(RedactingFilter(Secrets([TOKEN])))
    handler.setFormatter(logging.Formatter("%(message)s %(extra)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError(f"tried {TOKEN}")
    except ValueError:
        logger.exception("with %s and %d%%", TOKEN, 5, extra={"extra": TOKEN}, stack_info=True)
    logger.info("%s %s", TOKEN, extra={"extra": ""})  # an argument is missing
    logger.info({"a": TOKEN}, extra={"extra": ""})
    said = out.getvalue()
    assert "w0rd" not in said
    assert f"with {MARK} and 5% {MARK}" in said
    assert f"ValueError: tried {MARK}" in said
    assert said.count(MARK) >= 5
