"""What the bot says in comments. Only words of its own, and what has been made harmless."""

from __future__ import annotations

from collections.abc import Sequence

from slimify.report.markdown_text import code, prose

_MARK = "<!-- slimify-says: {} -->"


def marked(name: str, text: str) -> str:
    """A comment with a mark that nobody sees, by which it is known that it was made."""
    return f"{text}\n\n{_MARK.format(name)}\n"


def has_mark(name: str, body: str) -> bool:
    """Whether a comment was made under this name."""
    return _MARK.format(name) in body


def closing(why: str) -> str:
    """Why a pull request is closed by the bot."""
    return f"This is closed, because {prose(why)}."


def stopped() -> str:
    """The answer to `/slimify stop`."""
    return "This is closed, and there will be no other. To have slimify back, reopen this pull request."


def somebody_else_s() -> str:
    """Said once of a branch that somebody has committed to, when the proposal changes."""
    return (
        "What slimify would propose has changed, but this branch has commits that are not its own, so it is left as it"
        " is. A comment `/slimify rebase` makes it anew, **without** those commits."
    )


def answer(done: Sequence[str], unknown: Sequence[str], transforms: Sequence[str]) -> str:
    """The answer to orders: what was done, and what made no sense."""
    lines = [f"- {one}" for one in done]
    lines += [f"- {code('/slimify ' + one if one else '/slimify')} is not understood" for one in unknown]
    if unknown:
        named = ", ".join(code(one) for one in transforms)
        lines += [
            "",
            "Understood are `rebase`, `stop`, and `ignore` with the names of transforms:",
            f"{named}.",
        ]
    return "\n".join(lines)
