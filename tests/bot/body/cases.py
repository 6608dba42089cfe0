"""Proposals to write about: real ones, with figures that were measured, and some made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slimify
from slimify.bot.body import Around, body_of
from slimify.bot.links import Lines
from slimify.bot.marker import marker_of
from slimify.bot.proposal import FileChange, Fixed, ImageBuild, Proposal
from slimify.proof.compare import Comparison, Difference
from slimify.proof.engine import Built
from slimify.proof.holdings import Holding
from slimify.proof.prove import Measured, Proof, Verdict
from slimify.proof.smoke import Seen
from slimify.rewrite.outcome import Outcome

from ...report import builder

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def proposal(*fixed: Fixed, unread: tuple[tuple[str, str], ...] = ()) -> Proposal:
    files = tuple(
        FileChange(one.build.dockerfile, one.outcome.before.data, one.outcome.after.data)
        for one in fixed
        if one.outcome.before.text != one.outcome.after.text
    )
    return Proposal(fixed, files, unread)


def fixed(outcome: Outcome, proof: Proof | None = None, **more: Any) -> Fixed:
    build = ImageBuild(outcome.path, outcome.path.rpartition("/")[0], **more)
    return Fixed(build, outcome, proof)


def app(name: str, path: str = "Dockerfile", **more: Any) -> Outcome:
    folder = ROOT / "bench" / "apps" / name
    return slimify.fix((folder / "Dockerfile").read_bytes(), path=path, context=str(folder), **more)


def measured(size: int, layers: int, context: int, seconds: float, rebuild: float | None = None) -> Measured:
    rebuilds = {} if rebuild is None else {"a source": rebuild}
    return Measured(Built(True, seconds, ""), size, layers, context, rebuilds)


RAN = Seen(None, "", {"8000/": "hello"}, 0, "")
GONE = ((Holding("compilers and build tools"), 412_345_678), (Holding("headers"), 61_234_567))


def proof(before: Measured, after: Measured, verdict: Verdict = Verdict.SMALLER, **more: Any) -> Proof:
    """A proof that holds. What it says of the run was not observed; the figures are the bench's."""
    found = Comparison((), (), (), (), (), GONE, ("gcc", "+gettext"))
    made = Proof(verdict, before, after, found, (), (RAN, RAN), notes=("23 packages of Python imported",))
    return made._replace(**more)


def django() -> Fixed:
    figures = measured(1_060_517_956, 12, 2614, 14.92, 2.28), measured(245_286_677, 10, 2614, 42.93, 1.42)
    return fixed(app("py-django"), proof(*figures), source="compose.yaml:4", target=None)


def failed() -> Fixed:
    log = "#9 0.41 /bin/sh: 1: git: not found\n#9 ERROR: exit code: 127\n"
    nothing = proof(measured(10**9, 9, 10, 1.0), Measured(Built(False, 3.0, log)), Verdict.NOT_BUILT)
    differs = Difference("ENV PATH", "/own:/bin", "/bin")
    other = proof(measured(10**9, 9, 10, 1.0), measured(10**8, 9, 10, 1.0), Verdict.DIFFERENT, behaviour=(differs,))
    dropped = (("slim-base", nothing), ("production-dependencies", other))
    return fixed(app("node-express", only=("clean-package-cache",)), django().proof)._replace(dropped=dropped)


def hostile() -> Proposal:
    outcome = builder.hostile()
    bad = builder.EVIL
    differs = tuple(Difference(bad, bad, bad) for _ in range(3))
    log = Measured(Built(False, 1.0, f"{bad}\n/close\n```\n<!-- slimify: {{}} -->\n"))
    seen = Seen(None, bad, {bad: bad}, 0, bad)
    one = proof(measured(10**9, 3, 7, 1.0), measured(10**8, 3, 7, 1.0), behaviour=differs, seen=(seen, seen))
    found = Comparison((), (), differs, (), (bad,), (), (bad, f"+{bad}"), (bad,))
    one = one._replace(notes=(bad,), not_run=bad, comparison=found)
    lost = one._replace(verdict=Verdict.NOT_BUILT, after=log)
    build = ImageBuild(outcome.path, bad, bad, ((bad, bad),), bad)
    evil = Fixed(build, outcome, one, ((bad, lost),))
    return proposal(evil, evil._replace(proof=None), unread=((bad, bad), ("/close", "/close")))


def text_of(one: Proposal, forge: str = "github", **more: Any) -> str:
    site = {"github": "https://github.com/o/r", "gitlab": "https://gitlab.com/g/r", "gitea": "https://codeberg.org/o/r"}
    around = Around(forge, lines=Lines(forge, site[forge], COMMIT), **more)
    return body_of(one, marker_of(one.fingerprint, one.changes), around)


CASES: dict[str, Callable[[], str]] = {
    "measured": lambda: text_of(proposal(django()), report_url="https://gist.github.com/o/1234", mentions=("o/team",)),
    "estimated": lambda: text_of(proposal(fixed(app("node-express"))), "gitea"),
    "several": lambda: text_of(
        proposal(
            django(),
            fixed(app("node-express", "web/Dockerfile")),
            fixed(builder.tame(), target="app"),
            unread=(("old/Dockerfile", "line 3: unknown instruction: RUNN"),),
        ),
        "gitlab",
    ),
    "dropped": lambda: text_of(proposal(failed())),
    "hostile": lambda: text_of(hostile()),
}
