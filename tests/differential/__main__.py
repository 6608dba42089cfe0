"""`python -m tests.differential BEFORE AFTER`: print the report; exit 1 on differences."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import Options, compare, static
from .extract import NotReadable


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--second-opinion", action="store_true", help="also run /bin/sh scripts under bash")
    parser.add_argument("--exhaustive", action="store_true", help="also what is the same on both sides")
    parser.add_argument("--timeout", type=float, default=2.0, metavar="S", help="per run of a stage (default 2)")
    parser.add_argument("--strict", action="store_true", help="exit 2 if not all could be run and decided")
    given = parser.parse_args(argv)
    before, after = (path.read_bytes().decode("utf-8", "surrogateescape") for path in (given.before, given.after))
    options = Options(second_opinion=given.second_opinion, exhaustive=given.exhaustive, timeout=given.timeout)
    report = compare(before, after, options=options)
    print(report)
    problems: list[str] = []
    try:
        if report.ok and before != after:
            problems = static.check_comments(before, after) + static.check_pragmas(before, after)
            for boundary in static.joined(before, after):
                print(f"joined: lines {boundary.first_line} and {boundary.second_line}")
    except (NotReadable, ValueError) as error:
        problems.append(str(error))
    for problem in problems:
        print(problem)
    if problems or not report.ok:
        return 1
    return 2 if given.strict and not report.conclusive else 0


if __name__ == "__main__":
    sys.exit(main())
