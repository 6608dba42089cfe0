"""Links to lines of a file as each forge has them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from slimify.report.common import lines_of
from slimify.report.markdown_text import is_address
from slimify.rewrite.outcome import Outcome


class Lines(NamedTuple):
    """Where lines of a commit can be looked at. `web_url` is the repository's page."""

    forge: str
    web_url: str
    commit: str

    def link(self, path: str, first: int, last: int) -> str:
        """`lines 3-9` in Markdown, as a link where the path and the address can be one.

        GitHub docs, "Creating a permanent link to a code snippet"; GitLab docs, "Link to specific lines";
        Gitea's router has `src/commit`.
        """
        text = f"line{'' if first == last else 's'} {lines_of(first, last)}"
        url = self._url(path, first, last)
        return f"[{text}]({url})" if url else text

    def _url(self, path: str, first: int, last: int) -> str:
        try:
            name = quote(path)
        except UnicodeEncodeError:
            # A name that is not UTF-8 has no address on every forge.
            return ""
        way = {"github": "blob", "gitlab": "-/blob", "gitea": "src/commit"}.get(self.forge)
        url = f"{self.web_url.rstrip('/')}/{way}/{self.commit}/{name}"
        until = "" if first == last else f"-{last}" if self.forge == "gitlab" else f"-L{last}"
        return f"{url}#L{first}{until}" if way and is_address(url) else ""


def cited(source: str, outcome: Outcome) -> bool:
    """Whether the source of a fact can be a link: an address that slimify brings, not one of the Dockerfile's."""
    return is_address(source) and source not in outcome.before.text


NO_LINES = Lines("", "", "")
"""Where nothing is known to link to."""
