"""The settings files of the Node package managers, read line by line.

Sources: npm documentation, "npmrc"; yarn v1 documentation, ".yarnrc"; yarn documentation,
"Settings (.yarnrc.yml)"; pnpm documentation, "pnpm-workspace.yaml".
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.context.found import Place, source
from slimify.semantics.build_context import BuildContext

FILES = (".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", "bunfig.toml")
_YAML = re.compile(r"""(?P<indent>[ ]*)(?:-(?=[ ]))?[ ]*(?:["']?(?P<key>[\w./@-]+)["']?:(?=[ ]|$))?[ ]*(?P<value>.*)""")
_SECRET = re.compile(r"(_auth|_authToken|_password|npmAuthToken|npmAuthIdent)$")
_LINES = 5000


class Setting(NamedTuple):
    """One setting. `key` is as written; a key inside another is `outer.inner`, a list's member repeats the key."""

    key: str
    value: str
    place: Place


class Settings(NamedTuple):
    """All settings of a folder, in the order of the files."""

    files: tuple[str, ...]
    values: tuple[Setting, ...]

    def get(self, key: str) -> Setting | None:
        """The last setting of this key."""
        return next((one for one in reversed(self.values) if one.key == key), None)

    def all(self, key: str) -> tuple[Setting, ...]:
        """The settings of this key, as of a list."""
        return tuple(one for one in self.values if one.key == key)

    def says(self, key: str) -> bool:
        """Whether the key is there and true."""
        found = self.get(key)
        return found is not None and found.value.lower() in ("true", "1", "")

    @property
    def secrets(self) -> tuple[Setting, ...]:
        """Credentials that are written out; a variable (`${TOKEN}`) is none."""
        return tuple(one for one in self.values if _SECRET.search(one.key) and one.value and "${" not in one.value)


def read_settings(context: BuildContext, folder: str = "") -> Settings:
    """The settings files that stand in a folder and can be read."""
    files: list[str] = []
    values: list[Setting] = []
    for name in FILES:
        path = posixpath.join(folder, name)
        text = source(context, path, limit=200_000)
        if text is None:
            continue
        files.append(path)
        lines = text.splitlines()[:_LINES]
        if name.endswith((".yml", ".yaml")):
            values += _yaml(path, lines)
        else:
            values += _ini(path, lines, " " if name == ".yarnrc" else "=")
    return Settings(tuple(files), tuple(values))


def _ini(path: str, lines: list[str], separator: str) -> list[Setting]:
    found = []
    section = ""
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            section = line.strip("[] ") + "."
            continue
        key, _, value = line.partition(separator)
        found.append(Setting(section + key.strip().strip('"'), value.strip().strip("\"'"), Place(path, number)))
    return found


def _yaml(path: str, lines: list[str]) -> list[Setting]:
    """Mappings and lists in block form, which is how these files are written; other forms are passed over."""
    found = []
    outer: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("#"):
            continue
        match = _YAML.fullmatch(line.rstrip())
        if match is None:
            continue
        indent, key, value = len(match["indent"]), match["key"], re.sub(r"\s+#.*", "", match["value"])
        member = line.lstrip().startswith("- ")
        while outer and (outer[-1][0] > indent or (outer[-1][0] == indent and not member)):
            outer.pop()
        names = [name for _, name in outer][:8]
        if key is not None:
            if not member:
                outer.append((indent, key))
            names.append(key)
        value = value.strip().strip("\"'")
        if value and names:
            found.append(Setting(".".join(names), value, Place(path, number)))
    return found
