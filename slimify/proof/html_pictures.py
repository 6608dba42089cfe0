"""The pictures of a proof as SVG: the layers of both images as bars, and a treemap of what went away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from slimify.proof.html_elements import COLOURS, Element, element
from slimify.proof.portions import Bar, Lost
from slimify.proof.show_layers import size_text
from slimify.proof.treemap import Rectangle, squarified

WIDTH = 960
_BAR, _GAP, _LABEL, _SIZE = 20, 5, 330, 80
_MAP_HEIGHT = 420
_LETTER = 6.6  # as wide as a letter of the labels is on average
_MOST_FOLDERS = 14
_MOST_LAYERS = 60


def layer_bars(images: Sequence[tuple[str, Sequence[Bar]]]) -> Element:
    """Images below each other, each with a title and its layers from the base downwards, all to one scale."""
    largest = max((bar.size for _, layers in images for bar in layers), default=0) or 1
    scale = (WIDTH - _LABEL - _SIZE) / largest
    drawn: list[Element] = []
    y = 0.0
    for title, layers in images:
        drawn.append(_text(0, y + 15, title, "title"))
        y += _BAR + _GAP
        for number, bar in enumerate(layers[:_MOST_LAYERS]):
            drawn += _layer(number, bar, y, scale)
            y += _BAR + _GAP
        if len(layers) > _MOST_LAYERS:
            drawn.append(_text(0, y + 15, f"and {len(layers) - _MOST_LAYERS} more", "faint"))
            y += _BAR + _GAP
        y += _GAP * 2
    return _drawing(y, "The layers of both images, by what they hold", drawn)


def _layer(number: int, bar: Bar, y: float, scale: float) -> Iterator[Element]:
    label = element("text", element("title", bar.made_by), _cut(f"{number + 1}  {bar.made_by}", _LABEL - 12), x=0)
    label.set("y", f"{y + 15:.1f}")
    yield label
    x = float(_LABEL)
    for what, size in bar.portions:
        yield _tile(Rectangle(x, y, size * scale, _BAR), what, f"{what}: {size_text(size)}")
        x += size * scale
    yield _text(x + 6, y + 15, size_text(bar.size), "faint")


def treemap(lost: Sequence[Lost]) -> Element:
    """What went away: an area for each kind, in it one for each folder."""
    drawn: list[Element] = []
    area = Rectangle(0, 0, WIDTH, _MAP_HEIGHT)
    for one, place in zip(lost, squarified([one.size for one in lost], area), strict=True):
        folders = _the_largest(one.folders)
        inner = squarified([size for _, size in folders], place)
        for (folder, size), tile in zip(folders, inner, strict=True):
            drawn.append(_tile(tile, one.kind, f"{one.kind}, {folder}: {size_text(size)}", class_="tile"))
            drawn += _labels(tile, folder, size_text(size))
        # The border of a kind is drawn over those of its folders.
        frame = element("rect", **_position(place), fill="none", style="stroke: var(--paper); stroke-width: 4")
        drawn.append(frame)
    return _drawing(_MAP_HEIGHT, "What went away, by size", drawn)


def legend(kinds: Iterable[str]) -> Element:
    """Which colour is which kind, in the order of the colours."""
    wanted = set(kinds)
    entries = []
    for what, colour in COLOURS.items():
        if what in wanted:
            square = element("svg", element("rect", width=10, height=10, fill=colour), viewBox="0 0 10 10")
            entries.append(element("li", square, what))
    return element("ul", *entries, class_="legend")


def _the_largest(folders: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    rest = sum(size for _, size in folders[_MOST_FOLDERS:])
    return [*folders[:_MOST_FOLDERS], *([("elsewhere", rest)] if rest else [])]


def _tile(place: Rectangle, what: str, tip: str, **attributes: str) -> Element:
    return element("rect", element("title", tip), **_position(place), fill=COLOURS[what], **attributes)


def _labels(place: Rectangle, *lines: str) -> Iterator[Element]:
    """As many lines as there is room for."""
    room = place.inside(6)
    for number, line in enumerate(lines):
        below = 12 + 15 * number
        if room.height >= below and room.width >= 5 * _LETTER:
            yield _text(room.x, room.y + below - 1, _cut(line, room.width), "on")


def _cut(text: str, width: float) -> str:
    most = int(width / _LETTER)
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…"


def _text(x: float, y: float, text: str, look: str) -> Element:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", class_=look)


def _position(place: Rectangle) -> dict[str, str]:
    return {name: f"{value:.2f}" for name, value in place._asdict().items()}


def _drawing(height: float, label: str, drawn: Sequence[Element]) -> Element:
    return element("svg", *drawn, viewBox=f"0 0 {WIDTH} {height:.0f}", role="img", aria_label=label)
