"""Which file or package a module specifier means.

Sources: Node.js documentation, "Modules: CommonJS modules" (all together) and "Modules: ECMAScript
modules" (resolution); TypeScript handbook, "Module resolution" (`.js` written for a `.ts`).
"""

from __future__ import annotations

import posixpath
import re

from slimify.context.found import is_file, join, source
from slimify.context.json_text import load
from slimify.semantics.build_context import BuildContext

# Node.js 22, `module.builtinModules`, without those that begin with an underscore.
BUILTIN = frozenset(
    """assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain
    events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl
    stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib""".split()
)
_EXTENSIONS = (".js", ".cjs", ".mjs", ".json", ".node", ".ts", ".tsx", ".jsx", ".cts", ".mts", ".vue", ".svelte")
_WRITTEN_FOR = {".js": (".ts", ".tsx", ".jsx"), ".mjs": (".mts",), ".cjs": (".cts",)}
_PACKAGE = re.compile(r"(@[a-z0-9~-][a-z0-9-._~]*/)?[a-z0-9~-][a-z0-9-._~]*", re.IGNORECASE)


def is_builtin(specifier: str) -> bool:
    """Whether Node itself brings the module."""
    return specifier.startswith(("node:", "bun:")) or specifier.partition("/")[0] in BUILTIN


def package_name(specifier: str) -> str | None:
    """`@a/b` of `@a/b/c`; None for a local path, and for what is no name of a package (`@/x`, `~/x`, `#x`)."""
    parts = specifier.split("/")
    name = "/".join(parts[:2]) if specifier.startswith("@") else parts[0]
    return name if len(name) <= 214 and _PACKAGE.fullmatch(name) and name != "~" else None


def resolve_file(context: BuildContext, folder: str, specifier: str, depth: int = 0) -> str | None:
    """The file of the context that a relative specifier means, from a folder; None if there is none."""
    path = join(folder, specifier.partition("?")[0])
    if path is None:
        return None
    if path and is_file(context, path):
        return path
    if path and not specifier.endswith("/"):
        for extension in _EXTENSIONS:
            if is_file(context, path + extension):
                return path + extension
        stem, extension = posixpath.splitext(path)
        for other in _WRITTEN_FOR.get(extension, ()):
            if is_file(context, stem + other):
                return stem + other
    manifest = posixpath.join(path, "package.json")
    if depth < 2 and is_file(context, manifest):
        data = load(source(context, manifest) or "")
        main = data.get("main") if isinstance(data, dict) else None
        if isinstance(main, str) and main.strip("./"):
            found = resolve_file(context, path, main, depth + 1)
            if found is not None:
                return found
    for extension in _EXTENSIONS:
        index = posixpath.join(path, "index" + extension)
        if is_file(context, index):
            return index
    return None
