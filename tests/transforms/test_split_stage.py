"""split-stage: what golden cases cannot show."""

from __future__ import annotations

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

APP = {
    "requirements.txt": "Flask==3.0.3\ngunicorn==22.0.0\npsycopg2==2.9.9\n",
    "app.py": "from flask import Flask\n\napp = Flask(__name__)\n",
}
TEXT = """FROM python:3.12-slim-bookworm
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends gcc libpq-dev
COPY . .
RUN pip install -r requirements.txt
CMD ["gunicorn", "app:app"]
"""


def run(text: str = TEXT, **options: object) -> Outcome:
    files = {**APP, **options.pop("files", {})}  # type: ignore[dict-item]
    context = MemoryContext(files) if options.pop("known", True) else None
    return slimify.fix(text, context=context, only=["split-stage"], **options)  # type: ignore[arg-type]


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


def test_without_a_context_nothing_is_said() -> None:
    outcome = run(known=False)
    assert not outcome.changed
    assert not outcome.notices


def test_only_at_its_level() -> None:
    assert run().changed
    assert not run(level="safe").changed


def test_line_ends_stay() -> None:
    after = run(TEXT.replace("\n", "\r\n")).after.text
    assert after.count("\n") == after.count("\r\n")
    assert after.replace("\r\n", "\n") == run().after.text


def test_a_file_without_a_last_line_end() -> None:
    assert run(TEXT.rstrip("\n")).after.text == run().after.text.rstrip("\n")


def test_a_target_by_name_stays() -> None:
    text = TEXT.replace("bookworm\n", "bookworm AS web\n")
    assert run(text, target="web").after.text.count("FROM") == 2


def test_a_bound_file_of_requirements() -> None:
    bound = (
        "RUN --mount=type=cache,target=/root/.cache/pip --mount=type=bind,source=requirements.txt,target=/tmp/r.txt "
    )
    text = TEXT.replace("COPY . .\nRUN pip install -r requirements.txt", bound + "pip install -r /tmp/r.txt\nCOPY . .")
    after = run(text).after.text
    assert after.index(bound) < after.index("FROM", 10)
    assert after.count("COPY . .") == 1


def test_a_pragma_keeps_it() -> None:
    assert reasons(run("# slimify: keep\n" + TEXT)) == "a pragma protects an instruction"
    assert not run("# slimify: skip=split-stage\n" + TEXT).changed


def test_requirements_that_include_others() -> None:
    files = {"requirements.txt": "-r base.txt\npsycopg2\n", "base.txt": "Flask\ngunicorn\n"}
    assert run(files=files).changed
    assert "base.txt" in reasons(run(TEXT.replace("COPY . .", "COPY requirements.txt app.py ./"), files=files))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("RUN pip install -r", "RUN pip install --user -r", "--user"),
        ("RUN pip install -r", "RUN pip install --target /x -r", "--target"),
        ("RUN pip install -r", "RUN pip install --prefix=/x -r", "--prefix"),
        ("pip install -r requirements.txt", "pip install .", "not known to come from the build context"),
        ("pip install -r requirements.txt", "pip install git+https://example.com/a.git", "no package of an index"),
        ("pip install -r requirements.txt", "pip install -r requirements.txt || true", "on conditions"),
        ("pip install -r requirements.txt", "pip install -r requirements.txt > log", "cannot be sorted"),
        ("pip install -r requirements.txt", "pip install -r requirements.txt && mkdir x", "in other ways"),
        ("pip install -r requirements.txt", "pip install -r requirements.txt && pip uninstall -y six", "plain install"),
        ("pip install -r", "/usr/local/bin/pip install -r", "plain install"),
        ("RUN pip", "ENV PATH=/x:$PATH\nRUN pip", "PATH is set"),
        ("RUN pip", "ENV PIP_TARGET=/x\nRUN pip", "PIP_TARGET is set"),
        ("RUN pip", "ARG VIRTUAL_ENV=/x\nRUN pip", "VIRTUAL_ENV is set"),
        ("RUN pip", "COPY --from=docker:cli /usr/local/bin/docker /bin/\nRUN pip", "another image"),
        ("RUN pip", "RUN <<EOF\nmkdir x\nEOF\nRUN pip", "here-document"),
        ("RUN pip", "ONBUILD RUN echo\nRUN pip", "ONBUILD"),
        ("gcc libpq-dev", "gcc=4:12 libpq-dev", "plain install"),
        ("CMD", "RUN chown -R web /root\nCMD", "only in the build"),
        ('CMD ["gunicorn", "app:app"]', "", "not told what to run"),
        ('CMD ["gunicorn", "app:app"]', 'CMD ["bash", "-lc", "gunicorn app:app"]', "login shell"),
        ('CMD ["gunicorn", "app:app"]', "CMD PATH=/bin gunicorn app:app", "sets PATH"),
        ('CMD ["gunicorn", "app:app"]', "CMD cron && gunicorn app:app", "cron"),
        ('CMD ["gunicorn", "app:app"]', "CMD env -i gunicorn app:app", "environment"),
        ('CMD ["gunicorn", "app:app"]', "CMD honcho start", "honcho"),
        ('CMD ["gunicorn", "app:app"]', 'CMD ["./missing.sh"]', "missing.sh"),
    ],
)
def test_refused(old: str, new: str, why: str) -> None:
    assert old in TEXT
    assert why in reasons(run(TEXT.replace(old, new)))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"app.py": "import tkinter\n"}, "tkinter"),
        ({"app.py": "import ctypes\nctypes.CDLL('libnobody.so.9')\n"}, "libnobody.so.9"),
        ({"app.py": "import os\nos.system('nobodys-program')\n"}, "nobodys-program"),
        ({"app.py": "import os\nos.system('sudo ls')\n"}, "sudo"),
        ({"app.py": "import sys\nsys.path.append('/usr/local/lib/x')\n"}, "own packages"),
        ({"app.py": "import subprocess\ndef (:\n"}, "can be read"),
        ({"requirements.txt": "psycopg2\n--find-links ./wheels\n"}, "--find-links"),
        ({"requirements.txt": "psycopg2\nuwsgi\n"}, "embeds"),
        ({"requirements.txt": "psycopg2\nsqlalchemy[nobody]\n"}, "sqlalchemy[nobody]"),
        ({"requirements.txt": "psycopg2\njupyterlab\n"}, "development"),
    ],
)
def test_refused_for_what_the_context_holds(files: dict[str, str], why: str) -> None:
    assert why in reasons(run(files=files))


def test_a_program_of_a_package_that_moves_is_installed() -> None:
    outcome = run(files={"app.py": "import os\nos.system('pg_config --version')\n"})
    assert " libpq-dev \\\n" in outcome.after.text.rpartition("FROM")[2]


def test_what_start_scripts_and_init_programs_call() -> None:
    files = {"start.sh": '#!/bin/sh\nset -e\nuntil grep -q ready /tmp/state; do sleep 1; done\nexec "$@"\n'}
    text = TEXT.replace("gcc libpq-dev", "gcc libpq-dev tini").replace(
        "CMD", 'ENTRYPOINT ["/usr/bin/tini", "--", "sh", "start.sh"]\nCMD'
    )
    after = run(text, files=files).after.text.rpartition("FROM")[2]
    assert "        tini \\\n" in after
    assert "sudo" in reasons(run(text.replace('"gunicorn", "app:app"', '"sudo", "gunicorn", "app:app"'), files=files))
    assert "sudo" in reasons(run(text.replace('"--", "sh", "start.sh"', '"--", "sudo"'), files=files))


def test_an_unattended_install_stays_unattended() -> None:
    text = TEXT.replace("apt-get install", "DEBIAN_FRONTEND=noninteractive apt-get install")
    assert "&& DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libpq5" in run(text).after.text


def test_recommended_packages_come_where_they_came() -> None:
    text = TEXT.replace("--no-install-recommends ", "")
    assert "apt-get install -y libpq5" in run(text).after.text


def test_a_wheel_that_is_not_known_to_exist_may_be_built_where_only_apt_brings_headers() -> None:
    files = {"requirements.txt": "Flask\ngunicorn\npsycopg2\npillow==1.2.3\n"}
    assert run(files=files).changed
    full = TEXT.replace("slim-bookworm", "bookworm")
    assert reasons(run(full, files=files)).startswith(("whether pillow", "what pillow"))
    assert run(full).changed


def test_a_start_script_beside_the_interpreter() -> None:
    files = {"start.sh": '#!/bin/sh\nset -e\nexec "$@"\n'}
    text = TEXT.replace("CMD", "COPY start.sh /usr/local/bin/\nRUN chmod +x /usr/local/bin/start.sh\nCMD")
    text = text.replace("CMD", 'ENTRYPOINT ["start.sh"]\nCMD')
    assert run(text, files=files).changed
    files["start.sh"] = "#!/bin/sh\nexec /usr/local/bin/gunicorn app:app\n"
    assert "/usr/local/bin/gunicorn" in reasons(run(text, files=files))
    files["start.sh"] = "#!/bin/sh\nexport PATH=/usr/bin:$PATH\nexec gunicorn app:app\n"
    assert "sets PATH" in reasons(run(text, files=files))


def test_numbers_of_users_stay() -> None:
    text = TEXT.replace("CMD", "RUN useradd -r web\nCMD")
    assert run(text).changed
    assert "number" in reasons(run(text.replace("libpq-dev", "libpq-dev postgresql-server-dev-all")))


def test_the_cache_of_pip_is_emptied_where_it_was_filled() -> None:
    after = run(TEXT.replace("CMD", "RUN pip cache purge\nCMD")).after.text
    assert after.index("cache purge") < after.index("FROM", 10)


def test_a_virtual_package_of_headers() -> None:
    after = run(TEXT.replace("gcc libpq-dev", "gcc libpq-dev libxslt-dev")).after.text
    assert " libxslt1.1 " in after.rpartition("FROM")[2]


def test_the_owner_of_a_copied_file_is_made_in_the_build_stage_too() -> None:
    text = TEXT.replace("COPY . .", "RUN useradd web\nCOPY --chown=web:web requirements.txt .").replace(
        "CMD", "COPY . .\nCMD"
    )
    before, _, after = run(text).after.text.partition("FROM python:3.12-slim-bookworm\n")
    assert "RUN useradd web" in before
    assert "RUN useradd web" in after
