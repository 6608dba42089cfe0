"""What the last proof of a Dockerfile has measured, kept for editors.

It is kept under the digest of the text, in the user's cache (XDG Base Directory Specification): sizes, the keyword of
each layer's instruction, and the time; nothing that the image or the file holds.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from slimify.files import FileError, write

# An editor recalls, and never proves: what takes its memory is loaded where something is remembered.
if TYPE_CHECKING:
    from slimify.proof.prove import Measured, Proof, Subject

_MOST = 500
_LARGEST = 1 << 16


class Remembered(NamedTuple):
    """A version that was built: bytes of the image, and for each layer from the base upwards its keyword and bytes.

    `other` are the bytes of the version that it was compared with, None if that was not built; `same` says that both
    were the same program. `day` is when, as `2026-11-28`.
    """

    size: int
    layers: tuple[tuple[str, int], ...]
    other: int | None
    same: bool
    day: str


def remember(subject: Subject, proof: Proof) -> None:
    """Keep what was measured. Where nothing can be written nothing is kept."""
    both = ((subject.before, proof.before, proof.after), (subject.after, proof.after, proof.before))
    for text, one, other in both:
        if one is not None and one.built.ok and one.image is not None:
            with suppress(OSError, FileError):
                _write(text, _kept(one, other, proof.ok))


def recall(text: str) -> Remembered | None:
    """What the last proof measured of exactly this text; None if there was none."""
    try:
        with open(os.path.join(_folder(), _name(text)), "rb") as file:
            data = json.loads(file.read(_LARGEST))
        layers = tuple((str(keyword), int(size)) for keyword, size in data["layers"])
        other = None if data["other"] is None else int(data["other"])
        return Remembered(int(data["size"]), layers, other, data["same"] is True, str(data["day"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _kept(one: Measured, other: Measured | None, same: bool) -> dict[str, Any]:
    from slimify.proof.show_layers import instruction

    assert one.image is not None
    layers = [(instruction(layer.made_by).partition(" ")[0], layer.size) for layer in one.image.layers]
    size = other.size if other is not None and other.built.ok else None
    return {"size": one.size, "layers": layers, "other": size, "same": same, "day": f"{datetime.now(UTC):%F}"}


def _write(text: str, data: dict[str, Any]) -> None:
    folder = _folder()
    os.makedirs(folder, mode=0o700, exist_ok=True)
    write(os.path.join(folder, _name(text)), json.dumps(data).encode())
    known = [entry for entry in os.scandir(folder) if entry.name.endswith(".json")]
    for entry in sorted(known, key=lambda entry: entry.stat().st_mtime)[:-_MOST]:
        os.unlink(entry.path)


def _folder() -> str:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # The specification: a relative path is to be ignored.
    base = cache if os.path.isabs(cache) else os.path.expanduser("~/.cache")
    return os.path.join(base, "slimify", "proofs")


def _name(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest() + ".json"
