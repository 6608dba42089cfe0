"""The comparison: run both Dockerfiles, make each call fail in turn, and look for a difference."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from . import extract, scripts
from .consequences import consequence
from .model import (
    Additions,
    Argv,
    Call,
    Difference,
    Failure,
    Mark,
    Options,
    Outcome,
    Report,
    Run,
    Shell,
    Stage,
)
from .sandbox import Sandbox, SandboxError

_BASHISM = re.compile(r"Bad substitution|Illegal option|Bad for loop|pipefail")
_ROUNDS = 40
_MAX_DIFFERENCES = 5
_NONE = Additions()
_USUAL = Options()


@dataclass
class _Tally:
    """What a Report is made of, while it grows."""

    differences: list[Difference] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    runs: int = 0
    variants: int = 0


def compare(
    before: str,
    after: str,
    *,
    additions: Additions = _NONE,
    options: Options = _USUAL,
    sandbox: Sandbox | None = None,
) -> Report:
    """Whether `after` builds as `before` does, but for the documented additions.

    A sandbox that is handed in is used and left open: for many files that saves its start.
    """
    start = time.monotonic()
    tally = _Tally()
    try:
        old = extract.read(before)
    except extract.NotReadable as error:
        # Nothing may be done to such a file.
        if before != after:
            text = f"cannot be read ({error}), yet it was changed"
            tally.differences.append(Difference("-", "-", "text", text))
        else:
            tally.skipped.append(str(error))
        return _report(tally, start)
    try:
        new = extract.read(after)
    except extract.NotReadable as error:
        tally.differences.append(Difference("-", "-", "text", f"cannot be read any more: {error}"))
        return _report(tally, start)
    if len(old) != len(new):
        text = f"{len(old)} stages before, {len(new)} after"
        tally.differences.append(Difference("-", "-", "text", text))
        return _report(tally, start)
    own = sandbox is None
    box = sandbox or Sandbox()
    try:
        for one, two in zip(old, new, strict=True):
            _stage(one, two, additions, options, box, tally)
    finally:
        if own:
            box.close()
    return _report(tally, start)


def _report(tally: _Tally, start: float) -> Report:
    return Report(
        tuple(tally.differences),
        tally.runs,
        tally.variants,
        tuple(dict.fromkeys(tally.skipped)),
        tuple(dict.fromkeys(tally.undecided)),
        tuple(dict.fromkeys(tally.gaps)),
        time.monotonic() - start,
    )


def _stage(old: Stage, new: Stage, additions: Additions, options: Options, box: Sandbox, tally: _Tally) -> None:
    if old == new and not options.exhaustive:
        return
    if _config(old, additions) != _config(new, additions):
        wrong = _list_diff(_config(old, additions), _config(new, additions))
        tally.differences.append(Difference(old.name, "-", "configuration that the stage ends with", wrong))
    skip = old.skip or new.skip
    if skip:
        tally.skipped.append(f"stage {old.name}: {skip}")
        if old.steps != new.steps:
            tally.undecided.append(f"stage {old.name}: changed, and not run: {skip}")
        return
    modes = [False]
    if options.second_opinion and any(isinstance(s, Run) and s.shell is Shell.DASH for s in old.steps):
        modes.append(True)
    for posix_bash in modes:
        _Pair(old, new, additions, options, box, tally, posix_bash).compare()


def _config(stage: Stage, additions: Additions) -> list[str]:
    env = [f"ENV {name}={value}" for name, value in sorted(stage.env.items()) if name not in additions.env]
    return [*env, *stage.config]


def _list_diff(old: Sequence[str], new: Sequence[str]) -> str:
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    lines = [f"- {item}" for item in gone.elements()] + [f"+ {item}" for item in come.elements()]
    return "\n".join(lines) or "the order of these changed:\n" + "\n".join(new)


class _Pair:
    """Both versions of a stage, under one shell."""

    def __init__(
        self,
        old: Stage,
        new: Stage,
        additions: Additions,
        options: Options,
        box: Sandbox,
        tally: _Tally,
        posix_bash: bool,
    ) -> None:
        self.old, self.new = old, new
        self.additions, self.options, self.box, self.tally = additions, options, box, tally
        self.posix_bash = posix_bash
        self.dirs: set[str] = set()
        self.stubs: set[str] = set()
        self.found = len(tally.differences)
        shells = {self._shell(s) for stage in (old, new) for s in stage.steps if isinstance(s, Run)}
        self.label = "/".join(sorted(shell.value for shell in shells if shell)) or "exec form"

    # -- running -------------------------------------------------------------------------------

    def _shell(self, step: Run) -> Shell | None:
        if step.shell is Shell.DASH and self.posix_bash:
            return Shell.POSIX_BASH
        return step.shell

    def _prepare(self) -> None:
        """Start from a root with all that can be foreseen."""
        self.box.reset()
        for step in (*self.old.steps, *self.new.steps):
            if not isinstance(step, Run):
                continue
            if step.script is None:
                names = {step.argv[0]}
                names = {name for name in names if "/" not in name or name.startswith("/")}
            else:
                names = scripts.commands(step.script)
                dirs, files = scripts.places(step.script)
                self.dirs |= dirs
                self.stubs |= files
            self.stubs |= {name if name.startswith("/") else f"/usr/bin/{name}" for name in names}
        self._add(self.dirs, self.stubs - self.dirs)

    def _add(self, dirs: Iterable[str], stubs: Iterable[str]) -> None:
        self.box.add({d for d in dirs if len(d) < 1000}, {s for s in stubs if len(s) < 1000})

    def _request(self, stage: Stage, fail: Sequence[Failure], patience: float) -> dict[str, Any]:
        steps = []
        for step in stage.steps:
            if not isinstance(step, Run):
                continue
            argv, path = list(step.argv), None
            shell = self._shell(step)
            if shell is not None and step.script_at is not None:
                path = "/.h/dash" if shell is Shell.DASH else "/.h/bash"
                argv[0] = "/bin/bash" if shell is Shell.BASH else "/bin/sh"
                argv[step.script_at] = scripts.PREAMBLE + argv[step.script_at]
            steps.append(
                {
                    "path": path,
                    "argv": argv,
                    "env": dict(step.env),
                    "cwd": step.cwd,
                    "background": step.script is not None and scripts.has_background(step.script),
                }
            )
        return {
            "op": "run",
            "steps": steps,
            "timeout": patience,
            "fail": [{"argv": f.argv, "occurrence": f.occurrence, "status": f.status} for f in fail],
            "installs": [{"argv": i.argv, "path": i.path} for i in self.options.installs],
        }

    def _run(self, stage: Stage, fail: Sequence[Failure], patience: float) -> tuple[Outcome, dict[str, Any]]:
        self.tally.runs += 1
        # The driver takes `patience` for the stage, and a little for each background job.
        answer = self.box.ask(self._request(stage, fail, patience), patience * 2 + 30)
        return _outcome(stage, answer), answer

    def _both(
        self, fail_old: Sequence[Failure], fail_new: Sequence[Failure], patience: float
    ) -> tuple[Outcome, Outcome]:
        """Run both, until nothing is missing that a stand-in could be."""
        for _ in range(_ROUNDS):
            one, answer_one = self._run(self.old, fail_old, patience)
            two, answer_two = self._run(self.new, fail_new, patience)
            dirs, stubs = self._missing(self.old, answer_one, one)
            more_dirs, more_stubs = self._missing(self.new, answer_two, two)
            dirs = (dirs | more_dirs) - self.dirs
            stubs = (stubs | more_stubs) - self.stubs - dirs - self.dirs
            if not dirs and not stubs:
                break
            self.dirs |= dirs
            self.stubs |= stubs
            self._add(dirs, stubs)
        for stage, outcome, answer in ((self.old, one, answer_one), (self.new, two, answer_two)):
            last: dict[str, Any] = answer["steps"][-1] if answer["steps"] else {"status": 0, "stderr": ""}
            complaint = [line for line in str(last["stderr"]).splitlines() if any(scripts.missing(line))]
            if complaint or last["status"] == 127:
                text = complaint[-1] if complaint else "a status of 127 without a word why"
                self.tally.gaps.append(f"stage {stage.name}, line {outcome.failed_line}: {text}")
        return one, two

    @staticmethod
    def _missing(stage: Stage, answer: dict[str, Any], outcome: Outcome) -> tuple[set[str], set[str]]:
        dirs: set[str] = set()
        stubs: set[str] = set()
        cds = answer["cd"].split("\n")
        for here, target in zip(cds[::2], cds[1::2], strict=False):
            if target not in ("", "-"):
                dirs.add(_join(here, target))
        visited = {step.cwd for step in stage.steps} | {call.cwd for call in outcome.calls}
        visited |= set(answer["visited"].split("\n")[:-1]) | dirs
        for result in answer["steps"]:
            lost_dirs, lost_files = scripts.missing(result["stderr"])
            for name in lost_dirs:
                dirs |= {_join(here, name) for here in visited}
            for name in lost_files:
                if "/" in name:
                    stubs |= {_join(here, name) for here in visited}
                else:
                    stubs.add(f"/usr/bin/{name}")
                    if f"{name}: No such file" in result["stderr"]:  # `<name`, or bash's `. name`
                        stubs |= {_join(here, name) for here in visited}
        return dirs, stubs

    # -- comparing -----------------------------------------------------------------------------

    def compare(self) -> None:
        """The whole programme for this pair."""
        try:
            self._prepare()
            if not self._syntax():
                return
            base = self._variant((), (), "nothing fails")
            if base is None:
                return
            if not base[0].ok and _BASHISM.search(base[0].stderr) and not self.posix_bash:
                self.posix_bash = True  # again a base image whose /bin/sh is bash
                self.label += " (in fact bash as sh)"
                base = self._variant((), (), "nothing fails")
                if base is None:
                    return
            self._unreached(base[0])
            self._failures(*base)
        except SandboxError as error:
            self.tally.gaps.append(f"stage {self.old.name}: {error}")

    def _syntax(self) -> bool:
        """No script may be one that its shell cannot parse, unless it was so before."""
        known = {step.script for step in self.old.steps if isinstance(step, Run)}
        if not self.posix_bash and any(
            self._parse(script, Shell.DASH) and not self._parse(script, Shell.POSIX_BASH)
            for script in (s.script for s in self.old.steps if isinstance(s, Run) and s.shell is Shell.DASH)
            if script is not None
        ):
            self.posix_bash = True  # a base image whose /bin/sh is bash
            self.label += " (in fact bash as sh)"
        good = True
        for step in self.new.steps:
            if not isinstance(step, Run) or step.script is None or step.script in known:
                continue
            shell = self._shell(step) or Shell.DASH
            error = self._parse(step.script, shell)
            if error:
                good = False
                text = f"line {step.line}: {shell.value} cannot parse the new script:\n{error}\n{step.script}"
                self._differ("syntax", text)
        return good

    def _parse(self, script: str, shell: Shell) -> str:
        """The shell's complaint about the script's syntax; empty if it has none."""
        path = "/.h/dash" if shell is Shell.DASH else "/.h/bash"
        argv0 = "/bin/bash" if shell is Shell.BASH else "/bin/sh"
        answer = self.box.ask({"op": "syntax", "path": path, "argv0": argv0, "script": script})
        return str(answer["stderr"]).strip() or "syntax error" if answer["status"] else ""

    def _unreached(self, base: Outcome) -> None:
        """A stage that fails by itself under stand-ins was only tested up to there."""
        if not base.ok:
            left = sum(isinstance(step, Run) and step.line > base.failed_line for step in self.old.steps)
            said = str(base.stderr).strip().splitlines()
            self.tally.gaps.append(
                f"stage {self.old.name}: under stand-ins line {base.failed_line} always fails"
                f" ({said[-1] if said else 'silently'}), so {left} RUNs after it never ran"
            )

    def _differ(self, variant: str, text: str) -> None:
        self.tally.differences.append(Difference(self.old.name, self.label, variant, text))

    def _variant(
        self, fail_old: tuple[Failure, ...], fail_new: tuple[Failure, ...], name: str
    ) -> tuple[Outcome, Outcome, Alignment] | None:
        """Run and compare once; the outcomes if both are the same."""
        self.tally.variants += 1
        problem = ""
        # A second and third look: the order of background jobs and pipelines can be chance.
        for attempt in range(3):
            one, two = self._both(fail_old, fail_new, self.options.timeout * (1 if attempt == 0 else 2))
            if one.problem and two.problem:
                self.tally.undecided.append(
                    f"stage {self.old.name}, {name}: line {one.failed_line} does not end ({one.problem})"
                )
                return None
            alignment = align(one.calls, two.calls, self.additions)
            problem = _problem(one, two, alignment)
            if not problem:
                if attempt:
                    self.tally.undecided.append(f"stage {self.old.name}, {name}: the order of its calls is chance")
                return one, two, alignment
        self._differ(name, problem)
        return None

    def _failures(self, one: Outcome, two: Outcome, alignment: Alignment) -> None:
        keys = _keys(one.calls)
        if not self.options.exhaustive:
            changed = _changed_lines(self.old, self.new)
            keys = {index: key for index, key in keys.items() if one.calls[index].line in changed}
        plans = [Plan((Failure(*key),), (_translate(key, one, two, alignment),)) for key in keys.values()]
        room = self.options.max_variants
        if len(plans) > room:
            self.tally.undecided.append(f"stage {self.old.name}: {len(plans)} calls, only {room} were made to fail")
            plans = [plans[len(plans) * i // room] for i in range(room)]
        singles = list(plans)
        # Any status but 0 and 1 would do: some scripts look at it.
        last = {one.calls[index].line: key for index, key in keys.items()}
        plans += [Plan((Failure(*key, 100),), (_translate(key, one, two, alignment, 100),)) for key in last.values()]
        known = set(_keys(one.calls).values())
        followers: list[Plan] = []
        failing: list[Plan] = []
        for plan in plans:
            result = self._plan(plan)
            if self._enough():
                return
            if result is None:
                continue
            if not result[0].ok:
                failing.append(plan)
            if self.options.second_failures and plan in singles:
                for key in _keys(result[0].calls).values():
                    if key not in known:
                        known.add(key)
                        followers.append(Plan((*plan.old, Failure(*key)), (*plan.new, _translate(key, *result))))
        for plan in followers[:room]:
            self._plan(plan)
            if self._enough():
                return
        self._added(two, alignment, failing)

    def _plan(self, plan: Plan) -> tuple[Outcome, Outcome, Alignment] | None:
        return self._variant(plan.old, plan.new, " and ".join(map(str, plan.old)))

    def _enough(self) -> bool:
        """Five examples show what is wrong; five hundred hide it."""
        return len(self.tally.differences) - self.found >= _MAX_DIFFERENCES

    def _added(self, two: Outcome, alignment: Alignment, failing: Sequence[Plan]) -> None:
        """A new call's failure may stop the build, but never hide another call's failure."""
        seen = _keys(two.calls)
        for index in alignment.extra:
            added = Failure(*seen[index])
            for plan in (Plan((), ()), *failing[-20:]):
                outcome, _ = self._run(self.new, (*plan.new, added), self.options.timeout)
                self.tally.variants += 1
                name = " and ".join(map(str, (*plan.old, added))) + " (a new call)"
                if plan.old and outcome.ok:
                    self._differ(name, "the build fails without the new call's failure, and succeeds with it")
                elif not plan.old and outcome.ok:
                    reference, _ = self._run(self.old, (), self.options.timeout)
                    problem = _problem(reference, outcome, align(reference.calls, outcome.calls, self.additions))
                    if problem:
                        self._differ(name, problem)
                if self._enough():
                    return


@dataclass(frozen=True, slots=True)
class Plan:
    """The failures of one variant, in the words of either side."""

    old: tuple[Failure, ...]
    new: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which call after is which call before."""

    pairs: dict[int, int]
    #: Documented new calls.
    extra: tuple[int, ...]
    #: The first call that has no counterpart, as text. Empty if all have.
    problem: str


def _changed_lines(old: Stage, new: Stage) -> set[int]:
    """Lines of the original's steps that are not as they were."""
    old_keys, new_keys = ([_identity(step) for step in stage.steps] for stage in (old, new))
    lines = {step.line for step in old.steps}
    for block in SequenceMatcher(None, old_keys, new_keys, autojunk=False).get_matching_blocks():
        lines -= {step.line for step in old.steps[block.a : block.a + block.size]}
    return lines


def _identity(step: Run | Mark) -> tuple[object, ...]:
    flags = step.flags if isinstance(step, Run) else ()
    return (step.argv, flags, step.cwd, step.user, tuple(sorted(step.env.items())))


def _join(here: str, name: str) -> str:
    path = name if name.startswith("/") else f"{here}/{name}"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _outcome(stage: Stage, answer: dict[str, Any]) -> Outcome:
    """From what the driver saw to calls in comparable form."""
    calls: list[Call] = []
    stdout: list[tuple[tuple[str, ...], str]] = []
    results = iter(answer["steps"])
    ok, problem, line, stderr = True, "", 0, ""
    for step in stage.steps:
        if isinstance(step, Mark):
            env = "".join(f"{name}={value}\n" for name, value in sorted(step.env.items()))
            calls.append(Call(step.argv, step.cwd, step.user, "", env, (), line=step.line))
            continue
        result = next(results)
        calls += _calls(step, result["calls"])
        if result["stdout"]:
            if stdout and stdout[-1][0] == step.flags:
                stdout[-1] = (step.flags, stdout[-1][1] + result["stdout"])
            else:
                stdout.append((step.flags, result["stdout"]))
        if result["status"] != 0 or result["problem"]:
            ok, problem, line, stderr = False, result["problem"], step.line, result["stderr"]
            break
    files = {path: (mode, content) for path, (mode, content) in answer["files"].items()}
    return Outcome(tuple(calls), ok, tuple(stdout), files, problem, line, stderr)


def _calls(step: Run, raw: Sequence[dict[str, Any]]) -> list[Call]:
    background = step.script is not None and scripts.has_background(step.script)
    shell = step.argv[:-1] if step.shell is not None and step.shell_form else ()
    front: list[Call] = []
    back: list[Call] = []
    servers: list[Argv] = []
    for item in raw:
        argv = (re.sub(r"^/usr/bin/(?=[^/]+$)", "", item["exe"]), *item["args"])
        pipe = item["pipe"] if background else item["pipe"].replace("b", "")
        call = Call(
            argv,
            item["cwd"],
            step.user,
            item["umask"],
            item["env"],
            step.flags,
            item["stdin"],
            shell,
            item["volatile"],
            tuple(servers),
            pipe,
            step.line,
        )
        if "b" in pipe:
            back.append(call)
            continue
        front.append(call)
        if scripts.stops_server(argv):
            servers.clear()
        elif scripts.starts_server(argv):
            servers.append(argv)
    if not back:
        return front
    # When a background job gets its turn is chance, so every call of its RUN counts as next to it.
    back.sort(key=lambda call: (call.argv, call.stdin))
    jobs = tuple(call.argv for call in back)
    return [replace(call, alive=(*call.alive, *jobs)) for call in (*front, *back)]


def _keys(calls: Sequence[Call]) -> dict[int, tuple[Argv, int]]:
    """For each call that can be made to fail, by place: its words, and which of its kind it is."""
    counter: Counter[Argv] = Counter()
    keys: dict[int, tuple[Argv, int]] = {}
    for index, call in enumerate(calls):
        if call.umask:  # a pseudo-call has none
            counter[call.argv] += 1
            keys[index] = (call.argv, counter[call.argv])
    return keys


def _translate(key: tuple[Argv, int], one: Outcome, two: Outcome, alignment: Alignment, status: int = 1) -> Failure:
    """The same failure in the words of the rewritten file."""
    for index, candidate in _keys(one.calls).items():
        if candidate == key and index in alignment.pairs:
            return Failure(*_keys(two.calls)[alignment.pairs[index]], status)
    return Failure(*key, status)


def align(before: Sequence[Call], after: Sequence[Call], additions: Additions) -> Alignment:
    """Pair the calls off, in order; the ends of a pipeline may have changed places."""
    pairs: dict[int, int] = {}
    extra: list[int] = []
    at = 0
    start = 0
    while start < len(before):
        end = start + 1
        if before[start].pipe:
            while end < len(before) and before[end].pipe and before[end].line == before[start].line:
                end += 1
        waiting = list(range(start, end))
        while waiting:
            if at < len(after):
                match = next((i for i in waiting if same(before[i], after[at], additions)), None)
                if match is not None:
                    waiting.remove(match)
                    pairs[match] = at
                    at += 1
                    continue
                if additions.is_new_call(after[at].argv):
                    extra.append(at)
                    at += 1
                    continue
            if additions.may_drop(before[waiting[0]].argv):
                waiting.pop(0)
                continue
            found = after[at] if at < len(after) else None
            return Alignment(pairs, tuple(extra), _mismatch(before[waiting[0]], found, before, waiting[0], additions))
        start = end
    for index in range(at, len(after)):
        if not additions.is_new_call(after[index].argv):
            return Alignment(pairs, tuple(extra), "a call too many:\n+ " + show(after[index]))
        extra.append(index)
    return Alignment(pairs, tuple(extra), "")


def same(before: Call, after: Call, additions: Additions) -> bool:
    """Whether the called program could notice a difference."""
    return not _fields(before, after, additions)


def _fields(before: Call, after: Call, additions: Additions) -> list[str]:
    """What differs between two calls, in words."""
    wrong = []
    if not additions.same_words(before.argv, after.argv):
        wrong.append(f"words: {' '.join(before.argv)!r} became {' '.join(after.argv)!r}")
    if before.env != after.env:
        old, new = variables(before.env), variables(after.env)
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name) and name not in additions.env and name != "PWD":
                wrong.append(f"variable {name}: {old.get(name)!r} became {new.get(name)!r}")
    flags = tuple(flag for flag in after.flags if flag in before.flags or flag not in additions.flags)
    if before.flags != flags:
        wrong.append(f"flags of RUN: {' '.join(before.flags)!r} became {' '.join(flags)!r}")
    if before.shell and after.shell and before.shell != after.shell:
        wrong.append(f"shell: {' '.join(before.shell)!r} became {' '.join(after.shell)!r}")
    for label, old_value, new_value in (
        ("directory", before.cwd, after.cwd),
        ("user", before.user, after.user),
        ("umask", before.umask, after.umask),
        ("standard input", before.stdin, after.stdin),
        ("written in this RUN to what Docker mounts afresh", before.volatile, after.volatile),
        ("running beside it", _words(before.alive), _words(after.alive)),
    ):
        if old_value != new_value:
            wrong.append(f"{label}: {old_value!r} became {new_value!r}")
    return wrong


def _words(argvs: Iterable[Argv]) -> str:
    return ", ".join(sorted(" ".join(argv) for argv in argvs))


@lru_cache(maxsize=4096)
def variables(text: str) -> dict[str, str]:
    """What dash's `export -p` printed (or a pseudo-call's plain lines), as a mapping."""
    found: dict[str, str] = {}
    if not text.startswith("export "):
        return dict(line.partition("=")[::2] for line in text.splitlines())
    at = 0
    while (head := re.compile(r"export (\w+)(=?)").match(text, at)) is not None:
        at = head.end()
        value = ""
        while at < len(text) and text[at] != "\n":
            if text[at] in "'\"":
                close = text.index(text[at], at + 1)
                value += text[at + 1 : close]
                at = close + 1
            else:
                value += text[at]
                at += 1
        found[head[1]] = value
        at += 1
    return found


def show(call: Call) -> str:
    """A call on one line."""
    extra = f" as {call.user}" if call.user else ""
    return f"{' '.join(call.argv)!r} in {call.cwd}{extra} (line {call.line})"


def _mismatch(expected: Call, found: Call | None, before: Sequence[Call], index: int, additions: Additions) -> str:
    lines = [f"  {show(before[index - 1])}"] if index else []
    lines.append(f"- {show(expected)}")
    if found is None:
        lines.append("+ nothing: this call was not made")
    else:
        lines.append(f"+ {show(found)}")
        if expected.argv == found.argv or additions.same_words(expected.argv, found.argv):
            lines += [f"    {item}" for item in _fields(expected, found, additions)]
    return "\n".join(lines)


def _problem(one: Outcome, two: Outcome, alignment: Alignment) -> str:
    """The first thing that is not the same, or nothing."""
    lines: list[str] = []
    if one.ok != two.ok or bool(one.problem) != bool(two.problem):
        lines.append(f"the build {_verdict(one)} before and {_verdict(two)} after")
    if alignment.problem:
        lines.append(alignment.problem)
    if lines:
        return "\n".join(lines)
    if one.stdout != two.stdout and not one.problem:
        return f"what the shell itself printed differs:\n- {one.stdout!r}\n+ {two.stdout!r}"
    if one.ok and one.files != two.files:
        for path in sorted(one.files.keys() | two.files.keys()):
            if one.files.get(path) != two.files.get(path):
                return f"the file {path} differs:\n- {one.files.get(path)!r}\n+ {two.files.get(path)!r}"
    return consequence(one.calls, two.calls, alignment.extra)


def _verdict(outcome: Outcome) -> str:
    if outcome.problem:
        return f"does not end (line {outcome.failed_line}, {outcome.problem})"
    return "succeeds" if outcome.ok else f"fails at line {outcome.failed_line}"
