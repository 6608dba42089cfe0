"""That no Ruby source which may run in production requires or names a gem that is left out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimify.transforms.production.evidence import MissingEvidence

from slimify.context.placed import Placed
from slimify.context.shell import shebang
from slimify.knowledge.language_packages import ruby_gem
from slimify.knowledge.production import facts
from slimify.semantics.build_context import BuildContext

_TEST = re.compile(
    r"(^|/)(spec|test|tests|features|node_modules|vendor/bundle)/|(^|/)(Guardfile|Capfile|\.irbrc|\.pryrc)$"
)
# What only runs in another mode, or only loads the tool of the same name (Rails Guides, "Configuring"; binstubs).
_OTHER_MODE = re.compile(r"(^|/)config/(environments/(development|test)\.rb|spring\.rb|deploy(\.rb|/.*))$")
_SOURCES = (".rb", ".ru", ".rake", ".erb", ".haml", ".slim", ".jbuilder", ".builder")
_REQUIRE = re.compile(r"""\b(?:require|require_dependency|load|gem|autoload\b[^'"\n]*)\s*\(?\s*['"]([\w./-]+)['"]""")
_CONSTANT = re.compile(r"\b[A-Z]\w*(?:::[A-Z]\w*)*")
_BREAK = re.compile(r"\bbinding\.(pry|b|break)\b|^\s*(byebug|debugger)\b", re.MULTILINE)
# The whole file is for another mode, such as the tasks that annotate writes.
_GUARD = re.compile(r"\A(?:\s*#.*\n|\s*\n)*\s*(?:if|return unless)\s+Rails\.env\.(?:development|test|local)\?")


def check_ruby_sources(context: BuildContext, folder: str, there: Placed, lost: frozenset[str]) -> str:
    """What was looked at, in words. Raises `MissingEvidence` where a source needs a gem that is left out."""
    required = {one: gem for gem in lost for one in _requires(gem)}
    constants = {one: gem for gem in lost for one in _constants(gem)}
    count = 0
    for path in sorted(set(there.files.values())):
        inner = posixpath.relpath(path, folder) if folder else path
        if _TEST.search(inner) or _OTHER_MODE.search(inner) or posixpath.basename(inner) in lost:
            continue
        if not _is_source(context, path, inner):
            continue
        text = context.text(path)
        if text is None:
            raise MissingEvidence(f"{path} cannot be read")
        count += 1
        if _GUARD.match(text):
            continue
        plain = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
        for name in _named(plain, required, constants, lost):
            raise MissingEvidence(f"{path} names {name}, a development dependency")
    return f"none of the {count} Ruby sources and templates that are copied requires or names one of them"


def _is_source(context: BuildContext, path: str, inner: str) -> bool:
    if inner.endswith(_SOURCES) or posixpath.basename(inner) in ("Rakefile", "Thorfile", "Procfile"):
        return True
    if "." in posixpath.basename(inner) or posixpath.dirname(inner) not in ("bin", "script", "exe"):
        return False
    return "ruby" in " ".join(shebang(context.text(path) or ""))


def _requires(gem: str) -> Iterator[str]:
    known = ruby_gem(gem)
    yield from known.requires if known is not None else ()
    yield from (gem, gem.replace("-", "/"), gem.replace("-", "_"))


def _constants(gem: str) -> Iterator[str]:
    ruby = facts()["ruby"]
    if gem not in ruby["ordinary"]:
        yield re.sub(r"[-_]", "", gem).lower()
    yield from (one.lower() for one in ruby["classes"].get(gem, ()))


def _named(text: str, required: dict[str, str], constants: dict[str, str], lost: frozenset[str]) -> Iterator[str]:
    for match in _REQUIRE.finditer(text):
        parts = match[1].removesuffix(".rb").split("/")
        for end in range(len(parts), 0, -1):
            if (gem := required.get("/".join(parts[:end]))) is not None:
                yield gem
    for match in _CONSTANT.finditer(text):
        parts = match[0].replace("_", "").lower().split("::")
        for end in range(len(parts), 0, -1):
            if (gem := constants.get("".join(parts[:end]))) is not None:
                yield gem
    for match in _BREAK.finditer(text):
        if lost & {"pry", "byebug", "debug", "pry-byebug", "pry-rails"}:
            yield match[0].strip()
