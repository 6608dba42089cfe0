"""What is said of a Dockerfile that Docker would not take."""

from __future__ import annotations


class DockerfileSyntaxError(ValueError):
    """A Dockerfile that BuildKit would reject.

    `line` and `column` start at 1 and point into the file at `path`.
    """

    def __init__(self, path: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {message}")
        self.path = path
        self.line = line
        self.column = column
        self.message = message
