"""dockerfile-parse's read API over slimify's own tree.

dockerfile-parse is known and liked for its answers (`labels`, `envs`, `args`, `baseimage`, `cmd`,
`json`, `context_structure`), but takes here-documents for instructions and loses others. Its
answers are all made from its `structure`; here that comes from slimify's tree. Its setters flatten
instructions and lose comments, so that this one is only for reading.
"""

from __future__ import annotations

import io
from typing import Any, NoReturn

from dockerfile_parse.constants import COMMENT_INSTRUCTION
from dockerfile_parse.parser import DockerfileParser

from slimify.syntax.dockerfile import Dockerfile, parse
from slimify.syntax.source import Source


class ReadOnlyError(TypeError):
    """An attempt to change a Dockerfile through dockerfile-parse's interface."""


class DockerfileReader(DockerfileParser):
    """A `dockerfile_parse.DockerfileParser` that reads as BuildKit does.

    Raises `DockerfileSyntaxError` for what BuildKit's parser refuses; everything that would write
    raises `ReadOnlyError`.
    """

    def __init__(
        self,
        text: str | bytes,
        *,
        path: str = "Dockerfile",
        env_replace: bool = True,
        parent_env: dict[str, str] | None = None,
        build_args: dict[str, str] | None = None,
    ) -> None:
        source = Source.from_bytes(text, path) if isinstance(text, bytes) else Source(text, path)
        self._tree: Dockerfile = parse(source)
        plain = source.text.encode("utf-8", "replace")
        super().__init__(  # type: ignore[no-untyped-call]
            fileobj=io.BytesIO(plain), env_replace=env_replace, parent_env=parent_env, build_args=build_args
        )

    @property
    def structure(self) -> list[dict[str, Any]]:
        """Comments and instructions in order; lines count from 0, and `value` is the joined text behind the keyword."""
        source = self._tree.source
        found: list[dict[str, Any]] = []
        for directive in self._tree.directives:
            found.append(_comment(source, directive.line))
        for comment in self._tree.comments:
            found.append(_comment(source, comment.line))
        for one in self._tree.instructions:
            start, end = source.line_span(one.start_line).start, source.line_span(one.end_line).end
            head = one.logical.text
            value = head.strip()[len(source[one.keyword_span]) :].strip()
            found.append(
                {
                    "instruction": one.keyword,
                    "startline": one.start_line - 1,
                    "endline": one.end_line - 1,
                    "content": source.text[start:end],
                    "value": value,
                }
            )
        # As dockerfile-parse has it, a comment inside an instruction stands in front of it.
        return sorted(found, key=lambda item: (item["endline"], item["instruction"] != COMMENT_INSTRUCTION))

    @property
    def lines(self) -> list[str]:
        """The lines with their ends."""
        return self._tree.source.text.splitlines(keepends=True)

    @lines.setter
    def lines(self, lines: list[str]) -> NoReturn:  # noqa: ARG002
        raise ReadOnlyError("this is only for reading; rewrites are made by slimify.fix")

    @property
    def content(self) -> str:
        """The whole text."""
        return self._tree.source.text

    @content.setter
    def content(self, content: str) -> NoReturn:  # noqa: ARG002
        raise ReadOnlyError("this is only for reading; rewrites are made by slimify.fix")


def _comment(source: Source, line: int) -> dict[str, Any]:
    content = source[source.line_span(line)]
    return {
        "instruction": COMMENT_INSTRUCTION,
        "startline": line - 1,
        "endline": line - 1,
        "content": content,
        "value": content.lstrip().removeprefix("#").lstrip().replace("\n", ""),
    }
