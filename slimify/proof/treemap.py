"""Sizes as rectangles that fill an area and are as near to squares as can be had.

Source: Bruls, Huizing, van Wijk: "Squarified Treemaps", Data Visualization 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Rectangle(NamedTuple):
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def inside(self, margin: float) -> Rectangle:
        """What is left of it within a margin; nothing of what is too small for one."""
        across, down = min(margin, self.width / 2), min(margin, self.height / 2)
        return Rectangle(self.x + across, self.y + down, self.width - 2 * across, self.height - 2 * down)


def squarified(sizes: Sequence[float], area: Rectangle) -> list[Rectangle]:
    """A rectangle for each of the sizes, which are positive and best given from the largest downwards."""
    total = sum(sizes)
    if not total or not area.width or not area.height:
        return [Rectangle(area.x, area.y, 0, 0) for _ in sizes]
    scale = area.width * area.height / total
    found: list[Rectangle] = []
    rest, row = area, list[float]()
    for size in sizes:
        side = min(rest.width, rest.height)
        if row and _longest([*row, size * scale], side) > _longest(row, side):
            placed, rest = _laid(row, rest)
            found += placed
            row = []
        row.append(size * scale)
    return found + _laid(row, rest)[0]


def _longest(row: Sequence[float], side: float) -> float:
    """The ratio of the sides of the longest rectangle when a row of them lies along a side."""
    thickness = sum(row) / side if side else 0.0
    if not thickness:
        return float("inf")
    return max(max(thickness * thickness / one, one / (thickness * thickness)) for one in row)


def _laid(row: Sequence[float], area: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """A row along the shorter side of an area, and what is left of the area."""
    total = sum(row)
    upright = area.width >= area.height
    side = area.height if upright else area.width
    thickness = total / side if side else 0.0
    found = []
    at = area.y if upright else area.x
    for size in row:
        length = size / thickness if thickness else 0.0
        found.append(Rectangle(area.x, at, thickness, length) if upright else Rectangle(at, area.y, length, thickness))
        at += length
    if upright:
        return found, Rectangle(area.x + thickness, area.y, max(area.width - thickness, 0.0), area.height)
    return found, Rectangle(area.x, area.y + thickness, area.width, max(area.height - thickness, 0.0))
