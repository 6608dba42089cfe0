"""What Docker refuses behind its parser."""

from __future__ import annotations

import pytest

from slimify.semantics.validate import validate
from slimify.syntax.dockerfile import parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

REFUSED = {
    "RUN a\n": (1, "FROM must come first"),
    "ARG A\n": (1, "no FROM"),
    "FOO a\n": (1, "unknown instruction"),
    "FROM a\nFOO b\n": (2, "unknown instruction: FOO"),
    "FROM a b\n": (1, "either one or three"),
    "FROM a as\n": (1, "either one or three"),
    "FROM a is b\n": (1, "either one or three"),
    "FROM a AS 1b\n": (1, "invalid name"),
    "FROM a AS b/c\n": (1, "invalid name"),
    "FROM\n": (1, "at least one argument"),
    "FROM --x=y a\n": (1, "unknown flag for FROM: --x"),
    "FROM a\nRUN\n": (2, "at least one argument"),
    "FROM a\n\n\nCOPY a\n": (4, "at least two arguments"),
    'FROM a\nCOPY ["a"]\n': (2, "at least two arguments"),
    "FROM a\nADD a\n": (2, "at least two arguments"),
    "FROM a\nCOPY --chwon=a b c\n": (2, "unknown flag for COPY: --chwon"),
    "FROM a\nENV --x a=b\n": (2, "unknown flag"),
    "FROM a\nSHELL bash -c\n": (2, "JSON form"),
    "FROM a\nSHELL []\n": (2, "JSON form"),
    "FROM a\nONBUILD ONBUILD RUN a\n": (2, "not allowed"),
    "FROM a\nONBUILD FROM b\n": (2, "not allowed"),
    "FROM a\nONBUILD MAINTAINER b\n": (2, "not allowed"),
    "FROM a\nONBUILD COPY a\n": (2, "at least two arguments"),
    "FROM a\nONBUILD\n": (2, "at least one argument"),
    "FROM a\nHEALTHCHECK a\n": (2, "CMD or NONE"),
    "FROM a\nHEALTHCHECK CMD\n": (2, "missing command"),
    "FROM a\nHEALTHCHECK\n": (2, "CMD or NONE"),
    "FROM a\nUSER\n": (2, "at least one argument"),
    "FROM a\nWORKDIR\n": (2, "at least one argument"),
    "FROM a\nEXPOSE\n": (2, "at least one argument"),
}
ACCEPTED = (
    "FROM a\n",
    "ARG A\nFROM $A\n",
    "FROM a AS b\n",
    "FROM a aS B-c_d.e1\n",
    "FROM --platform=linux/amd64 a\n",
    "FROM a\nCMD\nENTRYPOINT\n",
    "FROM a\nCMD []\n",
    "FROM a\nRUN <<E\nb\nE\n",
    "FROM a\nCOPY <<E /x\nb\nE\n",
    "FROM a\nRUN --mount=type=cache,target=/x --network=none --security=insecure b\n",
    "FROM a\nCOPY --from=b --chown=c --chmod=1 --link --parents --exclude=x d e\n",
    "FROM a\nADD --checksum=x --keep-git-dir=true d e\n",
    "FROM a\nHEALTHCHECK --interval=1s --timeout=1s --start-period=1s --start-interval=1s --retries=1 CMD a\n",
    "FROM a\nHEALTHCHECK none\n",
    "FROM a\nONBUILD RUN b\n",
    'FROM a\nSHELL ["b", "-c"]\n',
    "FROM a\nVOLUME []\n",
    "# syntax=example.com/other\nFROM a\nFOO b\nRUN --new c\n",
)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    line, message = REFUSED[text]
    with pytest.raises(DockerfileSyntaxError, match=message) as caught:
        validate(parse(Source(text)))
    assert caught.value.line == line


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted(text: str) -> None:
    validate(parse(Source(text)))
