"""package.json: what a Node package is called, needs and runs.

Source: npm documentation, "package.json"; Node.js documentation, "Modules: Packages".
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, source
from slimify.context.json_text import key_lines, load
from slimify.semantics.build_context import BuildContext, Kind

GROUPS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
# A package that a person keeps has a few hundred dependencies at the most.
_COUNT = 5000
_LOCAL = re.compile(r"(?:file|link|portal):(.*)", re.DOTALL)


class Dependency(NamedTuple):
    """A name and what is asked of it. `group` is the key of package.json that it stands under."""

    name: str
    spec: str
    group: str
    place: Place

    @property
    def folder(self) -> str | None:
        """The local path behind `file:`, `link:` or `portal:`, as written; None for any other."""
        match = _LOCAL.fullmatch(self.spec)
        if match:
            return match[1].split("::", 1)[0]
        return self.spec if self.spec.startswith(("./", "../")) else None

    @property
    def is_workspace(self) -> bool:
        """Whether it is another package of the same workspace (`workspace:*`)."""
        return self.spec.startswith("workspace:")


class Script(NamedTuple):
    """An entry of `scripts`."""

    name: str
    text: str
    place: Place


class Package(NamedTuple):
    """What a package.json says. `folder` is where it stands; a field that is absent or of a wrong type is empty."""

    path: str
    folder: str
    name: str
    version: str
    private: bool
    type: str
    main: str
    bin: tuple[tuple[str, str], ...]
    scripts: tuple[Script, ...]
    dependencies: tuple[Dependency, ...]
    engines: tuple[tuple[str, str], ...]
    package_manager: str
    workspaces: tuple[str, ...]
    patches: tuple[str, ...]
    overridden: tuple[str, ...]
    keys: frozenset[str]
    unknown: tuple[Unknown, ...]

    def script(self, name: str) -> Script | None:
        """The script of this name."""
        return next((one for one in self.scripts if one.name == name), None)

    def groups(self, name: str) -> tuple[str, ...]:
        """The keys under which a package is asked for; none if it is not."""
        return tuple(one.group for one in self.dependencies if one.name == name)

    def asks(self, name: str) -> bool:
        """Whether the package is asked for under any key but peerDependencies."""
        return any(group != "peerDependencies" for group in self.groups(name))

    def only_for_development(self, name: str) -> bool:
        """Whether an install without development dependencies leaves this one out, as far as this file tells.

        npm and yarn keep what stands under both keys (npm documentation, "npm install": the
        entry of dependencies wins when the tree is built for production).
        """
        return set(self.groups(name)) in ({"devDependencies"}, {"devDependencies", "peerDependencies"})


# Transforms ask again after each change of the Dockerfile; a context never takes back what it has said.
@functools.lru_cache(maxsize=256)
def read_package(context: BuildContext, folder: str = "") -> Package | Unknown | None:
    """The package.json of a folder: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "package.json")
    if not is_file(context, path):
        return None
    text = source(context, path)
    data = load(text) if text is not None else None
    if text is None or not isinstance(data, dict):
        return Unknown("package.json cannot be read", Place(path))
    lines = key_lines(text)
    unknown: list[Unknown] = []

    def place(*keys: str) -> Place:
        return Place(path, lines.get(keys, 0))

    def strings(key: str) -> list[tuple[str, str]]:
        value = data.get(key)
        if value is None:
            return []
        if not isinstance(value, dict) or len(value) > _COUNT:
            unknown.append(Unknown(f"{key} cannot be read", place(key)))
            return []
        for name, one in value.items():
            if not isinstance(one, str):
                unknown.append(Unknown(f"{key} of {name} is no string", place(key, name)))
        return [(name, one) for name, one in value.items() if isinstance(one, str)]

    dependencies = tuple(
        Dependency(name, spec, group, place(group, name)) for group in GROUPS for name, spec in strings(group)
    )
    scripts = tuple(Script(name, text, place("scripts", name)) for name, text in strings("scripts"))
    name = _string(data.get("name"))
    return Package(
        path=path,
        folder=folder,
        name=name,
        version=_string(data.get("version")),
        private=data.get("private") is True,
        type=_string(data.get("type")) or "commonjs",
        main=_string(data.get("main")),
        bin=_bins(data.get("bin"), name),
        scripts=scripts,
        dependencies=dependencies,
        engines=tuple(strings("engines")),
        package_manager=_string(data.get("packageManager")),
        workspaces=_workspaces(data.get("workspaces")),
        patches=_patches(data),
        overridden=tuple(key for key in ("overrides", "resolutions") if data.get(key)),
        keys=frozenset(data),
        unknown=tuple(unknown),
    )


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _bins(value: Any, name: str) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str):
        return ((name.rpartition("/")[2], value),)
    if isinstance(value, dict):
        return tuple((key, one) for key, one in value.items() if isinstance(one, str))
    return ()


def _workspaces(value: Any) -> tuple[str, ...]:
    """The patterns, which yarn also takes as `{"packages": […]}`."""
    if isinstance(value, dict):
        value = value.get("packages")
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _patches(data: dict[str, Any]) -> tuple[str, ...]:
    """Patch files that the install applies: pnpm's and bun's `patchedDependencies`, berry's `patch:`."""
    found: list[str] = []
    pnpm = data.get("pnpm")
    for holder in (pnpm if isinstance(pnpm, dict) else {}, data):
        patched = holder.get("patchedDependencies")
        if isinstance(patched, dict):
            found += [one for one in patched.values() if isinstance(one, str)]
    for key in ("dependencies", "devDependencies", "resolutions"):
        specs = data.get(key)
        for spec in specs.values() if isinstance(specs, dict) else ():
            if isinstance(spec, str) and spec.startswith("patch:") and "#" in spec:
                found.append(spec.rpartition("#")[2].removeprefix("~/"))
    return tuple(dict.fromkeys(found))


class Members(NamedTuple):
    """The packages of a workspace: the folders that have a package.json, in order."""

    folders: tuple[str, ...]
    unknown: tuple[Unknown, ...]


def members(context: BuildContext, package: Package, patterns: Sequence[str] | None = None) -> Members:
    """The folders that the workspace patterns of a package mean.

    `patterns` are those of pnpm-workspace.yaml, where pnpm is used. `*` stands for one folder,
    `**` for any number, `!` takes away (npm documentation, "workspaces"; pnpm documentation,
    "pnpm-workspace.yaml"). Nothing below a node_modules is a member.
    """
    unknown: list[Unknown] = []
    kept: dict[str, None] = {}
    if context.truncated:
        unknown.append(Unknown("the context was not read to its end", Place(package.path)))
    folders = [
        posixpath.dirname(one.path)
        for one in context.entries()
        if one.kind is Kind.FILE and f"/{one.path}".endswith("/package.json")
    ]
    below = [one for one in folders if one != package.folder and "node_modules" not in one.split("/")]
    for pattern in package.workspaces if patterns is None else patterns:
        negated = pattern.startswith("!")
        matcher = _glob(package.folder, pattern.lstrip("!"))
        if matcher is None:
            unknown.append(Unknown(f"workspace pattern {pattern}", Place(package.path)))
            continue
        hits = [one for one in below if matcher.fullmatch("/" + one)]
        if negated:
            for one in hits:
                kept.pop(one, None)
        else:
            kept.update(dict.fromkeys(hits))
            if not hits and "*" not in pattern:
                unknown.append(Unknown(f"workspace {pattern} is not in the context", Place(package.path)))
    return Members(tuple(sorted(kept)), tuple(unknown))


def _glob(folder: str, pattern: str) -> re.Pattern[str] | None:
    """A pattern of folders as a regular expression over `/folder`; None where it is not understood or leads out."""
    joined = join(folder, pattern.rstrip("/"))
    if joined is None or len(joined) > 500 or any(char in joined for char in "{}[]()?!"):
        return None
    # Nested repetition over many `**` is where a regular expression can be made to run for ever.
    if joined.count("**") > 2 or joined.count("*") > 8:
        return None
    text = ""
    for part in joined.split("/"):
        if part == "**":
            text += "(?:/[^/]+)*"
        else:
            text += "/" + "[^/]*".join(re.escape(one) for one in re.split(r"\*+", part))
    return re.compile(text)
