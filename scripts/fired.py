"""Count, over a folder of Dockerfiles, what each transform did, what it declined to do, and why.

    python scripts/fired.py FOLDER... [--context] [--level LEVEL] [--only NAME...] [--reasons N]

With `--context` each Dockerfile gets the folder it lies in as its build context. Nothing is written.
Reasons that differ only in names, paths and numbers are counted together: each such word becomes `…`.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import slimify
from bench import table
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.registry import transforms

# Whatever is quoted, and words that are no plain English: with a digit, a sign in them, or capitals only.
_QUOTED = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"|\{[^}]*\}")
_PARTICULAR = re.compile(r"[^\s(]*[\d_=/$@\\<>][^\s)]*|[^\s(]*[.:][^\s.,;:)][^\s)]*|(?<![^\s(])--?\w[^\s)]*")
_ROW = re.compile(r"…(?:(?:,| and| or|, and)? …)+")
# Nothing here is a Dockerfile.
_OTHER_FILES = (".tsv", ".md", ".txt", ".toml", ".json", ".dockerignore")


def normalised(reason: str) -> str:
    """The reason without what belongs to one file alone."""
    text = _PARTICULAR.sub("…", _QUOTED.sub("…", reason))
    return _ROW.sub("…", text)


def dockerfiles(folders: list[Path], everything: bool) -> Iterator[Path]:
    """The files to read: with contexts only those with the name of a Dockerfile, since all else is context."""
    for folder in folders:
        pattern = "*" if everything else "Dockerfile*"
        yield from sorted(
            path for path in folder.rglob(pattern) if path.is_file() and not path.name.endswith(_OTHER_FILES)
        )


class Count:
    """What became of one transform: in how many files, and how often."""

    def __init__(self) -> None:
        self.rewrites = 0
        self.refusals = 0
        self.warnings = 0
        self.rewritten: set[Path] = set()
        self.refused: set[Path] = set()
        self.reasons: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def row(self, name: str) -> list[str]:
        numbers = (len(self.rewritten), self.rewrites, len(self.refused), self.refusals, self.warnings)
        return [name, *(f"{number:,}" for number in numbers)]


class Counts:
    """All transforms, and what else there is to say of the files."""

    def __init__(self) -> None:
        self.by_name: defaultdict[str, Count] = defaultdict(Count)
        self.read = self.changed = 0
        self.rejected = 0
        self.faults: list[str] = []

    def add(self, path: Path, outcome: Outcome) -> None:
        self.read += 1
        self.changed += outcome.changed
        for change in outcome.changes:
            count = self.by_name[change.rewrite.transform]
            count.rewrites += 1
            count.rewritten.add(path)
        for notice in outcome.notices:
            finding = notice.finding
            count = self.by_name[finding.transform]
            if finding.severity is Severity.FAULT:
                self.faults.append(f"{path}:{notice.line}: {finding.transform}: {notice.reason}")
            elif finding.severity is Severity.WARNING:
                count.warnings += 1
            else:
                count.refusals += 1
                count.refused.add(path)
                reason = normalised(notice.reason)
                count.reasons[reason] += 1
                count.examples.setdefault(reason, f"{path}:{notice.line}")


def run(files: list[Path], options: argparse.Namespace) -> Counts:
    found = Counts()
    for path in files:
        context = str(path.parent) if options.context else None
        try:
            outcome = slimify.fix(
                path.read_bytes(),
                path=str(path),
                level=options.level,
                only=tuple(options.only),
                cache_mounts=options.cache_mounts,
                context=context,
            )
        except slimify.DockerfileSyntaxError:
            found.rejected += 1
        except Exception as error:  # one is enough to fail, but the others are to be seen too
            found.faults.append(f"{path}: {type(error).__name__}: {error}")
        else:
            found.add(path, outcome)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--context", action="store_true", help="the folder of a Dockerfile is its build context")
    parser.add_argument("--level", default="standard")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--cache-mounts", action="store_true")
    parser.add_argument("--reasons", type=int, default=5, help="how many reasons of each transform are shown")
    options = parser.parse_args()
    start = time.process_time()
    found = run(list(dockerfiles(options.folders, everything=not options.context)), options)
    print(
        f"{found.read:,} Dockerfiles read at level {options.level}, {found.changed:,} of them changed; "
        f"{found.rejected:,} that Docker would reject; {time.process_time() - start:.1f} s\n"
    )
    names = [one.name for one in transforms()]
    names += sorted(set(found.by_name) - set(names))
    head = ["transform", "files rewritten", "rewrites", "files refused", "refusals", "warnings"]
    print(table(head, [found.by_name[name].row(name) for name in names]))
    for name in names:
        count = found.by_name[name]
        if reasons := count.reasons.most_common(options.reasons):
            print(f"\n{name}, most frequent reasons, each with the first file that gave it:\n")
            print("\n".join(f"- {number:,} × {reason} ({count.examples[reason]})" for reason, number in reasons))
    for fault in found.faults:
        print(fault, file=sys.stderr)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
