"""Write slimify/knowledge/debian-RELEASE.*.xz from Debian's package indices.

    python scripts/debian_packages.py [--lists FOLDER] [bookworm=oldstable ...]

The indices (Packages and Contents of main, amd64) are fetched by apt itself, which checks their signatures,
from the mirror that this machine is set up with, into a folder of their own; `--lists` keeps them there and
uses them again. Needs a Debian or Ubuntu machine with the archive's keys. `RELEASE=SUITE` names the suite to
fetch a release by, where its code name does not serve.

Four files per release, each loaded when it is asked for (`slimify/knowledge/debian.py` reads them):

names     packages and their sections; the other two name a package by its number here
graph     sizes, dependencies, recommendations, virtual packages
files     programs and shared libraries that packages bring
headers   -dev packages (all of them) and the packages of the libraries that linking against them binds to
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from slimify.knowledge.columns import pack  # noqa: E402

FOLDER = ROOT / "slimify" / "knowledge"
RELEASES = ("bullseye", "bookworm", "trixie")

# What nobody builds images for, or what is found by other names (Go, Rust and Haskell link their packages statically).
# What a kept package depends on is kept all the same.
LEFT_OUT = frozenset(
    "rust golang haskell localization doc gnu-r ocaml lisp games kde gnome xfce gnustep hamradio electronics otherosfs "
    "tasks debug introspection cli-mono education news zope metapackages sound comm perl javascript java ruby python "
    "science text x11 misc math mail editors tex kernel embedded".split()
)
# ... except for these.
KEPT = re.compile(
    r"""
    build-essential |clang.* |llvm.* |lld.* |gcc.* |gfortran.* |r-base(-\w+)? |ghc |ocaml(-nox)? |opam |sbcl
    |mono-(complete |devel |runtime |mcs) |guile-.* |perl(-\w+)? |lib(www |dbi |dbd-\w+ |json(-xs)? |xml-\w+ |yaml
    |net-ssleay |io-socket-ssl |datetime |image-exiftool)-perl |cpanminus |nodejs |npm |yarnpkg |node-gyp |libnode.*
    |node-typescript |(default |openjdk-\d+)-j(re |dk)(-headless)? |maven |gradle |ant |ca-certificates-java
    |tomcat\d+ |groovy |scala |ruby([\d.]+)?(-dev |-full |-bundler)? |bundler |rake |ruby-(json |nokogiri |rails
    |sass |pg |mysql2) |python[23](\.\d+)?(-(dev |venv |minimal |full |dbg |distutils |lib2to3 |pip |setuptools
    |wheel |virtualenv |tk))? |python-is-python[23] |python3-(numpy |scipy |pandas |matplotlib |opencv |pil |lxml
    |yaml |requests |cryptography |openssl |cffi |psycopg2 |mysqldb |flask |django |jinja2 |apt |dbus |gi |gi-cairo
    |cairo |gdal |mapnik |pyqt5 |zmq |redis |boto3? |dev |six |dateutil |tornado |urllib3 |certifi |magic |nacl
    |paramiko |psutil |ldap |pycurl |simplejson |markdown |docutils |sphinx |pytest |tox |crypto |pycryptodome
    |cairosvg |weasyprint |rpi.gpio |serial |usb |smbus |uno |distro |debian |software-properties |packaging
    |pkg-resources) |virtualenv |pipx |python3-poetry |uwsgi(-\w+)* |gunicorn |supervisor |ansible.* |pipenv
    |libblas.* |liblapack.* |libopenblas.* |libatlas.* |octave |gnuplot(-nox |-x11)? |coinor-.* |libgdal.* |gdal-bin
    |proj-bin |netcdf-bin |hdf5-tools |libeigen3-dev |bc |jq |gawk |mawk |less |file |gettext(-base)? |groff(-base)?
    |pandoc |texinfo |libxml2-utils |xmlstarlet |xsltproc |poppler-utils |ghostscript |tesseract-ocr.* |dos2unix
    |docbook.* |xmlto |asciidoc.* |antiword |catdoc |unrtf |aspell.* |hunspell.* |wkhtmltopdf |qpdf |pdftk(-java)?
    |mupdf-tools |sox |libsox-fmt-\w+ |flac |lame |opus-tools |vorbis-tools |alsa-utils |pulseaudio.* |espeak(-ng)?
    |fluidsynth |timidity |xvfb |x11-\w+ |xauth |xserver-.* |xorg |xterm |x11vnc |tigervnc.* |openbox |fluxbox
    |xdotool |xclip |xsel |wmctrl |matchbox.* |chromium.* |firefox-esr |xdg-utils |dbus-x11 |libgtk.* |libxcb.*
    |xkb-data |vim(-\w+)? |nano |emacs(-nox)? |neovim |ed |joe |mc |texlive(-(base |binaries |latex-(base
    |recommended |extra) |fonts-(recommended |extra) |xetex |luatex |science |pictures |plain-generic |bibtex-extra
    |lang-\w+ |extra-utils |full |generic-extra))? |latexmk |lmodern |cm-super |biber |dvipng |dvisvgm
    |sendmail(-bin)? |postfix |exim4(-\w+)* |msmtp(-mta)? |ssmtp |nullmailer |mailutils |bsd-mailx |s-nail |mutt
    |swaks |spamassassin |dovecot-\w+ |procmail |fetchmail |opendkim(-tools)? |libreoffice(-(core |common |writer
    |calc |impress |base-core |java-common |nogui |writer-nogui |calc-nogui))? |unoconv |default-.* |locales(-all)?
    |tzdata |iso-codes |shared-mime-info |mime-support |media-types |desktop-file-utils |libgeoip.* |tini |dumb-init
    |gosu |man-db |info |manpages(-dev)? |git-doc |linux-(libc-dev |headers-amd64 |perf |base) |kmod
    |initramfs-tools |qemu-\w+(-static)? |avrdude |(gcc |binutils)-(avr |arm-none-eabi) |avr-libc |golang(-go
    |-[\d.]+(-go)?)? |dh-(make |python) |[ny]asm |bison |byacc |gperf |ragel |ccache |[lg]cov(r)? |cppcheck
    |systemtap-sdt-dev |musl.* |tightvncserver |cdbs |libpqxx.* |libcunit1.* |libfido2.* |valgrind |strace |ltrace
    |gdb(server)? |lxde-core |doxygen |re2c |scons |meson |premake4 |intltool |quilt |fakeroot |checkinstall
    |upx-ucl |lua-\w+ |luarocks |ninja-build |cmocka.* |libtool.* |erlang(-(base |nox |dev))? |elixir
    |rabbitmq-server |graphviz |imagemagick.* |librsvg2-bin |dotnet.* |cython3? |swig.* |bats |shellcheck |yamllint
    |tree |parallel |pv |screen |tmux |byobu |minicom |dialog |whiptail |nagios-plugins.* |monitoring-plugins.*
    |samba.* |smbclient |cups.* |gir1.2-(gtk |pango |glib |gst |gdkpixbuf)[\w.-]* |freecad |blender
    """,
    re.VERBOSE,
)
# A library that hardly any other source package uses is hardly ever installed by name.
LIBRARIES = ("libs", "libdevel", "oldlibs", "devel")
MANY = 2
# Not even if their section is kept: other machines' compilers and libraries (two that people cross-build for apart),
# and what is found in one desktop or by one language only.
ODD = re.compile(
    r".*-(dbgsym|dbg|l10n|doc)$"
    r"|.*-(alpha|arc|armel|hppa64|hppa|hurd|i386|i686|kfreebsd|loong64|m68k|mips\w*|powerpc\w*|ppc\w*|riscv64|s390x"
    r"|sh4|sparc64|x32|x86-64|amd64)-(cross|linux-gnu\w*|dcv1.*)$"
    r"|.*-(alpha|armel|hppa|m68k|mips\w*|powerpc\w*|ppc\w*|s390x|sh4|sparc64|x32|riscv64)-cross$"
    r"|lib(rust|ghc)-|golang-.*-dev|gambas|kodi-|lomiri|libkf5|libkf6|kf[56]-|libk(5|pim)|kdevelop|.*-ocaml(-dev)?$|plasma-"
    r"|gnome-|cinnamon|libqt[56]\w*-dev-|ukui|deepin|libdtk|libayatana|python3-.*-dbg|dh-|debian-"
    r"|fonts-(noto-(ui|hinted|unhinted)|.*-otf$)"
)
# Their libraries are in every image that has a compiler's output to run, or come with the compiler.
TOOLCHAIN = re.compile(r"libc6?-dev|libc6-dev-.*|linux-libc-dev|libstdc\+\+-\d+-dev|libgcc-\d+-dev|libcrypt-dev")

LIBRARY_FOLDER = r"(?:usr/)?lib(?:64)?/(?:x86_64-linux-gnu/)?"
# Variants of BLAS and LAPACK have folders of their own; update-alternatives links one of them into the folder above.
SONAME = re.compile(rf"{LIBRARY_FOLDER}(?:(?:blas|lapack|openblas[\w-]*|atlas)/)?([^/]+\.so(?:\.[0-9][^/]*)?)")
LINKER_NAME = re.compile(r"(?:usr/)?lib(?:64)?/(?:[^/]+/){0,3}(lib[^/]+)\.so")
ARCHIVE = re.compile(r"(?:usr/)?lib(?:64)?/(?:[^/]+/){0,3}lib[^/]+\.a")
PROGRAM = re.compile(r"(?:usr/)?s?bin/([^/]+)")
WORD = re.compile(r"[ (:\[]")


class Package(NamedTuple):
    """A paragraph of Packages. Relations are lists of alternatives (Debian policy, 7.1)."""

    name: str
    section: str
    kib: int
    depends: list[list[str]]
    recommends: list[list[str]]
    provides: list[str]
    base: bool
    source: str
    same_version: frozenset[str]


class Contents(NamedTuple):
    """What of Contents matters here, by package."""

    sonames: dict[str, set[str]]
    linker_names: dict[str, set[str]]
    archives: set[str]
    programs: dict[str, set[str]]


def relations(value: str) -> list[list[str]]:
    return [[WORD.split(one.strip())[0] for one in part.split("|")] for part in value.split(",") if part.strip()]


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    for block in text.split("\n\n"):
        fields = {}
        for line in block.split("\n"):
            if line and line[0] not in " \t":
                key, _, value = line.partition(": ")
                fields[key] = value
        if "Package" in fields:
            yield fields


def package(fields: dict[str, str]) -> Package:
    version = fields["Version"]
    wanted = fields.get("Pre-Depends", "") + "," + fields.get("Depends", "")
    return Package(
        fields["Package"],
        fields.get("Section", "").rpartition("/")[2],
        int(fields.get("Installed-Size", "0")),
        relations(wanted),
        relations(fields.get("Recommends", "")),
        [names[0] for names in relations(fields.get("Provides", ""))],
        fields.get("Essential") == "yes" or fields.get("Priority") == "required" or fields["Package"] == "apt",
        WORD.split(fields.get("Source", fields["Package"]))[0],
        frozenset(WORD.split(part.strip())[0] for part in wanted.split(",") if f"(= {version})" in part),
    )


def contents(lines: Iterable[str]) -> Contents:
    found = Contents(defaultdict(set), defaultdict(set), set(), defaultdict(set))
    for line in lines:
        path, _, where = line.rpartition(" ")
        path = path.rstrip()
        packages = [one.rpartition("/")[2] for one in where.split(",")]
        for pattern, table in ((SONAME, found.sonames), (LINKER_NAME, found.linker_names), (PROGRAM, found.programs)):
            match = pattern.fullmatch(path)
            if match:
                for name in packages:
                    table[name].add(match[1])
        if ARCHIVE.fullmatch(path):
            found.archives.update(packages)
    return found


class Release:
    """One release's packages, and the questions that need all of them."""

    def __init__(self, packages: Iterable[Package], found: Contents) -> None:
        self.packages = {one.name: one for one in packages}
        self.contents = found
        self.providers: dict[str, list[str]] = defaultdict(list)
        for one in self.packages.values():
            for name in one.provides:
                self.providers[name].append(one.name)
        # awk is mawk and /usr is merged in Debian's images: required, or chosen when they are made.
        seeds = [one.name for one in self.packages.values() if one.base and one.name != "usrmerge"]
        self.base: set[str] = set()
        self.base = self.closure([*seeds, *({"usr-is-merged"} & self.packages.keys())])

    def resolve(self, alternatives: list[str], chosen: Container[str] = ()) -> str | None:
        """The package that apt takes: one that is there already, else the first that exists or is provided."""
        for name in alternatives:
            candidates = [name, *self.providers.get(name, [])]
            for one in candidates:
                if one in chosen:
                    return one
        for name in alternatives:
            if name in self.packages:
                return name
            if self.providers.get(name):
                return min(self.providers[name])
        return None

    def closure(self, names: Iterable[str]) -> set[str]:
        """The packages and all that they depend on; of alternatives what the base has, then the first."""
        seen: set[str] = set(names)
        base = self.base or frozenset(seen)
        todo = sorted(seen)
        while todo:
            for alternatives in self.packages[todo.pop()].depends:
                one = self.resolve(alternatives, base)
                if one is not None and one not in seen:
                    seen.add(one)
                    todo.append(one)
        return seen

    # -- which libraries a -dev package stands for --

    def is_headers(self, name: str) -> bool:
        one = self.packages[name]
        if re.fullmatch(r"gfortran(-\d+)?(-x86-64-linux-gnu)?", name):
            return True  # its run-time library is no part of the C compiler's, so people must name it
        return name.endswith("-dev") or (one.section == "libdevel" and not name.endswith(("-doc", "-dbg")))

    def sonames(self, name: str) -> set[str]:
        """The shared libraries of a run-time package, linker names apart."""
        return {
            one for one in self.contents.sonames.get(name, ()) if not one.endswith(".so") or not self.is_headers(name)
        }

    def runtime(self, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
        """The packages with the libraries that linking against a -dev package binds to; None where that is not known.

        These are the packages it depends on that hold lib*.so.N for one of its own lib*.so; where one is missed, those
        that it depends on in its own version. If it links nothing itself (a meta package, headers only, a static
        library), the latter and those of the -dev packages it depends on.
        """
        one = self.packages[name]
        depends = [self.resolve(alternatives) for alternatives in one.depends]
        direct = [
            other for other in depends if other is not None and not self.is_headers(other) and self.sonames(other)
        ]
        linked = self.contents.linker_names.get(name, set())
        found: set[str] = set()
        missed = set()
        for linker_name in linked:
            versioned = re.compile(re.escape(linker_name) + r"(?:\.so\.[0-9]|[-.0-9]+\.so(?:\.[0-9]|$))")
            holders = {other for other in direct if any(versioned.match(soname) for soname in self.sonames(other))}
            found |= holders
            if not holders:
                missed.add(linker_name)
        if not linked or missed:
            found |= {
                other
                for other in direct
                if self.packages[other].section in ("libs", "oldlibs")
                and (other in one.same_version or (linked and not found and self.packages[other].source == one.source))
            }
        if linked and found:
            return frozenset(found)
        below: set[str] = set()
        for other in depends:
            if other is None or other in seen or not self.is_headers(other) or TOOLCHAIN.fullmatch(other):
                continue
            more = self.runtime(other, seen | {name})
            if more is None:
                return None
            below |= more
        if linked and not below:
            return None  # it holds a lib*.so whose library no dependency brings: perhaps it is the library
        return frozenset(found | below)

    # -- what is kept --

    def users(self) -> Counter[str]:
        """How many source packages depend on something from a source package."""
        pairs = set()
        for one in self.packages.values():
            for alternatives in (*one.depends, *one.recommends):
                target = self.packages.get(alternatives[0])
                if target is not None and target.source != one.source:
                    pairs.add((target.source, one.source))
        return Counter(target for target, _ in pairs)

    def kept(self) -> list[str]:
        users = self.users()
        wanted = {
            one.name
            for one in self.packages.values()
            if KEPT.fullmatch(one.name)
            or one.name in self.base
            or (one.section not in LEFT_OUT and (one.section not in LIBRARIES or users[one.source] >= MANY))
        }
        wanted = {name for name in wanted if not ODD.match(name)}
        return sorted(self.closure(wanted))


def after(package: str, name: str) -> str:
    """A name as how many characters it shares with its package's, counted from "0", and the rest."""
    shared = next((at for at, (one, other) in enumerate(zip(package, name, strict=False)) if one != other), None)
    shared = min(len(package), len(name)) if shared is None else shared
    return chr(ord("0") + shared) + name[shared:]


def shortest(names: set[str]) -> set[str]:
    """Of libpq.so.5 and libpq.so.5.15 the first: what a program asks for, not the file that it leads to."""

    def prefixes(name: str) -> Iterator[str]:
        head, _, tail = name.partition(".so.")
        parts = tail.split(".")
        return (f"{head}.so.{'.'.join(parts[:count])}" for count in range(1, len(parts)))

    return {name for name in names if not any(one in names for one in prefixes(name))}


def names(release: Release, kept: list[str], note: list[str]) -> dict[str, list[str]]:
    sections = sorted({release.packages[name].section for name in kept})
    return {
        "source": note,
        "base": [" ".join(str(kept.index(name)) for name in sorted(release.base))],
        "sections": sections,
        "names": kept,
        "section": ["".join(chr(ord("0") + sections.index(release.packages[name].section)) for name in kept)],
    }


def graph(release: Release, kept: list[str]) -> dict[str, list[str]]:
    ids = {name: number for number, name in enumerate(kept)}
    depends, recommends = [], []
    for name in kept:
        one = release.packages[name]
        targets = [release.resolve(alternatives, release.base) for alternatives in one.depends]
        unmet = None in targets
        numbers = sorted(
            {ids[target] for target in targets if target is not None and target not in release.base} - {ids[name]}
        )
        depends.append(" ".join([*map(str, numbers), *(["?"] if unmet else [])]))
        wanted = {target for alternatives in one.recommends if (target := release.resolve(alternatives))}
        recommends.append(" ".join(str(ids[target]) if target in ids else "=" + target for target in sorted(wanted)))
    virtual = {
        name: [str(ids[one]) for one in sorted(set(providers)) if one in ids]
        for name, providers in sorted(release.providers.items())
        if name not in release.packages
        and not re.search(
            r"dcv1|-cross$|^(lua\d|kodi-|libkf[56]|.*ocaml|perl|lib.*-perl$|librust"
            r"|python3?-|php-|node-|ruby-|golang-|ghc|libghc|r-|texlive-|gir1)|abi|-[0-9a-f]{5}$",
            name,
        )
    }
    virtual = {name: providers for name, providers in virtual.items() if providers}
    return {
        "kib": [str(release.packages[name].kib) for name in kept],
        "depends": depends,
        "recommends": recommends,
        "virtual": list(virtual),
        "providers": [" ".join(providers) for providers in virtual.values()],
    }


def headers(release: Release, note: list[str]) -> dict[str, list[str]]:
    left_out = re.compile(r"librust-|golang-|libghc-|.*-ocaml-dev$|lib.*-camomile|kf5-|gir1|gambas")
    table = {}
    for name in sorted(release.packages):
        if release.is_headers(name) and not left_out.match(name) and not TOOLCHAIN.fullmatch(name):
            libraries = release.runtime(name)
            if libraries is not None:
                table[name] = sorted(libraries)
    for name in sorted(release.providers):
        providers = [one for one in release.providers[name] if one in table]
        if (
            name not in release.packages
            and name.endswith("-dev")
            and len(providers) == 1
            and release.providers[name] == providers
        ):
            table[name] = table[providers[0]]
    table = dict(sorted(table.items()))
    return {"source": note, "names": list(table), "libraries": [" ".join(libraries) for libraries in table.values()]}


def files(release: Release, kept: list[str]) -> dict[str, list[str]]:
    """Programs and sonames, a line for each package: `~` is a program of the package's own name."""
    found = release.contents
    programs = [" ".join("~" if one == name else one for one in sorted(found.programs.get(name, ()))) for name in kept]
    sonames = [" ".join(after(name, one) for one in sorted(shortest(release.sonames(name)))) for name in kept]
    return {"programs": programs, "sonames": sonames}


# -- fetching --


def fetch(suite: str, folder: Path) -> None:
    """Let apt fetch a suite's indices into a folder of their own."""
    site = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(SIGNED_BY)", "Created-By: Packages", "Origin: Debian"],
        capture_output=True, text=True, check=True,
    ).stdout.split("\n")[0].split()  # fmt: skip
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    signed = f" signed-by={site[1]}" if len(site) > 1 else ""
    (folder / "sources.list").write_text(f"deb [arch=amd64{signed}] {site[0]} {suite} main\n", encoding="utf-8")
    target = "Acquire::IndexTargets::deb::Contents-deb"
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": "amd64",
        "Acquire::Languages": "none",
        f"{target}::MetaKey": "$(COMPONENT)/Contents-$(ARCHITECTURE)",
        f"{target}::ShortDescription": "Contents-$(ARCHITECTURE)",
        f"{target}::Description": "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents (deb)",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    subprocess.run(["apt-get", "update", "-q", *words], check=True)


def text(path: Path) -> str:
    output = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, check=True).stdout
    return output.decode("utf-8", "replace")


def load(folder: Path) -> tuple[Release, dict[str, str]]:
    (index,) = folder.glob("lists/*_Packages*")
    (signed,) = folder.glob("lists/*_InRelease")
    lines = (line for path in sorted(folder.glob("lists/*_Contents-*")) for line in text(path).split("\n"))
    heads = dict(line.partition(": ")[::2] for line in signed.read_text(encoding="utf-8").split("\n") if ": " in line)
    return Release(map(package, paragraphs(text(index))), contents(lines)), heads


def write(name: str, folder: Path) -> None:
    release, heads = load(folder)
    if heads["Codename"] != name:
        raise SystemExit(f"{folder} holds {heads['Codename']}, not {name}")
    note = [f"Debian {heads['Version']} ({name}), main, amd64: Packages and Contents of {heads['Date']}"]
    kept = release.kept()
    for kind, columns in {
        "names": names(release, kept, note),
        "graph": graph(release, kept),
        "files": files(release, kept),
        "headers": headers(release, note),
    }.items():
        data = pack(columns)
        (FOLDER / f"debian-{name}.{kind}.xz").write_bytes(data)
        print(f"{name} {kind}: {len(data):,} bytes,", {key: len(values) for key, values in columns.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=Path, help="keep the indices here, and use those that are here")
    parser.add_argument("releases", nargs="*", default=RELEASES, metavar="RELEASE[=SUITE]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for one in arguments.releases:
            name, _, suite = one.partition("=")
            folder = (arguments.lists or Path(temporary)) / name
            if not list(folder.glob("lists/*_InRelease")):
                fetch(suite or name, folder)
            write(name, folder.resolve())


if __name__ == "__main__":
    main()
