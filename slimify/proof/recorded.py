"""What builders record of instructions, without the values of build arguments, which may be secret.

BuildKit and Docker's older builder write `RUN |2 FIRST=value SECOND=value /bin/sh -c command`, the values as they are,
so that one with a blank in it cannot be told from two, nor from the command (BuildKit, dockerfile2llb,
`runCommandString`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ARGUMENTS = re.compile(r"(RUN )?\|\d+ ")
# A shell with its options: `/bin/sh -c`, `/bin/bash -o pipefail -c`, `/bin/ash -eo pipefail -c`.
_SHELL = r"/\S*sh(?: -[-\w]+(?: (?:pipefail|errexit|nounset|xtrace))?)*? -\w*c(?= |$)"


def without_arguments(made_by: str, shell: Sequence[str] = ()) -> str:
    """What was recorded, from the shell on; of a command that no shell ran, nothing is left.

    `shell` are the words that SHELL set. Where several shells are named, all in front of the last one goes: a part of
    a command that is missing does less harm than a part of a value that is shown.
    """
    start = _ARGUMENTS.match(made_by)
    if start is None:
        return made_by
    known = "|".join([*([re.escape(" ".join(shell))] if shell else []), _SHELL])
    found = list(re.finditer(rf"(?:(?<= )|^)(?:{known})(?= |$)", made_by[start.end() :]))
    return "RUN " + made_by[start.end() + found[-1].start() :] if found else "RUN"


def command(made_by: str) -> str:
    """What is run, without the shell in front of it."""
    return re.sub(rf"^(?:RUN )?{_SHELL} ", "RUN ", made_by)
