"""dockerignore: what no image wants is kept out of the build context, and so out of what COPY takes."""

from __future__ import annotations

import functools
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from slimify.rewrite.edit import Evidence, FileEdit, Finding, Level, Rewrite, Severity
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext, Entry, Kind

if TYPE_CHECKING:
    from slimify.context.patterns import Matcher
    from slimify.knowledge.ignorable import Ignorable

NAME = "dockerignore"
_SOURCE = "https://docs.docker.com/build/concepts/context/#dockerignore-files"

# Less is not worth another file to look after.
_LEAST_BYTES = 100_000

# Files that say how something is built, and scripts: if one of them speaks of a thing, it may be needed.
_BUILD_FILES = re.compile(
    r"(?:[Mm]akefile|GNUmakefile|.*\.mk|.*\.sh|.*\.bash|setup\.py|setup\.cfg|pyproject\.toml|build\.rs|pom\.xml"
    r"|.*\.gradle(?:\.kts)?|CMakeLists\.txt|.*\.cmake|meson\.build|Rakefile|.*\.gemspec|.*\.config\.[cm]?[jt]s"
    r"|.*\.csproj|Directory\.Build\.props|package\.json|Procfile|[Jj]ustfile|Taskfile\.ya?ml|noxfile\.py|tasks\.py)"
)
# Where a project lives is no use of its history.
_ADDRESSES = re.compile(r"(?:https?|git|ssh)://\S+|git\+\S+|git@\S+|scm:\S+|github\.com\S*|gitlab\S*")
_CODE = tuple(".py .go .rb .js .mjs .cjs .ts .php .rs .java .kt .cs .pl".split())
_CODE_READS_HISTORY = re.compile(
    rb"ReadBuildInfo|vcs\.revision|import git\b|git\.Repo\(|vergen|git_version!|shadow_rs"
    rb"|[\"'/]\.git[\"'/]|[\"']git[\"'],"
)
# One of these is in whatever the expression finds, and to look for them takes a tenth of the time.
_HISTORY_WORDS = (b"git", b"ReadBuildInfo", b"vcs.revision", b"vergen", b"shadow_rs")
_MOST_FILES = 5000
_DOCKERFILE = re.compile(r"(?:Dockerfile|Containerfile)(?:[.-].*)?|.*\.[Dd]ockerfile")
_INSTALLS_NODE = re.compile(
    r"\b(?:npm\s+(?:\S+\s+)*?(?:ci|i|install)|yarn\b|pnpm\s+(?:\S+\s+)*?(?:i|install)|bun\s+install)"
)
_READERS = ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ENV", "COPY", "ADD", "WORKDIR", "ONBUILD")


class _Copy(NamedTuple):
    """An instruction that copies from the context: the paths it takes, and the sources as it names them."""

    step: Step
    taken: frozenset[str]
    sources: tuple[str, ...]


class _Unwanted(NamedTuple):
    """A pattern, and the files that it keeps out of the image."""

    pattern: str
    what: str
    files: tuple[Entry, ...]
    step: Step
    source: str

    @property
    def bytes(self) -> int:
        return sum(entry.size for entry in self.files)


def dockerignore(build: Build) -> Iterator[Rewrite | Finding]:
    """Add to .dockerignore what COPY takes and no image wants, as far as nothing else asks for it.

    >>> # COPY . .   ->   .dockerignore: .git, **/node_modules
    """
    context = build.context
    if context is None:
        return
    copies = list(_copies(build, context))
    unknown = next((one for one in copies if isinstance(one, Finding)), None)
    if unknown is not None:
        yield unknown
        return
    known = [one for one in copies if isinstance(one, _Copy)]
    if not any("" in one.sources for one in known):
        return
    yield from _secrets(context, known)
    yield from _propose(build, context, known)


def _copies(build: Build, context: BuildContext) -> Iterator[_Copy | Finding]:
    from slimify.context.copies import copied, named

    for step in build.steps():
        one = step.instruction
        if one.keyword not in ("COPY", "ADD") or one.flag("from") is not None:
            continue
        taken = copied(one, step.state, context)
        if isinstance(taken, str):
            yield Finding(NAME, "nothing is added to .dockerignore", f"{one.keyword}: {taken}", one.span)
            return
        sources = [posixpath.normpath(source.lstrip("/") or ".") for source in named(one, step.state) if source]
        paths = frozenset(path for path, _ in taken.files)
        yield _Copy(step, paths, tuple("" if source == "." else source for source in sources))


def _propose(build: Build, context: BuildContext, copies: Sequence[_Copy]) -> Iterator[Rewrite | Finding]:
    whole = next(one for one in copies if "" in one.sources)
    ignore = context.ignore_text()
    if ignore is not None and any(line.lstrip().startswith("!") for line in ignore.text.splitlines()):
        why = f"{ignore.path} takes something back with `!`, and what is added behind that could undo it"
        yield Finding(NAME, "nothing is added to .dockerignore", why, whole.step.instruction.span)
        return
    if ignore is not None and ignore.path.startswith(".."):
        why = f"{ignore.path} lies outside of the folder"
        yield Finding(NAME, "nothing is added to .dockerignore", why, whole.step.instruction.span)
        return
    if context.truncated:
        why = "the build context is too large, or partly unreadable, to be looked at as a whole"
        yield Finding(NAME, "nothing is added to .dockerignore", why, whole.step.instruction.span)
        return
    search = _Search(build, context, copies)
    unwanted = list(search.unwanted())
    for pattern, why in search.refused:
        yield Finding(NAME, f"{pattern} stays in the build context", why, whole.step.instruction.span)
    if sum(one.bytes for one in unwanted) < _LEAST_BYTES:
        return
    path = ignore.path if ignore is not None else ".dockerignore"
    before = ignore.text if ignore is not None else None
    newline = "\r\n" if before and "\r\n" in before else "\n"
    start = before or ""
    start += newline if start and not start.endswith("\n") else ""
    after = start + "".join(one.pattern + newline for one in unwanted)
    ships = any(build.ships(one.step.stage) for one in unwanted)
    yield Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"keep {_listed([one.pattern for one in unwanted])} out of the build context",
        reason="; ".join(f"{one.pattern}: {one.what}, {_size(one)}" for one in unwanted),
        edits=(),
        files=(FileEdit(path, before, after),),
        anchor=unwanted[0].step.instruction.span,
        evidence=tuple(
            Evidence(f"takes {one.pattern}", one.step.instruction.span, one.source or _SOURCE) for one in unwanted
        ),
        saves=sum(one.bytes for one in unwanted if build.ships(one.step.stage)) if ships else None,
        keywords=frozenset(),
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _size(one: _Unwanted) -> str:
    count = len(one.files)
    return f"{one.bytes:,} bytes in {count:,} file{'' if count == 1 else 's'}"


class _Search:
    """Looks for what could be kept out, and for what may need it. `refused` says what was found of the latter."""

    def __init__(self, build: Build, context: BuildContext, copies: Sequence[_Copy]) -> None:
        self.build = build
        self.context = context
        self.copies = copies
        self.refused: list[tuple[str, str]] = []
        self._texts: list[tuple[str, str]] | None = None

    def unwanted(self) -> Iterator[_Unwanted]:
        from slimify.context.patterns import Matcher
        from slimify.knowledge.ignorable import ignorable

        matched = _matched(self.context)
        for kind in ignorable():
            for pattern in kind.patterns:
                out = matched[pattern]
                paths = {entry.path for entry in out}
                copy = next((one for one in self.copies if paths & one.taken), None)
                if copy is None or (kind.marker and self.context.entry(f"{pattern}/{kind.marker}") is None):
                    continue
                why = self._wanted(kind, Matcher([pattern]), paths)
                if why:
                    self.refused.append((pattern, why))
                else:
                    files = tuple(entry for entry in out if entry.path in copy.taken)
                    yield _Unwanted(pattern, kind.what, files, copy.step, kind.source)

    def _wanted(self, kind: Ignorable, matcher: Matcher, paths: set[str]) -> str:
        """What may need the files that the pattern would keep out; empty if nothing does."""
        for one in self.copies:
            for source in one.sources:
                named = source and (matcher.matches(source) or (_glob(source) and paths & one.taken))
                if named:
                    return f"{one.step.keyword} on line {one.step.instruction.start_line} names it"
        for step in self.build.steps():
            for mount in step.mounts:
                source = posixpath.normpath(mount.source.lstrip("/") or ".")
                if mount.type == "bind" and not mount.source_stage and source != "." and matcher.matches(source):
                    return f"a mount on line {step.instruction.start_line} names it"
        if kind.needs == "node" and not self._installs_node():
            return "no instruction installs it anew behind the COPY that takes it"
        mention = re.compile(kind.mention)
        for step in self.build.steps():
            if step.keyword in _READERS and mention.search(self.build.dockerfile.source[step.instruction.span]):
                return f"line {step.instruction.start_line} speaks of it"
        for name, text in self._read():
            if mention.search(text):
                return f"{name} speaks of it"
        if ".git" in kind.patterns:
            return _read_by_code(self.context)
        return ""

    def _installs_node(self) -> bool:
        stages = {one.step.stage for one in self.copies if "" in one.sources}
        texts = {
            stage: " ".join(
                self.build.dockerfile.source[step.instruction.span]
                for step in self.build.stages[stage].steps
                if step.keyword == "RUN"
            )
            for stage in stages
        }
        return all(_INSTALLS_NODE.search(text) for text in texts.values())

    def _read(self) -> list[tuple[str, str]]:
        """What build files, scripts and other Dockerfiles of the root say, addresses left out."""
        if self._texts is None:
            self._texts = []
            source = self.build.dockerfile.source
            own = posixpath.relpath(source.path, self.context.root or ".")
            for entry in self.context.entries():
                folder, _, name = entry.path.rpartition("/")
                wanted = _BUILD_FILES.fullmatch(name) or (not folder and _DOCKERFILE.fullmatch(name))
                if entry.kind is not Kind.FILE or not wanted:
                    continue
                if _installed(entry.path) or entry.path == own:
                    continue
                text = self.context.text(entry.path)
                if text is None or text == source.text:
                    continue
                if entry.path.endswith("package.json"):
                    text = _scripts(text)
                self._texts.append((entry.path, _ADDRESSES.sub("", text)))
        return self._texts


# What is asked of a context alone is answered once: the transform runs again after every change of the
# Dockerfile, and a context never takes back what it has said.


@functools.lru_cache(maxsize=1)
def _matched(context: BuildContext) -> Mapping[str, tuple[Entry, ...]]:
    """The files that each pattern of `slimify.knowledge.ignorable` would keep out."""
    from slimify.context.sizes import matched_by_each
    from slimify.knowledge.ignorable import ignorable, secrets

    patterns = [pattern for kind in ignorable() for pattern in kind.patterns]
    patterns += [pattern for secret in secrets() for pattern in secret.patterns]
    found = matched_by_each(context.entries(), list(dict.fromkeys(patterns)))
    return {
        pattern: tuple(entry for entry in entries if entry.kind is not Kind.FOLDER)
        for pattern, entries in found.items()
    }


@functools.lru_cache(maxsize=1)
def _read_by_code(context: BuildContext) -> str:
    """Which source file seems to read the version history; empty if none does."""
    sources = [
        entry.path
        for entry in context.entries()
        if entry.path.endswith(_CODE) and entry.kind is Kind.FILE and not _installed(entry.path)
    ]
    if len(sources) > _MOST_FILES:
        return f"{len(sources)} source files are too many to look whether one reads it"
    for path in sources:
        data = context.read(path)
        if data is None:
            return f"{path} cannot be read to see whether it uses it"
        if any(word in data for word in _HISTORY_WORDS) and _CODE_READS_HISTORY.search(data):
            return f"{path} seems to read it"
    return ""


def _glob(source: str) -> bool:
    return any(char in source for char in "*?[")


def _installed(path: str) -> bool:
    """Whether a file belongs to an installed package, and not to the project."""
    parts = path.split("/")
    return "node_modules" in parts or "site-packages" in parts or ".git" in parts


def _scripts(text: str) -> str:
    """The scripts of a package.json, which are what may read something; all of it if it is not understood."""
    try:
        scripts = json.loads(text).get("scripts", {})
        return "\n".join(str(script) for script in scripts.values())
    except (ValueError, AttributeError, RecursionError):
        return text


def _secrets(context: BuildContext, copies: Sequence[_Copy]) -> Iterator[Finding]:
    """Files that look like secrets and get into the image: reported, since ignoring them may break the build."""
    from slimify.knowledge.ignorable import secrets

    matched = _matched(context)
    for secret in secrets():
        paths = {entry.path for pattern in secret.patterns for entry in matched[pattern]}
        for one in copies:
            found = [path for path in sorted(paths & one.taken) if _secret(context, path)]
            if found:
                more = f" and {len(found) - 1} more" if len(found) > 1 else ""
                yield Finding(
                    NAME,
                    f"{found[0]}{more} may be a secret in the image",
                    f"it is {secret.what}; put it into .dockerignore if the build does not need it",
                    one.step.instruction.span,
                    Severity.WARNING,
                )


def _secret(context: BuildContext, path: str) -> bool:
    if _installed(path) or path.startswith((".venv/", "venv/")):
        return False
    if path.endswith((".pem", ".key")):
        return b"PRIVATE KEY" in (context.read(path) or b"")
    return True
