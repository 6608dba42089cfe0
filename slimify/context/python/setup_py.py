"""setup.py, read and not run: what is written there as a literal (setuptools documentation, "Keywords")."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimify.context.python.metadata import Metadata, Script
from slimify.context.python.need import NeedKind
from slimify.context.python.needs import read_needs
from slimify.context.python.problems import Problem
from slimify.context.python.requirement import Requirement, normalise, parse_requirement
from slimify.context.python.source import parse_concrete
from slimify.knowledge.python import builds
from slimify.semantics.build_context import BuildContext


def read_setup_py(context: BuildContext, path: str) -> Metadata | None:
    """Read a setup.py; None where there is none.

    The keywords whose values are computed are in `unknown`, and so is `everything` where there is no
    call of `setup`, or more than one. `reads` are the files it opens by a literal name.
    """
    data = context.read(path)
    if data is None:
        return None
    module = parse_concrete(data)
    if isinstance(module, str):
        return Metadata(path, unknown=("everything",), problems=(Problem(path, 0, module),))
    # Imports libcst, which only now is needed.
    from slimify.context.python.setup_call import read_setup_call

    call = read_setup_call(module)
    if call is None:
        return Metadata(path, unknown=("everything",), problems=(Problem(path, 0, "has not one call of setup()"),))
    problems: list[Problem] = []
    build_requires = tuple(_requirements(call.lists.get("setup_requires", ()), path, "", problems))
    dependencies = [*_requirements(call.lists.get("install_requires", ()), path, "", problems)]
    for extra, wanted in call.tables.get("extras_require", {}).items():
        dependencies += _requirements(wanted, path, extra, problems)
    for wanted in (call.lists.get("tests_require", ()),):
        dependencies += _requirements(wanted, path, "test", problems)
    needs = read_needs(context, [path])
    files = [one.name for one in needs.of(NeedKind.FILE) if one.name and not one.name.startswith("/")]
    folder = f"{posixpath.dirname(path)}/" if "/" in path else ""
    names = {one.name for one in build_requires}
    git = any(one.name and posixpath.basename(one.name) == "git" for one in needs.of(NeedKind.PROGRAM))
    return Metadata(
        path,
        name=normalise(call.strings.get("name", "")),
        version=call.strings.get("version", ""),
        requires_python=call.strings.get("python_requires", ""),
        build_requires=build_requires,
        dependencies=tuple(dependencies),
        dynamic=tuple(one for one in call.unknown if one in ("version", "install_requires", "extras_require")),
        scripts=tuple(_scripts(call.tables.get("entry_points", {}))),
        reads=tuple(dict.fromkeys(one.removeprefix(folder) for one in files)),
        packages=(*call.lists.get("packages", ()), *call.lists.get("py_modules", ())),
        version_from_git=bool(names & builds().version_from_git) or call.version_from_git or git,
        builds_native_code=bool(names & builds().builds_native_code) or call.builds_native_code,
        unknown=(*call.unknown, *(("programs",) if needs.unknown else ())),
        problems=(*problems, *needs.unread),
    )


def _requirements(texts: tuple[str, ...], file: str, group: str, problems: list[Problem]) -> Iterator[Requirement]:
    for text in texts:
        for line in text.splitlines():
            if not line.strip() or line.strip().startswith("#"):
                continue
            one = parse_requirement(line.strip(), file, group=group)
            if one is None:
                problems.append(Problem(file, 0, f"is not a requirement: {line[:80]}"))
            else:
                yield one


def _scripts(points: dict[str, tuple[str, ...]]) -> Iterator[Script]:
    for group in ("console_scripts", "gui_scripts"):
        for text in points.get(group, ()):
            for line in text.splitlines():
                name, equals, target = line.partition("=")
                if equals:
                    yield Script(name.strip(), target.partition("[")[0].strip())
