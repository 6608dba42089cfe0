"""Ruby projects: Gemfile, Gemfile.lock, and what tells a Rails or Rack application.

Sources: Bundler documentation, "Gemfile" and the lock file's own form. A Gemfile is a program;
it is read line by line, and what a condition, a loop or an included file decides is unknown.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.context.found import Place, Unknown, is_file, is_folder, join, source
from slimify.semantics.build_context import BuildContext

_LINES = 5000
_STRING = r"""(?:"([^"#]*)"|'([^']*)')"""
_GEM = re.compile(rf"gem[\s(]+{_STRING}(.*)")
_BLOCK = re.compile(r"(group|source|git|path|platforms?|install_if|github)\b(.*?)\bdo\b(\s*\|[^|]*\|)?\s*$")
_SYMBOL = re.compile(r":(\w+)(?!\s*=>)\b|" + _STRING)
_OPTION = re.compile(rf"(?::(\w+)\s*=>|\b(\w+):)\s*(?:{_STRING}|:(\w+)|\[([^\]]*)\]|(\w+))")
_COMPUTED = re.compile(r"(if|unless|case|while|until|for|begin|eval_gemfile|instance_eval|eval|\w+\.each)\b")


class Gem(NamedTuple):
    """A gem that a Gemfile asks for. `groups` is ("default",) outside of any group.

    `path` is a folder of the context, for a gem that is kept with the project.
    """

    name: str
    requirements: tuple[str, ...]
    groups: tuple[str, ...]
    git: str
    path: str | None
    place: Place


class Gemfile(NamedTuple):
    """What a Gemfile says; `ruby` is the requirement, or the file it is read from."""

    path: str
    folder: str
    ruby: str
    gems: tuple[Gem, ...]
    gemspec: bool
    unknown: tuple[Unknown, ...]

    def gem(self, name: str) -> Gem | None:
        """The gem of this name."""
        return next((one for one in self.gems if one.name == name), None)

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group that is named, in order."""
        return tuple(dict.fromkeys(group for one in self.gems for group in one.groups))


class LockedGem(NamedTuple):
    """A gem of the lock file. `platform` is that of a prebuilt gem (`x86_64-linux`), empty for source."""

    name: str
    version: str
    platform: str
    source: str
    needs: tuple[str, ...]


class GemfileLock(NamedTuple):
    """A Gemfile.lock. `direct` are the gems that the Gemfile asks for."""

    path: str
    gems: tuple[LockedGem, ...]
    platforms: tuple[str, ...]
    direct: tuple[str, ...]
    ruby: str
    bundler: str

    def closure(self, names: tuple[str, ...]) -> frozenset[str]:
        """These gems and everything that they need."""
        needs = {one.name: one.needs for one in self.gems}
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += needs.get(name, ())
        return frozenset(reached)


class Application(NamedTuple):
    """What kind of Ruby application stands in a folder: places of what tells so, None where nothing does."""

    rails: Place | None
    rack: Place | None
    rakefile: Place | None
    assets: tuple[Place, ...]


def read_gemfile(context: BuildContext, folder: str = "") -> Gemfile | Unknown | None:
    """The Gemfile of a folder: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "Gemfile")
    if not is_file(context, path):
        return None
    text = source(context, path, 500_000)
    if text is None:
        return Unknown("the Gemfile cannot be read", Place(path))
    reader = _Reader(path, folder)
    for number, line in enumerate(_joined(text)[:_LINES], 1):
        if line is not None:
            reader.line(line, Place(path, number))
    return Gemfile(path, folder, reader.ruby, tuple(reader.gems), reader.gemspec, tuple(reader.unknown))


def _joined(text: str) -> list[str | None]:
    """The lines without comments; a line that ends with a comma takes the next ones in, which are then None."""
    found: list[str | None] = []
    start = -1
    for line in text.splitlines():
        plain = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if start >= 0:
            found[start] = f"{found[start]} {plain}"
            found.append(None)
        else:
            found.append(plain)
            start = len(found) - 1
        if not (plain.endswith((",", "\\")) or (not plain and (found[start] or "").endswith(","))):
            start = -1
        if start >= 0 and len(found) - start > 50:
            start = -1
    return found


class _Reader:
    def __init__(self, path: str, folder: str) -> None:
        self.path = path
        self.folder = folder
        self.ruby = ""
        self.gems: list[Gem] = []
        self.gemspec = False
        self.unknown: list[Unknown] = []
        self.blocks: list[tuple[str, tuple[str, ...]]] = []

    def line(self, line: str, place: Place) -> None:
        gem = _GEM.match(line)
        block = _BLOCK.match(line)
        if not line:
            return
        if re.match(r"end\b", line):
            if self.blocks:
                self.blocks.pop()
        elif gem:
            self._gem(gem[1] or gem[2] or "", gem[3], place)
        elif block:
            self.blocks.append((block[1], tuple(a or b or c for a, b, c in _SYMBOL.findall(block[2]))))
        elif _COMPUTED.match(line):
            self.unknown.append(Unknown("what a condition or another file decides", place))
            if not line.startswith(("eval_gemfile", "instance_eval", "eval")) and not re.search(r"\bend\b|\}$", line):
                self.blocks.append(("condition", ()))
        elif match := re.match(rf"ruby[\s(]+(?:file:\s*)?{_STRING}", line):
            self.ruby = match[1] or match[2] or ""
        elif re.match(r"gemspec\b", line):
            self.gemspec = True
        elif re.search(r"\bdo\b(\s*\|[^|]*\|)?$", line):
            self.blocks.append(("condition", ()))
            self.unknown.append(Unknown("a block that is not known", place))
        elif re.match(r"gem\b", line):
            self.unknown.append(Unknown("a gem whose name is computed", place))

    def _gem(self, name: str, rest: str, place: Place) -> None:
        options: dict[str, tuple[str, ...]] = {}
        for match in _OPTION.finditer(rest):
            value = match[3] or match[4] or match[5] or match[7] or ""
            listed = tuple(a or b or c for a, b, c in _SYMBOL.findall(match[6])) if match[6] else ()
            options[match[1] or match[2]] = listed or (value,)
        if re.search(r"\b(if|unless)\b", rest):
            self.unknown.append(Unknown(f"{name} depends on a condition", place))
        plain = _OPTION.sub("", rest)
        requirements = tuple(a or b for a, b in re.findall(_STRING, plain))
        groups = [*options.get("group", ()), *options.get("groups", ())]
        for kind, names in self.blocks:
            if kind == "group":
                groups += names
        if any(kind == "condition" for kind, _ in self.blocks):
            self.unknown.append(Unknown(f"{name} depends on a condition", place))
        written = next(iter(options.get("path", ())), "") or next(
            (names[0] for kind, names in self.blocks if kind == "path" and names), ""
        )
        folder = join(self.folder, written) if written else None
        if written and folder is None:
            self.unknown.append(Unknown(f"{written} lies outside the context", place))
        git = next((options[key][0] for key in ("git", "github", "gist", "bitbucket") if key in options), "")
        self.gems.append(Gem(name, requirements, tuple(dict.fromkeys(groups)) or ("default",), git, folder, place))


def read_gemfile_lock(context: BuildContext, folder: str = "") -> GemfileLock | Unknown | None:
    """The Gemfile.lock of a folder: None if there is none, `Unknown` if it is not in the form Bundler writes."""
    path = posixpath.join(folder, "Gemfile.lock")
    if not is_file(context, path):
        return None
    text = source(context, path, 5_000_000)
    if text is None or not re.search(r"^(GEM|PATH|GIT)$", text, re.MULTILINE):
        return Unknown("Gemfile.lock cannot be read", Place(path))
    gems: list[tuple[str, str, str, list[str]]] = []
    single: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines()[:200_000]:
        if line and line[0] != " ":
            section = line.strip()
            continue
        word = line.strip()
        if not word:
            continue
        indent = len(line) - len(line.lstrip(" "))
        if section in ("GEM", "PATH", "GIT", "PLUGIN SOURCE"):
            match = re.fullmatch(r"(\S+)(?: \(([^)]*)\))?!?", word)
            if indent == 4 and match:
                gems.append((match[1], match[2] or "", section, []))
            elif indent == 6 and gems and match:
                gems[-1][3].append(match[1])
        else:
            single.setdefault(section, []).append(word)
    found = []
    for name, version, where, needs in gems:
        number, _, platform = version.partition("-")
        found.append(LockedGem(name, number, platform, where.lower(), tuple(needs)))
    return GemfileLock(
        path,
        tuple(found),
        tuple(single.get("PLATFORMS", ())),
        tuple(re.split(r"[ !]", one)[0] for one in single.get("DEPENDENCIES", ())),
        " ".join(single.get("RUBY VERSION", ())),
        " ".join(single.get("BUNDLED WITH", ())),
    )


def application(context: BuildContext, folder: str = "") -> Application:
    """What kind of application it is, by the files that its frameworks make."""

    def place(name: str) -> Place | None:
        path = posixpath.join(folder, name)
        return Place(path) if is_file(context, path) or is_folder(context, path) else None

    config = posixpath.join(folder, "config", "application.rb")
    rails = Place(config) if "Rails::Application" in (source(context, config) or "") else None
    assets = ("app/assets", "app/javascript", "config/webpacker.yml", "config/importmap.rb", "config/vite.json")
    return Application(
        rails, place("config.ru"), place("Rakefile"), tuple(one for name in assets if (one := place(name)) is not None)
    )
