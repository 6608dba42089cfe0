"""What the golden cases of order-for-cache cannot show: odd layouts, and refusals by the dozen."""

from __future__ import annotations

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source

PYTHON = {"requirements.txt": "flask\n", "main.py": "", "lib/a.py": ""}
MOUNTED = "RUN --mount=type=cache,target=/root/.cache/pip \\\n  pip install -r requirements.txt\n"
NODE = {"package.json": '{"name": "a"}', "package-lock.json": '{"lockfileVersion": 3}', "index.js": ""}


def run(text: str, files: dict[str, str], **more: bool) -> Outcome:
    return fix(Source(text), Options(only=("order-for-cache",)), MemoryContext(files, **more))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "WORKDIR /app\r\nCOPY . .\r\nRUN pip install -r requirements.txt\r\n",
            "WORKDIR /app\r\nCOPY requirements.txt .\r\nRUN pip install -r requirements.txt\r\nCOPY . .\r\n",
        ),
        (
            "WORKDIR /app\ncopy . /app\nRUN pip install -r requirements.txt",
            "WORKDIR /app\ncopy requirements.txt /app/\nRUN pip install -r requirements.txt\ncopy . /app",
        ),
        (
            'COPY [".", "/app"]\nWORKDIR /app\nRUN pip install -r /app/requirements.txt\n',
            'COPY requirements.txt /app/\nWORKDIR /app\nRUN pip install -r /app/requirements.txt\nCOPY [".", "/app"]\n',
        ),
        (
            f"WORKDIR /app\nCOPY . .\n{MOUNTED}",
            f"WORKDIR /app\nCOPY requirements.txt .\n{MOUNTED}COPY . .\n",
        ),
        (
            "WORKDIR /app\n\n# one\n# two\nCOPY . .\n# three\nRUN pip install flask\nRUN mkdir /data\n",
            "WORKDIR /app\n\n# three\nRUN pip install flask\n# one\n# two\nCOPY . .\nRUN mkdir /data\n",
        ),
    ],
)
def test_the_text(before: str, after: str) -> None:
    outcome = run(f"FROM python:3.12\n{before}", PYTHON)
    assert outcome.after.text == f"FROM python:3.12\n{after}"
    assert not run(outcome.after.text, PYTHON).changed


@pytest.mark.parametrize(
    ("path", "command", "moves"),
    [
        ("/opt/venv/bin:$PATH", "pip", True),
        ('"/opt/venv/bin:${PATH}"', "pip", True),
        ("$V/bin:$PATH", "pip", True),
        ("/app/bin:$PATH", "pip", False),
        ("bin:$PATH", "pip", False),
        ("$UNKNOWN/bin:$PATH", "pip", False),
        ("$PATH:", "pip", False),
        ("/usr/bin", "/opt/venv/bin/pip", True),
        ("/usr/bin", "/app/venv/bin/pip", False),
        ("/usr/bin", "venv/bin/pip", False),
        ("/usr/bin", "$V/bin/pip", False),
        ("/usr/bin", "python -m venv /opt/venv && /opt/venv/bin/pip", True),
        ("/usr/bin", "python -m venv .venv && pip", False),
    ],
)
def test_programs_of_the_sources(path: str, command: str, moves: bool) -> None:
    text = f"FROM python:3.12\nENV V=/opt/v\nENV PATH={path}\nWORKDIR /app\nCOPY . .\nRUN {command} install flask\n"
    assert run(text, PYTHON).changed is moves


def test_nothing_moves_without_a_context_or_with_half_of_one() -> None:
    text = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"
    assert not fix(Source(text), Options(only=("order-for-cache",))).changed
    assert not run(text, PYTHON, truncated=True).changed


@pytest.mark.parametrize(
    "steps",
    [
        "ENV HOME=/app\nCOPY . .\nRUN pip install -r requirements.txt\n",
        "COPY . .\nRUN pip install -r requirements.txt < main.py\n",
        "COPY . .\nRUN cd lib && pip install flask\n",
        "COPY . .\nRUN ./install && pip install flask\n",
        "COPY . .\nRUN pip install $(cat requirements.txt)\n",
        "COPY . .\nRUN xargs pip install < requirements.txt\n",
        "COPY . .\nRUN pip install *.whl\n",
        "COPY . .\nRUN pip install lib/\n",
        "COPY . .\nRUN pip install -i file:///app/index flask\n",
        "COPY . .\nRUN --mount=type=bind,target=/x pip install flask\n",
        "COPY . .\nRUN apt-get install -y $(cat packages)\n",
        "COPY . .\nRUN apt-get install -y $PACKAGES\n",
        "COPY . .\nRUN apt-get download curl && apt-get install -y tini\n",
        "COPY . .\nRUN apt-get build-dep .\n",
        "COPY . .\nRUN yum install -y a.rpm\n",
        "COPY . .\nRUN mkdir -p /app/logs && pip install flask\n",
        "COPY . .\nRUN touch here && pip install flask\n",
        "COPY . .\nUSER app\nRUN pip install flask\n",
        "COPY . .\nWORKDIR /app/lib\nRUN pip install flask\n",
        "COPY --chmod=755 . .\nRUN pip install flask\n",
        "COPY --from=x / .\nRUN pip install flask\n",
        "COPY . .\nRUN echo hello\n",
        'COPY . .\nRUN ["pip", "install", "flask"]\n',
        'COPY . .\nSHELL ["/bin/bash", "-c"]\nRUN pip install flask\n',
    ],
)
def test_what_is_left_alone(steps: str) -> None:
    assert not run(f"FROM python:3.12\nWORKDIR /app\n{steps}", PYTHON).changed


@pytest.mark.parametrize(
    "files",
    [
        {"setup.cfg": "[install]\nprefix=/x\n"},
        {"sitecustomize.py": ""},
        {"requirements.txt": "flask\n-r more.txt\n"},
        {"requirements.txt": "-e git+https://github.com/pallets/flask#egg=flask\n"},
        {"requirements.txt": "flask @ file:///app/flask.whl\n"},
    ],
)
def test_files_that_change_what_pip_does(files: dict[str, str]) -> None:
    text = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"
    assert not run(text, {**PYTHON, **files}).changed


@pytest.mark.parametrize(
    ("command", "files", "moves"),
    [
        ("npm ci", {}, True),
        ("npm install", {}, False),
        ("npm ci", {"node_modules/a/index.js": ""}, False),
        ("npm ci", {"package.json": '{"scripts": {"prepare": "tsc"}}'}, False),
        ("npm ci", {"package.json": '{"dependencies": {"msw": "2"}}'}, False),
        ("npm ci", {"package.json": '{"dependencies": {"b": "file:./b"}}'}, False),
        ("npm ci", {"binding.gyp": "{}"}, False),
        ("npm ci --prefix lib", {}, False),
        ("npm install -g pm2", {}, False),
        ("npm ci && npm run build", {}, False),
        ("yarn install --frozen-lockfile", {"yarn.lock": ""}, True),
        ("yarn", {"yarn.lock": ""}, False),
        ("yarn install --immutable", {"yarn.lock": "", ".yarnrc.yml": "nodeLinker: pnp\n"}, False),
        ("pnpm install --frozen-lockfile", {"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, True),
    ],
)
def test_node(command: str, files: dict[str, str], moves: bool) -> None:
    text = f"FROM node:20\nWORKDIR /app\nCOPY . .\nRUN {command}\n"
    assert run(text, {**NODE, **files}).changed is moves


def test_many_pairs_are_settled_in_one_run() -> None:
    pairs = "".join(f"COPY d{at} d{at}\nRUN apt-get update && apt-get install -y p{at}\n" for at in range(14))
    context = MemoryContext({f"d{at}/x": "" for at in range(14)})
    once = slimify.fix(f'FROM debian:bookworm\nWORKDIR /app\n{pairs}CMD ["sh"]\n', context=context)
    assert once.changed
    assert not slimify.fix(once.after.text, context=context).changed
