"""The pack for Rust: the program is built on the image with the compiler and ships on the bare distribution."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator

from slimify.transforms.split_stage.compiled import Compiled, Needs
from slimify.transforms.split_stage.core import Result
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.system import Distribution

from slimify.context.found import Unknown
from slimify.context.rust import Linked, Manifest, linked, read_manifest, read_sources
from slimify.knowledge.debian import runtime_packages
from slimify.knowledge.images import Image
from slimify.knowledge.rust_crates import dev_package
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build
from slimify.semantics.commands import Invocation

_BUILDS = re.compile(r"\bcargo\s+(?:build|install|run|b|r)\b")
# They fetch, check, or look; nothing of it is in the program's image (The Cargo Book, "Commands").
_LOOKS = frozenset("check clippy doc fetch fmt generate-lockfile test tree update vendor version".split())
_VALUED = frozenset(
    "-p --package --bin --example --target --target-dir --profile -F --features --manifest-path -j --jobs --color "
    "--config -Z --path --root --message-format --branch --tag --rev --git "
    "--version --index --registry --exclude".split()
)
# Crates that ask the system for its certificates, or for its time zones.
_CERTIFICATES = frozenset(
    "native-tls openssl openssl-probe openssl-sys rustls-native-certs rustls-platform-verifier".split()
)
_TIME_ZONES = frozenset("iana-time-zone tz-rs tzdb jiff".split())
# The ways to read a file whose name is not looked for (the standard library, and the usual crates for static files).
_READS = re.compile(r"\bfs::|\bFile::|OpenOptions|ServeDir|ServeFile|FileServer|Files::new|NamedFile|read_to_string")
# Variables that say the same as options and settings do (The Cargo Book, "Environment Variables").
_STEERING = (
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_BUILD_DIR",
)
_STEERS = re.compile(
    r"^\s*(?:build\.)?(target|target-dir|build-dir|artifact-dir|out-dir)\s*=|^(?!\s*#).*(prefer-dynamic)", re.MULTILINE
)
# With these no programs are built but those that are named (The Cargo Book, "Target Selection").
_OTHERS = frozenset("--lib --test --tests --bench --benches --example --examples --doc".split())
_ALL_BINS = frozenset(["--bins", "--all-targets"])
_VENDORED = ("target/", ".cargo/", ".sqlx/", "vendor/", "benches/", "tests/")


def concerns(build: Build, image: Image) -> bool:
    """Whether cargo builds something, on Debian or Alpine."""
    runs = (step.instruction.logical.text for step in build.stages[0].steps if step.keyword == "RUN")
    return image.distribution in ("debian", "alpine") and any(map(_BUILDS.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split. Raises `Refused`."""
    return _Rust(build, image).plan()


class _Rust(Compiled):
    tools = re.compile(r"cargo|rustc|rustup")
    variables = re.compile(r"RUSTFLAGS|CARGO_\w+|SQLX_OFFLINE|RUST_BACKTRACE")

    def __init__(self, build: Build, image: Image) -> None:
        super().__init__(build, image)
        self.folder = ""

    def sort(self, run: Run, call: Invocation) -> Run | None:
        span = run.step.instruction.span
        if call.program == "rustup" and call.argv[:2] in (("target", "add"), ("component", "add")):
            return run._replace(builds=(*run.builds, call))
        if call.program != "cargo":
            return None
        words = [one for one in call.argv if one is not None and not one.startswith("+")]
        if None in call.argv or not words:
            raise Refused("what cargo is told depends on a variable", span)
        verb, *rest = words
        if verb in ("build", "b"):
            self._build(run, call, rest)
        elif verb == "install":
            self._install(run, call, rest)
        elif verb not in _LOOKS:
            raise Refused(f"what `cargo {verb}` leaves is not known", span)
        return run._replace(builds=(*run.builds, call))

    def _build(self, run: Run, call: Invocation, words: list[str]) -> None:
        options = dict(_options(words))
        here = run.folder or run.step.state.workdir or "/"
        if "--manifest-path" in options:
            here = posixpath.dirname(posixpath.join(here, options["--manifest-path"]))
        manifest, root, place = self._enter(run, here)
        assigned = {one.name: one.value.value for one in call.command.assignments}
        target = (
            options.get("--target-dir")
            or assigned.get("CARGO_TARGET_DIR")
            or run.step.state.variable("CARGO_TARGET_DIR")
        )
        named = [one for one in _STEERING if run.step.state.sets(one) or one in assigned]
        unknown = run.step.state.sets("CARGO_TARGET_DIR") and run.step.state.variable("CARGO_TARGET_DIR") is None
        if named or unknown:
            raise Refused(
                f"{named[0] if named else 'CARGO_TARGET_DIR'} says what cargo builds, and where",
                run.step.instruction.span,
            )
        self._configured(run)
        folder = (
            posixpath.join(run.folder or run.step.state.workdir or "/", target)
            if target
            else posixpath.join(place, "target")
        )
        profile = options.get("--profile") or ("release" if {"--release", "-r"} & set(words) else "debug")
        folder = posixpath.join(
            folder, options.get("--target", ""), {"dev": "debug", "test": "debug"}.get(profile, profile)
        )
        names = [value for name, value in _options(words) if name == "--bin"]
        if not names and (not _OTHERS & set(words) or _ALL_BINS & set(words)):
            names = self._programs(manifest, root, words)
        for name in names:
            self.outputs.add(posixpath.normpath(posixpath.join(folder, name)))

    def _install(self, run: Run, call: Invocation, words: list[str]) -> None:
        span = run.step.instruction.span
        options = dict(_options(words))
        if "--path" not in options:
            # A tool of the build, unless the image runs it: then what it is linked to is not known.
            return
        here = posixpath.join(run.folder or run.step.state.workdir or "/", options["--path"])
        manifest, _, _ = self._enter(run, posixpath.normpath(here))
        home = run.step.state.variable("CARGO_HOME") if run.step.state.sets("CARGO_HOME") else "/usr/local/cargo"
        root = options.get("--root") or home or ""
        assigned = {one.name for one in call.command.assignments}
        told = run.step.state.sets("CARGO_INSTALL_ROOT") or assigned & {"CARGO_INSTALL_ROOT", "CARGO_HOME"}
        if not root.startswith("/") or told:
            raise Refused("where cargo installs to is not known", span)
        for name in [name for name, _ in manifest.bins if name not in manifest.gated]:
            if options.get("--bin", name) == name:
                self.outputs.add(posixpath.join(root, "bin", name))

    def _programs(self, manifest: Manifest, root: Manifest, words: list[str]) -> list[str]:
        """The programs that a build makes: of the package it is in, or of all members where it is in none."""
        chosen = [manifest]
        options = list(_options(words))
        wanted = {value for name, value in options if name in ("-p", "--package")}
        left_out = {value for name, value in options if name == "--exclude"}
        everything = "--workspace" in words or "--all" in words
        defaults = root.default_members if not wanted and not everything and manifest.folder == root.folder else ()
        if wanted or everything or defaults or not manifest.name:
            members = [self._manifest(one) for one in defaults or root.members]
            chosen = [one for one in members if one.name and (not wanted or one.name in wanted)]
            if root.name and not defaults and (not wanted or root.name in wanted):
                chosen.append(root)
        return [name for one in chosen if one.name not in left_out for name, _ in one.bins if name not in one.gated]

    def _configured(self, run: Run) -> None:
        """Refuse where a configuration file of cargo says what is built and where (The Cargo Book, "Configuration")."""
        for origin, text in self._configurations.items():
            found = _STEERS.search(text)
            if found is not None:
                raise Refused(f"{origin} sets {found[1] or found[2]}", run.step.instruction.span)

    @functools.cached_property
    def _configurations(self) -> dict[str, str]:
        found = dict.fromkeys(
            origin
            for taken in self.files.taken.values()
            for origin, image in taken.files
            if re.search(r"cargo/config(?:\.toml)?$", image or origin) or re.search(r"cargo/config(?:\.toml)?$", origin)
        )
        return {one: self.files.text(one) or "" for one in found}

    def _manifest(self, folder: str) -> Manifest:
        found = read_manifest(self.context, folder)
        if not isinstance(found, Manifest):
            raise Refused(f"{posixpath.join(folder, 'Cargo.toml')} cannot be read")
        return found

    def _enter(self, run: Run, folder: str) -> tuple[Manifest, Manifest, str]:
        """The manifest of a folder of the image, that of its workspace, and the folder of that in the image."""
        found = self.files.source(run.step, posixpath.join(folder, "Cargo.toml"))
        if found is None:
            raise Refused("no Cargo.toml is known to be there", run.step.instruction.span)
        manifest = self._manifest(posixpath.dirname(found[0]))
        root, place = manifest, folder
        above, outer = folder, manifest.folder
        while not root.workspace and outer and above != "/":
            above, outer = posixpath.dirname(above), posixpath.dirname(outer)
            other = read_manifest(self.context, outer)
            if isinstance(other, Manifest) and other.workspace and manifest.folder in other.members:
                root, place = other, above
        for one in (manifest, root):
            if one.unknown:
                raise Refused(one.unknown[0].reason, run.step.instruction.span)
        if self.folder and self.folder != root.folder:
            raise Refused("more than one workspace is built", run.step.instruction.span)
        self.folder = root.folder
        return manifest, root, place

    def asks(self, system: Distribution, dropped: frozenset[str]) -> None:
        del system, dropped
        self.no_libraries_copied()

    def base(self) -> str:
        return self.bare(fixed=self.links)

    def needs(self) -> Needs:
        libraries = self._libraries()
        crates = self._crates()
        sources = read_sources(self.context, self.folder)
        for step in self.stage.steps:
            if "prefer-dynamic" in step.instruction.logical.text:
                raise Refused("the standard library is linked when the program starts", step.instruction.span)
        for one in sources.unknown:
            raise Refused(f"{one.place.file}:{one.place.line}: {one.reason}")
        packages: list[tuple[tuple[str, ...], str]] = []
        for each in libraries if self.links else ():
            dev = dev_package(each.library)
            found = runtime_packages(dev, self.image.release or "") if dev else None
            if found is None:
                raise Refused(f"{each.crate} links {each.library or 'a library'}, and what brings that is not known")
            packages += [((one,), f"{each.crate} links {each.library}") for one in found]
        if crates & _CERTIFICATES:
            packages.append((("ca-certificates",), f"{min(crates & _CERTIFICATES)} reads the system's certificates"))
        if crates & _TIME_ZONES:
            packages.append((("tzdata",), f"{min(crates & _TIME_ZONES)} reads the system's time zones"))
        elif self.stage.final_state.sets("TZ"):
            packages.append((("tzdata",), "TZ names a time zone"))
        return Needs(
            packages=tuple(packages),
            programs=tuple((one.name, f"{one.place.file}:{one.place.line}") for one in sources.programs),
            certain=not self._reads_files(),
            evidence=(Evidence(f"{self.stage.image} stands on {self.image.release}", None, self.image.how),),
        )

    @property
    def static(self) -> bool:
        return not self.links

    @property
    def links(self) -> bool:
        """Whether the system's libraries are linked at run time: for musl Rust links all of it statically."""
        static = self.image.distribution == "alpine" or all("musl" in one for one in self.outputs.paths)
        texts = [*(step.instruction.logical.text for step in self.stage.steps), *self._configurations.values()]
        return not static or any("-crt-static" in text for text in texts)

    def _libraries(self) -> list[Linked]:
        found = linked(self.context, self.folder)
        if isinstance(found, Unknown):
            raise Refused(found.reason)
        if found is None:
            if any(self._manifest(one).dependencies for one in (self.folder, *self._manifest(self.folder).members)):
                raise Refused("there is no Cargo.lock, so that what is linked is not known")
            return []
        return [one for one in found if one.how != "bundled"]

    def _crates(self) -> frozenset[str]:
        text = self.files.text(posixpath.join(self.folder, "Cargo.lock"), limit=10_000_000) or ""
        return frozenset(re.findall(r'^name = "([\w-]+)"$', text, re.MULTILINE))

    def _reads_files(self) -> bool:
        return any(
            one.path.endswith(".rs") and _READS.search(self.files.text(one.path) or "fs::") is not None
            for one in self.context.entries()
            if not one.path.startswith("target/")
        )

    @functools.cached_property
    def _read(self) -> frozenset[str]:
        """The folders that are usually for the build alone, and that the sources name."""
        sources = [
            self.files.text(one.path) or ""
            for one in self.context.entries()
            if one.path.endswith(".rs") and not posixpath.relpath(one.path, self.folder or ".").startswith(_VENDORED)
        ]
        return frozenset(one for one in _VENDORED if any(f'"{one}' in text or f'"./{one}' in text for text in sources))

    def is_source(self, path: str) -> bool:
        inside = posixpath.relpath(path, self.folder or ".")
        name = posixpath.basename(path)
        return (
            path.endswith(".rs")
            or name
            in (
                "Cargo.toml",
                "Cargo.lock",
                "rust-toolchain",
                "rust-toolchain.toml",
                "rustfmt.toml",
                "clippy.toml",
                "deny.toml",
            )
            or inside.startswith(tuple(one for one in _VENDORED if one not in self._read))
        )


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """The options that have a value, in either spelling."""
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if equals and name.startswith("-"):
            yield name, value
        elif word in _VALUED:
            yield word, next(rest, "")
