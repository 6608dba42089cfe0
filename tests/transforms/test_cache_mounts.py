from __future__ import annotations

import pytest

from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source


def run(text: str) -> Outcome:
    outcome = fix(Source(text), Options(only=("cache-mounts",)))
    assert not fix(outcome.after, Options(only=("cache-mounts",))).changed
    return outcome


def reason(text: str) -> str:
    outcome = run(text)
    assert not outcome.changed
    return " | ".join(notice.reason for notice in outcome.notices)


@pytest.mark.parametrize(
    ("frontend", "known"),
    [
        ("docker/dockerfile:1", True),
        ("docker.io/docker/dockerfile:1.7-labs", True),
        ("docker/dockerfile:1.10", True),
        ("docker/dockerfile:1.1", False),
        ("docker/dockerfile:1.0.0", False),
        ("docker/dockerfile-upstream:master", False),
        ("example.org/frontend:1", False),
    ],
)
def test_frontends(frontend: str, known: bool) -> None:
    assert run(f"# syntax={frontend}\nFROM python:3.12\nRUN pip install a\n").changed == known


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("RUN pip install --no-cache-dir a", "by --no-cache-dir"),
        ("ENV PIP_NO_CACHE_DIR=1\nRUN pip install a", "told to keep no cache"),
        ("ENV PIP_CACHE_DIR=/c\nRUN pip install a", "elsewhere"),
        ("ENV XDG_CACHE_HOME=/c\nRUN uv sync", "elsewhere"),
        ("RUN PNPM_HOME=/x pnpm install", "elsewhere"),
        ("RUN uv sync --link-mode=symlink", "links into the cache"),
        ("RUN sudo -u app pip install a", "under sudo"),
        ("RUN pip install a && rm -rf $HOME/.cache", "used or deleted"),
        ("RUN pip install a && rm -rf $DIR", "used or deleted"),
        ("RUN pip install a && rm -rf /root/.c*", "used or deleted"),
        ("RUN pip install a\nRUN cp -r /root/.cache/pip /x", "works on /root/.cache/pip"),
        ("RUN --network=none pip install a", "another network"),
        ("RUN pnpm fetch\nRUN pnpm install --offline", "offline"),
        ("RUN apt-get update && apt-get install -y a && apt-get clean", "empties it itself"),
        ("RUN bundle install", "where Bundler keeps its cache"),
        ("USER 1000\nRUN npm ci", "run by 1000"),
    ],
)
def test_refusals(body: str, why: str) -> None:
    assert why in reason(f"FROM python:3.12\n{body}\n")


@pytest.mark.parametrize(
    "body",
    ["RUN pip --version", "RUN apt-get --version", "RUN echo pip install", 'SHELL ["pwsh", "-c"]\nRUN x', "CMD pip"],
)
def test_nothing_to_say(body: str) -> None:
    assert not reason(f"FROM python:3.12\n{body}\n")


def test_an_id_names_the_image_whose_libraries_were_compiled_against() -> None:
    text = "ARG V=3.12\nFROM python:$V\nRUN pip install a\n"
    assert "depends on a variable" in reason(text)
    assert "id=pip-python-3.12-alpine," in run("FROM python:3.12-alpine\nRUN pip install a\n").after.text


def test_windows_line_ends() -> None:
    text = run("FROM node:20\r\nRUN npm ci\r\n").after.text
    assert text == "FROM node:20\r\nRUN --mount=type=cache,target=/root/.npm \\\r\n    npm ci\r\n"


def test_apt_keeps_what_it_downloads_only_where_the_image_does_not_ship() -> None:
    stage = "RUN apt-get update && apt-get install -y gcc\n"
    text = run(f"FROM debian:12 AS a\n{stage}FROM debian:12\n{stage}COPY --from=a /x /x\n").after.text
    builder, final = text.split("FROM debian:12\n")
    assert "docker-clean" in builder
    assert "/var/cache/apt" in builder
    assert "docker-clean" not in final
    assert "/var/cache/apt" not in final
