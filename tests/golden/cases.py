"""What a golden case is.

`corpus/<case>/Dockerfile` is the input. `options.toml` may set level, only, skip, target,
build-args, cache-mounts and layout. `expected/Dockerfile` is the output, absent where the file must stay as it is;
`expected/.dockerignore` is the one to be written besides;
`expected/report.txt` tells every change and finding, and `expected/error.txt` what is said of a
file that Docker would reject. `context/`, if there is one, is the build context.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from slimify.config import level_of
from slimify.context.memory import MemoryContext
from slimify.context.tree import open_context
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.semantics.build_context import BuildContext
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

CORPUS = Path(__file__).parent.parent.parent / "corpus"


class Result(NamedTuple):
    """What a case gives: the new text (None where it stays), the report, or an error."""

    output: bytes | None
    report: str | None
    error: str | None
    outcome: Outcome | None
    ignore: str | None = None


def cases() -> list[Path]:
    return sorted(path.parent for path in CORPUS.glob("*/Dockerfile"))


def options(case: Path) -> Options:
    path = case / "options.toml"
    given = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return Options(
        level=level_of(given.get("level", "standard")),
        only=tuple(given.get("only", ())),
        skip=tuple(given.get("skip", ())),
        target=given.get("target"),
        build_args=given.get("build-args", {}),
        cache_mounts=given.get("cache-mounts", False),
        layout=given.get("layout", False),
    )


def context(case: Path) -> BuildContext | None:
    folder = case / "context"
    return open_context(str(folder), str(case / "Dockerfile")) if folder.is_dir() else None


def context_after(case: Path, outcome: Outcome) -> BuildContext | None:
    """The context with the files in it that the outcome writes."""
    folder = case / "context"
    if not folder.is_dir():
        return None
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    links = {
        path.relative_to(folder).as_posix(): str(path.readlink()) for path in folder.rglob("*") if path.is_symlink()
    }
    files |= {Path(file.path).relative_to(folder).as_posix(): file.after.encode() for file in outcome.files}
    return MemoryContext(files, links=links)


def run(case: Path) -> Result:
    source = Source.from_bytes((case / "Dockerfile").read_bytes(), "Dockerfile")
    try:
        outcome = fix(source, options(case), context(case))
    except DockerfileSyntaxError as error:
        return Result(None, None, f"{error.line}:{error.column}: {error.message}\n", None)
    output = outcome.after.data if outcome.after.text != outcome.before.text else None
    files = {Path(file.path).name: file.after for file in outcome.files}
    return Result(output, report(outcome), None, outcome, files.get(".dockerignore"))


def report(outcome: Outcome) -> str:
    lines = []
    for change in outcome.changes:
        rewrite = change.rewrite
        numbers = ",".join(map(str, change.lines))
        lines.append(f"{rewrite.transform} ({rewrite.level.label}) | {numbers} | {rewrite.title} | {rewrite.reason}")
    for notice in outcome.notices:
        finding = notice.finding
        where = f"{notice.line}"
        lines.append(f"{finding.severity.value} {finding.transform} | {where} | {finding.title} | {notice.reason}")
    return "".join(line + "\n" for line in lines)


def expected(case: Path) -> Result:
    def read(name: str) -> bytes | None:
        path = case / "expected" / name
        return path.read_bytes() if path.exists() else None

    names = ("report.txt", "error.txt", ".dockerignore")
    texts = [data.decode() if (data := read(name)) is not None else None for name in names]
    return Result(read("Dockerfile"), texts[0], texts[1], None, texts[2])


def update(case: Path) -> None:
    """Write down what comes out. Raises `ValueError` for what must never be expected."""
    result = run(case)
    if result.outcome is not None:
        if any(notice.finding.severity.value == "fault" for notice in result.outcome.notices):
            raise ValueError(f"{case.name}: a fault of slimify's own")
        if fix(result.outcome.after, options(case), context_after(case, result.outcome)).changed:
            raise ValueError(f"{case.name}: a second run changes it again")
    folder = case / "expected"
    folder.mkdir(exist_ok=True)
    contents = {
        "Dockerfile": result.output,
        "report.txt": result.report.encode() if result.report else None,
        "error.txt": result.error.encode() if result.error else None,
        ".dockerignore": result.ignore.encode() if result.ignore else None,
    }
    for name, data in contents.items():
        path = folder / name
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(data)
    if not any(folder.iterdir()):
        folder.rmdir()
