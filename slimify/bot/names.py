"""Which names of repositories, branches and files are let through: others are attacks, or cannot be shown.

They come from repositories and forges, and go into addresses, arguments of git, commits and pull requests.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

MAX_NAME = 255
"""How long the name of a repository or a branch may be, in bytes: what file systems, and so forges, hold."""
MAX_PATH = 4096
"""How long the path of a file may be, in bytes: Linux's PATH_MAX."""

# The union of what github.com, GitLab and Gitea let people choose. An owner, which an argument may begin with, never
# begins as an option does; a repository may be called `.github` or `-`.
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", re.ASCII)
_REPOSITORY = re.compile(r"[A-Za-z0-9_.+-]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_URL_PATH = re.compile(r"(?:/[A-Za-z0-9_~%.+-]+)+/?", re.ASCII)

# git-check-ref-format(1), rules 1, 3 to 5, 8 and 10, as what may stand nowhere in the name of a branch.
_NOT_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:^|/)\.|\.lock(?:/|$)")
# What HFS+ leaves out when it compares names: git, utf8.c, `next_hfs_char`.
_HFS_IGNORES = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
# Characters that are not seen, or change how others are: controls, formats (among them those that turn the direction
# of text), surrogates, which stand for bytes that are no UTF-8, and separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_repository(name: str) -> bool:
    """Whether this is a repository's path on a forge: `owner/name`, with GitLab also `group/subgroup/…/name`."""
    *owners, last = name.split("/")
    return (
        bool(owners)
        and len(name) <= MAX_NAME
        and all(_OWNER.fullmatch(one) and not one.endswith(".") for one in owners)
        and _REPOSITORY.fullmatch(last) is not None
        and last not in (".", "..")
        and not last.endswith(".git")
    )


def is_branch(name: str) -> bool:
    """Whether git takes this for the name of a branch, as `refs/heads/…` and as an argument.

    Source: git-check-ref-format(1), with `--branch`. Beyond it, a name must be one that can be shown, and stored.
    """
    if not name or name in ("@", "HEAD") or name.startswith(("-", "/")) or name.endswith(("/", ".")):
        return False
    return not _NOT_IN_BRANCH.search(name) and _visible(name) and len(name.encode()) <= MAX_NAME


def is_file_path(path: str) -> bool:
    """Whether a file of a repository may be written under this path, and the path be shown.

    It starts from the root of the repository, and no system takes any part of it for something else.
    """
    if not path or not _visible(path) or "\\" in path or len(path.encode()) > MAX_PATH:
        return False
    return all(is_entry_name(part) for part in path.split("/"))


def is_entry_name(name: str) -> bool:
    """Whether a tree may have an entry of this name: none that leads elsewhere, or into git's own folder."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name and not is_dot_git(name)


def is_dot_git(name: str) -> bool:
    """Whether some file system takes this name for `.git`.

    Sources: git, `is_ntfs_dotgit` in path.c (blanks and dots at the end, streams, the short name `git~1`, `\\` as a
    separator) and `is_hfs_dotgit` in utf8.c (characters that are ignored; letters of any case).
    """
    for part in name.split("\\"):
        plain = _HFS_IGNORES.sub("", part).partition(":")[0].rstrip(" .").lower()
        if plain in (".git", "git~1"):
            return True
    return False


def is_clone_url(url: str, protocols: frozenset[str]) -> bool:
    """Whether this is an address to clone from: by one of these protocols, without a password, options or tricks."""
    if not _visible(url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in protocols or not url.startswith(f"{parts.scheme}://"):
        return False
    if parts.query or parts.fragment or parts.password is not None or port == 0:
        return False
    # A user is what ssh needs; with http it would be a token as likely as not, and arguments can be read by all.
    if parts.username is not None and not (parts.scheme == "ssh" and _USER.fullmatch(parts.username)):
        return False
    host = parts.netloc.rpartition("@")[2].removesuffix("" if port is None else f":{port}")
    if parts.scheme == "file":
        return not host and parts.path.startswith("/")
    if not _HOST.fullmatch(host):
        return False
    # `..` would have another repository fetched than the one that was asked for.
    return bool(_URL_PATH.fullmatch(parts.path)) and not {".", ".."} & set(parts.path.split("/"))


def _visible(text: str) -> bool:
    return not any(unicodedata.category(character) in _UNSEEN for character in text)
