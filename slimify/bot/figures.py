"""What a proposal comes to in bytes: as measured by a proof, or else as the changes estimate it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from slimify.bot.proposal import Fixed
from slimify.proof.prove import Measured, Proof
from slimify.report.common import human_size


class Figures(NamedTuple):
    """The bytes of an image, or of several in all.

    `measured` are the sizes before and after, None if a part was not measured. `saved` is the difference, or
    the sum of what there is of measurements and estimates; None if nothing is known.
    """

    saved: int | None
    measured: tuple[int, int] | None


def figures(fixed: Fixed) -> Figures:
    """The figures of one Dockerfile. A proof that failed measured nothing that counts."""
    found = measurements(fixed.proof)
    if found is None:
        return Figures(fixed.outcome.saves, None)
    old, new = found
    return Figures(old.size - new.size, (old.size, new.size))


def figures_in_all(every: Iterable[Fixed]) -> Figures:
    """The sums over several Dockerfiles; measured only if all of them are."""
    found = [figures(one) for one in every]
    known = [one.saved for one in found if one.saved is not None]
    sizes = [one.measured for one in found if one.measured is not None]
    whole = (sum(old for old, _ in sizes), sum(new for _, new in sizes)) if len(sizes) == len(found) else None
    return Figures(sum(known) if known else None, whole)


def measurements(proof: Proof | None) -> tuple[Measured, Measured] | None:
    """What was measured before and after, if the proof is one that holds."""
    if proof is None or not proof.ok or proof.after is None:
        return None
    return proof.before, proof.after


def estimated_size(size: int) -> str:
    """A size that is not exact, to two digits: 812,317,888 bytes are `810 MB`."""
    digits = len(str(abs(size)))
    return human_size(round(size, min(0, 2 - digits)))
