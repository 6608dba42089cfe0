"""Building and running with the user's own engine: Docker with BuildKit, Podman, or Buildah, which only builds.

Everything that is made carries a name that `slimify.proof.session` gives out, so that a later start finds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from slimify.proof import processes

_INSTALL = {
    "docker": "https://docs.docker.com/engine/install/",
    "podman": "https://podman.io/docs/installation",
    "buildah": "https://buildah.io",
}


_STEP = re.compile(r"^--> ([0-9a-f]{8,64})$", re.M)
_CACHED = re.compile(r"^--> Using cache ([0-9a-f]{8,64})$", re.M)


class EngineError(Exception):
    """No engine, or one that does not do what it is asked."""


# What is made carries it, with its own name for a value, so that users can tell it from what is theirs.
LABEL = "slimify.proof"


class BuildOptions(NamedTuple):
    """What both builds are given alike. `arguments` are handed on as they are: --build-arg, --secret, --network …

    A build may take `timeout` seconds, and come to an image of `max_size` bytes.
    """

    target: str | None = None
    build_args: Mapping[str, str] = {}
    platform: str | None = None
    network: str | None = None
    secrets: tuple[str, ...] = ()
    builder: str | None = None
    timeout: float = 3600.0
    max_size: int = 30 * 10**9


class Built(NamedTuple):
    """A build: whether it came to its end, its seconds, and the log."""

    ok: bool
    seconds: float
    log: str


class Ran(NamedTuple):
    """A command in a container: its exit status, None where it was stopped, and what it wrote."""

    status: int | None
    output: str
    errors: str


class Engine:
    """An engine by its command line. Raises `EngineError` where it cannot be asked at all.

    `runs` says whether it starts containers; an engine that does not is asked for nothing of the kind.
    `builds_by_steps`: each step of a build becomes an image of its own, which BuildKit keeps to itself.
    """

    runs = True
    builds_by_steps = False

    def __init__(self, program: str) -> None:
        self.program = program

    def build(self, dockerfile: str, context: str, name: str, options: BuildOptions, log: str, cache: bool) -> Built:
        """Build a Dockerfile under a name. Without `cache` every step is run."""
        command = [self.program, *self._build(dockerfile, options.builder), "-f", dockerfile, "-t", name]
        # What builds by steps makes one more step of a label.
        command += [] if self.builds_by_steps else ["--label", f"{LABEL}={name}"]
        command += [] if cache else ["--no-cache"]
        command += ["--target", options.target] if options.target else []
        for key, value in options.build_args.items():
            command += ["--build-arg", f"{key}={value}"]
        command += ["--platform", options.platform] if options.platform else []
        command += ["--network", options.network] if options.network else []
        for secret in options.secrets:
            command += ["--secret", secret]
        start = time.monotonic()
        status = self._logged([*command, context], log, options.timeout)
        with open(log, encoding="utf-8", errors="replace") as file:
            return Built(status == 0, time.monotonic() - start, file.read())

    def _build(self, dockerfile: str, builder: str | None) -> list[str]:
        """The command for a build, with what only this engine is told."""
        if not self.builds_by_steps:
            command = ["buildx", "build", "--load", "--builder", builder] if builder else ["build"]
            return [*command, "--progress", "plain"]
        if builder:
            raise EngineError(f"{self.program} has no builders; they are docker's")
        # Without this format HEALTHCHECK, SHELL and ONBUILD are dropped, and older versions know no ignore file of a
        # Dockerfile's own (podman-build(1)).
        return ["build", "--format", "docker", "--ignorefile", f"{dockerfile}.dockerignore"]

    def steps(self, log: str) -> list[str]:
        """The images of single steps that the build of a log has made."""
        # Each has a line of its own, behind another one where it was there before.
        cached = _CACHED.findall(log)
        found = _STEP.findall(log) if self.builds_by_steps else []
        return [one for one in found if not any(other.startswith(one) for other in cached)]

    def run(
        self,
        image: str,
        name: str,
        argv: Sequence[str],
        entrypoint: str | None = None,
        timeout: float = 60.0,
        arguments: Sequence[str] = (),
    ) -> Ran:
        """Run a command in a new container without a network, unless the arguments name one, and remove it."""
        network = any(one.startswith(("--network", "--net")) for one in arguments)
        command = [self.program, "run", "--name", name, "--label", f"{LABEL}={name}", *arguments]
        command += [] if network else ["--network", "none"]
        command += ["--entrypoint", entrypoint] if entrypoint is not None else []
        try:
            done = subprocess.run(
                [*command, image, *argv], capture_output=True, text=True, errors="replace", timeout=timeout, check=False
            )
            return Ran(done.returncode, done.stdout, done.stderr)
        except subprocess.TimeoutExpired as late:
            return Ran(None, _text(late.stdout), _text(late.stderr))
        finally:
            self.remove_container(name)

    def start(self, image: str, name: str, ports: Sequence[str], arguments: Sequence[str] = ()) -> None:
        """Start a container, its ports published on the loopback address."""
        published = [word for port in ports for word in ("-p", f"127.0.0.1::{port}")]
        self._asked(["run", "-d", "--name", name, "--label", f"{LABEL}={name}", *published, *arguments, image])

    def published(self, name: str, port: str) -> tuple[str, int]:
        """Where a port of a container is to be reached."""
        answer = self._asked(["port", name, port]).split()
        if not answer:
            raise EngineError(f"port {port} of {name} is not published")
        host, _, number = answer[0].rpartition(":")
        return host, int(number)

    def state(self, name: str) -> tuple[bool, int]:
        """Whether a container runs, and its exit status."""
        found = json.loads(self._asked(["container", "inspect", name]))[0]["State"]
        return bool(found.get("Running")), int(found.get("ExitCode") or 0)

    def execute(self, name: str, argv: Sequence[str], timeout: float = 30.0) -> Ran:
        """Run a command in a container that runs."""
        try:
            done = subprocess.run(
                [self.program, "exec", name, *argv],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return Ran(None, _text(late.stdout), _text(late.stderr))
        return Ran(done.returncode, done.stdout, done.stderr)

    def logs(self, name: str) -> Ran:
        """What a container has written so far."""
        done = subprocess.run(
            [self.program, "logs", name], capture_output=True, text=True, errors="replace", check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def remove_container(self, name: str) -> None:
        """Stop and remove a container, whether it is there or not."""
        subprocess.run([self.program, "rm", "-f", "-v", name], capture_output=True, check=False)

    def remove_image(self, name: str) -> None:
        """Remove an image, whether it is there or not."""
        subprocess.run([self.program, "rmi", "-f", name], capture_output=True, check=False)

    def images(self, repository: str) -> list[str]:
        """The names of all images of a repository."""
        listed = self._asked(["images", "--format", "{{.Repository}}:{{.Tag}}", repository])
        return [one for one in listed.split() if not one.endswith(":<none>")]

    def containers(self, prefix: str) -> list[str]:
        """The names of all containers, running or not, that start with a prefix."""
        if not self.runs:
            return []
        listed = self._asked(["ps", "-a", "--filter", f"name=^/?{prefix}", "--format", "{{.Names}}"])
        return [one for one in listed.split() if one.startswith(prefix)]

    def _asked(self, arguments: Sequence[str]) -> str:
        try:
            done = subprocess.run(
                [self.program, *arguments], capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise EngineError(f"{self.program} cannot be started: {error.strerror}") from error
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it says nothing"]
            raise EngineError(f"{self.program} {' '.join(arguments[:2])}: {said[-1]}")
        return done.stdout

    def _logged(self, command: Sequence[str], log: str, timeout: float) -> int:
        """Run a command with all it says in a file; its whole process group ends with it."""
        with open(log, "wb") as file:
            environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            processes.note(note_of(log), process.pid)
            try:
                return process.wait(timeout)
            except subprocess.TimeoutExpired:
                file.write(f"\nslimify: stopped after {timeout:.0f} s\n".encode())
                return -1
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        os.killpg(process.pid, signal.SIGKILL)
                        process.wait()
                with contextlib.suppress(OSError):
                    os.unlink(note_of(log))


def note_of(log: str) -> str:
    """The file in which the process is noted that writes a log."""
    return f"{log}.process"


class Podman(Engine):
    """Podman, which builds as Buildah does."""

    builds_by_steps = True


class Buildah(Podman):
    """Buildah makes images, and starts no containers with ports."""

    runs = False

    def _build(self, dockerfile: str, builder: str | None) -> list[str]:
        # Podman keeps what each step made unless it is told not to, Buildah if it is told to (buildah-build(1)).
        return [*super()._build(dockerfile, builder), "--layers"]

    def images(self, repository: str) -> list[str]:
        listed = self._asked(["images", "--format", "{{.Name}}:{{.Tag}}"])
        return [one for one in listed.split() if one.rpartition(":")[0].rpartition("/")[2] == repository]


def save_command(program: str, name: str) -> list[str]:
    """The command of an engine that writes an image to standard output, as `docker save` does."""
    if program == "buildah":
        return [program, "push", "-q", name, "docker-archive:/dev/stdout"]
    return [program, "save", *(["-q"] if program == "podman" else []), name]


ENGINES = {"docker": Engine, "podman": Podman, "buildah": Buildah}


def find_engine(wanted: str | None = None) -> Engine:
    """The engine that is asked for, or the first that is there and answers. Raises `EngineError`."""
    if wanted and wanted not in ENGINES:
        raise EngineError(f"{wanted} is no engine; {', '.join(ENGINES)} are")
    names = (wanted,) if wanted else tuple(ENGINES)
    silent = []
    for name in names:
        if shutil.which(name) is None:
            continue
        engine = ENGINES[name](name)
        try:
            engine._asked(["version"])
        except EngineError as error:
            silent.append(str(error))
            continue
        return engine
    if silent:
        raise EngineError(silent[0])
    where = " or ".join(f"{name} ({_INSTALL[name]})" for name in names)
    raise EngineError(f"{wanted or 'no engine'} is {'not ' if wanted else ''}installed; install {where}")


def _text(said: bytes | str | None) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said or ""
