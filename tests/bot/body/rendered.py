"""Markdown as GitHub's own renderer and another one read it, and what in it could act."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options
from markdown_it import MarkdownIt

# What the three forges make something of outside code: people, issues, commits, emoji, maths, addresses, placeholders.
ACTING = re.compile(
    r"""[@#!&^]\w|[~%]["{\w]|\$|\bGH-\d|\b[A-Z][A-Z0-9_]+-\d|\b[0-9a-f]{7,40}\b|:[\w+-]+:|\w:[^\s\w]|//|www\.|[\[\]]""",
)
# What slimify writes itself in front of a reader's eyes.
OWN = re.compile(r"^cc (?:@[\w./-]+ ?)+$|^This is an estimate: nothing was built\.$", re.MULTILINE)


class Seen(HTMLParser):
    """The tags of a page, its links and comments, and its text outside code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.comments: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag in ("a", "code", "pre"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        # A link and a span of code stand between words that may touch, so that each is a word of its own.
        self.text += " ␣ " if self._inside else data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def _github(text: str) -> str:
    html: str = cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE)
    return html


def _commonmark(text: str) -> str:
    made: str = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    return made


RENDERERS: tuple[Callable[[str], str], ...] = (_github, _commonmark)
# What a text of slimify's is made of. A `del`, an `img` or an `input` would be somebody else's.
TAGS = frozenset(
    "p strong em a code pre ul li table thead tbody tr th td h3 h4 details summary hr br blockquote ol".split()
)


def assert_harmless(text: str, links: Callable[[str], bool]) -> list[Seen]:
    """That nothing in a text acts but the links that `links` lets through."""
    pages = []
    assert not re.search(r"(?m)^[\s>*-]*/", text), "a line that GitLab takes for a command"
    for renderer in RENDERERS:
        page = Seen()
        page.feed(renderer(text))
        page.close()
        assert set(page.tags) <= TAGS, set(page.tags) - TAGS
        assert page.attributes <= {"href", "align", "style", "class", "lang"}
        assert all(map(links, page.links)), page.links
        found = ACTING.search(OWN.sub("", page.text))
        assert not found, (found, page.text)
        pages.append(page)
    return pages
