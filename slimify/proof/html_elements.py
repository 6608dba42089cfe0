"""Elements of a page, whose text and attributes cannot become markup, and what the page looks like."""

from __future__ import annotations

from xml.etree import ElementTree

from slimify.proof.plain import plain_lines
from slimify.proof.portions import ALL_CACHES, HIDDEN

Element = ElementTree.Element
Child = str | Element | None

# Warm is what a transform leaves out, cool is what belongs there. Black text can be read on all but the last.
COLOURS = {
    ALL_CACHES: "#f4a261",
    "version history": "#e8795a",
    "compilers and build tools": "#f28482",
    "headers": "#f7b7a3",
    "static libraries": "#f2c14e",
    "documentation": "#dcc98f",
    "translations": "#cbbba0",
    "compiled Python modules": "#cdb4db",
    "Python packages": "#8ecae6",
    "Node packages": "#95d5b2",
    "Ruby gems": "#e6a4c4",
    "shared libraries": "#a9bcd0",
    "the distribution": "#c5cbd3",
    "the application": "#6fb1fc",
    HIDDEN: "#6b7280",
}

# Nothing may be loaded, whatever the page holds (Content Security Policy, level 3).
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #ffffff; --faint: #5b6470; --line: #d9dde2; --soft: #f4f6f8;
  --good: #176f3d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #15181c; --faint: #9aa4b0; --line: #343a42; --soft: #1e2328;
    --good: #6fd69a; --bad: #ff9d94; }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1000px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem; }
p, ul { margin: .4rem 0; }
.verdict { font-size: 1.1rem; font-weight: 600; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.figure { font-size: 2rem; font-weight: 650; margin: .4rem 0 0; }
.faint { color: var(--faint); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { font-weight: 600; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.short { white-space: nowrap; }
pre, code { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: .5rem .7rem; margin: .2rem 0; white-space: pre-wrap; overflow-wrap: anywhere;
  max-height: 22rem; overflow-y: auto; }
a { color: inherit; }
svg { display: block; width: 100%; height: auto; margin: .3rem 0; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .on { fill: #14171a; }
svg .title { font-weight: 600; }
svg .faint { fill: var(--faint); }
svg .tile { stroke: var(--paper); stroke-width: 1; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; padding: 0; font-size: .87rem; }
.legend svg { display: inline-block; width: .8rem; height: .8rem; margin: 0 .35rem 0 0; vertical-align: -1px; }
"""


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """An element; of attributes whose names are Python's own, a last underscore is dropped, others are hyphens."""
    made = Element(tag, {_attribute(name): plain_lines(str(value)) for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            text = plain_lines(child)
            if last is None:
                made.text = (made.text or "") + text
            else:
                last.tail = (last.tail or "") + text
        elif child is not None:
            made.append(child)
            last = child
    return made


def page(title: str, *children: Child) -> str:
    """A whole page that needs nothing from elsewhere, and no script."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", STYLE),
    )
    root = element("html", head, element("body", *children), lang="en")
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
