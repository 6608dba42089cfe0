"""What the harness's parts tell each other, and what it tells its user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

Argv = tuple[str, ...]


class Shell(Enum):
    """The shells that the sandbox has. The value is what it is called there."""

    DASH = "dash"
    BASH = "bash"
    #: bash called as /bin/sh, as on Fedora: a second opinion on scripts for /bin/sh.
    POSIX_BASH = "bash as sh"


@dataclass(frozen=True, slots=True)
class Run:
    """A RUN as the container would get it."""

    line: int = field(compare=False)
    argv: Argv
    #: Index of the script in argv; None when no shell runs it.
    script_at: int | None
    shell: Shell | None
    flags: tuple[str, ...]
    cwd: str
    user: str
    env: Mapping[str, str]
    #: Whether SHELL runs it, rather than words of its own.
    shell_form: bool = True

    @property
    def script(self) -> str | None:
        """The shell script, if there is one."""
        return None if self.script_at is None else self.argv[self.script_at]


@dataclass(frozen=True, slots=True)
class Mark:
    """An instruction other than RUN whose place among the RUNs matters (COPY, ADD, VOLUME)."""

    line: int = field(compare=False)
    argv: Argv
    cwd: str
    user: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its steps in order, and the configuration that it ends with."""

    name: str
    steps: tuple[Run | Mark, ...]
    config: tuple[str, ...]
    env: Mapping[str, str]
    #: Why the stage cannot be run, if so.
    skip: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an external command, with everything that the command could notice."""

    argv: Argv
    cwd: str
    user: str
    umask: str
    env: str
    flags: tuple[str, ...]
    stdin: str = ""
    #: The SHELL that ran it; empty for the exec form.
    shell: Argv = ()
    #: What this RUN had written to places that do not outlive it.
    volatile: str = ""
    #: Servers and background jobs that this RUN had started.
    alive: tuple[Argv, ...] = ()
    #: "i"/"o": an end of a pipe, so its place among its neighbours is chance. "b": background job.
    pipe: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """An injected failure: the occurrence-th call with exactly these words ends with this status."""

    argv: Argv
    occurrence: int
    status: int = 1

    def __str__(self) -> str:
        times = "" if self.occurrence == 1 else f" (call {self.occurrence} of its kind)"
        return f"{' '.join(self.argv)!r}{times} fails with {self.status}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of one stage did."""

    calls: tuple[Call, ...]
    ok: bool
    stdout: tuple[tuple[tuple[str, ...], str], ...]
    files: Mapping[str, tuple[str, str]]
    problem: str = ""
    #: Where it stopped: the line and what the shell said.
    failed_line: int = 0
    stderr: str = ""


CallPredicate = Callable[[Argv], bool]


@dataclass(frozen=True, slots=True)
class Additions:
    """The differences that the rewrite documents, and that are therefore none.

    Whatever is not listed here must be the same before and after.
    """

    #: Words that may be new in a call that was there before, e.g. ``--no-cache-dir``. An option
    #: that takes its value as a word of its own is written "--cache-dir *".
    options: frozenset[str] = frozenset()
    #: Calls that may be new. A glob is still a glob in argv: the scratch root is empty.
    calls: tuple[CallPredicate, ...] = ()
    #: Calls that may be gone.
    dropped: tuple[CallPredicate, ...] = ()
    #: Environment variables that may be new, or have a new value.
    env: frozenset[str] = frozenset()
    #: Flags of RUN that may be new, e.g. a cache mount.
    flags: frozenset[str] = frozenset()

    def is_new_call(self, argv: Argv) -> bool:
        """Whether a call that only the rewritten file makes is documented."""
        return any(predicate(argv) for predicate in self.calls)

    def may_drop(self, argv: Argv) -> bool:
        """Whether a call that only the original file makes may go."""
        return any(predicate(argv) for predicate in self.dropped)

    def same_words(self, before: Argv, after: Argv) -> bool:
        """Whether `after` is `before` with nothing but documented options put in."""
        if before == after:
            return True
        if len(after) <= len(before) or not self.options:
            return False
        # reach: how many words of `before` can have been used up so far.
        reach = {0}
        position = 0
        pending: dict[int, set[int]] = {}
        while position < len(after):
            reach |= pending.pop(position, set())
            word = after[position]
            nxt = {done + 1 for done in reach if done < len(before) and before[done] == word}
            if word in self.options:
                nxt |= reach
            if f"{word} *" in self.options:
                pending.setdefault(position + 2, set()).update(reach)
            reach = nxt
            position += 1
        reach |= pending.pop(position, set())
        return len(before) in reach


@dataclass(frozen=True, slots=True)
class Install:
    """Makes the stub of `argv` put a command at `path`, as `make install` would.

    This is how a shell's memory of where it found a command becomes visible.
    """

    argv: Argv
    path: str


@dataclass(frozen=True, slots=True)
class Options:
    """How thorough, and how patient."""

    #: Also run what is meant for /bin/sh under bash.
    second_opinion: bool = False
    #: Per run of a stage, in seconds.
    timeout: float = 2.0
    #: Per stage and shell. Beyond it, failures are sampled evenly and the report says so.
    max_variants: int = 200
    #: Failures of calls that were reached only because another one failed.
    second_failures: bool = True
    installs: tuple[Install, ...] = ()
    #: Also run the stages that are the same on both sides, and make also those calls fail whose RUN
    #: is the same on both sides. Normally that is left out: the same script in the same place meets
    #: its own failures alike.
    exhaustive: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the rewritten Dockerfile does otherwise."""

    stage: str
    shell: str
    variant: str
    text: str

    def __str__(self) -> str:
        head = f"stage {self.stage}, {self.shell}, {self.variant}"
        return head + "\n" + "\n".join("  " + line for line in self.text.splitlines())


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict."""

    differences: tuple[Difference, ...] = ()
    #: Runs of a stage, both sides and repetitions counted.
    runs: int = 0
    #: Pairs of runs that were compared.
    variants: int = 0
    #: What was not run at all, and why.
    skipped: tuple[str, ...] = ()
    #: What was run without a verdict (endless loops, order that is chance).
    undecided: tuple[str, ...] = ()
    #: Where the stand-ins were not good enough: commands that stayed missing, RUNs never reached.
    gaps: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """No difference was seen."""
        return not self.differences

    @property
    def conclusive(self) -> bool:
        """Everything was run and decided. `ok` without this means only that nothing was seen."""
        return not (self.skipped or self.undecided or self.gaps)

    def __str__(self) -> str:
        lines = [str(difference) for difference in self.differences]
        for title, items in (("skipped", self.skipped), ("undecided", self.undecided), ("gap", self.gaps)):
            lines += [f"{title}: {item}" for item in items]
        lines.append(
            f"{len(self.differences)} differences in {self.variants} variants ({self.runs} runs, {self.seconds:.1f} s)"
        )
        return "\n".join(lines)
