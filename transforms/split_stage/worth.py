"""Whether a split pays: people refuse complexity that buys nothing."""

from __future__ import annotations

from slimify.transforms.split_stage.refused import Refused

_LEAST_BYTES = 20_000_000
_LEAST_SHARE = 0.1


def worth(before: int | None, after: int | None) -> int:
    """The bytes that are saved of an image of `before` bytes. Raises `Refused` where that is little, or not known."""
    if before is None or after is None:
        raise Refused("how much it would save is not known")
    saves = before - after
    if saves < _LEAST_BYTES or saves < _LEAST_SHARE * before:
        raise Refused(f"it would save only about {max(saves, 0) // 1_000_000} MB")
    return saves
