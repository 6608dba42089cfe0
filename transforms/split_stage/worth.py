"""Whether a split pays: people refuse complexity that buys nothing."""

from __future__ import annotations

from typing import NamedTuple

from slimify.transforms.split_stage.refused import Refused

from slimify.semantics.build import Least


class Saving(NamedTuple):
    """The bytes that are saved of an image of `whole` bytes."""

    bytes: int
    whole: int

    def check(self, least: Least) -> None:
        """Raise `Refused` where that is little."""
        if not least.pays(*self):
            raise Refused(f"it would save only about {max(self.bytes, 0) // 1_000_000} MB")


def worth(before: int | None, after: int | None) -> Saving:
    """What an image of `before` bytes saves that has `after`. Raises `Refused` where one of them is not known."""
    if before is None or after is None:
        raise Refused("how much it would save is not known")
    return Saving(before - after, before)
