"""BuildKit's own parser, kept at arm's length.

PyPI's `dockerfile` is that parser at version 0.12.5, bound to Python. It takes the interpreter
down with it on a lone surrogate, and cuts a text at its first NUL. So it runs in a process of its
own, and gets harmless characters in the place of those two.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import IO, Any, NamedTuple

_SERVER = """
import json, sys
import dockerfile
for line in sys.stdin:
    try:
        answer = [
            [c.cmd, c.sub_cmd, c.json, c.start_line, c.end_line, c.flags, c.value,
             [[h.name, h.file_descriptor, h.content] for h in c.heredocs]]
            for c in dockerfile.parse_string(json.loads(line))
        ]
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)
"""
_UNFIT = re.compile("[\0\ud800-\udfff]")


class Doc(NamedTuple):
    name: str
    descriptor: int
    content: str


class Read(NamedTuple):
    """An instruction as BuildKit reads it."""

    keyword: str
    trigger: str | None
    json: bool
    start_line: int
    end_line: int
    flags: tuple[str, ...]
    value: tuple[str, ...]
    heredocs: tuple[Doc, ...]


class Refused(ValueError):
    """BuildKit's parser does not take the text."""


class BuildKit:
    """The parser in its own process, which is started again should it ever crash."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> BuildKit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
            self._process = None

    def read(self, text: str) -> list[Read]:
        """The instructions of a text.

        Raises `Refused` where the parser does, and `RuntimeError` where it crashes.
        """
        answer = self._ask(fit(text))
        if isinstance(answer, str):
            raise Refused(answer)
        return [
            Read(
                keyword=(keyword or "").upper(),
                trigger=trigger.upper() if trigger is not None else None,
                json=is_json,
                start_line=start,
                end_line=end,
                flags=tuple(flags),
                value=tuple(value),
                heredocs=tuple(Doc(*doc) for doc in docs),
            )
            for keyword, trigger, is_json, start, end, flags, value, docs in answer
        ]

    def _ask(self, text: str) -> Any:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        stdin, stdout = _pipes(self._process)
        try:
            stdin.write(json.dumps(text).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            pass
        line = stdout.readline()
        if not line:
            self.close()
            raise RuntimeError("BuildKit's parser crashed")
        return json.loads(line)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def fit(text: str) -> str:
    """The text with one ordinary character for each that the binding cannot hold."""
    return _UNFIT.sub("\ufffd", text)
