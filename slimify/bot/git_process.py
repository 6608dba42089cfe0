"""Running git so that nothing but git is run: no configuration but ours, no hook, no prompt, and limits on everything.

Sources: git(1), "ENVIRONMENT VARIABLES"; git-config(1); gitprotocol-http(5); sh(1p) and ulimit(1p) of POSIX.
"""

from __future__ import annotations

import base64
import functools
import os
import re
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from slimify.bot.git_errors import GitError, RefusedError, TemporaryGitError, TooLargeError, error_of
from slimify.bot.names import is_clone_url
from slimify.bot.redact import Secrets

PROTOCOLS = frozenset({"https", "http", "ssh"})
"""The protocols that a forge is reached by. `git` and `file` are for operators who ask for them."""
OLDEST = (2, 36)
"""The oldest git: signing by ssh came with 2.34, and safe.directory, without which old ones trust too much, with
2.35.2. An older one than 2.31 would not even see the configuration that is given by the environment."""


class Credentials(NamedTuple):
    """What proves to a forge who we are: a user name, for which most take any word, and a token."""

    user: str
    token: str

    def __repr__(self) -> str:
        return "Credentials(…)"

    @property
    def basic(self) -> str:
        """As RFC 7617 wants it."""
        return base64.b64encode(f"{self.user}:{self.token}".encode()).decode()


class Limits(NamedTuple):
    """How much a repository may cost. `seconds` are for one command, `pack_bytes` for what one fetch may store.

    `memory_bytes` are those of one process, into which packs are mapped too. `entries` is the number of files,
    `extracted_bytes` how large a tree may be that is written out.
    """

    seconds: float = 300.0
    pack_bytes: int = 1 << 30
    memory_bytes: int = 4 << 30
    entries: int = 200_000
    extracted_bytes: int = 4 << 30


MAX_OUTPUT = 64 << 20
"""How much of what git prints is taken: the listing of a tree at its limit is a third of that."""
MAX_SAID = 64 << 10
"""How much of git's complaints is kept. A server can print there too, as much as it likes."""

# Given by the environment, which no repository can write to. All of it holds for each command.
_CONFIG = {
    # A hook of the template, or one that a bare repository brought along, is not ours.
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "init.templateDir": "",
    # No tree is ever checked out; still, no index may hold what would leave one on any system.
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    # Objects are checked as they come: no `.git`, no `..` and no slash in the name of an entry, no two of one name.
    "transfer.fsckObjects": "true",
    # These three are old programs' slips, harmless, and in the history of many a repository.
    "fetch.fsck.zeroPaddedFilemode": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.badTimezone": "ignore",
    # Always one pack, for which a limit of the file size is a limit of all.
    "transfer.unpackLimit": "1",
    "fetch.unpackLimit": "1",
    # Larger files go through a small buffer instead of memory.
    "core.bigFileThreshold": "8m",
    "core.packedGitWindowSize": "32m",
    "core.packedGitLimit": "256m",
    "pack.threads": "1",
    "pack.writeReverseIndex": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # A header for one host must not go to another. Forges give the address that holds, so none has to be followed.
    "http.followRedirects": "false",
    # What we push fits in here, and is sent with its length: some proxies take nothing else.
    "http.postBuffer": "16m",
    # Should this process be killed, a git that nobody watches any more ends too.
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "120",
    "credential.helper": "",
    "core.askPass": "true",
    "advice.pushUpdateRejected": "false",
    "log.showSignature": "false",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
}
_NETWORK = """
    http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
    SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE GIT_SSL_CAINFO GIT_SSL_CAPATH
""".split()
# Never a question, never an unknown host, and nothing of ours within the host's reach.
_SSH = (
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=30 -o ServerAliveInterval=15"
    " -o ForwardAgent=no -o ForwardX11=no -o ClearAllForwardings=yes -o PermitLocalCommand=no"
)
# The shell sets the limits and becomes git. (What Python has for it runs between fork and exec, where threads may
# hold locks.) Without the signal for a file that is too large, whoever writes it says so. No limit, no git.
_LIMITED = 'trap "" XFSZ && ulimit -c 0 && ulimit -f "$1" && ulimit -t "$2" && ulimit -v "$3" && shift 3 && exec "$@"'


class Git:
    """git for one repository, `directory`, and one address.

    Credentials reach only the commands that talk to the forge, through their environment: not the arguments, which
    everybody on the machine can read, and no file. Raises `RefusedError` for an address that is none of a forge's.
    """

    def __init__(
        self,
        directory: str,
        home: str,
        url: str,
        credentials: Credentials | None,
        limits: Limits,
        protocols: frozenset[str] = PROTOCOLS,
    ) -> None:
        if not is_clone_url(url, protocols):
            raise RefusedError("the address to clone from is not one of a forge")
        self.url = url
        self.limits = limits
        self.secrets = Secrets()
        self.directory = directory
        self._environment = _environment(directory, home, url)
        self._talking = _talking(url, credentials)
        if credentials is not None:
            self.secrets.add(credentials.token)
            self.secrets.add(credentials.basic)

    def run(
        self, *arguments: str, data: bytes = b"", talks: bool = False, extra: Mapping[str, str] | None = None
    ) -> bytes:
        """What git prints, given `data` to read. `talks` says that it is to reach the forge.

        Raises `GitError`, of the kind that its complaint is, `TemporaryGitError` when its time is over, and
        `TooLargeError` when it prints more than anybody asked for.
        """
        done = self.attempt(*arguments, data=data, talks=talks, extra=extra)
        if done.status != 0:
            raise self.error(done)
        return done.output

    def attempt(
        self, *arguments: str, data: bytes = b"", talks: bool = False, extra: Mapping[str, str] | None = None
    ) -> Done:
        """The same, with a failure as an answer. What is raised is for limits alone."""
        need_git()
        process = self._start(arguments, talks, extra or {}, subprocess.PIPE)
        try:
            output, said = _pump(process, data, self.limits.seconds)
            return Done(process.wait(timeout=10), output, said)
        except (_TimeOverError, subprocess.TimeoutExpired):
            raise TemporaryGitError(f"git {arguments[0]} took more than {self.limits.seconds:g} seconds") from None
        except _TooMuchError:
            raise TooLargeError(f"git {arguments[0]} prints more than {MAX_OUTPUT} bytes") from None
        finally:
            end(process)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A git that goes on answering, without credentials; `end` is for the caller to call."""
        need_git()
        return self._start(arguments, False, {}, subprocess.DEVNULL)

    def error(self, done: Done) -> GitError:
        """The error for what a failed git has said."""
        said = self.secrets.redact(done.said.decode("utf-8", "replace"))
        if not said and done.status < 0:
            said = f"git died of signal {-done.status}"
        return error_of(said)

    def _start(
        self, arguments: tuple[str, ...], talks: bool, extra: Mapping[str, str], stderr: int
    ) -> subprocess.Popen[bytes]:
        command = ["sh", "-c", _LIMITED, "sh", *_ulimits(self.limits), "git", *arguments]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=self.directory,
            env={**self._environment, **(self._talking if talks else {}), **extra},
            start_new_session=True,  # one group, so that its helpers end with it
        )


class Done(NamedTuple):
    """How a git ended, and what it printed and complained of."""

    status: int
    output: bytes
    said: bytes


def end(process: subprocess.Popen[bytes]) -> None:
    """End a git with all that it has started, and leave none of its pipes open."""
    if process.poll() is None:
        # Not waited for yet, so that the number is still its own.
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    process.wait()


@functools.cache
def need_git() -> None:
    """Raises `GitError` where there is no git, or one that knows too little of what keeps it harmless."""
    try:
        said = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise GitError("there is no git on this machine") from None
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise GitError(f"git {'.'.join(map(str, OLDEST))} or newer is needed, and this is {said.strip()}")


def _ulimits(limits: Limits) -> tuple[str, str, str]:
    """The limits of a file's size in blocks of 512 bytes, of seconds of work, and of memory in KiB.

    What this process itself may not exceed stays: asking for more would fail.
    """
    seconds = int(limits.seconds) + 1
    memory = _at_most(resource.RLIMIT_AS, limits.memory_bytes, 1024)
    return (
        _at_most(resource.RLIMIT_FSIZE, limits.pack_bytes, 512),
        _at_most(resource.RLIMIT_CPU, seconds, 1),
        memory if sys.platform == "linux" else "unlimited",  # macOS knows the limit, and refuses to set it
    )


def _at_most(kind: int, wanted: int, unit: int) -> str:
    hard = resource.getrlimit(kind)[1]
    return str((wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)) // unit)


def _environment(directory: str, home: str, url: str) -> dict[str, str]:
    config = {**_CONFIG, f"protocol.{urlsplit(url).scheme}.allow": "always"}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "LC_ALL": "C",
        "GIT_DIR": directory,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        **configuration(config),
    }


def configuration(config: Mapping[str, str], start: int = 0) -> dict[str, str]:
    """Configuration as the environment gives it, from number `start` on."""
    found = {"GIT_CONFIG_COUNT": str(start + len(config))}
    for number, (key, value) in enumerate(config.items(), start):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def more_configuration(config: Mapping[str, str]) -> dict[str, str]:
    """Configuration that one command has beside what all have."""
    return configuration(config, len(_CONFIG) + 1)


def _talking(url: str, credentials: Credentials | None) -> dict[str, str]:
    """What only those see that reach the forge. The addresses of proxies may hold a password too."""
    parts = urlsplit(url)
    found = {name: os.environ[name] for name in _NETWORK if name in os.environ}
    if parts.scheme == "ssh":
        found |= {"GIT_SSH_COMMAND": _SSH, "GIT_SSH_VARIANT": "ssh"}
        if "SSH_AUTH_SOCK" in os.environ:
            found["SSH_AUTH_SOCK"] = os.environ["SSH_AUTH_SOCK"]
    elif credentials is not None and parts.scheme in ("https", "http"):
        header = f"Authorization: Basic {credentials.basic}"
        found |= more_configuration({f"http.{parts.scheme}://{parts.netloc}/.extraHeader": header})
    return found


class _TimeOverError(Exception):
    pass


class _TooMuchError(Exception):
    pass


def _pump(process: subprocess.Popen[bytes], data: bytes, seconds: float) -> tuple[bytes, bytes]:
    """Give a process its input, and take what it prints and the first of what it complains of."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + seconds
    output, said = bytearray(), bytearray()
    left = memoryview(data)
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        waiting.register(process.stderr, selectors.EVENT_READ)
        if left:
            os.set_blocking(process.stdin.fileno(), False)
            waiting.register(process.stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()
        while waiting.get_map():
            rest = deadline - time.monotonic()
            if rest <= 0:
                raise _TimeOverError
            for key, _ in waiting.select(rest):
                pipe = key.fileobj
                if pipe is process.stdin:
                    left = _give(process.stdin, left)
                    if not left:
                        waiting.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    waiting.unregister(pipe)
                elif pipe is process.stdout:
                    output += chunk
                    if len(output) > MAX_OUTPUT:
                        raise _TooMuchError
                elif len(said) < MAX_SAID:
                    said += chunk
    return bytes(output), bytes(said)


def _give(pipe: IO[bytes], left: memoryview) -> memoryview:
    """Write what the pipe takes; what is still to be given, nothing if nobody reads any more."""
    try:
        return left[os.write(pipe.fileno(), left) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]
