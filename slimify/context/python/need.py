"""Something that must be there when a module runs."""

from __future__ import annotations

import enum
from typing import NamedTuple

# What stands for the program where it is sys.executable.
PYTHON = "{python}"


class NeedKind(enum.Enum):
    """What an application needs beside its modules."""

    PROGRAM = "program"
    LIBRARY = "library"
    FILE = "file"


class Base(enum.Enum):
    """What a file's name is relative to: the folder the program runs in, the context, or a package's folder."""

    FOLDER = "folder"
    CONTEXT = "context"
    PACKAGE = "package"


class Asked(NamedTuple):
    """What one call asks for.

    `name` is None where it cannot be told. `argv` are the arguments of a program with its name, None
    for one that is not known; `{python}` stands for the interpreter that runs the module.
    """

    kind: NeedKind
    name: str | None
    argv: tuple[str | None, ...] = ()
    base: Base = Base.FOLDER


class Need(NamedTuple):
    """What a module asks for, and where.

    `name` is None where the source does not tell it: then anything may be needed. A program may be
    named by a path. `text` is what stands at `line` and `column`, both counted from 1, as evidence;
    `function` is what is called there. For a program, `argv` is its command line as far as it is
    known, `{python}` standing for the interpreter itself; for a file, `base` says what its name is
    relative to.
    """

    kind: NeedKind
    name: str | None
    path: str
    line: int
    column: int
    text: str
    function: str
    argv: tuple[str | None, ...]
    base: Base
