"""Measure slimify beside its peers, in one run, and print the figures and their ratios.

    python scripts/bench.py [--files N] [--rounds N] [--folder DIR] [--section NAME...] [--profile]

slimify runs every transform and every check in both rows; `--check` does all but write, as linters do.
All commands run on one and the same processor, in turn, so that a machine that slows down slows
all of them down; of several rounds the median counts. The fixing tools work on fresh copies. CPU is
user and system time and memory the largest resident set, both as the kernel accounts them for the
process and its children (wait4(2)).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import made_repository

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "corpus" / "dockerfiles"
BIN = Path(sys.executable).parent
SECTIONS = ("batch", "start", "growth", "context")


class Figure(NamedTuple):
    """One run of a command: seconds of wall clock and CPU, and the peak of memory in bytes."""

    wall: float
    cpu: float
    memory: int


class Tool(NamedTuple):
    """A program under test: what it is given to work on many files, and to one on standard input."""

    name: str
    version: list[str]
    batch: Callable[[Sequence[str]], list[str]]
    single: list[str] | None


def tools() -> list[Tool]:
    """slimify and those of its peers that are installed."""

    def program(name: str) -> str:
        return str(BIN / name)

    slimify, hadolint, tally, doctor = map(program, ("slimify", "hadolint", "tally", "dockerfile-doctor"))
    fix = [slimify, "fix", "--no-config", "--jobs", "1"]
    check = [*fix, "--check"]
    lint = [tally, "lint", "--fix", "--no-config", "--slow-checks", "off", "--fail-level", "none"]
    found = [
        Tool("slimify", [slimify, "--version"], lambda files: [*check, *files], [slimify, "fix", "-"]),
        Tool("slimify, writing", [slimify, "--version"], lambda files: [*fix, *files], None),
        Tool(
            "hadolint",
            [hadolint, "--version"],
            lambda files: [hadolint, "--no-fail", *files],
            [hadolint, "--no-fail", "-"],
        ),
        Tool("tally", [tally, "--version"], lambda files: [*lint, *files], [tally, "lint", "--no-config", "-"]),
        Tool("dockerfile-doctor", [doctor, "--version"], lambda files: [doctor, "--fix", *files], None),
    ]
    return [tool for tool in found if Path(tool.version[0]).exists()]


def run(command: Sequence[str], stdin: bytes = b"") -> Figure:
    """Run a command to its end and account for it. Its exit code is not looked at: linters use it to speak."""
    with tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    return Figure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def version(tool: Tool) -> str:
    """The first version number that the program tells."""
    told = subprocess.run(tool.version, capture_output=True, text=True).stdout
    match = re.search(r"\d+(\.\d+)+", told)
    return match[0] if match else "?"


def median(figures: Sequence[Figure]) -> Figure:
    """The median of each measure; the largest memory."""
    return Figure(
        statistics.median(one.wall for one in figures),
        statistics.median(one.cpu for one in figures),
        max(one.memory for one in figures),
    )


def choose(folder: Path, count: int) -> list[Path]:
    """So many Dockerfiles that BuildKit accepts, evenly over the folder, whatever they are like."""
    from slimify import DockerfileSyntaxError
    from slimify.semantics.validate import validate
    from slimify.syntax.dockerfile import parse
    from slimify.syntax.source import Source

    def accepted(path: Path) -> bool:
        try:
            validate(parse(Source.from_bytes(path.read_bytes(), path.name)))
        except DockerfileSyntaxError:
            return False
        return True

    # Every tool is told by name what to read, and one of the peers stops at the first file it cannot read.
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".tsv", ".md", ".txt"))
    files = [path for path in files if accepted(path)]
    return [files[at * len(files) // count] for at in range(count)] if len(files) > count else files


def copies(files: Sequence[Path], work: Path) -> list[str]:
    """Fresh copies, each in a folder of its own under the name Dockerfile."""
    shutil.rmtree(work, ignore_errors=True)
    made = []
    for at, path in enumerate(files):
        target = work / str(at) / "Dockerfile"
        target.parent.mkdir(parents=True)
        target.write_bytes(path.read_bytes())
        made.append(str(target))
    return made


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, aligned so that it can be read as it is."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def batch(found: Sequence[Tool], files: Sequence[Path], work: Path, rounds: int) -> str:
    """Many files in one process."""
    figures: dict[str, list[Figure]] = {tool.name: [] for tool in found}
    for _ in range(rounds):
        for tool in found:
            figures[tool.name].append(run(tool.batch(copies(files, work))))
    medians = {name: median(all_of) for name, all_of in figures.items()}
    base = medians["slimify"]
    rows = [
        [
            name,
            f"{len(files) / one.wall:.1f}",
            f"{one.cpu / len(files) * 1000:.2f} ms",
            f"{one.cpu / base.cpu:.2f}",
            f"{one.memory / 1e6:.0f} MB",
        ]
        for name, one in medians.items()
    ]
    return table(["one process", "files per second", "CPU per file", "CPU, slimify = 1", "peak memory"], rows)


def cold(found: Sequence[Tool], text: bytes, rounds: int) -> str:
    """Starts: a small file on standard input, and `--version`, beside an interpreter that does nothing."""
    bare = [sys.executable, "-c", "pass"]
    figures: dict[str, list[list[Figure]]] = {name: [[], []] for name in ("python -c pass", *(t.name for t in found))}
    for _ in range(rounds):
        figures["python -c pass"][0].append(run(bare))
        for tool in found:
            if tool.single is not None:
                figures[tool.name][0].append(run(tool.single, text))
            figures[tool.name][1].append(run(tool.version))
    base = median(figures["python -c pass"][0]).cpu

    def cells(all_of: Sequence[Figure]) -> list[str]:
        if not all_of:
            return ["", ""]
        cpu = median(all_of).cpu
        return [f"{cpu * 1000:.1f} ms", f"{cpu / base:.2f}"]

    rows = [[name, *cells(one), *cells(version)] for name, (one, version) in figures.items()]
    return table(["start", "one file, CPU", "python = 1", "--version, CPU", "python = 1"], rows)


def growth(rounds: int) -> str:
    """How the time of `fix -` grows with the length of the file, of one RUN, and of a row of RUNs."""
    slimify = [str(BIN / "slimify"), "fix", "-"]
    commands = " \\\n".join(["RUN true", *["    && apt-get install -y package-with-a-name"] * 100])
    shapes: list[tuple[str, Callable[[int], str], list[int]]] = [
        (
            "lines, 100 to a RUN",
            lambda n: "FROM debian\n" + f"ENV A=b\n{commands}\n" * (n // 102),
            [5000, 10000, 20000],
        ),
        ("RUNs in a row", lambda n: "FROM debian\n" + "RUN echo a > b && rm c\n" * n, [500, 1000, 2000]),
        (
            "commands in one RUN",
            lambda n: "FROM debian\nRUN true" + "".join(f" \\\n && touch /a/b{at}" for at in range(n)) + "\n",
            [4000, 8000, 16000],
        ),
        (
            "kB in one RUN",
            lambda n: (
                "FROM debian\nRUN true \\\n" + " && echo some words to print \\\n" * (n * 1000 // 31) + " && true\n"
            ),
            [250, 500, 1000],
        ),
    ]
    rows = []
    for name, make, sizes in shapes:
        times = [median([run(slimify, make(size).encode()) for _ in range(rounds)]).cpu for size in sizes]
        cells = [f"{size}: {seconds:.2f} s" for size, seconds in zip(sizes, times, strict=True)]
        rows.append([name, *cells, f"{times[2] / times[1]:.2f}"])
    return table(["growth", "quarter", "half", "whole", "whole / half"], rows)


def context(work: Path, rounds: int, count: int = 10_000) -> str:
    """What the build context of a large repository costs, beside git, which lists it, and cat, which reads manifests.

    The Dockerfile has `COPY . .`, so that all of the repository can get into the image, and git's own folder.
    """
    slimify = str(BIN / "slimify")
    rows = []
    for name, (files, manifests) in made_repository.APPLICATIONS.items():
        folder = work / name
        made_repository.make(folder, files(), count)
        os.chdir(folder)
        dockerfile = Path("Dockerfile").read_bytes()
        commands = {
            "git ls-files, cat": ["sh", "-c", 'git ls-files && cat "$@"', "sh", *manifests],
            "git status": ["git", "status", "--short", "--ignored"],
            "without": [slimify, "fix", "--no-config", "-"],
            "with": [slimify, "fix", "--no-config", "--check", "Dockerfile"],
        }
        figures: dict[str, list[Figure]] = {command: [] for command in commands}
        for _ in range(rounds):
            for command, words in commands.items():
                figures[command].append(run(words, dockerfile))
        cpu = {command: median(all_of).cpu for command, all_of in figures.items()}
        base = cpu["git ls-files, cat"]
        rows.append(
            [
                name,
                *(f"{seconds * 1000:.0f} ms" for seconds in cpu.values()),
                f"{cpu['with'] / base:.1f}",
                f"{(cpu['with'] - cpu['without']) / base:.1f}",
            ]
        )
    head = ["git ls-files, cat", "git status", "fix without context", "fix with it", "fix / git", "context / git"]
    return table([f"{count:,} files, CPU", *head], rows)


def profile(files: Sequence[Path]) -> str:
    """Where the time of a batch goes: its share by module, the profiler's own cost included."""
    import cProfile
    import pstats

    import slimify

    texts = [path.read_bytes() for path in files]
    slimify.fix(texts[0])
    profiler = cProfile.Profile()
    profiler.enable()
    for text in texts:
        slimify.fix(text, level="standard")
    profiler.disable()
    shares: dict[str, float] = {}
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for (path, _, name), (_, _, own, _, _) in stats.items():
        parts = Path(path).parts
        if "slimify" in parts or "transforms" in parts:
            where = "/".join(parts[-2:])
        elif "dockerfile_parse" in parts:
            where = "dockerfile_parse (the second parser)"
        elif "tree_sitter" in name or "tree_sitter" in path:
            where = "tree-sitter"
        else:
            where = "Python itself"
        shares[where] = shares.get(where, 0) + own
    total = sum(shares.values())
    largest = sorted(shares.items(), key=lambda pair: -pair[1])[:14]
    return table(["module", "share"], [[name, f"{own / total:.0%}"] for name, own in largest])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=SHARED if SHARED.is_dir() else ROOT / "corpus")
    parser.add_argument("--section", nargs="+", choices=SECTIONS, default=SECTIONS, help="what to measure")
    parser.add_argument("--profile", action="store_true", help="print where slimify's time goes, and nothing else")
    options = parser.parse_args()
    if options.profile:
        print(profile(choose(options.folder, options.files)))
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{options.rounds} rounds, one processor, Python {sys.version.split()[0]}", end="\n\n")
    with tempfile.TemporaryDirectory() as work:
        if {"batch", "start"} & set(options.section):
            found = tools()
            files = choose(options.folder, options.files)
            print(", ".join(f"{tool.name} {version(tool)}" for tool in found), end="\n\n")
            if "batch" in options.section:
                print(f"{len(files)} files", end="\n\n")
                print(batch(found, files, Path(work) / "files", options.rounds), end="\n\n")
            os.chdir(work)
            if "start" in options.section:
                small = next((path for path in files if 36 <= path.read_bytes().count(b"\n") <= 44), files[0])
                print(cold(found, small.read_bytes(), max(options.rounds * 3, 10)), end="\n\n")
        if "growth" in options.section:
            print(growth(min(options.rounds, 3)), end="\n\n")
        if "context" in options.section:
            print(context(Path(work), options.rounds))


if __name__ == "__main__":
    main()
