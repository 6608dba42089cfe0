"""Building and running with the user's own engine: Docker with BuildKit, Podman, or Buildah, which only builds.

Everything that is made carries a name that `slimify.proof.session` gives out, so that a later start finds it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from slimify.proof import processes, spoken, steps
from slimify.proof.blame import not_the_dockerfile
from slimify.proof.spoken import Ran

_INSTALL = {
    "docker": "https://docs.docker.com/engine/install/",
    "podman": "https://podman.io/docs/installation",
    "buildah": "https://buildah.io",
}


# What a client ends with where the fault is the engine's own or that of its options, and with what it ends where the
# program in the image cannot be started, or is not there (docker-run(1) and podman-run(1), "Exit status").
_ENGINE_FAILED = 125
_NOT_STARTED = (126, 127)

# What an engine calls a fault of its own although the image is to blame: USER and WORKDIR that are not there.
_OF_THE_IMAGE = re.compile(
    r"unable to find (?:user|group) |no matching entries in (?:passwd|group)|[Cc]annot mkdir|not a directory", re.I
)


class EngineError(Exception):
    """No engine, or one that does not do what it is asked."""


class NotStartedError(Exception):
    """A container that was made and did not start, since what the image is told to run cannot be run.

    `status` is what the client ended with.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


# How long an engine may take for an answer. It may have to unpack an image first, on a disk that others use.
_PATIENCE = 300.0

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


class Engine:
    """An engine by its command line. Raises `EngineError` where it cannot be asked at all.

    `runs` says whether it starts containers; an engine that does not is asked for nothing of the kind.
    `builds_by_steps`: each step of a build becomes an image of its own, which BuildKit keeps to itself.
    """

    runs = True
    builds_by_steps = False
    _name_field = "Repository"

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
        command += self._note_steps(name, log)
        start = time.monotonic()
        status = self._logged([*command, context], log, options.timeout)
        took = time.monotonic() - start
        with open(log, encoding="utf-8", errors="replace") as file:
            said = file.read()
        if status > 0 and (why := not_the_dockerfile(said, self.builds_by_steps)):
            raise EngineError(f"{self.program} build: {why}")
        return Built(status == 0, took, said)

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

    def made(self, log: str) -> list[str]:
        """The images of single steps that the build of a log has made and that are still there, the newest first.

        To be asked for when the image that the build was for has lost its name.
        """
        note = steps.Note.read(steps.note_of(log)) if self.builds_by_steps else None
        if note is None:
            return []
        if note.label:
            return self._unnamed(note.label)
        try:
            return list(steps.mentioned(log, self._unnamed(), note.before))
        except OSError:
            return []

    def remove_made(self, log: str) -> None:
        """Remove them: each by its ID and without force, so that one with a name or a container in use stays."""
        left = self.made(log)
        while left:
            for one in left:
                self._ran(["rmi", one], _PATIENCE)
            # One on which another one was built goes with the next turn.
            before, left = left, self.made(log)
            if len(left) == len(before):
                return

    def _note_steps(self, name: str, log: str) -> list[str]:
        """Write down what tells a build's images from others; the options for it."""
        if not self.builds_by_steps:
            return []
        if self._labels_steps:
            steps.Note(label=name).write(steps.note_of(log))
            return ["--layer-label", f"{LABEL}={name}"]
        before = self._asked(["images", "-a", "-q", "--no-trunc"]).split()
        steps.Note(before=frozenset(map(steps.bare, before))).write(steps.note_of(log))
        return []

    @functools.cached_property
    def _labels_steps(self) -> bool:
        """Whether it can label what a step becomes, which versions before 2025 cannot."""
        return "--layer-label" in self._ran(["build", "--help"], _PATIENCE).output

    def _unnamed(self, label: str = "") -> list[str]:
        """The IDs of all images without a name."""
        wanted = ["--filter", f"label={LABEL}={label}"] if label else []
        form = f"{{{{.ID}}}} {{{{.{self._name_field}}}}}"
        return steps.unnamed(self._asked(["images", "-a", "--no-trunc", *wanted, "--format", form]))

    def run(
        self,
        image: str,
        name: str,
        argv: Sequence[str],
        entrypoint: str | None = None,
        timeout: float = 60.0,
        arguments: Sequence[str] = (),
    ) -> Ran:
        """Run a command in a new container without a network, unless the arguments name one, and remove it.

        Raises `EngineError` where it was never made.
        """
        command = ["run", "--name", name, "--label", f"{LABEL}={name}", *self._bounded(arguments), *arguments]
        command += [] if network_of(arguments) else ["--network", "none"]
        command += ["--entrypoint", entrypoint] if entrypoint is not None else []
        try:
            ran = self._ran([*command, image, *argv], timeout)
            if ran.status == _ENGINE_FAILED and self._refused(name, ran):
                raise EngineError(f"{self.program} run: {_last_line(ran.errors)}")
            return ran
        finally:
            self.remove_container(name)

    def start(self, image: str, name: str, ports: Sequence[str], arguments: Sequence[str] = ()) -> str:
        """Start a container, its ports published on the loopback address; its ID.

        Raises `NotStartedError` where the image is to blame that it does not start, and else `EngineError`.
        """
        published = [word for port in ports for word in ("-p", f"127.0.0.1::{port}")]
        command = ["run", "-d", "--name", name, "--label", f"{LABEL}={name}", *published]
        ran = self._ran([*command, *self._bounded(arguments), *arguments, image], _PATIENCE)
        if ran.status in _NOT_STARTED or (ran.status == _ENGINE_FAILED and _OF_THE_IMAGE.search(ran.errors)):
            raise NotStartedError(ran.errors.strip(), ran.status)
        if ran.status:
            raise EngineError(f"{self.program} run: {_last_line(ran.errors)}")
        if ran.status is None:
            raise EngineError(f"{self.program} run: nothing has started within {_PATIENCE:.0f} s")
        return ran.output.strip()

    def _refused(self, name: str, ran: Ran) -> bool:
        """Whether the engine itself ended with its status, and not a program that happens to end with the same one."""
        if _OF_THE_IMAGE.search(ran.errors):
            return False
        try:
            _, status = self.state(name)
        except EngineError:
            return True
        return status != _ENGINE_FAILED or ran.errors.lstrip().startswith(("docker:", "Error:"))

    def _bounded(self, arguments: Sequence[str]) -> list[str]:
        """The options with which an engine keeps no more of a container's output than is ever read."""
        if any(one.startswith("--log-") for one in arguments):
            return []
        driver = "k8s-file" if self.program == "podman" else "json-file"
        return ["--log-driver", driver, "--log-opt", f"max-size={spoken.KEPT}"]

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
        return self._ran(["exec", name, *argv], timeout)

    def logs(self, name: str) -> Ran:
        """What a container has written so far."""
        return self._ran(["logs", name], _PATIENCE)

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
        ran = self._ran(arguments, _PATIENCE)
        if ran.status is None:
            raise EngineError(f"{self.program} {' '.join(arguments[:2])}: no answer within {_PATIENCE:.0f} s")
        if ran.status:
            raise EngineError(f"{self.program} {' '.join(arguments[:2])}: {_last_line(ran.errors)}")
        return ran.output

    def _ran(self, arguments: Sequence[str], timeout: float) -> Ran:
        try:
            return spoken.run([self.program, *arguments], timeout)
        except OSError as error:
            raise EngineError(f"{self.program} cannot be started: {error.strerror}") from error

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
    _name_field = "Name"

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


def network_of(arguments: Sequence[str]) -> str:
    """The network that options of `run` name, the last one if there are several; empty where none does."""
    found = ""
    for one, following in zip(arguments, (*arguments[1:], ""), strict=False):
        option, has_value, value = one.partition("=")
        if option in ("--network", "--net"):
            found = value if has_value else following
    return found


def _last_line(said: str) -> str:
    """What a client says last, without its advice where to read more."""
    said = said.partition("\nUsage:")[0]
    lines = [one for one in said.strip().splitlines() if one.strip() and not re.match(r"(?:Run|See) '", one)]
    return lines[-1] if lines else "it says nothing"
