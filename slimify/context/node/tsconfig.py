"""tsconfig.json and jsconfig.json: where the compiler writes, and which names it resolves itself.

Source: TypeScript handbook, "TSConfig reference" (extends, outDir, rootDir, noEmit, baseUrl, paths).
"""

from __future__ import annotations

import posixpath
from typing import Any, NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, source
from slimify.context.json_text import key_lines, load, strict
from slimify.semantics.build_context import BuildContext

_DEPTH = 10


class TsConfig(NamedTuple):
    """What a configuration says, with what it extends. Folders are paths of the context.

    `out` is None where nothing is said: every output stands next to its source. `paths` are
    (pattern, targets), targets as paths of the context with their `*`.
    """

    path: str
    out: str | None = None
    root: str | None = None
    no_emit: bool = False
    base: str | None = None
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()
    place: Place = Place("")
    unknown: tuple[Unknown, ...] = ()

    def candidates(self, specifier: str) -> tuple[str, ...]:
        """The paths of the context that a specifier which is not relative may mean."""
        found: list[str] = []
        for pattern, targets in self.paths:
            start, star, end = pattern.partition("*")
            if not star and specifier == pattern:
                found += targets
            elif star and specifier.startswith(start) and specifier.endswith(end):
                middle = specifier[len(start) : len(specifier) - len(end)]
                found += [target.replace("*", middle) for target in targets]
        if self.base is not None:
            found.append(posixpath.join(self.base, specifier))
        return tuple(found)


def read_tsconfig(context: BuildContext, path: str) -> TsConfig | Unknown | None:
    """A configuration: None if there is none, `Unknown` if it cannot be read.

    What it extends and cannot be found, such as a configuration from a package, is among `unknown`.
    """
    return _read(context, path, 0)


def referenced(context: BuildContext, path: str) -> tuple[str, ...]:
    """The configurations that one names under `references`, which `tsc --build` builds before it."""
    data = load(source(context, path, 200_000) or "", loose=True)
    named = data.get("references") if isinstance(data, dict) else None
    found = []
    for one in named if isinstance(named, list) else []:
        target = one.get("path") if isinstance(one, dict) else None
        place = join(posixpath.dirname(path), target) if isinstance(target, str) else None
        if place is not None:
            found.append(place if place.endswith(".json") else posixpath.join(place, "tsconfig.json"))
    return tuple(found)


def _read(context: BuildContext, path: str, depth: int) -> TsConfig | Unknown | None:
    if not is_file(context, path):
        return None
    text = source(context, path, 200_000)
    data = load(text, loose=True) if text is not None else None
    if text is None or not isinstance(data, dict):
        return Unknown(f"{posixpath.basename(path)} cannot be read", Place(path))
    if depth > _DEPTH:
        return Unknown("configurations that extend each other too deeply", Place(path))
    lines = key_lines(strict(text))
    folder = posixpath.dirname(path)
    config = TsConfig(path)
    unknown: list[Unknown] = []
    extends = data.get("extends")
    for one in [extends] if isinstance(extends, str) else extends if isinstance(extends, list) else []:
        base = _extended(context, folder, one) if isinstance(one, str) else None
        found = _read(context, base, depth + 1) if base is not None else None
        if isinstance(found, TsConfig):
            unknown += found.unknown
            said = {key: value for key, value in found._asdict().items() if value is not None and value != ()}
            config = config._replace(**{key: said[key] for key in said if key not in ("path", "unknown")})
        else:
            unknown.append(Unknown(f"it extends {one}, which is not seen", Place(path, lines.get(("extends",), 0))))
    options = data.get("compilerOptions")
    if isinstance(options, dict):
        config = _options(config, options, folder, lines, path)
    return config._replace(unknown=tuple(unknown))


def _extended(context: BuildContext, folder: str, name: str) -> str | None:
    if not name.startswith("."):
        return None
    path = join(folder, name)
    if path is None or is_file(context, path):
        return path
    return path + ".json" if is_file(context, path + ".json") else None


def _options(
    config: TsConfig, options: dict[str, Any], folder: str, lines: dict[tuple[str, ...], int], path: str
) -> TsConfig:
    def folder_of(key: str) -> str | None:
        value = options.get(key)
        return join(folder, value.replace("${configDir}", ".")) if isinstance(value, str) else None

    out = folder_of("outDir")
    if out is not None:
        config = config._replace(out=out, place=Place(path, lines.get(("compilerOptions", "outDir"), 0)))
    root, base = folder_of("rootDir"), folder_of("baseUrl")
    if root is not None:
        config = config._replace(root=root)
    if base is not None:
        config = config._replace(base=base)
    if isinstance(options.get("noEmit"), bool):
        config = config._replace(no_emit=options["noEmit"])
    paths = options.get("paths")
    if isinstance(paths, dict):
        # Targets are relative to baseUrl, else to the file itself.
        start = base if base is not None else config.base if config.base is not None else folder
        found = []
        for pattern, targets in list(paths.items())[:200]:
            if pattern.count("*") <= 1 and isinstance(targets, list):
                joined = [join(start, one) for one in targets if isinstance(one, str)]
                found.append((pattern, tuple(one for one in joined if one is not None)))
        config = config._replace(paths=tuple(found))
    return config
