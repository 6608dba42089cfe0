"""Where an application starts, and what it can import from there."""

from __future__ import annotations

import pytest

from slimify.context.python.entry import Entry, EntryKind, find_entries
from slimify.context.python.metadata import Script
from slimify.context.python.modules import read_module
from slimify.context.python.reach import Reachable, reachable, source_roots
from tests.context.python.memory import Memory

SCRIPT, MODULE, OTHER = EntryKind.SCRIPT, EntryKind.MODULE, EntryKind.OTHER


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("python app.py", [(SCRIPT, "app.py")]),
        ("python3.11 -u -X dev /app/src/app.py --x", [(SCRIPT, "src/app.py")]),
        ("python -m pkg.mod arg", [(MODULE, "pkg.mod")]),
        ("python -um pkg", [(MODULE, "pkg")]),
        ("gunicorn -w 4 -b :80 pkg.app:create()", [(MODULE, "pkg.app"), (SCRIPT, "gunicorn.conf.py")]),
        ("gunicorn -c conf.py --chdir src wsgi", [(MODULE, "wsgi"), (SCRIPT, "conf.py")]),
        ("python -m uvicorn main:app --reload", [(MODULE, "main")]),
        ("hypercorn main:app --bind x", [(MODULE, "main")]),
        ("flask --app pkg/web.py run", [(SCRIPT, "pkg/web.py")]),
        ("flask run", [(MODULE, "app")]),
        ("celery -A proj worker", [(MODULE, "proj"), (MODULE, "proj.celery")]),
        ("python manage.py runserver", [(SCRIPT, "manage.py")]),
        ("django-admin runserver --settings=p.settings", [(MODULE, "p.settings")]),
        ("streamlit run ui.py --server.port=1", [(SCRIPT, "ui.py")]),
        ("fastapi run app/main.py", [(SCRIPT, "app/main.py")]),
        ("uwsgi --http :80 --wsgi-file app.py", [(SCRIPT, "app.py")]),
        ("uwsgi app.ini", [(EntryKind.UWSGI, "app.ini")]),
        ("poetry run python app.py", [(SCRIPT, "app.py")]),
        ("uv run --no-dev uvicorn main:app", [(MODULE, "main")]),
        ("tini -- python app.py", [(SCRIPT, "app.py")]),
        ("ddtrace-run python app.py", [(SCRIPT, "app.py")]),
        ("tool --x", [(MODULE, "pkg.cli")]),
        ("./app.py", [(SCRIPT, "app.py")]),
    ],
)
def test_entries(line: str, wanted: list[tuple[EntryKind, str]]) -> None:
    scripts = [Script("tool", "pkg.cli:main")]
    assert [(one.kind, one.target) for one in find_entries(line.split(), "/app", None, scripts)] == wanted


@pytest.mark.parametrize(
    "argv",
    [
        ["nginx"], ["./start.sh"], ["python"], ["python", None], [None, "app.py"], ["gunicorn"], ["gunicorn", None],
        ["python", "-"], ["celery", "worker"], ["uwsgi"], ["sh", "start.sh"], ["supervisord"], ["tool"],
        ["django-admin", "migrate"],
    ],
)  # fmt: skip
def test_what_is_not_known(argv: list[str | None]) -> None:
    found = find_entries(argv)
    assert OTHER in {one.kind for one in found}
    assert all(one.why for one in found if one.kind is OTHER)


def test_shell_form() -> None:
    found = find_entries(["/bin/sh", "-c", "cd src; python manage.py migrate && exec gunicorn --bind :$PORT p.wsgi"])
    assert [one.target for one in found] == ["manage.py", "p.wsgi", "gunicorn.conf.py"]
    assert find_entries([]) == ()


def test_environment() -> None:
    (one,) = find_entries(["flask", "run"], environ={"FLASK_APP": "pkg:make"})
    assert (one.target, one.attribute) == ("pkg", "make")


def walk(files: dict[str, str], line: str = "python app.py") -> Reachable:
    context = Memory(files)
    return reachable(context, find_entries(line.split()), source_roots(context))


def test_imports() -> None:
    found = walk(
        {
            "app.py": "import os, flask\nfrom pkg.sub import thing\nfrom . import x\n",
            "pkg/__init__.py": "from .near import y\n",
            "pkg/near.py": "from .. import up\n",
            "pkg/sub/__init__.py": "",
            "pkg/sub/thing.py": "import yaml.nodes\n",
            "other.py": "import subprocess",
            "tests/test_app.py": "import app",
        }
    )
    assert set(found.modules) == {"app.py", "pkg/__init__.py", "pkg/near.py", "pkg/sub/__init__.py", "pkg/sub/thing.py"}
    assert [(one.name, one.path, one.line) for one in found.third_party] == [
        ("flask", "app.py", 1),
        ("yaml", "pkg/sub/thing.py", 1),
    ]
    assert found.stdlib == {"os"}
    assert not found.everything


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module('late')",
        "__import__('late')",
        "if x:\n  def f():\n    from late import y",
        "NAME = 'late.thing'\nLATE = 'late:app'",
    ],
)
def test_imports_that_hide(source: str) -> None:
    found = walk({"app.py": source, "late.py": "", "never.py": ""})
    assert found.modules == ("app.py", "late.py")


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module(x)",
        "exec(x)",
        "import sys\nsys.path.insert(0, 'y')",
        "print 'x'",
        "\0",
    ],
)
def test_then_everything(source: str) -> None:
    found = walk({"app.py": source, "other.py": "", "venv/pyvenv.cfg": "", "venv/lib/x.py": ""})
    assert set(found.modules) == {"app.py", "other.py"}
    assert found.everything
    assert found.unknown


@pytest.mark.parametrize("source", ["session.exec(q)", "'late'", "# import late", "x = 'a late b'", "print('late')"])
def test_what_imports_nothing(source: str) -> None:
    found = walk({"app.py": source, "late.py": ""})
    assert found.modules == ("app.py",)
    assert not found.everything


def test_django() -> None:
    found = walk(
        {
            "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'proj.settings')",
            "proj/__init__.py": "",
            "proj/settings.py": "MY_APPS = ['shop.apps.ShopConfig', 'rest_framework']\nROOT_URLCONF = 'proj.urls'",
            "proj/urls.py": "",
            "shop/__init__.py": "",
            "shop/apps.py": "",
            "shop/models.py": "import PIL",
            "shop/management/commands/go.py": "",
            "unused/models.py": "",
        },
        "python manage.py runserver",
    )
    assert {"proj/urls.py", "shop/models.py", "shop/management/commands/go.py"} <= set(found.modules)
    assert "unused/models.py" not in found.modules
    assert {one.name for one in found.third_party} == {"rest_framework", "PIL"}


def test_local_and_installed_of_one_name() -> None:
    found = walk(
        {"app.py": "import docker\nimport queue\nimport email", "docker/Dockerfile": "", "queue.py": "", "email/x": ""}
    )
    assert [one.name for one in found.third_party] == ["docker"]
    assert found.modules == ("app.py", "queue.py")
    assert found.stdlib == {"email"}


def test_source_layout_and_uwsgi() -> None:
    files = {"src/pkg/__init__.py": "", "src/pkg/web.py": "", "u.ini": "[uwsgi]\nmodule = pkg.web:app\n", "e.ini": ""}
    assert walk(files, "gunicorn pkg.web:app").modules == ("src/pkg/__init__.py", "src/pkg/web.py")
    assert walk(files, "uwsgi --ini u.ini").modules == ("src/pkg/__init__.py", "src/pkg/web.py")
    assert walk(files, "uwsgi --ini e.ini").everything


def test_named_files() -> None:
    source = "f('data/a.csv', 'static', './templates/', 'nothing.txt', 'no secret')"
    files = ["data/a.csv", "static/x", "templates/y", "secret", "secret.txt"]
    found = walk({"app.py": source, **dict.fromkeys(files, "")})
    assert set(found.named) == {"data/a.csv", "static", "templates"}


def test_a_missing_start() -> None:
    assert walk({"x.py": ""}).everything
    assert reachable(Memory({"x.py": ""}), (), ("",)).everything
    assert not reachable(Memory({}), (Entry(SCRIPT, "g.py", optional=True),), ("",)).everything


def test_loops_and_depth() -> None:
    assert walk({"app.py": "import b", "b.py": "import app"}).modules == ("app.py", "b.py")
    assert walk({"app.py": "import a" + ".a" * 9000 + "\nfrom " + "." * 500 + " import z\n"}).modules == ("app.py",)


def test_python_2() -> None:
    found = read_module("a.py", b"import a, b.c as d\nfrom ..e import f, g as h\nprint 'x'\n")
    assert [(one.module, one.level, one.names, one.line) for one in found.imports] == [
        ("a", 0, (), 1), ("b.c", 0, (), 1), ("e", 2, ("f", "g"), 2),
    ]  # fmt: skip
    assert found.problem
