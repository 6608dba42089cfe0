"""What documented additions may do to the calls around them, which stand-ins by themselves do not show.

A stand-in of apt-get installs happily without package lists, and one of npm is there even if its
install was never reached. In a real build neither is so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .model import Argv, Call

_LISTS = "/var/lib/apt/lists"
_APT = ("apt-get", "apt", "aptitude")
_FINDS_PACKAGES = ("install", "build-dep", "upgrade", "dist-upgrade", "source", "download")


def consequence(before: Sequence[Call], after: Sequence[Call], extra: Collection[int]) -> str:
    """What an addition broke, or nothing. `extra` are the places of the added calls."""
    if len(_without_lists(after)) > len(_without_lists(before)):
        call = _without_lists(after)[-1]
        return f"{' '.join(call.argv)!r} (line {call.line}) finds no package lists: they were deleted before it"
    for index in extra:
        argv = unwrapped(after[index].argv)
        # What the image itself brings.
        if argv[0] in ("rm", "apk", *_APT):
            continue
        ran = {unwrapped(call.argv)[0] for at, call in enumerate(after[:index]) if at not in extra}
        if argv[0] not in ran:
            place = f"{' '.join(argv)!r} (line {after[index].line})"
            return f"{place} was added where {argv[0]} has not run, and may be missing"
    return ""


def _without_lists(calls: Sequence[Call]) -> list[Call]:
    """The installs that come behind a deletion of the lists without an update in between."""
    deleted = False
    found = []
    for call in calls:
        argv = unwrapped(call.argv)
        if argv[0] == "rm" and any(word.startswith(_LISTS) for word in argv):
            deleted = True
        elif argv[0].rpartition("/")[2] in _APT and "update" in argv:
            deleted = False
        elif deleted and argv[0].rpartition("/")[2] in _APT and any(word in _FINDS_PACKAGES for word in argv):
            found.append(call)
    return found


def unwrapped(argv: Argv) -> Argv:
    """The call without sudo and env in front of it."""
    while len(argv) > 1 and (argv[0] in ("sudo", "env") or argv[0].startswith("-") or "=" in argv[0]):
        argv = argv[2:] if argv[0] in ("-u", "-g") and len(argv) > 2 else argv[1:]
    return argv
