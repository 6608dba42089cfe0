"""The page about a proof: it needs nothing from elsewhere, nothing in it becomes markup, and its pictures are true."""

from __future__ import annotations

import html.parser
import io
from collections import Counter
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.cli import run
from slimify.proof import holdings, portions, show_proof
from slimify.proof.archive import read_archive
from slimify.proof.compare import Comparison
from slimify.proof.engine import Built
from slimify.proof.html_elements import COLOURS, element, page
from slimify.proof.html_pictures import WIDTH, layer_bars, treemap
from slimify.proof.html_report import as_html
from slimify.proof.image import Image
from slimify.proof.plain import code
from slimify.proof.prove import Measured, Proof, Verdict
from slimify.proof.treemap import Rectangle, squarified

from .archives import docker_save, layer
from .conftest import AS_IT_IS, CACHE, FILES, FakeEngine

HOSTILE = "\"'></pre></svg><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\x1b[31m\x00"


def image(*layers: bytes) -> Image:
    return read_archive(io.BytesIO(docker_save(list(layers), [f"RUN step {n}" for n in range(len(layers))])), "x")


class Reader(html.parser.HTMLParser):
    """All elements of a page and their attributes, and whether each is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def reported(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> tuple[str, Reader]:
    assert run(["prove", "--no-rebuild", "--format", "html", *arguments]) == code
    text = capsys.readouterr().out
    return text, Reader(text)


def test_a_page(engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE, output="hello")
    engine.knows("", FILES, output="hello")
    text, read = reported([], capsys)
    for said in (
        "smaller, and the same program",
        "500 kB → 14 B",
        "build context",
        "hello",
        "it ends with status 0",
        "clean-package-cache",
        "leave no APT cache in the layer",
        "what APT keeps in /var/lib/apt/lists is never used again in the image",
        "/var/lib/apt",
    ):
        assert said in read.text
    assert read.tags["svg"] > 2
    assert not {"script", "img", "link", "iframe", "object"} & read.tags.keys()
    loading = [value for tag, name, value in read.attributes if name in ("src", "href") and tag != "a"]
    assert not loading
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_a_hostile_image(engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = HOSTILE.replace("\x00", "")
    engine.knows(AS_IT_IS, {f"app/{path}": "1" * 9000, f"{path}/x": "1" * 9000}, output=HOSTILE)
    engine.knows("", FILES, output=HOSTILE * 2, config={"Cmd": [HOSTILE]})
    text, read = reported([], capsys, code=1)
    assert "another program" in read.text
    assert "<script>alert(1)" in read.text
    assert not {"script", "img"} & read.tags.keys()
    assert "\x1b" not in text
    assert "\x00" not in text


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_hostile_image_in_plain_text(
    form: str, engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "`|<img src=x>\x1b[2J\x9b\n# forged\n  forged"
    engine.knows(AS_IT_IS, {f"app/{path}": "1", "app/x": "2"}, output="\x1b[2J one\n  forged")
    engine.knows("", {"app/x": "2"}, output="`# two`")
    assert run(["prove", "--no-rebuild", "--format", form]) == 1
    text = capsys.readouterr().out
    assert not {"\x1b", "\x9b"} & set(text)
    lines = text.splitlines()
    assert not [line for line in lines if line.startswith(("#", "  forged"))]
    if form == "markdown":
        assert all(line.count("`") % 2 == 0 for line in lines)
        assert not any("<" in part for line in lines for part in line.split("`")[::2])


def test_nothing_leaves_its_place_in_markdown() -> None:
    assert code("a`\n# b\x1b") == "`a' # b\N{REPLACEMENT CHARACTER}`"
    assert code("") == "` `"


PACKAGES: dict[str, str | bytes] = {f"var/lib/dpkg/info/gone{number}.list": "" for number in range(11)}


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_what_is_no_difference_and_should_be_known(
    form: str, engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "Dockerfile").write_text('FROM debian:12-slim\nCOPY . /app/\nRUN x\nCMD ["curl"]\n')
    (project / "Other").write_text('FROM debian:12-slim\nCOPY . /app/\nCMD ["curl"]\n')
    (project / "Other.dockerignore").write_text("a\n")
    (project / "a").write_text("a")
    engine.knows("RUN x", {**FILES, **PACKAGES, "app/a": "a"}, CACHE)
    engine.knows("", {**FILES, "var/lib/dpkg/info/new.list": ""})
    assert run(["prove", "--no-rebuild", "--against", "Other", "--format", form]) == 0
    text = capsys.readouterr().out
    for said in ("/app/a", "APT cache", "500 kB", "gone0", "new", "and 3 more" if form != "html" else "gone9"):
        assert said in text


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_what_differs_from_build_to_build(form: str) -> None:
    measured = Measured(Built(True, 1.0, ""), 10, 1, image=BEFORE)
    comparison = Comparison((), (), (), (), (), (), (), ("/app/built-at",))
    proof = Proof(Verdict.SAME_SIZE, measured, measured, comparison, (), None)
    made = {"text": show_proof.as_text, "markdown": show_proof.as_markdown, "html": as_html}[form](proof, "Dockerfile")
    assert "build to build" in made
    assert "/app/built-at" in made


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_what_is_noted(form: str) -> None:
    measured = Measured(Built(True, 1.0, ""), 10, 1, image=BEFORE)
    proof = Proof(Verdict.SAME_SIZE, measured, measured, None, (), None, notes=("nothing was shown to work",))
    made = {"text": show_proof.as_text, "markdown": show_proof.as_markdown, "html": as_html}[form](proof, "Dockerfile")
    assert "nothing was shown to work" in made


def test_a_hostile_log(engine: FakeEngine, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine.knows("", FILES, fails=True, log=HOSTILE)
    _, read = reported([], capsys, code=3)
    assert "<script>alert(1)" in read.text
    assert not {"script", "img"} & read.tags.keys()


@given(st.text(), st.text())
def test_no_text_becomes_markup(one: str, other: str) -> None:
    made = page(one, element("p", one, element("b", other), other, title=one, class_=other))
    read = Reader(made)
    assert read.tags == Reader(page("", element("p", element("b"), title="", class_=""))).tags


# ------------------------------------------------------------------------------ pictures

SIZES = st.lists(st.integers(1, 10**10), min_size=1, max_size=60).map(lambda sizes: sorted(sizes, reverse=True))


@given(SIZES, st.floats(10, 2000), st.floats(10, 2000))
def test_a_treemap_fills_its_area(sizes: list[int], width: float, height: float) -> None:
    area = Rectangle(3, 5, width, height)
    found = squarified(sizes, area)
    assert len(found) == len(sizes)
    for size, one in zip(sizes, found, strict=True):
        assert one.width * one.height == pytest.approx(width * height * size / sum(sizes), rel=1e-4, abs=1e-5)
        assert one.x >= 3 - 1e-6
        assert one.y >= 5 - 1e-6
        assert one.x + one.width <= 3 + width + 1e-5
        assert one.y + one.height <= 5 + height + 1e-5
    for number, one in enumerate(found):
        assert not any(overlap(one, other) > 1e-4 for other in found[:number])


def overlap(one: Rectangle, other: Rectangle) -> float:
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(across, 0) * max(down, 0)


def test_the_example_of_the_paper() -> None:
    found = squarified([6, 6, 4, 3, 2, 2, 1], Rectangle(0, 0, 6, 4))
    assert found[:2] == [Rectangle(0, 0, 3, 2), Rectangle(0, 2, 3, 2)]
    ratios = [max(one.width / one.height, one.height / one.width) for one in found]
    assert max(ratios) < 3


def test_a_treemap_of_nothing() -> None:
    assert squarified([], Rectangle(0, 0, 1, 1)) == []
    assert squarified([1, 2], Rectangle(0, 0, 0, 1)) == [Rectangle(0, 0, 0, 0)] * 2


def tiles(drawing: Element) -> list[tuple[str, Rectangle]]:
    """The rectangles with a tip: what they say, and where they are."""
    return [
        (one[0].text or "", Rectangle(*(float(one.attrib[name]) for name in ("x", "y", "width", "height"))))
        for one in drawing.iter("rect")
        if len(one)
    ]


BEFORE = image(
    layer({"usr/lib/libc.so.6": b"x" * 4000, "usr/share/doc/a": b"x" * 2000}),
    layer({"var/lib/apt/lists/a": b"x" * 3000, "app/big": b"x" * 1000, "app/main.py": b"x" * 500}),
    layer({"app/.wh.big": ""}),
)
AFTER = image(layer({"usr/lib/libc.so.6": b"x" * 4000}), layer({"app/main.py": b"x" * 500, "app/new": b"x" * 50}))


def test_portions_of_layers() -> None:
    first, second, third = portions.bars(BEFORE)
    assert first.portions == (("shared libraries", 4000), ("documentation", 2000))
    assert dict(second.portions) == {"caches": 3000, portions.HIDDEN: 1000, "the application": 500}
    assert (third.portions, third.size) == ((), 0)
    assert sum(one.size for one in (first, second, third)) == BEFORE.size


def test_portions_of_what_went_away() -> None:
    gone, new = portions.lost(BEFORE, AFTER)
    assert [(one.kind, one.folders) for one in gone] == [
        ("caches", (("/var/lib/apt", 3000),)),
        ("documentation", (("/usr/share/doc", 2000),)),
        ("the application", (("/app", 1000),)),
    ]
    assert new == 50
    assert sum(one.size for one in gone) - new == BEFORE.size - AFTER.size


def test_bars_are_as_long_as_layers_are_large() -> None:
    drawing = layer_bars([("before", portions.bars(BEFORE)), ("after", portions.bars(AFTER))])
    found = tiles(drawing)
    assert [text for text, _ in found][:2] == ["shared libraries: 4.0 kB", "documentation: 2.0 kB"]
    scale = found[0][1].width / 4000
    assert found[1][1].width == pytest.approx(2000 * scale, abs=0.02)
    assert found[0][1].x + found[0][1].width == pytest.approx(found[1][1].x, abs=0.02)
    assert all(one.x + one.width <= WIDTH for _, one in found)
    height = float(drawing.attrib["viewBox"].split()[3])
    assert all(one.y + one.height <= height for _, one in found)
    rows = sorted({one.y for _, one in found})
    assert all(lower - upper >= 20 for upper, lower in pairwise(rows))


def test_the_map_of_what_went_away() -> None:
    gone, _ = portions.lost(BEFORE, AFTER)
    found = tiles(treemap(gone))
    assert [text for text, _ in found] == [
        "caches, /var/lib/apt: 3.0 kB",
        "documentation, /usr/share/doc: 2.0 kB",
        "the application, /app: 1.0 kB",
    ]
    areas = [one.width * one.height for _, one in found]
    assert areas[0] / areas[2] == pytest.approx(3, rel=0.01)
    assert sum(areas) == pytest.approx(WIDTH * 420, rel=0.001)


def test_small_folders_are_drawn_as_one() -> None:
    many = portions.Lost("headers", tuple((f"/usr/include/{number}", 100 - number) for number in range(40)))
    found = tiles(treemap([many]))
    assert len(found) == 15
    assert found[-1][0].startswith("headers, elsewhere: ")


def test_an_image_of_very_many_layers() -> None:
    one = portions.Bar("RUN x", (("headers", 10),))
    drawing = layer_bars([("before", [one] * 100)])
    assert len(tiles(drawing)) == 60
    assert "and 40 more" in [text.text for text in drawing.iter("text")]


def test_every_kind_has_a_colour() -> None:
    kinds = [portions.kind(what) for what, _ in holdings._KINDS]
    assert set(kinds) | {portions.kind(holdings.APPLICATION), portions.ALL_CACHES, portions.HIDDEN} == set(COLOURS)
