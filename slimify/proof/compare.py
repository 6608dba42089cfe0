"""What differs between two images: configuration, language packages, the application's files, and libraries.

Files of the distribution are not compared one by one: which of its packages went is said by name, and what is missed is
found by the check of libraries and by running the image.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from slimify.knowledge.language_packages import normalised
from slimify.knowledge.python_installers import installer
from slimify.proof.filesystem import Filesystem
from slimify.proof.holdings import APPLICATION, Holding, holding
from slimify.proof.image import FileKind, LayerFile

# OCI image specification, "config": what a container is started with. ArgsEscaped and the like belong to the builder.
_SETTINGS = (
    "User", "WorkingDir", "Entrypoint", "Cmd", "ExposedPorts", "Volumes", "Labels", "Healthcheck", "StopSignal",
    "Shell", "OnBuild",
)  # fmt: skip
_DIST = re.compile(
    r"(?P<place>.*/(?:site|dist)-packages)/(?P<name>[^/]+?)-(?P<version>[^-/]+)(?:-py[\d.]+)?\.(?:dist|egg)-info/(?:METADATA|PKG-INFO)"
)
_NODE = re.compile(r"(?P<place>(?:.*/)?node_modules)/(?P<name>(?:@[^/]+/)?[^/@.][^/]*)/package\.json")
_GEM = re.compile(r"(?P<place>.*)/specifications/(?P<name>[^/]+)-(?P<version>\d[^/-]*)(?:-[^/]+)?\.gemspec")
# The second is that of distroless images.
_DPKG = re.compile(r"var/lib/dpkg/(?:info/(?P<name>[^/:]+)(?::\w+)?\.list|status\.d/(?P<other>[^/]+?)(?<!\.md5sums))")
# Packages that the distribution brought, and what comes with Node, which go with the base image; and those in caches.
_NOT_INSTALLED = re.compile(
    r"usr/lib/python3/.*|usr/(?:local/)?lib/node_modules/(?:npm|corepack)(?:/.*)?|usr/share/.*|(?:.*/)?\.cache/.*"
)
_PYTHON = "Python package "
# What every interpreter of Python brings along.
BROUGHT_ALONG = frozenset(["pip", "setuptools", "wheel"])
# Those whose packages are compared by name and version.
LANGUAGES = frozenset(["Node", "Python", "Ruby"])
# What is written anew by each build, or whenever something runs.
_PASSING = re.compile(
    r".*\.py[co]|(?:.*/)?__pycache__|etc/(?:hostname|hosts|resolv\.conf|mtab)|(?:dev|proc|sys|run|tmp|var/(?:cache|log|tmp))/.*"
    r"|etc/ld\.so\.cache|\.dockerenv|root/\.(?:cache|npm|wget-hsts|bash_history)/?.*"
)
_OF_THE_DISTRIBUTION = re.compile(
    r"(?:bin|boot|dev|etc|lib\w*|media|mnt|proc|run|sbin|sys|tmp|usr(?!/local|/src)|var)(?:/.*)?"
)


class Difference(NamedTuple):
    """Something that is not as it was: what it is, and its two values, None for absent."""

    what: str
    before: str | None
    after: str | None


class Comparison(NamedTuple):
    """All that differs.

    `settings`, `packages`, `files` and `libraries` would make it another program. `left_out` are files of the
    application that the rewrite says it leaves out. `gone` are the bytes that are no longer there, by kind.
    `system` are packages of the distribution that are gone, or new (those with a `+`). `unsteady` are files that
    differ, and differ as well between two builds of what was there before.
    """

    settings: tuple[Difference, ...]
    packages: tuple[Difference, ...]
    files: tuple[Difference, ...]
    libraries: tuple[Difference, ...]
    left_out: tuple[str, ...]
    gone: tuple[tuple[Holding, int], ...]
    system: tuple[str, ...]
    unsteady: tuple[str, ...] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What would make it another program."""
        return (*self.settings, *self.packages, *self.files, *self.libraries)


Expected = Callable[[str], bool]


def compare(
    before: Filesystem,
    after: Filesystem,
    configs: tuple[Mapping[str, Any], Mapping[str, Any]],
    expected: Expected = lambda _: False,
    packages_may_go: frozenset[str] = frozenset(),
    expected_path: frozenset[str] = frozenset(),
    base_layers: int = 0,
    placed: frozenset[str] = frozenset(),
    base: frozenset[str] = frozenset(),
    split: bool = False,
) -> Comparison:
    """Compare two images.

    `expected` says of a file of the application that the rewrite leaves it out, `packages_may_go` of which languages
    it leaves packages out; `expected_path` are folders that it adds to PATH, or takes from it. `base_layers` are the
    layers of the new image that are its base's. `placed` are files that the Dockerfile copies, which belong to the
    application wherever they lie, `base` those of the old image's base, which go with that. `split` says that something
    is built in another stage than the one that ships, where what installs packages may stay with all that it requires.
    """
    missed = after.missing_libraries(base_layers)
    known = before.missing_libraries()
    files, left_out = _files(before, after, expected, placed, base)
    packages = list(_packages(before, after, packages_may_go))
    if split:
        installing = _installing(packages)
        left_out += [path for path in before.files if (match := _DIST.fullmatch(path)) and _named(match) in installing]
        packages = [one for one in packages if one.after is not None or one.what not in installing]
    return Comparison(
        settings=(*_settings(*configs, expected_path), *_starts(before, after, configs)),
        packages=tuple(packages),
        files=tuple(files),
        libraries=tuple(
            Difference(f"/{path} needs {library}", "found", None)
            for path, lost in sorted(missed.items())
            for library in lost
            if library not in known.get(path, ())
        ),
        left_out=tuple(left_out),
        gone=tuple(_gone(before, after)),
        system=tuple(_system(before, after)),
    )


def without_unsteady(comparison: Comparison, unsteady: Iterable[Difference]) -> Comparison:
    """A comparison without what differs as well between two builds of one version, in content or by being gone."""
    known = {one.what: _lasting(one.after) for one in unsteady}
    chance = [one for one in comparison.files if one.what in known and known[one.what] == _lasting(one.after)]
    files = tuple(one for one in comparison.files if one not in chance)
    return comparison._replace(files=files, unsteady=tuple(one.what for one in chance))


def _lasting(label: str | None) -> list[str] | None:
    """Of a label, the kind of a file, its mode and its owner."""
    return None if label is None else label.split(" ")[:3]


def _settings(before: Mapping[str, Any], after: Mapping[str, Any], path: frozenset[str]) -> Iterator[Difference]:
    for name in _SETTINGS:
        old, new = before.get(name) or None, after.get(name) or None
        if old != new:
            yield Difference(name, _said(old), _said(new))
    old_env, new_env = _env(before), _env(after)
    for name in dict.fromkeys((*old_env, *new_env)):
        old, new = old_env.get(name), new_env.get(name)
        if name == "PATH" and old is not None and new is not None and _path(old, path) == _path(new, path):
            continue
        if old != new:
            yield Difference(f"ENV {name}", old, new)


def _starts(
    before: Filesystem, after: Filesystem, configs: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> Iterator[Difference]:
    """The program that a container starts with, where it is there no more."""
    found = [_program(*one) for one in zip((before, after), configs, strict=True)]
    if found[0] is not None and found[1] is None:
        yield Difference("the program that it starts", f"/{found[0]}", None)


def _program(filesystem: Filesystem, config: Mapping[str, Any]) -> str | None:
    """Where the first word of ENTRYPOINT, or of CMD, is found (OCI image specification; execvp(3))."""
    words = config.get("Entrypoint") or config.get("Cmd") or []
    if not words:
        return None
    name = str(words[0])
    if "/" in name:
        folder = str(config.get("WorkingDir") or "/")
        return filesystem.resolve(name if name.startswith("/") else f"{folder}/{name}")
    folders = _env(config).get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").split(":")
    return next((one for folder in folders if (one := filesystem.resolve(f"{folder}/{name}")) is not None), None)


def _path(value: str, added: frozenset[str]) -> list[str]:
    return [folder for folder in value.split(":") if folder not in added]


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


def _env(config: Mapping[str, Any]) -> dict[str, str]:
    pairs = (str(one).partition("=") for one in config.get("Env") or ())
    return {name: value for name, _, value in pairs}


def _packages(before: Filesystem, after: Filesystem, may_go: frozenset[str]) -> Iterator[Difference]:
    old, new = _languages(before), _languages(after)
    for key in sorted(old.keys() | new.keys()):
        kind, name = key
        if old.get(key) != new.get(key) and not (key not in new and kind in may_go):
            yield Difference(f"{kind} package {name}", old.get(key), new.get(key))


def _installing(packages: Iterable[Difference]) -> set[str]:
    """Those that are gone because what installs packages is, as they are said."""
    gone = [one.what.removeprefix(_PYTHON) for one in packages if one.after is None and one.what.startswith(_PYTHON)]
    brought = (found.brings for one in gone if (found := installer(one)) is not None)
    return {_PYTHON + name for name in frozenset().union(*brought).intersection(gone)}


def _named(distribution: re.Match[str]) -> str:
    return _PYTHON + normalised(distribution["name"])


def _languages(filesystem: Filesystem) -> dict[tuple[str, str], str]:
    """The language packages, wherever they lie: their kind and name, and their versions or contents."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, file in filesystem.files.items():
        if _NOT_INSTALLED.fullmatch(path):
            continue
        if match := _DIST.fullmatch(path):
            if match["name"].lower() not in BROUGHT_ALONG:
                found["Python", normalised(match["name"])].append(match["version"])
        elif match := _GEM.fullmatch(path):
            found["Ruby", match["name"]].append(match["version"])
        elif (match := _NODE.fullmatch(path)) and file.content is not None:
            found["Node", f"{match['name']} in /{match['place']}"].append(file.content.digest[:12])
    return {package: ", ".join(sorted(values)) for package, values in found.items()}


def _files(
    before: Filesystem, after: Filesystem, expected: Expected, placed: frozenset[str], base: frozenset[str]
) -> tuple[list[Difference], list[str]]:
    differences: list[Difference] = []
    left_out: list[str] = []
    for path, file in sorted(before.files.items()):
        if path in base or not (_of_the_application(path, file) or (path in placed and _is_own(path, file))):
            continue
        other = after.files.get(path)
        if other is None:
            if expected(path):
                left_out.append(path)
            elif file.kind is not FileKind.FOLDER or path not in after.folders:
                differences.append(Difference(f"/{path}", _labelled(file), None))
        elif (why := _differs(file, other, before, after)) is not None:
            differences.append(Difference(f"/{path}", *why))
    return differences, left_out


def _of_the_application(path: str, file: LayerFile) -> bool:
    """Whether a file belongs to the application and no package manager: those of packages are compared by version."""
    if _OF_THE_DISTRIBUTION.fullmatch(path) or _PASSING.fullmatch(path):
        return False
    if path.startswith("usr/local/") and not path.startswith("usr/local/bin/"):
        return False
    return holding(path) == APPLICATION and file.kind is not FileKind.OTHER


def _is_own(path: str, file: LayerFile) -> bool:
    """Whether a file that was copied to a place of the distribution's is one that is compared."""
    return (
        not _PASSING.fullmatch(path)
        and file.kind not in (FileKind.FOLDER, FileKind.OTHER)
        and not holding(path).title.endswith((" packages", " gems"))
    )


def _differs(old: LayerFile, new: LayerFile, before: Filesystem, after: Filesystem) -> tuple[str, str] | None:
    if old.kind is FileKind.LINK or new.kind is FileKind.LINK:
        same = (old.kind, old.target) == (new.kind, new.target)
        return None if same else (_labelled(old), _labelled(new))
    one, other = _labelled(_behind(old, before)), _labelled(_behind(new, after))
    return None if one == other else (one, other)


def _behind(file: LayerFile, filesystem: Filesystem) -> LayerFile:
    """A hard link as the file that it is."""
    if file.kind is FileKind.HARD_LINK:
        return filesystem.files.get(file.target, file)
    return file


def _labelled(file: LayerFile) -> str:
    text = f"{file.kind.name.lower().replace('_', ' ')} {file.mode:o} {file.owner}:{file.group}"
    if file.kind is FileKind.FILE:
        text += f" {file.size} bytes" + (f" {file.content.digest[:12]}" if file.content is not None else "")
    return text + (f" -> {file.target}" if file.kind is FileKind.LINK else "")


def _gone(before: Filesystem, after: Filesystem) -> list[tuple[Holding, int]]:
    sizes: Counter[Holding] = Counter()
    for path, file in before.files.items():
        if file.size and path not in after.files:
            sizes[holding(path)] += file.size
    return sizes.most_common()


def _system(before: Filesystem, after: Filesystem) -> Iterator[str]:
    old, new = (
        {m["name"] or m["other"] for path in one.files if (m := _DPKG.fullmatch(path))} for one in (before, after)
    )
    yield from sorted(old - new)
    yield from (f"+{name}" for name in sorted(new - old))
