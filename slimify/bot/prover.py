"""A proof for the bot: the tree is written out, and both versions are built and run, by an engine, within limits.

A repository says how its application is tried, and no more. What would let it reach out of the engine (options of its
`run`, secrets, networks, a builder) is for the one who runs the bot.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from types import TracebackType

from slimify.bot.proposal import Fixed
from slimify.bot.propose import Candidate
from slimify.bot.settings import Building
from slimify.proof.command import ProofError, Request, fix_and_prove
from slimify.proof.prove import Proof
from slimify.trial import Trial

_LONGEST_WAIT = 300.0
# Each takes two builds at least; that many are proved of a Dockerfile that is built in more ways.
_MOST_BUILDS = 3


class Prover:
    """Proves candidates of one commit; `extract` writes its tree below a folder, when the first one is to be proved.

    To be used in a `with`: the folder goes at its end. Implements `slimify.bot.propose.Prove`.
    """

    def __init__(self, extract: Callable[[str], None], building: Building, say: Callable[[str], None]) -> None:
        self._extract = extract
        self._building = building
        self._say = say
        self._folder: str | None = None

    def __enter__(self) -> Prover:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __call__(self, candidate: Candidate) -> Fixed | str:
        """What is left of a candidate. What the extraction raises comes through."""
        folder = self._tree()
        dropped: list[tuple[str, Proof]] = []
        proofs: list[Proof] = []
        builds = candidate.builds[:_MOST_BUILDS]
        while len(proofs) < len(builds):
            build, used = builds[len(proofs)]
            skip = (*used.skip, *(name for name, _ in dropped))
            request = Request(
                os.path.join(folder, build.dockerfile),
                os.path.join(folder, build.context),
                settings=used._replace(skip=skip),
                trial=allowed(candidate.trial, self._building),
                rebuild=self._building.rebuild,
                remember=False,
            )
            try:
                proven = fix_and_prove(request, self._say, candidate.remade)
            except ProofError as error:
                # The folder is nobody's business but ours.
                return str(error).replace(folder + os.sep, "").replace(folder, ".")
            if proven.proof is None:
                names = ", ".join(name for name, _ in (*dropped, *proven.dropped))
                return f"nothing is left of it that could be proved; what was left out: {names or 'nothing'}"
            # What this build has left out, the proofs of those before it still had.
            proofs = [] if proven.dropped and proofs else [*proofs, proven.proof]
            dropped += proven.dropped
        skip = (*candidate.settings.skip, *(name for name, _ in dropped))
        kept = candidate._replace(settings=candidate.settings._replace(skip=skip))
        return Fixed(candidate.build, kept.remade(kept.settings), proofs[0], tuple(dropped), kept.again)

    def _tree(self) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="slimify-tree-")
            self._extract(self._folder)
        return self._folder


def allowed(trial: Trial, building: Building) -> Trial:
    """What a proof is tried with: of the repository's own words only those that stay inside of the container."""
    return Trial(
        run=trial.run,
        http=trial.http,
        expect=trial.expect,
        wait=None if trial.wait is None else min(trial.wait, _LONGEST_WAIT),
        ports=trial.ports,
        engine=building.engine,
        builder=building.builder,
        network=building.network,
        timeout=building.timeout,
        max_size=building.max_size,
    )
