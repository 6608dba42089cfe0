"""What the golden cases of copy-chown cannot show: bytes, comments, flags in odd places."""

from __future__ import annotations

import pytest

from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source


def run(text: str, context: MemoryContext | None = None) -> Outcome:
    return fix(Source(text), Options(only=("copy-chown",)), context)


def test_bytes_are_those_of_the_files_that_are_copied() -> None:
    context = MemoryContext({"app/a": "x" * 1000, "app/b/c": "y" * 500, "other": "z"})
    outcome = run("FROM debian:12\nCOPY app /app\nCOPY app/a /app/\nRUN chown -R daemon:daemon /app\n", context)
    assert [change.rewrite.saves for change in outcome.changes] == [1500]


def test_links_are_not_followed_out_of_the_folder_on_alpine() -> None:
    text = "FROM alpine:3.20\nCOPY app /app\nRUN chown -R nobody:nobody /app\n"
    assert run(text, MemoryContext({"app/a": ""})).changed
    assert not run(text, MemoryContext({"app/a": ""}, links={"app/l": "/etc/passwd"})).changed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("copy . /app\r\nRUN chown -R daemon:daemon /app\r\n", "copy --chown=daemon:daemon . /app\r\n"),
        (
            "COPY . /app\n\n# give\nRUN chown -R daemon:daemon /app\n",
            "COPY --chown=daemon:daemon . /app\n\n# give\nRUN chown daemon:daemon /app\n",
        ),
        (
            "COPY . /app\n\nRUN chown -R daemon:daemon /app\n\nUSER daemon\n",
            "COPY --chown=daemon:daemon . /app\n\nUSER daemon\n",
        ),
        (
            "COPY . /app\nRUN chown -R daemon:daemon /app \\\n # why\n && echo a\n",
            "COPY --chown=daemon:daemon . /app\nRUN chown daemon:daemon /app \\\n # why\n && echo a\n",
        ),
        ("COPY . /app\nRUN chown -R 1001 /app", "COPY --chown=1001:0 . /app\n"),
        (
            "COPY a /app/\nRUN chown -R daemon:daemon /app\n",
            "COPY --chown=daemon:daemon a /app/\nRUN chown daemon:daemon /app\n",
        ),
        (
            "COPY a b /app/\nRUN chown -R daemon:daemon /app\n",
            "COPY --chown=daemon:daemon a b /app/\nRUN chown daemon:daemon /app\n",
        ),
        (
            "COPY src/ /app/\nRUN chown -R daemon:daemon /app\n",
            "COPY --chown=daemon:daemon src/ /app/\n",
        ),
        (
            "ENV D=/app\nCOPY . $D/\nRUN chown -R daemon:daemon $D\n",
            "ENV D=/app\nCOPY --chown=daemon:daemon . $D/\n",
        ),
    ],
)
def test_the_text(before: str, after: str) -> None:
    outcome = run(f"FROM debian:12\n{before}")
    assert outcome.after.text == f"FROM debian:12\n{after}"


@pytest.mark.parametrize(
    "before",
    [
        "RUN curl -o /app/x https://example.com\nCOPY . /app\nRUN chown -R daemon:daemon /app\n",
        "RUN mkdir -p /app/logs\nCOPY . /app\nRUN chown -R daemon:daemon /app\n",
        "RUN useradd -m -d /app app\nCOPY . /app\nRUN chown -R app:app /app\n",
        "USER daemon\nCOPY . /app\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nRUN apt-get download curl\nCOPY . .\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nCOPY a.conf /app/conf/\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nCOPY . .\nRUN ./install a\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nCOPY . .\nENV PATH=/app/venv/bin:$PATH\nRUN pip install a\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nCOPY . .\nENV HOME=/app\nRUN pip install a\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nCOPY . .\nENV PIP_TARGET=lib\nRUN pip install a\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nCOPY . .\nRUN cp -r / . && true\nRUN chown -R daemon:daemon /app\n",
        "WORKDIR /app\nCOPY . .\nRUN echo a > a\nRUN chown -R daemon:daemon /app\n",
        "RUN ./setup\nCOPY . /app\nRUN chown -R daemon:daemon /app\n",
        "VOLUME /app\nCOPY . /app\nRUN chown -R daemon:daemon /app\n",
        "COPY . /app\nRUN chown -R daemon.daemon /app\n",
        "COPY . /app\nRUN chown -R :daemon /app\n",
        "COPY . /app\nRUN chown -RL daemon:daemon /app\n",
        "COPY . /app\nRUN chown -R daemon:daemon /app; true\n",
        "COPY . /app\nRUN chown -R daemon:daemon /app > /dev/null\n",
        "COPY . /\nRUN chown -R daemon:daemon /app\n",
        "COPY . $WHERE\nCOPY . /app\nRUN chown -R daemon:daemon /app\n",
        "COPY . .\nRUN chown -R daemon:daemon .\n",
        "COPY . /var/www\nRUN chown -R daemon:daemon /var/www\n",
        "COPY . /app\n# hadolint ignore=DL3008\nRUN --mount=type=cache,target=/x chown -R daemon:daemon /app\n",
    ],
)
def test_what_is_left_alone(before: str) -> None:
    assert not run(f"FROM debian:12\n{before}").changed


def test_packages_in_between_do_no_harm() -> None:
    text = "WORKDIR /app\nCOPY . .\nENV PATH=/opt/v/bin:$PATH\nRUN pip install a\nRUN chown -R 1000:1000 /app\n"
    assert run(f"FROM python:3.12\n{text}").changed


def test_a_folder_that_mkdir_made_is_like_one_of_workdir() -> None:
    outcome = run("FROM debian:12\nRUN mkdir -p /srv/x\nCOPY . /srv/x\nRUN chown -R daemon:daemon /srv/x\n")
    assert outcome.after.text.endswith("COPY --chown=daemon:daemon . /srv/x\nRUN chown daemon:daemon /srv/x\n")


def test_copies_of_a_parent_stage_stay() -> None:
    text = "FROM debian:12 AS a\nCOPY . /app\nFROM a AS b\nRUN chown -R daemon:daemon /app\nFROM a AS c\n"
    assert not run(text).changed
