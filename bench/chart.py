"""The results as a picture: for each application a bar for the naive image, slimify's and the expert's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from bench.tables import size, sound

_ROW, _BAR, _LEFT, _WIDTH, _TOP = 44, 11, 170, 560, 44
_COLOURS = (("naive", "#b8bec6"), ("slimify, standard", "#2f7d5b"), ("expert, by hand", "#e0a93b"))


def svg(results: Mapping[str, Any]) -> str:
    """A drawing that explains itself, for light and dark pages alike."""
    found: Mapping[str, Any] = results["apps"]
    largest = max(app["naive"]["bytes"] for app in found.values())
    height = _TOP + _ROW * len(found) + 8
    total = _LEFT + _WIDTH + 90
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" role="img"',
        '  font-family="system-ui, sans-serif" font-size="12">',
        f"<title>Image sizes of {len(found)} applications, {escape(results['date'])}</title>",
        f'<rect width="{total}" height="{height}" fill="#ffffff"/>',
    ]
    for number, (label, colour) in enumerate(_COLOURS):
        lines.append(f'<rect x="{_LEFT + 180 * number}" y="14" width="12" height="12" fill="{colour}"/>')
        lines.append(f'<text x="{_LEFT + 180 * number + 18}" y="24" fill="#24292f">{label}</text>')
    for number, (name, app) in enumerate(found.items()):
        lines += _rows(name, app, _TOP + _ROW * number, largest)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _rows(name: str, app: Mapping[str, Any], top: int, largest: int) -> Iterator[str]:
    yield f'<text x="{_LEFT - 8}" y="{top + 21}" text-anchor="end" fill="#24292f">{escape(name)}</text>'
    reached = size(app, "standard") if sound(app, "standard") else None
    sizes = (app["naive"]["bytes"], reached, size(app, "expert"))
    for number, ((_, colour), value) in enumerate(zip(_COLOURS, sizes, strict=True)):
        y = top + number * (_BAR + 1)
        width = 0 if value is None else max(1, round(_WIDTH * value / largest))
        label = "broken" if value is None else f"{value / 1e6:.0f} MB"
        yield f'<rect x="{_LEFT}" y="{y}" width="{width}" height="{_BAR}" fill="{colour}"/>'
        yield f'<text x="{_LEFT + width + 5}" y="{y + 10}" fill="#57606a" font-size="10">{label}</text>'
