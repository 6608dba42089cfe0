"""setup.cfg (setuptools documentation, "Configuring setuptools using setup.cfg files"; pbr documentation)."""

from __future__ import annotations

from collections.abc import Iterator

from slimify.context.python.data import Table, read_ini, string, table
from slimify.context.python.metadata import Metadata, Script
from slimify.context.python.problems import Problem
from slimify.context.python.requirement import Requirement, normalise, parse_requirement
from slimify.knowledge.python import builds
from slimify.semantics.build_context import BuildContext


def read_setup_cfg(context: BuildContext, path: str) -> Metadata | None:
    """Read the part of a setup.cfg that describes the project; None where there is none.

    A setup.cfg that only configures other tools gives an empty `Metadata`.
    """
    read = read_ini(context, path)
    if not read.present:
        return None
    if read.problems:
        return Metadata(path, problems=read.problems, unknown=("everything",))
    data = {section.strip(): table(values) for section, values in read.table.items()}
    metadata, options = table(data.get("metadata")), table(data.get("options"))
    problems: list[Problem] = []
    build_requires = tuple(_requirements(options, "setup_requires", path, "", problems))
    dependencies = [*_requirements(options, "install_requires", path, "", problems)]
    extras = table(data.get("options.extras_require"))
    for extra in extras:
        dependencies += _requirements(extras, extra, path, extra, problems)
    names = {one.name for one in build_requires}
    version = _option(metadata, "version")
    return Metadata(
        path,
        name=normalise(_option(metadata, "name")),
        version="" if version.startswith(("attr:", "file:")) else version,
        requires_python=_option(options, "python_requires"),
        build_requires=build_requires,
        dependencies=tuple(dependencies),
        dynamic=("version",) if version.startswith(("attr:", "file:")) else (),
        scripts=tuple(_scripts(table(data.get("options.entry_points")))),
        reads=tuple(dict.fromkeys(_reads(metadata, options))),
        packages=tuple(one for one in _list(_option(options, "packages")) if ":" not in one),
        version_from_git=bool(names & builds().version_from_git) or "versioneer" in data or "pbr" in data,
        builds_native_code=bool(names & builds().builds_native_code),
        problems=tuple(problems),
    )


def _option(section: Table, name: str) -> str:
    """An option of a section; setuptools takes a dash for an underscore."""
    return (string(section.get(name)) or string(section.get(name.replace("_", "-")))).strip()


def _list(text: str) -> list[str]:
    """A list of a setup.cfg: one a line, or in one line with commas."""
    parts = text.splitlines() if "\n" in text else text.split(",")
    return [part.strip() for part in parts if part.strip()]


def _requirements(section: Table, name: str, file: str, group: str, problems: list[Problem]) -> Iterator[Requirement]:
    # A comma stands inside a requirement, so in one line semicolons part them, which markers use too.
    text = _option(section, name)
    if text.startswith("file:"):
        return
    for line in text.splitlines() if "\n" in text else [text]:
        line = line.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        one = parse_requirement(line, file, group=group)
        if one is None:
            problems.append(Problem(file, 0, f"is not a requirement: {line[:80]}"))
        else:
            yield one


def _scripts(points: Table) -> Iterator[Script]:
    for group in ("console_scripts", "gui_scripts"):
        for line in _list(_option(points, group)):
            name, equals, target = line.partition("=")
            if equals:
                yield Script(name.strip(), target.partition("[")[0].strip())


def _reads(metadata: Table, options: Table) -> Iterator[str]:
    values = [_option(metadata, name) for name in ("long_description", "version", "license_files", "license_file")]
    values += [_option(metadata, name) for name in ("description_file", "description-file")]
    values += [_option(options, name) for name in ("install_requires",)]
    for at, value in enumerate(values):
        if value.startswith("file:"):
            yield from _list(value[5:])
        elif value.startswith("attr:"):
            yield value[5:].strip().rpartition(".")[0].replace(".", "/") + ".py"
        elif 2 <= at < 6:
            yield from _list(value)
