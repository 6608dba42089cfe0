"""The additions to RUNs that slimify documents, read from its own knowledge of package managers."""

from __future__ import annotations

import shlex

from slimify.knowledge.package_managers import PackageManager, load

from .consequences import unwrapped
from .model import Additions, Argv


def documented() -> Additions:
    """Flags that switch a cache off, clean-ups, and the update that a separate install is given."""
    options: set[str] = set()
    paths: set[str] = set()
    commands: set[Argv] = set()
    for manager in load():
        for remedy in manager.remedies:
            if remedy.kind == "flag":
                options.add(remedy.flag)
            elif remedy.kind == "remove":
                paths.update(remedy.paths)
            else:
                commands.update(_variants(manager, remedy.command))

    def removes(argv: Argv) -> bool:
        words = unwrapped(argv)
        return words[:2] == ("rm", "-rf") and bool(words[2:]) and all(_at_home(word) in homed for word in words[2:])

    def cleans(argv: Argv) -> bool:
        words = unwrapped(argv)
        if words[1:] == ("env", "gemdir") or (words[:2] == ("rm", "-rf") and words[2:][0].endswith("/cache/*.gem")):
            return True
        return words in commands or tuple(word.rpartition("/")[2] for word in words[:1]) + words[1:] in commands

    def updates(argv: Argv) -> bool:
        words = unwrapped(argv)
        return len(words) == 2 and words[1] == "update" and words[0] in ("apt-get", "apt", "aptitude", "opkg")

    def owns(argv: Argv) -> bool:
        return argv[:1] == ("chown",) and len(argv) == 3

    def owns_below(argv: Argv) -> bool:
        # copy-chown leaves it to the COPYs; that these have the owner is for its own tests to show.
        return argv[:1] == ("chown",) and len(argv) == 4 and bool({"-R", "--recursive"} & set(argv))

    homed = {_at_home(word) for path in paths for word in shlex.split(path)}
    return Additions(options=frozenset(options), calls=(removes, cleans, updates, owns), dropped=(owns_below,))


def _variants(manager: PackageManager, command: str) -> set[Argv]:
    programs = manager.programs or (manager.name,)
    return {tuple(shlex.split(command.replace("{program}", program))) for program in programs}


def _at_home(path: str) -> str:
    """A path below any home folder as `~/…`; HOME may be anywhere, but what lies in it starts with a dot."""
    plain = path.replace('"', "").replace("${CARGO_HOME:-$HOME/.cargo}", "~/.cargo")
    if plain.startswith("~/"):
        return plain
    for folder in ("/.cargo/", "/.cache/", "/.bundle/", "/.cpanm", "/.cpan/", "/.bun/"):
        at = plain.find(folder)
        if at >= 0 and not plain.startswith("/usr/local/share/"):
            return "~" + plain[at:]
    return plain.replace("/usr/local/cargo/", "~/.cargo/")
