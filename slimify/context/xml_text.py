"""XML without its dangers: no document type, so no entities of its own; bounded in depth and size.

Source: XML 1.0, section 2.8 ("Prolog and Document Type Declaration"), 4.2 ("Entity Declarations").
"""

from __future__ import annotations

import dataclasses

_DEPTH = 60
_COUNT = 50_000


@dataclasses.dataclass
class Element:
    """An element: its name without namespace, its attributes, its own text, and the line where it starts."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = dataclasses.field(default_factory=list)

    def child(self, *names: str) -> Element | None:
        """The first element along a path of names."""
        found: Element | None = self
        for name in names:
            found = next((one for one in found.children if one.name == name), None) if found else None
        return found

    def all(self, name: str) -> list[Element]:
        """The direct children of this name."""
        return [one for one in self.children if one.name == name]

    def value(self, *names: str) -> str:
        """The text along a path of names, without blanks at its ends; empty if there is none."""
        found = self.child(*names)
        return found.text.strip() if found is not None else ""


class _Refused(Exception):
    """A document that is not looked at."""


def parse(text: str) -> Element | None:
    """The root element; None for what is no XML, has a document type, or is larger than people write."""
    from xml.parsers import expat

    parser = expat.ParserCreate("UTF-8", " ")
    root = Element("", {}, 0)
    stack = [root]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > _DEPTH or count > _COUNT:
            raise _Refused
        element = Element(name.rpartition(" ")[2], attributes, parser.CurrentLineNumber)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def data(content: str) -> None:
        stack[-1].text += content

    def refuse(*_arguments: object) -> None:
        raise _Refused

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        # What the text says of its encoding is of the file; expat is told that of the text.
        parser.Parse(text.encode("utf-8", "replace"), True)
    except (expat.ExpatError, _Refused):
        return None
    return root.children[0] if root.children else None
