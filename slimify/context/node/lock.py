"""Lock files: which package manager they belong to, and which packages an install brings.

Sources: npm documentation, "package-lock.json"; the headers and formats that yarn 1, yarn berry,
pnpm (lockfile versions 5 to 9) and bun (text lock file, version 0 and 1) write themselves.
YAML is read by lines: these files are written by one program each, in one form each; a line in
another form is passed over, and a file without any package in the known form is `Unknown`.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from slimify.context.found import Place, Unknown, is_file, source
from slimify.context.json_text import load
from slimify.context.node.package_json import Package
from slimify.semantics.build_context import BuildContext

# The lock of a repository with ten thousand packages has about 5 MB.
_LIMIT = 40_000_000
_COUNT = 100_000

# In the order in which they win where several lie together; npm-shrinkwrap.json wins over
# package-lock.json (npm documentation, "npm-shrinkwrap.json").
MANAGERS = {
    "npm-shrinkwrap.json": "npm",
    "package-lock.json": "npm",
    "yarn.lock": "yarn",
    "pnpm-lock.yaml": "pnpm",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}


class Locked(NamedTuple):
    """A package of a lock file. What the format does not tell is None.

    `key` is how the lock calls it; `needs` are keys, or descriptors (`name@range`) that `also`
    lists. `install_script` says that the install runs a script of it: a native add-on, or a
    download. `os`, `cpu` and `libc` are what it is limited to. `bins` are its commands. `published` is the name that
    a registry knows it by, which for an alias is not `name`; None for what does not come from a registry.
    """

    key: str
    name: str
    version: str
    dev: bool | None = None
    optional: bool | None = None
    install_script: bool | None = None
    os: tuple[str, ...] = ()
    cpu: tuple[str, ...] = ()
    libc: tuple[str, ...] = ()
    bins: tuple[str, ...] | None = None
    local: bool = False
    needs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    published: str | None = None

    @property
    def limited(self) -> bool:
        """Whether it is for some platforms only, as prebuilt binaries are."""
        return bool(self.os or self.cpu or self.libc)


class Lock(NamedTuple):
    """A lock file. `format` is its version as written; `roots` are (name, key) of what production asks for."""

    path: str
    manager: str
    format: str
    packages: tuple[Locked, ...]
    roots: tuple[str, ...] | None = None

    def named(self, name: str) -> tuple[Locked, ...]:
        """Every version of a package."""
        return tuple(one for one in self.packages if one.name == name)


class Manager(NamedTuple):
    """The package manager of a folder, what tells so, and the lock files that lie there."""

    name: str | None
    version: str
    place: Place
    locks: tuple[str, ...]
    unknown: tuple[Unknown, ...]


def find_manager(context: BuildContext, package: Package) -> Manager:
    """Which manager a package is meant for: by `packageManager` (Node.js documentation, "Corepack"), else by its lock.

    None where locks of two managers lie together and nothing decides.
    """
    locks = tuple(path for name in MANAGERS if is_file(context, path := posixpath.join(package.folder, name)))
    implied = list(dict.fromkeys(MANAGERS[posixpath.basename(path)] for path in locks))
    match = re.match(r"(npm|yarn|pnpm|bun)@([^+]*)", package.package_manager)
    if match:
        return Manager(match[1], match[2], Place(package.path), locks, ())
    if len(implied) == 1:
        return Manager(implied[0], "", Place(locks[0]), locks, ())
    reason = "no lock file" if not implied else f"lock files of {' and '.join(implied)}"
    return Manager(None, "", Place(package.path), locks, (Unknown(reason, Place(package.path)),))


# Transforms ask again after each change of the Dockerfile; a context never takes back what it has said.
@functools.lru_cache(maxsize=8)
def read_lock(context: BuildContext, path: str) -> Lock | Unknown | None:
    """A lock file: None if there is none, `Unknown` if it is broken, binary or in an unknown format."""
    if not is_file(context, path):
        return None
    name = posixpath.basename(path)
    if name == "bun.lockb":
        return Unknown("bun.lockb is binary", Place(path))
    text = source(context, path, _LIMIT)
    if text is None:
        return Unknown("the lock file cannot be read", Place(path))
    if name in ("package-lock.json", "npm-shrinkwrap.json"):
        found = _npm(path, load(text))
    elif name == "yarn.lock":
        found = _berry(path, text) if re.search(r"^__metadata:", text, re.MULTILINE) else _yarn(path, text)
    elif name == "pnpm-lock.yaml":
        found = _pnpm(path, text)
    elif name == "bun.lock":
        found = _bun(path, load(text, loose=True))
    else:
        return None
    if found is None or len(found.packages) > _COUNT:
        return Unknown("the lock file is in an unknown format", Place(path))
    return found


def place_of(context: BuildContext, lock: Lock, package: Locked) -> Place:
    """The line where a package stands in its lock file."""
    text = source(context, lock.path, _LIMIT) or ""
    at = text.find(f'"{package.key}"')
    if at < 0:
        match = re.search(rf"^[ \"']*{re.escape(package.key)}", text, re.MULTILINE)
        at = match.start() if match else -1
    return Place(lock.path, text.count("\n", 0, at) + 1 if at >= 0 else 0)


def production(lock: Lock, packages: Sequence[Package]) -> frozenset[str] | None:
    """The names of what an install without development dependencies brings; None if the lock cannot tell.

    `packages` are the root and the members of its workspace: their dependencies are where the
    search starts, for the formats that do not mark development dependencies themselves.
    """
    if all(one.dev is not None for one in lock.packages):
        return frozenset(one.name for one in lock.packages if not one.dev)
    keys: dict[str, Locked] = {}
    for one in lock.packages:
        for key in (one.key, *one.also):
            keys.setdefault(key, one)
    if lock.roots is not None:
        start: Iterable[str] = lock.roots
    else:
        start = [
            f"{one.name}@{one.spec}"
            for package in packages
            for one in package.dependencies
            if one.group in ("dependencies", "optionalDependencies")
        ]
    seen: set[str] = set()
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        key = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        package_found = keys.get(key) or keys.get(_with_protocol(key)) or keys.get(key.partition("(")[0])
        if package_found is None:
            if lock.manager == "pnpm" or "@workspace:" in key:
                continue  # A link to a folder; its own dependencies are importers of their own.
            return None
        reached.add(package_found.name)
        waiting += package_found.needs
    return frozenset(reached)


def _with_protocol(descriptor: str) -> str:
    """`name@range` as berry writes it in keys, with the default protocol."""
    name, at, spec = descriptor.rpartition("@")
    return f"{name}@npm:{spec}" if at and name else descriptor


def _strings(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _npm(path: str, data: Any) -> Lock | None:
    if not isinstance(data, dict):
        return None
    version = data.get("lockfileVersion")
    packages = data.get("packages")
    if isinstance(packages, dict):
        found = [_npm_package(key, one) for key, one in packages.items() if key and isinstance(one, dict)]
        return Lock(path, "npm", str(version), tuple(found))
    dependencies = data.get("dependencies")
    if version in (None, 1) and (isinstance(dependencies, dict) or "lockfileVersion" in data):
        return Lock(path, "npm", "1", tuple(_npm_tree(dependencies or {})))
    return None


def _npm_package(key: str, one: dict[str, Any]) -> Locked:
    name = one.get("name")
    bins = one.get("bin")
    installed = key.rpartition("node_modules/")[2]
    alias = name if isinstance(name, str) else installed
    version = str(one.get("version", ""))
    return Locked(
        key=key,
        name=installed if "node_modules/" in key else alias,
        version=version,
        dev=one.get("dev") is True or one.get("devOptional") is True,
        optional=one.get("optional") is True or one.get("devOptional") is True,
        install_script=one.get("hasInstallScript") is True,
        os=_strings(one.get("os")),
        cpu=_strings(one.get("cpu")),
        libc=_strings(one.get("libc")),
        bins=tuple(bins) if isinstance(bins, dict) else (),
        local=one.get("link") is True or "node_modules/" not in key,
        published=alias if _is_tarball(one.get("resolved"), alias, version) else None,
    )


def _npm_tree(dependencies: dict[str, Any]) -> Iterable[Locked]:
    """Version 1 nests what could not be hoisted."""
    waiting = [("", dependencies)]
    count = 0
    while waiting:
        prefix, level = waiting.pop()
        for name, one in level.items():
            count += 1
            if not isinstance(one, dict) or count > _COUNT:
                continue
            key = f"{prefix}node_modules/{name}"
            version = str(one.get("version", ""))
            alias = name
            if version.startswith("npm:"):
                alias, _, version = version.removeprefix("npm:").rpartition("@")
            yield Locked(
                key=key,
                name=name,
                version=version,
                dev=one.get("dev") is True,
                optional=one.get("optional") is True,
                local=version.startswith("file:"),
                published=alias if _is_tarball(one.get("resolved"), alias, version) else None,
            )
            inner = one.get("dependencies")
            if isinstance(inner, dict):
                waiting.append((f"{key}/", inner))


def _is_tarball(resolved: Any, name: str, version: str) -> bool:
    """Whether a version comes from a registry, as the address tells that its archive was resolved to.

    Registries call the archive by name and version; what comes from a repository or another place has no number
    for its version, or another address. Some lock files leave all addresses out.
    """
    if not version[:1].isdigit():
        return False
    if not resolved:
        return True
    path = re.split(r"[?#]", str(resolved))[0].lower()
    return f"/{path}".endswith(f"/{name.rpartition('/')[2]}-{version.partition('+')[0]}.tgz".lower())


_YARN_FIELD = re.compile(r'  (\w+) "?([^"]*)"?')
_YARN_NEED = re.compile(r'    "?([^"\s]+)"? "?([^"]+)"?')


def _descriptors(header: str) -> list[str]:
    """The keys of `"a@^1", a@^2:`, or `"a@npm:^1, a@npm:^2":`."""
    return [one.strip().strip('"') for one in re.split(r"\s*,\s+", header.removesuffix(":").strip('"'))]


def _name(descriptor: str) -> str:
    """`@a/b` of `@a/b@npm:^1.0.0`; ranges may hold an @ of their own."""
    at = descriptor.find("@", 1)
    return descriptor[:at] if at > 0 else descriptor


def _published(descriptors: Iterable[str], resolved: str, version: str) -> str | None:
    """The name that a registry knows what these descriptors of yarn 1 ask for by, all together."""
    names = set()
    for one in descriptors:
        name = _name(one)
        spec = one[len(name) + 1 :]
        names.add(_name(spec.removeprefix("npm:")) if spec.startswith("npm:") else "" if ":" in spec else name)
    name = names.pop() if len(names) == 1 else ""
    return name if name and _is_tarball(resolved, name, version) else None


def _yarn(path: str, text: str) -> Lock | None:
    found: list[Locked] = []
    keys: list[str] = []
    version = resolved = ""
    needs: list[str] = []
    block = ""

    def close() -> None:
        nonlocal version, resolved
        if keys and version:
            published = _published(keys, resolved, version)
            found.append(
                Locked(
                    keys[0],
                    _name(keys[0]),
                    version,
                    needs=tuple(needs),
                    also=tuple(keys[1:]),
                    published=published,
                )
            )
        keys.clear()
        needs.clear()
        version = resolved = ""

    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line[0] != " ":
            close()
            if line.endswith(":"):
                keys += _descriptors(line)
            block = ""
        elif line.startswith("    "):
            match = _YARN_NEED.fullmatch(line) if block in ("dependencies", "optionalDependencies") else None
            if match:
                needs.append(f"{match[1]}@{match[2]}")
        elif line.endswith(":"):
            block = line.strip().removesuffix(":")
        else:
            match = _YARN_FIELD.fullmatch(line)
            if match and match[1] == "version":
                version = match[2]
            elif match and match[1] == "resolved":
                resolved = match[2]
    close()
    if not found and "yarn lockfile v1" not in text[:300]:
        return None
    return Lock(path, "yarn", "1", tuple(found))


# A package of a registry, or one that Yarn itself patches ("compat" in its documentation of patches).
_BERRY_RESOLUTION = re.compile(r"(@?[^@\s]+)@(?:npm:\d|patch:.*#.*builtin<compat/)")
_BERRY_FIELD = re.compile(r'(?P<indent> +)"?(?P<key>[^":\s]+)"?:(?: "?(?P<value>[^"]*)"?)?')


def _berry(path: str, text: str) -> Lock | None:
    found: list[Locked] = []
    lock_version = "?"
    keys: list[str] = []
    fields: dict[str, str] = {}
    needs: list[str] = []
    bins: list[str] = []
    block = ""

    def close() -> None:
        nonlocal lock_version
        if keys == ["__metadata"]:
            lock_version = fields.get("version", "?")
        elif keys and "version" in fields:
            conditions = dict.fromkeys(re.findall(r"(os|cpu|libc)=([\w-]+)", fields.get("conditions", "")))
            os, cpu, libc = (tuple(value for one, value in conditions if one == kind) for kind in ("os", "cpu", "libc"))
            local = any("@workspace:" in key or "@link:" in key or "@portal:" in key for key in keys)
            registry = _BERRY_RESOLUTION.match(fields.get("resolution", ""))
            found.append(
                Locked(
                    keys[0],
                    _name(keys[0]),
                    fields["version"],
                    bins=tuple(bins),
                    local=local,
                    needs=() if local else tuple(needs),
                    also=tuple(keys[1:]),
                    os=os,
                    cpu=cpu,
                    libc=libc,
                    published=registry[1] if registry else None,
                )
            )
        keys.clear()
        fields.clear()
        needs.clear()
        bins.clear()

    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line[0] != " ":
            close()
            if line.endswith(":"):
                keys += _descriptors(line)
            continue
        match = _BERRY_FIELD.fullmatch(line)
        if match is None:
            continue
        indent, key, value = len(match["indent"]), match["key"], match["value"]
        if indent == 2:
            block = "" if value is not None else key
            if value is not None:
                fields[key] = value
        elif indent == 4 and value is not None:
            if block in ("dependencies", "optionalDependencies"):
                needs.append(f"{key}@{value}")
            elif block == "bin":
                bins.append(key)
    close()
    return Lock(path, "yarn", lock_version, tuple(found)) if found else None


_PNPM_KEY = re.compile(r"""  (?P<quote>['"]?)(?P<key>[^\s'"][^'"]*?)(?P=quote):(?: \{\})?""")
_PNPM_FIELD = re.compile(r"""(?P<indent> +)['"]?(?P<key>[^'":\s]+)['"]?:(?: ['"]?(?P<value>.*?)['"]?)?""")


def _pnpm(path: str, text: str) -> Lock | None:
    match = re.search(r"^lockfileVersion: ['\"]?([\d.]+)", text, re.MULTILINE)
    if match is None:
        return None
    version = match[1]
    major = int(version.partition(".")[0][:4])
    entries: dict[str, dict[str, str]] = {}
    needs: dict[str, list[str]] = {}
    roots: list[str] = []
    section = key = block = name = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line[0] != " ":
            section = line.partition(":")[0]
            key = block = ""
            continue
        if section in ("packages", "snapshots") and line[2:3] != " ":
            header = _PNPM_KEY.fullmatch(line)
            key, block = header["key"] if header else "", ""
            if key and section == "packages":
                entries[key] = {}
            continue
        field = _PNPM_FIELD.fullmatch(line)
        if field is None:
            continue
        indent, value = len(field["indent"]), field["value"]
        if section == "importers":
            if indent == 4:
                block = field["key"]
            elif indent == 6:
                name = field["key"]
            elif indent == 8 and field["key"] == "version" and block in ("dependencies", "optionalDependencies"):
                roots.append(_pnpm_key(name, value or ""))
        elif key and indent == 4:
            block = "" if value else field["key"]
            if value and section == "packages":
                entries[key][field["key"]] = value
        elif key and indent == 6 and value and block in ("dependencies", "optionalDependencies"):
            needs.setdefault(key, []).append(_pnpm_key(field["key"], value))
    packages = [_pnpm_package(key, one, major) for key, one in entries.items()]
    if major >= 9:
        # A snapshot is a package together with its peers, so that one package may have several.
        base = {one.key: one for one in packages}
        expanded = {
            key: base[plain]._replace(key=key, needs=tuple(needs.get(key, ())))
            for key in (*base, *needs)
            if (plain := key.partition("(")[0]) in base
        }
        packages = list(expanded.values())
    return Lock(path, "pnpm", version, tuple(packages), tuple(roots) if major >= 9 else None)


def _pnpm_key(name: str, version: str) -> str:
    """The key of a dependency: its version alone, or the whole key for an alias."""
    return version if re.match(r"/?@?[^@\d(][^@(]*@", version) else f"{name}@{version}"


def _pnpm_package(key: str, fields: dict[str, str], major: int) -> Locked:
    plain = key.removeprefix("/").partition("(")[0]
    if major < 6:
        name, _, version = plain.rpartition("/")
        version = version.partition("_")[0]
    else:
        at = plain.find("@", 1)
        name, version = (plain[:at], plain[at + 1 :]) if at > 0 else (plain, "")

    def limits(field: str) -> tuple[str, ...]:
        return tuple(re.findall(r"[\w!-]+", fields.get(field, "")))

    return Locked(
        key=key,
        name=name,
        version=version,
        dev=fields["dev"] == "true" if "dev" in fields else (None if major >= 9 else False),
        optional=fields.get("optional") == "true" if major < 9 else None,
        install_script=fields.get("requiresBuild") == "true" if major < 9 else None,
        os=limits("os"),
        cpu=limits("cpu"),
        libc=limits("libc"),
        bins=None if fields.get("hasBin") == "true" else (),
        published=name if version[:1].isdigit() else None,
    )


def _bun(path: str, data: Any) -> Lock | None:
    packages = data.get("packages") if isinstance(data, dict) else None
    if not isinstance(packages, dict):
        return None
    trusted = _strings(data.get("trustedDependencies"))
    found = []
    for key, one in packages.items():
        if not isinstance(one, list) or not one or not isinstance(one[0], str):
            continue
        name = _name(one[0])
        version = one[0][len(name) + 1 :]
        info = next((part for part in one if isinstance(part, dict)), {})
        bins = info.get("bin")
        found.append(
            Locked(
                key=key,
                name=name,
                version=version,
                # bun runs the scripts of trusted packages only; its own list of those is not in the lock.
                install_script=True if name in trusted else None,
                os=_strings(info.get("os")),
                cpu=_strings(info.get("cpu")),
                libc=_strings(info.get("libc")),
                bins=tuple(bins) if isinstance(bins, dict) else ((name.rpartition("/")[2],) if bins else ()),
                local=version.startswith(("workspace:", "file:", "link:")),
                published=name if version[:1].isdigit() else None,
                needs=tuple(
                    name
                    for group in ("dependencies", "optionalDependencies")
                    for name in (info[group] if isinstance(info.get(group), dict) else ())
                ),
            )
        )
    roots: list[str] = []
    workspaces = data.get("workspaces")
    for one in workspaces.values() if isinstance(workspaces, dict) else ():
        for group in ("dependencies", "optionalDependencies"):
            wanted = one.get(group) if isinstance(one, dict) else None
            roots += wanted if isinstance(wanted, dict) else ()
    return Lock(path, "bun", str(data.get("lockfileVersion")), tuple(found), tuple(roots))
