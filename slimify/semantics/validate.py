"""What BuildKit refuses behind its parser: unknown instructions, flags it does not know, missing arguments.

Source: Dockerfile reference; BuildKit `frontend/dockerfile/instructions`.
"""

from __future__ import annotations

from slimify.syntax.dockerfile import KEYWORDS, Dockerfile, Instruction
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

_FLAGS: dict[str, frozenset[str]] = {
    "FROM": frozenset({"platform"}),
    "COPY": frozenset({"from", "chown", "chmod", "link", "parents", "exclude"}),
    "ADD": frozenset({"chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"}),
    "RUN": frozenset({"mount", "network", "security", "device"}),
    "HEALTHCHECK": frozenset({"interval", "timeout", "start-period", "start-interval", "retries"}),
}
_ONE_OR_MORE = frozenset(
    "ARG COPY ADD ENV EXPOSE FROM LABEL MAINTAINER RUN STOPSIGNAL USER VOLUME WORKDIR ONBUILD".split()
)


def validate(dockerfile: Dockerfile) -> None:
    """Raise `DockerfileSyntaxError` at the first thing that Docker would refuse.

    A file with a `# syntax=` other than docker/dockerfile may use a language of its own and is
    only held to what every Dockerfile frontend shares.
    """
    own_frontend = _is_docker(dockerfile.directive("syntax"))
    for instruction in dockerfile.preamble:
        if instruction.keyword in KEYWORDS and instruction.keyword not in ("ARG", "FROM"):
            raise _error(dockerfile.source, instruction, "no build stage in current context: FROM must come first")
    for instruction in dockerfile.instructions:
        _check(dockerfile.source, instruction, own_frontend)
    if not dockerfile.stages:
        first = dockerfile.instructions[0]
        raise _error(dockerfile.source, first, "there is no FROM")


def _is_docker(syntax: str | None) -> bool:
    return syntax is None or syntax.split(":")[0].removeprefix("docker.io/").startswith("docker/dockerfile")


def _error(source: Source, instruction: Instruction, message: str) -> DockerfileSyntaxError:
    position = source.position(instruction.span.start)
    return DockerfileSyntaxError(source.path, position.line, position.column, message)


def _check(source: Source, one: Instruction, own_frontend: bool) -> None:
    keyword = one.keyword
    if keyword not in KEYWORDS:
        if own_frontend:
            raise _error(source, one, f"unknown instruction: {keyword}")
        return
    if own_frontend:
        known = _FLAGS.get(keyword, frozenset())
        for flag in one.flags:
            if flag.name not in known:
                raise _error(source, one, f"unknown flag for {keyword}: --{flag.name}")
    if keyword in _ONE_OR_MORE and not one.arguments and not one.heredocs and not (keyword == "RUN" and one.flags):
        raise _error(source, one, f"{keyword} requires at least one argument")
    if keyword == "FROM":
        _check_from(source, one)
    elif keyword in ("COPY", "ADD"):
        count = len(one.exec_form) if one.exec_form is not None else len(one.tokens)
        if count < 2:
            raise _error(source, one, f"{keyword} requires at least two arguments")
    elif keyword == "SHELL" and not one.exec_form:
        raise _error(source, one, "SHELL requires the arguments to be in JSON form")
    elif keyword == "ONBUILD" and one.trigger is not None:
        if one.trigger.keyword in ("ONBUILD", "FROM", "MAINTAINER"):
            raise _error(source, one, f"{one.trigger.keyword} is not allowed as an ONBUILD trigger")
        _check(source, one.trigger, own_frontend)
    elif keyword == "HEALTHCHECK":
        words = one.arguments.split(None, 1)
        if not words or words[0].upper() not in ("CMD", "NONE"):
            raise _error(source, one, "HEALTHCHECK must be followed by CMD or NONE")
        if words[0].upper() == "CMD" and len(words) < 2:
            raise _error(source, one, "missing command after HEALTHCHECK CMD")


def _check_from(source: Source, one: Instruction) -> None:
    words = one.tokens
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].text.lower() != "as"):
        raise _error(source, one, "FROM requires either one or three arguments")
    if len(words) == 3:
        name = words[2].text.lower()
        plain = name.replace("-", "a").replace("_", "a").replace(".", "a")
        if not (name[:1].isascii() and name[:1].isalpha() and plain.isascii() and plain.isalnum()):
            raise _error(source, one, f"invalid name for build stage: {words[2].text!r}")
