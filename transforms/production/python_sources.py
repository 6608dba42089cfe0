"""That no source which may run imports, starts or names what is lost."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from slimify.transforms.production.evidence import MissingEvidence
from slimify.transforms.production.python_runs import PythonRuns
from slimify.transforms.production.runs import Lost

from slimify.context.placed import Placed
from slimify.context.python.entry import EntryKind
from slimify.context.python.modules import Module, read_module
from slimify.context.python.need import NeedKind
from slimify.context.python.needs import read_needs
from slimify.context.python.reach import Reachable, reachable
from slimify.context.python.requirement import normalise
from slimify.knowledge.production import facts
from slimify.semantics.build_context import BuildContext

_TEST = re.compile(
    r"(^|/)(tests?|testing|docs?|benchmarks?)/|(^|/)(tests?|test_[^/]*|[^/]*_tests?|conftest|noxfile)\.py$"
)
_TEST_MODULE = re.compile(r"tests?|testing|docs?|benchmarks?|test_.*|.*_tests?|conftest|noxfile")
_SETTINGS = (".ini", ".conf", ".cfg", ".json", ".yaml", ".yml")
_MANIFESTS = frozenset({"setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", "package.json", ".pre-commit-config.yaml"})
_URL = re.compile(r"\+(\w+):")


def check_sources(
    context: BuildContext, runs: PythonRuns, there: Placed, workdir: str, only: frozenset[str] | None = None
) -> str:
    """What was looked at, in words. Raises `MissingEvidence` where a source needs something that is lost.

    With `only`, also where one imports what none of these packages is known to bring.
    """
    roots = list(_roots(there, workdir))
    if not roots and runs.entries:
        if any(one.kind is EntryKind.SCRIPT and not one.optional for one in runs.entries):
            raise MissingEvidence("what the image runs is not copied from the build context")
        roots = [""]
    copied = {path for path in there.files.values() if path.endswith(".py")}
    found = reachable(context, list(runs.entries), roots) if runs.entries else None
    paths: list[str] = []
    every = bool(runs.doubt) or (found is not None and found.everything)
    if found is not None and not every:
        for one in found.third_party:
            if not one.path and one.name in runs.lost.modules:
                raise MissingEvidence(f"the command or a setting names {one.name}, a development dependency")
        paths = _without_tests(context, [path for path in found.modules if path in copied])
        every = bool(read_needs(context, paths).unknown) or _elsewhere(found, copied)
        _settings(context, found.named, runs.lost)
    if only is not None:
        _explained(found if not every else None, only)
    if every:
        # What cannot be followed may lead to any source, but to tests only where one is imported.
        paths = _without_tests(context, sorted(copied))
    for path in paths:
        _source(context, path, runs.lost, every)
    _starts(context, paths, runs.lost)
    which = "that are copied" if every else "that may run"
    return f"none of the {len(paths)} Python sources {which} imports, starts or names what is left out"


def _elsewhere(found: Reachable, copied: set[str]) -> bool:
    """Whether an import that is taken for a package's may be of a source in a folder that is not looked in (`src`)."""
    names = {part.removesuffix(".py") for path in copied for part in path.split("/")}
    return any(one.name in names for one in found.third_party)


def _explained(found: Reachable | None, only: frozenset[str]) -> None:
    from slimify.knowledge.language_packages import python_imports

    if found is None:
        raise MissingEvidence("which of the sources run is not known, and there is no lock file")
    for one in found.third_party:
        if not {normalise(one.name), *(package.name for package in python_imports(one.name))} & only:
            where = f"{one.path}:{one.line}" if one.path else "the command or a setting"
            raise MissingEvidence(f"{where} imports {one.name}, and which package brings it is not known")


def _without_tests(context: BuildContext, paths: list[str]) -> list[str]:
    """The sources without tests, which an application of Django holds as well; with them if another imports one."""
    rest = [path for path in paths if not _TEST.search(path)]
    if len(rest) == len(paths):
        return paths
    for path in rest:
        for one in read_module(path, context.read(path) or b"").imports:
            if any(_TEST_MODULE.fullmatch(part) for part in (*one.module.split("."), *one.names)):
                return paths
    return rest


def _roots(there: Placed, workdir: str) -> Iterator[str]:
    """The folders of the context whose files end up in the folder that the image runs in."""
    prefix = workdir.rstrip("/") + "/"
    roots: dict[str, None] = {}
    for image, origin in there.files.items():
        relative = image.removeprefix(prefix)
        if image.startswith(prefix) and (origin == relative or origin.endswith(f"/{relative}")):
            roots[origin.removesuffix(relative).rstrip("/")] = None
    yield from sorted(roots, key=len)


def _source(context: BuildContext, path: str, lost: Lost, doubtful: bool) -> None:
    data = context.read(path)
    if data is None:
        raise MissingEvidence(f"{path} cannot be read, or is too large")
    module = read_module(path, data)
    if module.problem:
        raise MissingEvidence(f"{path} {module.problem}")
    for one in module.imports:
        top = one.module.partition(".")[0]
        if not one.level and top in lost.modules:
            raise MissingEvidence(
                f"{path}:{one.line} imports {top}, which {lost.modules[top]} brings, a development dependency"
            )
    for name, line in _mentions(module, lost, doubtful):
        raise MissingEvidence(f"{path}:{line} mentions {name}, a development dependency")


def _mentions(module: Module, lost: Lost, doubtful: bool) -> Iterator[tuple[str, int]]:
    """Strings that name a lost module: alone, in front of a dot or a colon, or as the driver of a URL."""
    ordinary = frozenset(facts()["python"]["ordinary"])
    for one in (*module.strings, *module.applications):
        first = re.split(r"[.:]", one.value, maxsplit=1)[0]
        names = {first, *_URL.findall(one.value)}
        if first == one.value and first in ordinary and not doubtful:
            continue
        for name in names:
            if name in lost.modules or (first == one.value and name in lost.programs):
                yield name, one.line


def _settings(context: BuildContext, named: Iterable[str], lost: Lost) -> None:
    """Files that the sources name, such as the configuration of logging: they may name modules."""
    for path in named:
        base = posixpath.basename(path)
        if not base.endswith(_SETTINGS) or base in _MANIFESTS:
            continue
        for match in re.finditer(r"\b([A-Za-z_]\w*)\.\w", (context.text(path) or "")[:200_000]):
            if match[1] in lost.modules:
                raise MissingEvidence(f"{path} mentions {match[1]}, a development dependency")


def _starts(context: BuildContext, paths: list[str], lost: Lost) -> None:
    needs = read_needs(context, paths)
    for problem in needs.unread:
        raise MissingEvidence(str(problem))
    for need in needs.of(NeedKind.PROGRAM):
        for word in (need.name, *need.argv):
            name = posixpath.basename(word or "")
            if lost.of(name) is not None:
                raise MissingEvidence(f"{need.path}:{need.line} starts {name}, a development dependency")
