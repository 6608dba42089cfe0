"""From the text of a Dockerfile to what its RUNs get to see, by BuildKit's own parser.

This is on purpose not slimify's parser: an error there must not hide itself here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dockerfile  # type: ignore[import-not-found]

from .model import Argv, Mark, Run, Shell, Stage

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLATFORM_ARGS = {
    "TARGETPLATFORM": "linux/amd64",
    "TARGETOS": "linux",
    "TARGETARCH": "amd64",
    "TARGETVARIANT": "",
    "BUILDPLATFORM": "linux/amd64",
    "BUILDOS": "linux",
    "BUILDARCH": "amd64",
    "BUILDVARIANT": "",
}
#: The parser module splits lines but knows no instructions; the builder rejects any other.
INSTRUCTIONS = frozenset(
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER "
    "VOLUME WORKDIR".split()
)
_PLAIN_HEREDOC = re.compile(r"""^\d*<<-?\s*(?:[^\s<'"]+|'[^']*'|"[^"]*")$""")


class NotReadable(Exception):
    """The text is none that BuildKit's parser can be given, or takes."""


@dataclass
class _State:
    """What the instructions read so far add up to."""

    name: str
    env: dict[str, str] = field(default_factory=lambda: {"PATH": DEFAULT_PATH})
    args: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    user: str = ""
    shell: Argv = ("/bin/sh", "-c")
    config: list[str] = field(default_factory=list)
    steps: list[Run | Mark] = field(default_factory=list)
    skip: str | None = None

    def visible(self) -> dict[str, str]:
        """Variables as RUN sees them: ENV wins over ARG whatever their order."""
        return {**self.args, **self.env}

    def stage(self) -> Stage:
        config = [f"USER {self.user}", f"WORKDIR {self.cwd}", f"SHELL {self.shell!r}", *self.config]
        return Stage(self.name, tuple(self.steps), tuple(config), dict(self.env), self.skip)


def expand(word: str, env: Mapping[str, str], escape: str = "\\") -> str:
    """Docker's own substitution in ENV, WORKDIR, USER and the like, quotes removed."""
    out: list[str] = []
    i, quote = 0, ""
    while i < len(word):
        char = word[i]
        if quote == "'":
            if char == "'":
                quote = ""
            else:
                out.append(char)
            i += 1
        elif char == escape and i + 1 < len(word):
            follower = word[i + 1]
            if quote and follower not in ('"', "$", escape):
                out.append(char)
            out.append(follower)
            i += 2
        elif char == "$":
            text, i = _dollar(word, i, env, escape)
            out.append(text)
        elif char == '"':
            quote = "" if quote else '"'
            i += 1
        elif char == "'" and not quote:
            quote = "'"
            i += 1
        else:
            out.append(char)
            i += 1
    return "".join(out)


def _dollar(word: str, i: int, env: Mapping[str, str], escape: str) -> tuple[str, int]:
    plain = re.compile(r"\$([A-Za-z_]\w*|\d)").match(word, i)
    if plain:
        return env.get(plain[1], ""), plain.end()
    if word[i + 1 : i + 2] != "{":
        return "$", i + 1
    depth, end = 1, i + 2
    while end < len(word) and depth:
        depth += {"{": 1, "}": -1}.get(word[end], 0)
        end += 1
    inner = re.fullmatch(r"(\w+)(?:(:?[-+?])(.*))?(?:[#%/].*)?", word[i + 2 : end - 1], re.DOTALL)
    if not inner:
        return word[i:end], end
    name, operator, default = inner[1], inner[2] or "", inner[3] or ""
    value = env.get(name)
    there = value is not None and (value != "" or ":" not in operator)
    if operator.endswith("-") and not there:
        return expand(default, env, escape), end
    if operator.endswith("+"):
        return (expand(default, env, escape) if there else ""), end
    return value or "", end


def shell_of(argv: Sequence[str]) -> tuple[Shell | None, str | None]:
    """Which of the sandbox's shells stands in for `argv[0]`, or why none does."""
    name = argv[0].replace("\\", "/").rsplit("/", 1)[-1].lower()
    if name == "bash":
        return Shell.BASH, None
    if name in ("sh", "dash"):
        return Shell.DASH, None
    if name == "ash":
        # BusyBox's ash knows pipefail, dash does not.
        return (Shell.POSIX_BASH if any("pipefail" in arg for arg in argv) else Shell.DASH), None
    return None, f"SHELL {argv[0]} is not a shell that the sandbox has"


def read(text: str) -> tuple[Stage, ...]:
    """The stages of a Dockerfile."""
    if "\0" in text:
        raise NotReadable("holds a NUL, at which BuildKit's parser module would cut it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotReadable("not UTF-8, which crashes BuildKit's parser module") from None
    try:
        commands = dockerfile.parse_string(text)
    except Exception as error:  # the module raises its own and, on odd input, others
        raise NotReadable(f"BuildKit's parser: {str(error).strip()}") from None
    escape = "\\"
    for line in text.lstrip("\ufeff").splitlines():
        directive = re.match(r"#\s*(\w+)\s*=\s*(\S+)\s*$", line)
        if not directive:
            break
        if directive[1].lower() == "escape":
            escape = directive[2]
    reader = _Reader(escape)
    for command in commands:
        reader.take(command)
    return tuple(state.stage() for state in reader.stages)


class _Reader:
    def __init__(self, escape: str) -> None:
        self.escape = escape
        self.globals: dict[str, str] = dict(PLATFORM_ARGS)
        self.stages: list[_State] = []

    def take(self, command: dockerfile.Command) -> None:
        name = command.cmd.upper()
        if name not in INSTRUCTIONS:
            raise NotReadable(f"line {command.start_line}: unknown instruction {name}")
        if name == "FROM":
            self._from(command)
            return
        if not self.stages:
            if name == "ARG":
                for item in command.value:
                    key, has, value = item.partition("=")
                    if has:
                        self.globals[key] = expand(value, self.globals, self.escape)
            return
        state = self.stages[-1]
        env = state.visible()
        words = [expand(item, env, self.escape) for item in command.value]
        if name == "ENV":
            for key, value in zip(words[::2], words[1::2], strict=False):
                state.env[key] = value
        elif name == "ARG":
            for item in command.value:
                key, has, value = item.partition("=")
                if has:
                    state.args[key] = expand(value, env, self.escape)
                elif key in self.globals:
                    state.args[key] = self.globals[key]
        elif name == "WORKDIR":
            path = words[0] if words else ""
            if re.match(r"^[A-Za-z]:|^\\", path):
                state.skip = state.skip or "WORKDIR of a Windows image"
            parts = (path if path.startswith("/") else f"{state.cwd}/{path}").split("/")
            clean: list[str] = []
            for part in parts:
                if part == "..":
                    clean[-1:] = []
                elif part not in ("", "."):
                    clean.append(part)
            state.cwd = "/" + "/".join(clean)
        elif name == "USER":
            state.user = " ".join(words)
        elif name == "SHELL":
            state.shell = tuple(command.value)
        elif name == "RUN":
            self._run(state, command)
        elif name in ("COPY", "ADD", "VOLUME"):
            bodies = tuple(doc.content for doc in command.heredocs)
            argv = (name, *command.flags, *words, *bodies)
            state.steps.append(Mark(command.start_line, argv, state.cwd, state.user, env))
        else:
            # CMD and the like only set what the image ends with; a shell form depends on SHELL.
            shell = "" if command.json or name not in ("CMD", "ENTRYPOINT") else f" by {state.shell!r}"
            text = " ".join((command.sub_cmd or "", *command.flags, *command.value)).strip()
            state.config.append(f"{name} {text}{shell}")

    def _from(self, command: dockerfile.Command) -> None:
        words = list(command.value)
        name = words[2] if len(words) == 3 and words[1].upper() == "AS" else str(len(self.stages))
        base = expand(words[0], self.globals, self.escape) if words else ""
        state = _State(name)
        state.config.append(f"FROM {' '.join((*command.flags, *words))}")
        for parent in self.stages:
            if parent.name.lower() == base.lower():
                state.env, state.cwd, state.user = dict(parent.env), parent.cwd, parent.user
                state.shell = parent.shell
                state.skip = parent.skip
        if re.search(r"windows|nanoserver|servercore", base, re.IGNORECASE):
            state.skip = f"FROM {base} looks like Windows"
        self.stages.append(state)

    def _run(self, state: _State, command: dockerfile.Command) -> None:
        env = state.visible()
        env.setdefault("HOME", "/root")
        argv: Argv
        script_at: int | None
        shell: Shell | None
        if command.json:
            argv = tuple(command.value)
            # RUN ["bash", "-c", "..."] is worth looking into.
            shell, _ = shell_of(argv) if argv else (None, None)
            script_at = 2 if shell and len(argv) > 2 and re.fullmatch(r"-[a-z]*c", argv[1]) else None
            shell = shell if script_at is not None else None
        else:
            script = _script(command)
            shell, why = shell_of(state.shell)
            if shell is None:
                state.skip = state.skip or why
            if script is None:
                state.skip = state.skip or "a heredoc with its own interpreter (#!)"
                script = command.heredocs[0].content
            argv = (*state.shell, script)
            script_at = len(argv) - 1
        if argv:
            flags = tuple(command.flags)
            state.steps.append(
                Run(command.start_line, argv, script_at, shell, flags, state.cwd, state.user, env, not command.json)
            )


def _script(command: dockerfile.Command) -> str | None:
    """The one word that the shell gets, as BuildKit's dispatchRun builds it."""
    text: str = " ".join(command.value)
    if not command.heredocs:
        return text
    if _PLAIN_HEREDOC.match(text):
        body: str = command.heredocs[0].content
        if body.startswith("#!"):
            return None
        if re.match(r"^\d*<<-", text):
            body = re.sub(r"(?m)^\t+", "", body)
        return body
    for doc in command.heredocs:
        text += "\n" + doc.content + doc.name
    return text
