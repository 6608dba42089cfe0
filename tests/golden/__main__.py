"""`python -m tests.golden --update [CASE…]` writes the expected files anew. Read each change with care."""

from __future__ import annotations

import sys

from .cases import cases, update


def main(arguments: list[str]) -> int:
    if arguments[:1] != ["--update"]:
        print(__doc__, file=sys.stderr)
        return 2
    wanted = set(arguments[1:])
    failed = 0
    for case in cases():
        if not wanted or case.name in wanted:
            try:
                update(case)
            except ValueError as error:
                print(error, file=sys.stderr)
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
