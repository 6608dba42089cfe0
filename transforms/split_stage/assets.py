"""What makes the assets of an application in a RUN, whatever it is written in, and what changes its files in place.

Sources: npm's, Yarn's and pnpm's command line references; nodesource/distributions and yarnpkg.com, "Installation",
for how their repositories are added.
"""

from __future__ import annotations

import re

from slimify.transforms.split_stage.runs import Run

from slimify.semantics.commands import Invocation

NODE_TOOLS = frozenset(["npm", "yarn", "pnpm", "corepack"])
_GLOBAL = frozenset(["-g", "--global", "--location=global"])
_TOOLS = frozenset(["npm", "yarn", "pnpm", "corepack", "node-gyp"])
_ELSEWHERE = frozenset(["--cwd", "--prefix", "-C", "--dir"])
_IN_PLACE = frozenset("cp mv rm touch ln".split())
_HOME = r"(?:~|\$HOME|\$\{HOME\}|/root)"
_CACHES = re.compile(
    rf"{_HOME}/(?:\.bundle/cache|\.npm|\.cache|\.composer|\.yarn|\.gem)(?:/.*)?|/usr/local/share/\.cache(?:/.*)?"
    r"|(?:\$\(gem env gemdir\)|\$GEM_HOME|\$\{GEM_HOME\}|\$BUNDLE_PATH|\$\{BUNDLE_PATH\})/(?:ruby/\*/)?"
    r"(?:cache(?:/\*(?:\.gem)?)?|bundler/gems/\*/\.git)|/tmp/.*|/var/tmp/.*|/var/lib/apt/lists/?\*?|/var/cache/ap[tk]/\*?"
)
_REPOSITORY = re.compile(
    r"curl (?:-\w+ |--\w+ )*(?:-o- )?https://deb\.nodesource\.com/setup_[\w.]+ \| (?:sudo )?(?:-E )?(?:bash|sh)(?: -)?"
    r"|(?:curl|wget) (?:-\w+ |-O ?- |--quiet )*https://dl\.yarnpkg\.com/debian/pubkey\.gpg(?: -O ?-)? "
    r"\| (?:apt-key add -|gpg --dearmor (?:-o|>|\| tee) ?[\w./-]+(?: > ?/dev/null)?)"
    r"|echo ['\"]?deb (?:\[[^\]]*\] )?https://dl\.yarnpkg\.com/debian/? stable main['\"]? "
    r"(?:\| tee|>>?) ?/etc/apt/sources\.list\.d/yarn\.list"
)


def pipe(run: Run, text: str) -> Run | None:
    """Take what adds the repositories of Node and Yarn."""
    if not _REPOSITORY.fullmatch(text):
        return None
    # The script of nodesource fetches the index of packages itself.
    return run._replace(foreign=True, updates=run.updates or "setup_" in text)


def node(run: Run, call: Invocation) -> Run | None:
    """Take a call of a package manager of Node that works in the folder it is run in."""
    typed = call.typed[0].value or ""
    builds = run._replace(builds=(*run.builds, call))
    words = [one for one in call.argv if one is not None]
    if len(words) != len(call.argv) or _ELSEWHERE & {one.partition("=")[0] for one in words}:
        return None
    plain = [one for one in words if not one.startswith("-")]
    first = plain[0] if plain else ""
    if typed == "npm" and _GLOBAL & {*words}:
        # Any other program might be one that the application runs.
        return builds if {one.partition("@")[0] for one in plain[1:]} <= _TOOLS else None
    if typed == "corepack" or first == "cache":
        return builds
    if first == "global" or (typed == "npm" and first not in ("install", "i", "ci", "run")):
        return None
    return builds._replace(edits=(*run.edits, call))


def cleaned(run: Run, call: Invocation) -> Run | None:
    """Take the deletion of what package managers of languages keep to themselves."""
    texts = [word.text.replace('"', "") for word in call.words if not word.text.startswith("-")]
    return run if (call.typed[0].value == "rm" and texts and all(map(_CACHES.fullmatch, texts))) else None


def in_place(run: Run, call: Invocation) -> Run | None:
    """Take a call that copies, moves or deletes files in the folder it is run in."""
    paths = [one for one in call.argv if one is None or not one.startswith("-")]
    if (call.typed[0].value or "") not in _IN_PLACE or not paths or not all(map(_relative, paths)):
        return None
    return run._replace(edits=(*run.edits, call))


def _relative(path: str | None) -> bool:
    return path is not None and not path.startswith(("/", "~", "..")) and "/../" not in path
