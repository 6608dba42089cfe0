"""`slimify layers`: where the bytes of an image are, and which transform would leave them out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from slimify.proof.holdings import Holding, holding
from slimify.proof.image import FileKind, Image
from slimify.proof.plain import plain
from slimify.proof.recorded import command, without_arguments
from slimify.proof.waste import Account, How, Wasted, account, as_dive_counts

_LARGEST = 10
# Below, a kind of file is not worth a line.
_LEAST = 100_000
_CURES = {
    How.REMOVED: "merge-runs or delete-in-layer",
    How.REWRITTEN: "merge-runs",
    How.RELABELLED: "copy-chown",
}


def as_text(image: Image) -> str:
    """The account of an image for people."""
    # Before the account, which takes as much memory and is kept.
    dive = as_dive_counts(image)
    return "\n".join(plain(line) for line in _lines(image, account(image), dive)) + "\n"


def as_data(image: Image) -> dict[str, Any]:
    """The account of an image for programs. All sizes are in bytes."""
    dive = as_dive_counts(image)
    found = account(image)
    by_layer = _wasted_by(found)
    return {
        "image": image.name,
        "bytes": image.size,
        "wasted_bytes": found.wasted_bytes,
        "wasted_bytes_dive": dive,
        "layers": [
            {
                "digest": layer.digest,
                "bytes": layer.size,
                "stored_bytes": layer.stored,
                "files": sum(file.kind is FileKind.FILE for file in layer.files.values()),
                "made_by": instruction(layer.made_by),
                "hidden_bytes": sum(one.size for one in found.wasted if one.written == number),
                "hides": [
                    {"how": how.value, "bytes": size, "transform": _CURES[how]}
                    for how, size in _hides(by_layer.get(number, [])).items()
                ],
                "holds": [
                    {"what": kind.title, "bytes": size, "transform": kind.transform or None}
                    for kind, size in _holds(image, number).most_common()
                ],
            }
            for number, layer in enumerate(image.layers)
        ],
        "holds": [
            {"what": kind.title, "bytes": size, "transform": kind.transform or None}
            for kind, size in _seen(found).most_common()
        ],
        "largest": [{"path": f"/{path}", "bytes": size, "layer": layer} for path, size, layer in _largest(found)],
        "wasted": [
            {
                "path": f"/{one.path}",
                "bytes": one.size,
                "layer": one.written,
                "hidden_by": one.hidden,
                "how": one.how.value,
            }
            for one in sorted(found.wasted, key=lambda one: (-one.size, one.path))[:1000]
        ],
    }


def instruction(made_by: str) -> str:
    """What the builder recorded of an instruction, as it may have stood in the Dockerfile."""
    text = made_by.removesuffix(" # buildkit")
    text = re.sub(r"^/bin/sh -c #\(nop\)\s+", "", text)
    return " ".join(command(without_arguments(text)).split())


def size_text(count: int) -> str:
    """Bytes in the unit that people compare images in, as Docker writes it: powers of 1000."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.{1 if count < 100 * scale else 0}f} {unit}"
    return f"{count} B"


def _lines(image: Image, found: Account, dive: int) -> Iterator[str]:
    hidden = f"{size_text(found.wasted_bytes)} of it hidden ({size_text(dive)} wasted as dive counts)"
    yield f"{image.name}: {size_text(image.size)} in {len(image.layers)} layers, {hidden}"
    by_layer = _wasted_by(found)
    for number, layer in enumerate(image.layers):
        yield ""
        yield f"{number + 1:>3}  {size_text(layer.size):>9}  {instruction(layer.made_by)[:100] or layer.digest[:19]}"
        for kind, size in _holds(image, number).most_common():
            if size >= _LEAST and kind.transform:
                yield f"     {size_text(size):>9}    {kind.title}: {kind.transform}"
        for how, size in _hides(by_layer.get(number, [])).items():
            if size >= _LEAST:
                yield f"     {size_text(size):>9}    of lower layers is {how.value}: {_CURES[how]}"
    yield ""
    yield "largest files"
    for path, size, where in _largest(found):
        yield f"     {size_text(size):>9}  /{path} (layer {where + 1})"
    yield ""
    yield "what is in it"
    for kind, size in _seen(found).most_common():
        if size >= _LEAST:
            yield f"     {size_text(size):>9}  {kind.title}" + (f": {kind.transform}" if kind.transform else "")


def _wasted_by(found: Account) -> dict[int, list[Wasted]]:
    by_layer: dict[int, list[Wasted]] = defaultdict(list)
    for one in found.wasted:
        by_layer[one.hidden].append(one)
    return by_layer


def _hides(wasted: list[Wasted]) -> dict[How, int]:
    sizes: Counter[How] = Counter()
    for one in wasted:
        sizes[one.how] += one.size
    return dict(sizes.most_common())


def _holds(image: Image, number: int) -> Counter[Holding]:
    sizes: Counter[Holding] = Counter()
    for path, file in image.layers[number].files.items():
        if file.size:
            sizes[holding(path)] += file.size
    return sizes


def _seen(found: Account) -> Counter[Holding]:
    sizes: Counter[Holding] = Counter()
    for path, visible in found.seen.items():
        if visible.file.size:
            sizes[holding(path)] += visible.file.size
    return sizes


def _largest(found: Account) -> list[tuple[str, int, int]]:
    files = ((path, visible.file.size, visible.layer) for path, visible in found.seen.items() if visible.file.size)
    return sorted(files, key=lambda one: (-one[1], one[0]))[:_LARGEST]
