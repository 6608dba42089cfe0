"""Text of others in Markdown, as GitHub, GitLab and Gitea read it, so that it cannot do anything.

What comes from a Dockerfile must not become markup, a link, or a mention. A forge looks for
mentions and references after the Markdown has been read, so that a backslash does not stop them;
nothing is looked for in code. Words that could be taken for one therefore become code spans, and
everything else is escaped (GitHub Flavored Markdown Spec 2.4, 6.1, 6.9; "Autolinked references"
in the GitHub docs; "GitLab-specific references" and "quick actions" in the GitLab docs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from slimify.report.common import count, one_line, visible

_LONG = 60

# @user #12 !12 ~label %milestone &epic ~"a label" %{placeholder}, maths, addresses with a scheme, GH-12, keys of Jira
# and of autolinks, commits, :emoji:, what stands in brackets ([x](y), [[page]], [issue:1], [TOC]), /command.
RISKY = re.compile(
    r"""[@#!~%&^][\w"{]|\$|[a-z][\w+.-]*:[^\s]|//|www\.|(?-i:\b[A-Z][A-Z0-9_]+-\d)|[0-9a-f]{7,}|:[\w+-]+:|[\[\]]|^\W*/""",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&{}()]")
_OPENING = re.compile(r"^(\d*)([#+\-=>.):])")
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(/[\w./~%#?=&+:-]*)?", re.ASCII)


def is_address(text: str) -> bool:
    """Whether it is a plain address, which can be a link as it stands."""
    return _ADDRESS.fullmatch(text) is not None


def prose(text: str) -> str:
    """One line of text; what stands between back-ticks becomes code, and so does every risky word."""
    parts = re.split(r"(?<!`)`([^`]+)`(?!`)", one_line(text))
    return _beside(code(part) if at % 2 else _words(part, at == 0) for at, part in enumerate(parts))


def _beside(parts: Iterable[str]) -> str:
    """The parts in a row. Code spans that touch would be read as one, or as none, and get a blank between them."""
    row = ""
    for part in parts:
        touch = part.startswith("`") and row.endswith("`") and not row.endswith("\\`")
        row += f" {part}" if touch else part
    return row


def _words(text: str, first: bool) -> str:
    words = [code(word) if RISKY.search(word) else _SPECIAL.sub(r"\\\g<0>", word) for word in text.split(" ")]
    if first:
        # What would open a list, a heading or a quotation at the start of a line.
        words[0] = _OPENING.sub(r"\1\\\2", words[0])
    return " ".join(words)


def code(text: str) -> str:
    """A code span whose fence is longer than any run of back-ticks in it (GFM 6.3)."""
    shown = one_line(text)
    if not shown:
        return ""
    fence = "`" * (_longest_run(shown) + 1)
    blank = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def fenced(diff: str, limit: int) -> str:
    """A diff as a code block, folded if it is long and cut if it is longer than `limit`."""
    text = visible(diff.replace("\r\n", "\n")).rstrip("\n")
    cut = ""
    if len(text) > limit:
        kept = text[:limit].rpartition("\n")[0]
        cut = f"\n\n_{count(text.count(chr(10)) - kept.count(chr(10)), 'line')} more left out._"
        text = kept
    fence = fence_for(text)
    block = f"{fence}diff\n{text}\n{fence}{cut}"
    if text.count("\n") < _LONG:
        return block
    return f"<details><summary>Diff</summary>\n\n{block}\n\n</details>"


def fence_for(text: str) -> str:
    """Back-ticks that no line of the text ends (GFM 4.5)."""
    return "`" * max(3, _longest_run(text) + 1)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
