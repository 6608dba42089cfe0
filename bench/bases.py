"""Make base images that stand in for those that cannot be pulled, from Debian's packages and npm's and PyPI's.

    python -m bench.bases [--quick] [IMAGE…]

They carry the real names, and the label `slimify.stand-in`, and are made only where the engine has no image of that
name. Recipes are in `bases/recipes.toml`. With `--quick` some are made of less, for tests that cannot wait.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent / "bases"
LABEL = "slimify.stand-in"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)
# What the official slim images leave out (https://github.com/debuerreotype/debuerreotype, .slimify-excludes).
_EXCLUDED = ("doc", "info", "linda", "lintian/overrides", "locale", "man", "doc/kde/HTML/*", "gnome/help/*")
_INCLUDED = ("doc/*/copyright", "doc/kde/HTML/C/*", "gnome/help/*/C/*", "locale/locale.alias")
# The official images' own settings, and that an index may be old: a mirror can be one of a day long past.
_APT = (
    ("Dir::Cache::pkgcache", ""),
    ("Dir::Cache::srcpkgcache", ""),
    ("Acquire::Languages", "none"),
    ("Acquire::GzipIndexes", "true"),
    ("Apt::AutoRemove::SuggestsImportant", "false"),
    ("Acquire::Check-Valid-Until", "false"),
    ("Acquire::Check-Date", "false"),
    ("Acquire::Retries", "3"),
)
# What APT takes to have /usr merged, which it is from the start; the official images are without it.
_UNMERGED = "usrmerge perl 'perl-modules-5*' 'libperl5*' '?name(^libgdbm)' '?name(-perl$)'"


class Recipe(NamedTuple):
    """How an image is made: from a Dockerfile, or as a file system of Debian (`slim` or `full`)."""

    name: str
    tags: tuple[str, ...]
    dockerfile: str = ""
    target: str = ""
    needs: tuple[str, ...] = ()
    rootfs: str = ""


@cache
def recipes(quick: bool) -> dict[str, Recipe]:
    """The recipes by their names."""
    found = {}
    for name, told in tomllib.loads((FOLDER / "recipes.toml").read_text(encoding="utf-8")).items():
        about = {**told, **(told.get("quick", {}) if quick else {})}
        about.pop("quick", None)
        found[name] = Recipe(name, tuple(about.pop("tags")), needs=tuple(about.pop("needs", ())), **about)
    return found


def make(images: Sequence[str], quick: bool = False) -> None:
    """Make what is not there, and what it is made from. Raises `SystemExit` for an image without a recipe."""
    known = recipes(quick)
    by_tag = {tag: recipe for recipe in known.values() for tag in recipe.tags}
    if strange := [image for image in images if image not in by_tag and not _there(image)]:
        raise SystemExit(f"no recipe for {', '.join(strange)}")
    for image in images:
        if not _there(image):
            for recipe in _in_order(by_tag[image], known):
                _make(recipe)


def _in_order(recipe: Recipe, known: dict[str, Recipe]) -> Iterator[Recipe]:
    for name in recipe.needs:
        yield from _in_order(known[name], known)
    yield recipe


def _make(recipe: Recipe) -> None:
    first, *others = recipe.tags
    if not _there(first):
        print(f"making a stand-in for {first}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, ".dockerignore").write_text("overlay\nwork\n", encoding="utf-8")
            dockerfile = FOLDER / recipe.dockerfile if recipe.dockerfile else _debian(recipe.rootfs, Path(folder))
            command = ["docker", "build", "-q", "--network", "host", "-t", first, "-f", str(dockerfile), folder]
            command += ["--label", f"{LABEL}=true"]
            command += ["--target", recipe.target] if recipe.target else []
            if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
                raise SystemExit(f"the stand-in for {first} could not be made")
    for tag in others:
        if not _there(tag):
            subprocess.run(["docker", "tag", first, tag], check=True)


def _there(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0


def _debian(kind: str, folder: Path) -> Path:
    """Debian's smallest system, as the official images are made of it."""
    overlay = folder / "overlay"
    for path, text in _settings():
        target = overlay / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    options = ["--dpkgopt=force-unsafe-io"]
    if kind == "slim":
        options += [f"--dpkgopt=path-exclude=/usr/share/{one}/*" for one in _EXCLUDED]
        options += [f"--dpkgopt=path-include=/usr/share/{one}" for one in _INCLUDED]
    hooks = [
        'rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/apt.conf.d/99mmdebstrap',
        f'tar -C {overlay} -cf - . | tar -C "$1" --no-same-owner -xf -',
        f'chroot "$1" apt-get -qq purge {_UNMERGED}',
        'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb "$1"/var/log/*',
        'mkdir -p "$1"/var/lib/apt/lists/partial "$1"/var/log/apt; rm -f "$1"/etc/hostname; : > "$1"/etc/machine-id',
        ': > "$1"/etc/resolv.conf',
        # The slim images leave the same out of what is installed later.
        'cd "$1"/etc/dpkg/dpkg.cfg.d; [ ! -f 99mmdebstrap ] || mv 99mmdebstrap docker',
    ]
    mirror = _mirror()
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=tzdata,usr-is-merged", *options]
    command += [f'--aptopt=Acquire::Check-{one} "false"' for one in ("Valid-Until", "Date")]
    command += [f"--customize-hook={hook}" for hook in hooks]
    command += ["bookworm", str(folder / "rootfs.tar"), f"deb {mirror} bookworm main"]
    command += [f"deb {mirror} bookworm-updates main", f"deb {mirror}-security bookworm-security main"]
    with _memory(folder / "work") as work:
        if subprocess.run(command, env={**os.environ, "TMPDIR": str(work)}).returncode:
            raise SystemExit("mmdebstrap failed")
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text('FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n', encoding="utf-8")
    return dockerfile


@contextlib.contextmanager
def _memory(folder: Path) -> Iterator[Path]:
    """A folder in memory where that can be had: what dpkg writes it syncs, which takes a disk long."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "tmpfs", str(folder)]).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)])


def _settings() -> Iterator[tuple[str, str]]:
    """Files that an image needs to reach what this machine reaches, and those that the official images have for APT."""
    mirror = _mirror()
    keys = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    stanzas = ((mirror, "bookworm bookworm-updates"), (f"{mirror}-security", "bookworm-security"))
    sources = [f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\n{keys}" for uri, suites in stanzas]
    yield "etc/apt/sources.list.d/debian.sources", "\n".join(sources)
    clean = "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"
    settings = [f'{event}::Post-Invoke {{ "{clean}"; }};' for event in ("DPkg", "APT::Update")]
    settings += [f'{key} "{value}";' for key, value in _APT]
    yield "etc/apt/apt.conf.d/docker", "\n".join(settings) + "\n"
    yield "etc/dpkg/dpkg.cfg.d/docker-apt-speedup", "force-unsafe-io\n"
    if _CERTIFICATES.exists():
        bundle = "usr/local/share/stand-in/certificates.pem"
        text = _CERTIFICATES.read_text(encoding="utf-8")
        yield bundle, text
        for number, one in enumerate(_own(text)):
            yield f"usr/local/share/ca-certificates/own-{number}.crt", one + "\n"
        yield "etc/pip.conf", f"[global]\ncert = /{bundle}\ntimeout = 180\ndisable-pip-version-check = true\n"
        yield "etc/uv/uv.toml", "native-tls = true\n"
        npm = f"cafile=/{bundle}\nnodedir=/usr/local\naudit=false\nfund=false\nupdate-notifier=false\n"
        yield "usr/local/etc/npmrc", npm
        yield "etc/npmrc", npm


def _own(bundle: str) -> Iterator[str]:
    """The certificates that this machine trusts beyond Debian's."""
    folder = Path("/usr/share/ca-certificates")
    known = {
        "".join(one.split())
        for path in folder.rglob("*.crt")
        for one in _CERTIFICATE.findall(path.read_text(encoding="utf-8", errors="replace"))
    }
    yield from (one for one in _CERTIFICATE.findall(bundle) if "".join(one.split()) not in known)


@cache
def _mirror() -> str:
    """Where this system's own packages come from."""
    for path in sorted(Path("/etc/apt").rglob("*.sources")):
        if match := re.search(r"^URIs:\s*(\S+)", path.read_text(encoding="utf-8"), re.M):
            return match[1].rstrip("/")
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.list"))):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if match := re.search(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", text, re.M):
            return match[1].rstrip("/")
    raise SystemExit("the sources of APT name no mirror to make base images from")


if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != "--quick"]
    is_quick = "--quick" in sys.argv[1:] or bool(os.environ.get("SLIMIFY_QUICK_BASES"))
    make(arguments or [recipe.tags[0] for recipe in recipes(is_quick).values()], is_quick)
