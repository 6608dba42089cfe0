"""split-stage: what a build reads, and an image needs, without a command that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

CORPUS = Path(__file__).parent.parent.parent / "corpus"
PIP = """\
FROM python:3.12-bookworm
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
CMD ["gunicorn", "app:app"]
"""
PIP_FILES = {
    "requirements.txt": "flask==3.0.3\ngunicorn==22.0.0\npsycopg2==2.9.9\n",
    "app.py": "import flask\napp = flask.Flask(__name__)\n",
}


def case(name: str) -> tuple[str, dict[str, str]]:
    folder = CORPUS / name / "context"
    files = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    return (CORPUS / name / "Dockerfile").read_text(), files


RUBY, RUBY_FILES = case("split-ruby-assets-are-made-in-the-build")
PHP, PHP_FILES = case("split-php-assets-are-made-in-the-build")


def run(text: str, files: dict[str, str]) -> Outcome:
    outcome = slimify.fix(text, context=MemoryContext(files), only=["split-stage"])
    assert not any(one.finding.severity.value == "fault" for one in outcome.notices)
    return outcome


def pip(before: str, files: dict[str, str], command: str = "") -> Outcome:
    text = PIP.replace("RUN", f"{before}RUN", 1)
    return run(text.replace('["gunicorn", "app:app"]', command or '["gunicorn", "app:app"]'), {**PIP_FILES, **files})


def stages(outcome: Outcome) -> tuple[str, str]:
    """The text of the build stage, and that of the one that ships."""
    assert outcome.changed, "; ".join(one.reason for one in outcome.notices)
    build, ships = outcome.after.text.split("\nFROM ")
    return build, ships


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed, outcome.after.text
    return "; ".join(one.reason for one in outcome.notices)


@pytest.mark.parametrize(
    ("copy", "files"),
    [
        ("COPY pip.conf /etc/pip.conf\n", {"pip.conf": "[global]\nindex-url = https://packages.example.com/simple\n"}),
        ("COPY .netrc /root/\n", {".netrc": "machine example.com\n"}),
        ("COPY corp.crt /certs/\nENV REQUESTS_CA_BUNDLE=/certs/corp.crt\n", {"corp.crt": "x"}),
        ("COPY corp.crt ./\nENV REQUESTS_CA_BUNDLE=/app/corp.crt\n", {"corp.crt": "x"}),
    ],
)
def test_settings_of_installers_are_in_both_stages(copy: str, files: dict[str, str]) -> None:
    line = copy.partition("\n")[0]
    for part in stages(pip(copy, files)):
        assert line in part


def test_the_project_of_uv_is_in_the_build() -> None:
    before = "RUN pip install uv\nCOPY pyproject.toml .\n"
    text = PIP.replace("RUN pip install", f"{before}RUN uv pip install --system")
    build, _ = stages(run(text, {**PIP_FILES, "pyproject.toml": '[project]\nname = "a"\nversion = "1"\n'}))
    assert "COPY pyproject.toml" in build


def test_start_scripts_are_not_in_the_build() -> None:
    build, ships = stages(pip("COPY start.sh /usr/local/bin/start.sh\n", {"start.sh": "#!/bin/sh\n"}))
    assert "start.sh" not in build
    assert "start.sh" in ships


@pytest.mark.parametrize(
    ("before", "files", "why"),
    [
        ("COPY pip.conf /etc/pip.conf\n", {"pip.conf": "[install]\ntarget = /srv\n"}, "in another way"),
        ("COPY pip.conf /root/.pip/\n", {"pip.conf": "[global]\nno-binary = :all:\n"}, "in another way"),
        ("COPY pip.conf /usr/local/\n", {"pip.conf": "[global]\ntimeout = 1\n"}, "does not read /usr/local/pip.conf"),
        ("COPY .pydistutils.cfg /root/\n", {".pydistutils.cfg": "[install]\n"}, "to another place"),
        ("COPY uv.toml /etc/uv/uv.toml\n", {"uv.toml": "[pip]\n"}, "to another place"),
        ("COPY sources.list /etc/apt/sources.list\n", {"sources.list": "deb x y main\n"}, "packages come from"),
        ("VOLUME /opt\n", {}, "a volume lies over /opt/venv"),
        ("ENV LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2\n", {}, "LD_PRELOAD uses libjemalloc.so.2"),
        ("", {"compose.yaml": "services:\n  a:\n    command: /usr/local/bin/gunicorn app:app\n"}, "names a path"),
        ("", {"compose.yaml": "services:\n  a:\n    command: git pull\n"}, "runs git in an image"),
    ],
)
def test_python_refused(before: str, files: dict[str, str], why: str) -> None:
    assert why in reasons(pip(before, files))


def test_what_hands_the_command_on_is_looked_at() -> None:
    script = '#!/bin/sh\nexec sudo -u app "$@"\n'
    text = PIP.replace("CMD", 'COPY start.sh .\nENTRYPOINT ["./start.sh"]\nCMD')
    assert "start.sh runs sudo" in reasons(run(text, {**PIP_FILES, "start.sh": script}))


def test_gosu_keeps_the_path() -> None:
    script = '#!/bin/sh\nexec gosu nobody "$@"\n'
    install = "RUN apt-get update && apt-get install -y gosu\n"
    text = PIP.replace("CMD", f'{install}COPY start.sh .\nENTRYPOINT ["./start.sh"]\nCMD')
    assert "gosu" in stages(run(text, {**PIP_FILES, "start.sh": script}))[1]


def test_a_stage_for_development_is_not_split() -> None:
    assert "for development" in reasons(run(PIP.replace("bookworm", "bookworm AS dev", 1), PIP_FILES))


def test_modes_that_are_given_before_the_build_come_with_it() -> None:
    before = "RUN mkdir -p tmp/pids log && chmod -R 777 tmp log\n"
    build, ships = stages(run(RUBY.replace("# Sprockets", f"{before}# Sprockets"), RUBY_FILES))
    assert before in build
    assert "chmod" not in ships


@pytest.mark.parametrize(
    "command", ["mkdir -p /data log && chmod 777 /data log", "useradd web && chmod 777 log", "chmod -R 777 / "]
)
def test_modes_of_several_places_refused(command: str) -> None:
    text = RUBY.replace("# Sprockets", f"RUN {command}\n# Sprockets")
    assert not run(text, RUBY_FILES).changed


BROWSER = '"packages":[{"name": "spatie/browsershot", "version": "4.0.0"},'


@pytest.mark.parametrize(
    "files",
    [
        {"composer.lock": PHP_FILES["composer.lock"].replace('"packages":[', BROWSER)},
        {"docker/supervisord.conf": "[program:ssr]\ncommand=php artisan inertia:start-ssr\n"},
        {"app/Render.php": '<?php\n$p = new Process(["php", "x"]); shell_exec("node x.js");\n'},
        {"app/Render.php": '<?php\nclass R {\n  private function run() { return shell_exec("node x.js"); }\n}\n'},
    ],
)
def test_node_that_php_runs_stays(files: dict[str, str]) -> None:
    assert "node may be needed to run" in reasons(run(PHP, {**PHP_FILES, **files}))


@pytest.mark.parametrize("path", ["compose.yaml", "docker/compose.yaml", ".devcontainer/docker-compose.yml"])
@pytest.mark.parametrize("ignored", ["", "**/*compose*\n.devcontainer\n"])
def test_compose_files_that_are_not_sent_count(path: str, ignored: str) -> None:
    files = {path: "services:\n  a:\n    command: git pull\n", ".dockerignore": ignored}
    assert f"{path} runs git in an image" in reasons(pip("", files))
