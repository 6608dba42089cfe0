"""What slim-base takes for used, and what it declines."""

from __future__ import annotations

from pathlib import Path

import pytest

import slimify
from slimify.rewrite.outcome import Outcome

SERVE = 'CMD ["python", "-m", "http.server"]\n'
APP = "FROM python:3.12-bookworm\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"


def run(text: str, context: str | None = None, path: str = "Dockerfile") -> Outcome:
    return slimify.fix(text, path=path, context=context, only=["slim-base"])


def folder(tmp_path: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return str(tmp_path)


def why(outcome: Outcome) -> str:
    assert not outcome.changed, outcome.diff()
    return " ".join(notice.finding.reason for notice in outcome.notices)


def test_the_estimate_is_that_of_the_images_less_what_is_installed() -> None:
    plain = run(f"FROM python:3.12-bookworm\n{SERVE}").changes[0].rewrite
    with_git = run(f"FROM python:3.12-bookworm\nRUN git --version\n{SERVE}").changes[0].rewrite
    assert plain.saves is not None
    assert with_git.saves is not None
    assert 800_000_000 < plain.saves < 1_000_000_000
    assert 50_000_000 < plain.saves - with_git.saves < 200_000_000
    assert any("git is installed for it" in one.text for one in with_git.evidence)


def test_what_the_full_image_had_and_the_stage_asks_for_is_no_gain() -> None:
    install = "RUN apt-get update && apt-get install -y {}build-essential\n"
    plain, with_gcc, recommended = (
        run(f"FROM python:3.12-bookworm\n{line}{SERVE}").changes[0].rewrite
        for line in ("", install.format("--no-install-recommends "), install.format(""))
    )
    assert plain.saves is not None
    assert with_gcc.saves is not None
    assert recommended.saves is not None
    assert 200_000_000 < plain.saves - with_gcc.saves < 400_000_000
    assert with_gcc.saves > recommended.saves
    assert any("build-essential is installed on this base, too" in one.text for one in with_gcc.evidence)


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        ("RUN tar -xJf a.tar.xz", "xz-utils"),
        ("RUN tar xzf a.tar.gz", ""),
        ("RUN find . -exec file {} +", "file"),
        ("RUN curl -fsS https://example.com | cat", "curl"),
        ("RUN timeout 5 ps aux", "procps"),
        ("RUN git clone https://example.com/a.git", "git"),
        ("RUN git clone git@example.com:a.git", "git openssh-client"),
        ("RUN gpg --dearmor < key > ring", "gnupg"),
        ("RUN adduser --disabled-password app", ""),
        ("HEALTHCHECK CMD wget -q -O - http://localhost/", "wget"),
        ('HEALTHCHECK CMD ["curl", "http://localhost/"]', "curl"),
    ],
)
def test_programs_are_found_wherever_they_stand(line: str, packages: str) -> None:
    after = run(f"FROM python:3.12-bookworm\n{line}\n{SERVE}").after.text
    assert after.startswith("FROM python:3.12-slim-bookworm\n")
    assert (f"--no-install-recommends {packages} \\" in after) if packages else ("apt-get" not in after)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("RUN make", "make"),
        ("RUN apt-mark auto git", "apt-mark"),
        ("RUN gcc -c a.c", "builds"),
        ("RUN perl -e 1", "perl"),
        ("RUN ./setup.sh", "not in the build context"),
        ("RUN curl -fsS https://example.com | sh", "run by a shell"),
        ("RUN $TOOL", "not known"),
        ("RUN pip install psycopg2", "psycopg2 is compiled"),
        ("RUN pip install uvicorn[unheard-of]", "brings is not known"),
        ("RUN pip install not-a-package-anybody-knows", "is not known"),
        ("RUN pip install --index-url https://example.com flask", "told --index-url"),
        ("RUN pip install git+https://example.com/a.git", "fetched and built"),
        ("RUN apt-get update && apt-get install -y build-essential && gcc -c a.c", "the stage builds: gcc"),
        ("RUN apt-get update && apt-get install -y pkg-config && pkg-config --libs a", "the stage builds: pkg-config"),
        ("RUN apt-get update && apt-get install -y gcc && apt-get purge -y gcc", "the stage builds: it removes gcc"),
        ("RUN apt-get update && apt-get install -y cron\nCMD cron -f", "cron"),
        ("RUN apt-get update && apt-get install -y ./a.deb", "from a file"),
        ("RUN gem install rake", "RubyGems"),
        ("RUN cat /usr/share/doc/python3/README", "/usr/share/doc"),
        ("ENV LD_PRELOAD=libjemalloc.so.2", "LD_PRELOAD"),
        ("ONBUILD RUN true", "ONBUILD"),
        ("COPY --from=busybox /bin/busybox /bin/", "busybox"),
        ('ENTRYPOINT ["/bin/bash"]\nCMD []', "work in"),
        ("CMD sleep infinity", "work in"),
        ("CMD python", "work in"),
    ],
)
def test_what_is_not_known_keeps_the_base(line: str, reason: str) -> None:
    text = f"FROM python:3.12\n{line}\n"
    assert reason in why(run(text if "CMD" in line else text + SERVE))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import tkinter", "tkinter"),
        ("import os; os.system('cc a.c')", "builds"),
        ("import os; os.system(os.environ['X'])", "not known"),
        ("font = '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'", "/usr/share/fonts"),
    ],
)
def test_what_the_sources_do_keeps_the_base(source: str, reason: str, tmp_path: Path) -> None:
    context = folder(tmp_path, {"requirements.txt": "flask\n", "app.py": source + "\n"})
    assert reason in why(run(APP + 'CMD ["python", "app.py"]\n', context))


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("import subprocess; subprocess.run(['git', 'log'])", "git openssh-client"),
        ("import shutil; shutil.which('svn')", "openssh-client subversion"),
        ("import ctypes; ctypes.CDLL('libmagic.so.1')", "libmagic1"),
        ("import mimetypes", "media-types"),
    ],
)
def test_what_the_sources_need_is_installed(source: str, package: str, tmp_path: Path) -> None:
    context = folder(tmp_path, {"requirements.txt": "flask\n", "app.py": source + "\n"})
    after = run(APP + 'CMD ["python", "app.py"]\n', context).after.text
    assert f"--no-install-recommends {package} \\" in after


def test_programs_of_packages_may_load_any_source(tmp_path: Path) -> None:
    context = folder(tmp_path, {"requirements.txt": "alembic\n", "env/x.py": "import os\nos.system('hg id')\n"})
    assert "mercurial" in run(APP + f"RUN alembic upgrade head\n{SERVE}", context).after.text


def test_wheels_are_asked_for_by_interpreter_and_machine(tmp_path: Path) -> None:
    new, old = "numpy==2.1.0\n", "numpy==1.19.5\n"
    assert run(APP + SERVE, folder(tmp_path, {"requirements.txt": new})).changed
    assert "numpy 1.19.5" in why(run(APP + SERVE, folder(tmp_path, {"requirements.txt": old})))


def test_a_package_that_comes_too_late_gets_a_run_of_its_own() -> None:
    install = "RUN apt-get update && apt-get install -y nginx\n"
    early = run(f"FROM python:3.12-bookworm\n{install}RUN git --version\n{SERVE}").after.text
    late = run(f"FROM python:3.12-bookworm\nRUN git --version\n{install}{SERVE}").after.text
    assert "install -y nginx git\n" in early
    assert late.count("apt-get update") == 2


def test_line_ends_of_the_file_are_kept() -> None:
    after = run("FROM python:3.12-bookworm\r\nRUN git --version\r\n" + SERVE.replace("\n", "\r\n")).after.text
    assert after.count("\n") == after.count("\r\n") > 4


@pytest.mark.parametrize(
    "base",
    [
        "python:3.12-slim",
        "python:3.12-alpine",
        "python:3.12@sha256:" + "0" * 64,
        "example.com/python:3.12",
        "ubuntu:24.04",
    ],
)
def test_other_bases_are_none_of_its_business(base: str) -> None:
    outcome = run(f"FROM {base}\n{SERVE}")
    assert not outcome.changed
    assert not outcome.notices


@pytest.mark.parametrize("base", ["$IMAGE", "${REGISTRY}python:3.12", "python:$TAG", "python:${PY_VARIANT}"])
def test_a_variable_may_hold_a_version_only(base: str) -> None:
    arguments = "ARG IMAGE=python:3.12\nARG REGISTRY=docker.io/library/\nARG TAG=3.12\nARG PY_VARIANT=3.12\n"
    assert "more than a version" in why(run(f"{arguments}FROM {base}\n{SERVE}"))


@pytest.mark.parametrize("path", ["Dockerfile.dev", ".devcontainer/Dockerfile", "ci.Dockerfile"])
def test_files_for_development_are_left_alone(path: str) -> None:
    assert "for development" in why(run(f"FROM python:3.12\n{SERVE}", path=path))


def test_a_need_of_a_stage_built_on_it_waits_for_the_install() -> None:
    base = "FROM python:3.12-bookworm AS base\nRUN apt-get update && apt-get install -y nginx\n"
    assert "install -y nginx git\n" in run(f"{base}FROM base\nRUN git --version\n{SERVE}").after.text


def test_what_packages_of_another_stage_call_is_installed_in_this_one(tmp_path: Path) -> None:
    text = (
        "FROM python:3.12-bookworm AS packages\nCOPY requirements.txt .\nRUN python -m venv /venv\n"
        "RUN /venv/bin/pip install -r requirements.txt\n"
        f"FROM python:3.12-bookworm\nCOPY --from=packages /venv /venv\n{SERVE}"
    )
    after = run(text, folder(tmp_path, {"requirements.txt": "gitpython\n"})).after.text
    assert after.startswith("FROM python:3.12-bookworm AS packages\n")
    assert "--no-install-recommends git openssh-client \\" in after


def test_what_is_installed_later_is_missing_before() -> None:
    install = "RUN apt-get update && apt-get install -y curl\n"
    text = f"FROM python:3.12-bookworm\nRUN curl -O https://example.com\n{install}{SERVE}"
    assert run(text).after.text.startswith(
        "FROM python:3.12-slim-bookworm\nRUN apt-get update \\\n    && apt-get install -y --no-install-recommends curl"
    )


YARN_LOCK = """# yarn lockfile v1


accepts@^1.3.0:
  version "1.3.8"

canvas@^2.11.0:
  version "2.11.2"
"""
NPM_LOCK = """{"lockfileVersion": 3, "packages": {
  "node_modules/accepts": {"version": "1.3.8"},
  "node_modules/canvas": {"version": "2.11.2", "dev": true, "hasInstallScript": true}
}}"""


@pytest.mark.parametrize(
    ("image", "line", "moves"),
    [
        ("node:20", "RUN yarn install", False),
        ("node:20", "RUN yarn install --production", True),
        ("node:20", "ENV NODE_ENV=production\nRUN yarn install", True),
        ("node:20", "ENV NODE_ENV=production\nRUN yarn install --production=false", False),
        ("node:20", "RUN npm ci", False),
        ("node:20", "RUN npm ci --omit=dev", True),
        ("node:20", "ENV NODE_ENV=production\nRUN npm ci --include=dev", False),
        ("node:14-bullseye", "RUN npm ci --omit=dev", False),
        ("node:14-bullseye", "RUN npm ci --only=production", True),
    ],
)
def test_what_is_not_installed_does_not_count(image: str, line: str, moves: bool, tmp_path: Path) -> None:
    context = folder(
        tmp_path,
        {
            "package.json": '{"dependencies": {"accepts": "^1.3.0"}, "devDependencies": {"canvas": "^2.11.0"}}',
            "yarn.lock" if "yarn" in line else "package-lock.json": YARN_LOCK if "yarn" in line else NPM_LOCK,
            "app.js": "require('accepts');\n",
        },
    )
    outcome = run(f'FROM {image}\nWORKDIR /app\nCOPY . .\n{line}\nCMD ["node", "app.js"]\n', context)
    if moves:
        assert outcome.after.text.startswith(f"FROM {image}-slim"), why(outcome)
    else:
        assert "canvas 2.11.2 is" in why(outcome)
