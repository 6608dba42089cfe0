"""Suggestion blocks, which are Markdown of the forge's own. The bot writes GitHub's."""

from __future__ import annotations

import re

REVIEW = "Each of these suggestions can be taken by itself."
"""What a review of suggestions says first."""

_FENCE = re.compile(r"^([ \t]*(?:`{3,}|~{3,}))suggestion[ \t]*$", re.MULTILINE)


def for_gitlab(body: str, above: int) -> str:
    """GitLab's form of the blocks, which says how many lines above its own and below it are replaced.

    https://docs.gitlab.com/user/project/merge_requests/reviews/suggestions/
    """
    return _FENCE.sub(rf"\1suggestion:-{above}+0", body)


def as_code(body: str) -> str:
    """The blocks as plain code, for Gitea and Forgejo, which know no suggestions."""
    return _FENCE.sub(r"\1", body)
