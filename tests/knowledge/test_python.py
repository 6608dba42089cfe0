"""The facts on Python's ecosystem."""

from __future__ import annotations

import importlib

from slimify.context.python.requirement import normalise
from slimify.knowledge.python import builds, calls, servers


def test_functions_of_the_standard_library_exist() -> None:
    """A name that is misspelt would never be found in a source."""
    gone = {"os.popen2", "os.popen3", "os.popen4", "os.startfile"}
    known = calls()
    for name in {**known.argv, **known.shell, **known.first, **known.second, **known.libraries, **known.files}:
        module, _, attribute = name.rpartition(".")
        if module in ("subprocess", "os", "shutil", "asyncio", "pty", "ctypes", "ctypes.util", "io", "codecs"):
            found = importlib.import_module(module)
            assert name in gone or attribute in ("WinDLL", "OleDLL") or hasattr(found, attribute), name


def test_names_of_packages_are_normalised() -> None:
    for name in builds().version_from_git | builds().builds_native_code:
        assert name == normalise(name)


def test_kinds_of_servers() -> None:
    kinds = {one.kind for one in servers().values()}
    assert kinds == {
        "application", "modules", "script", "flask", "celery", "django", "uwsgi", "wrapper", "unknown",
    }  # fmt: skip
    assert all(option.startswith("-") for one in servers().values() for option in one.options | one.directory)


def test_a_shell_has_cd_but_not_ls() -> None:
    assert "cd" in calls().builtins
    assert "ls" not in calls().builtins
