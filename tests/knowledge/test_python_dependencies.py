"""The table of dependencies is closed, and names only packages of which the needs are known."""

from __future__ import annotations

import json
from pathlib import Path

import slimify.knowledge
from slimify.knowledge.language_packages import python_package
from slimify.knowledge.python_dependencies import dependencies

DATA = json.loads((Path(slimify.knowledge.__file__).parent / "python_dependencies.json").read_text(encoding="utf-8"))


def test_the_table_is_closed() -> None:
    for name, required in DATA["requires"].items():
        assert python_package(name) is not None, name
        assert name not in required
        assert list(required) == sorted(required)
        assert all(other in DATA["requires"] for other in required), name
    assert list(DATA["requires"]) == sorted(DATA["requires"])


def test_names_are_normalised_and_what_is_unknown_is_none() -> None:
    assert dependencies("Flask_SQLAlchemy") == ("flask", "sqlalchemy")
    assert dependencies("psycopg2") == ()
    assert dependencies("xhtml2pdf") is None
