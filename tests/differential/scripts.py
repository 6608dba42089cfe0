"""What can be told from a script's text: which commands need a stand-in, what runs in the background.

None of this has to be exact. A command that was missed is found missing when it is run, and gets
its stand-in then; a background job that is none costs a moment of waiting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Function definitions in front of every script: `cd` has to say where it could not go, because the
#: stand-ins for mkdir, tar and git make no directories.
PREAMBLE = (
    'cd() { if command cd "$@"; then __slf_at; else __slf_cd $? "$@"; fi; }; '
    "__slf_at() { printf '%s\\n' \"$PWD\" >>/.l/cwd; }; "
    "__slf_cd() { printf '%s\\n' \"$PWD\" >>/.l/cd; eval 'printf \"%s\\n\" \"${'$#'}\"' >>/.l/cd; return $1; }\n"
)
_POSITION = re.compile(
    r"(?:^|[;&|(){}!`\n]|\b(?:do|then|else|elif|if|while|until|time|exec|command|eval|sudo|env|nohup|nice)\b)"
    r"[ \t\\]*(?:[A-Za-z_]\w*=\S*[ \t]+)*([A-Za-z0-9_/][\w./+@-]*)"
)
_WORD = re.compile(r"[A-Za-z_][\w.+-]*")
_HIDES_ERRORS = re.compile(r"2>|&>|>&")
_BACKGROUND = re.compile(r"(?<![&>|<\\])&(?![&\d])")  # to dash, `a &>f` is a job too
_SOURCED = re.compile(r"(?:^|[;&|({!\n]|\b(?:then|do|else|if))[ \t\\]*(?:\.|source)[ \t]+([\"']?)(/[\w./@+-]+)\1")
_CD = re.compile(r"\bcd[ \t]+([\"']?)(/[\w./@+-]*)\1")
_SERVER = re.compile(
    r"\b(?:service|invoke-rc\.d) \S+ (?:re)?start\b|/etc/init\.d/\S+ (?:re)?start\b|\bpg_ctl(?:cluster)?\b.*\bstart\b"
    r"|--daemoni[sz]e\b|--daemon\b|\bmysqld_safe\b|\bsystemctl (?:re)?start\b|\brc-service \S+ start\b|"
    r"\bstart-stop-daemon\b.*--start\b|\bapachectl (?:-k )?start\b"
)
_SERVER_STOP = re.compile(
    r"\b(?:service|invoke-rc\.d|rc-service|/etc/init\.d/)\s*\S+ stop\b|/etc/init\.d/\S+ stop\b"
    r"|\bpg_ctl(?:cluster)?\b.*\bstop\b|\bmysqladmin\b.*\bshutdown\b|\bsystemctl stop\b|\bkillall?\b|\bpkill\b"
)
_COMPLAINT = re.compile(r"^[^:]*: (?:line )?\d+: (.*)$")
_PREFIXES = re.compile(r"^(?:(?:exec|\.|source|command|eval): |(?:line )?\d+: )+")


def commands(script: str) -> set[str]:
    """Names and absolute paths that stand where a command can stand."""
    found = {match for match in _POSITION.findall(script) if not match.endswith("/")}
    if _HIDES_ERRORS.search(script):
        # What is not found there may not be heard of.
        found.update(_WORD.findall(script))
    return {name for name in found if len(name) < 200 and ("/" not in name or name.startswith("/"))}


def places(script: str) -> tuple[set[str], set[str]]:
    """Absolute directories that the script changes to, and files that it reads in."""
    return {match[1] for match in _CD.findall(script)}, {
        match[1] for match in _SOURCED.findall(script) if not match[1].endswith("/")
    }


def has_background(script: str) -> bool:
    """Whether some `&` may start a background job."""
    return bool(_BACKGROUND.search(script))


def starts_server(argv: Iterable[str]) -> bool:
    """Whether the command, though it returns, leaves a server running."""
    return bool(_SERVER.search(" ".join(argv)))


def stops_server(argv: Iterable[str]) -> bool:
    """Whether the command ends servers."""
    return bool(_SERVER_STOP.search(" ".join(argv)))


def missing(stderr: str) -> tuple[set[str], set[str]]:
    """Directories and files that the shells complained not to have found."""
    dirs: set[str] = set()
    files: set[str] = set()
    for line in stderr.splitlines():
        complaint = _COMPLAINT.match(line)
        if not complaint or complaint[1].startswith("cd: "):
            continue
        body = _PREFIXES.sub("", complaint[1])
        if match := re.fullmatch(r"pushd: (.+): No such file or directory", body):
            dirs.add(match[1])
        elif match := re.fullmatch(r"cannot create (.+): (?:Directory nonexistent|No such file or directory)", body):
            dirs.add(match[1].rpartition("/")[0] or "/")
        elif match := re.fullmatch(
            r"(?:cannot open )?(.+): (?:not found|No such file|command not found|file not found|"
            r"No such file or directory|Permission denied)",
            body,
        ):
            (dirs if match[1].endswith("/") else files).add(match[1])
    return dirs, files
