"""`python -m tests.bot.body --update` writes the expected texts anew. Read each change with care."""

from __future__ import annotations

import sys

from .cases import CASES, GOLDEN


def main(arguments: list[str]) -> int:
    if arguments != ["--update"]:
        print(__doc__, file=sys.stderr)
        return 2
    for name, make in CASES.items():
        (GOLDEN / f"{name}.md").write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
