"""The installers of Python, and what they bring along."""

from __future__ import annotations

from slimify.knowledge.language_packages import normalised
from slimify.knowledge.python_installers import installer, installers


def test_every_name_is_normalised_and_brings_itself() -> None:
    for name, one in installers().items():
        assert name in one.brings
        assert {normalised(each) for each in one.brings} == one.brings


def test_an_installer_by_any_spelling() -> None:
    assert installer("Pip_Tools") is installer("pip-tools")
    assert installer("flask") is None
