"""What a golden case is.

`corpus/<case>/Dockerfile` is the input. `options.toml` may set level, only, skip, target,
build-args and cache-mounts. `expected/Dockerfile` is the output, absent where the file must stay as it is;
`expected/report.txt` tells every change and finding, and `expected/error.txt` what is said of a
file that Docker would reject. `context/`, if there is one, is the build context.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from slimify.config import level_of
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
    )


def context(case: Path) -> BuildContext | None:
    folder = case / "context"
    return open_context(str(folder), str(case / "Dockerfile")) if folder.is_dir() else None


def run(case: Path) -> Result:
    source = Source.from_bytes((case / "Dockerfile").read_bytes(), "Dockerfile")
    try:
        outcome = fix(source, options(case), context(case))
    except DockerfileSyntaxError as error:
        return Result(None, None, f"{error.line}:{error.column}: {error.message}\n", None)
    output = outcome.after.data if outcome.changed else None
    return Result(output, report(outcome), None, outcome)


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

    texts = [data.decode() if (data := read(name)) is not None else None for name in ("report.txt", "error.txt")]
    return Result(read("Dockerfile"), texts[0], texts[1], None)


def update(case: Path) -> None:
    """Write down what comes out. Raises `ValueError` for what must never be expected."""
    result = run(case)
    if result.outcome is not None:
        if any(notice.finding.severity.value == "fault" for notice in result.outcome.notices):
            raise ValueError(f"{case.name}: a fault of slimify's own")
        if fix(result.outcome.after, options(case), context(case)).changed:
            raise ValueError(f"{case.name}: a second run changes it again")
    folder = case / "expected"
    folder.mkdir(exist_ok=True)
    contents = {
        "Dockerfile": result.output,
        "report.txt": result.report.encode() if result.report else None,
        "error.txt": result.error.encode() if result.error else None,
    }
    for name, data in contents.items():
        path = folder / name
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(data)
    if not any(folder.iterdir()):
        folder.rmdir()
