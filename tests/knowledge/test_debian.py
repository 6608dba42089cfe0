"""Facts on Debian's packages, looked up by hand, against what was derived from the indices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.knowledge import debian
from slimify.knowledge.debian import Role

KNOWLEDGE = Path(debian.__file__).parent
MIB = 1024 * 1024

# -dev package: bullseye | bookworm | trixie. One entry serves all three; "-" where the release has no such package.
RUNTIME = """
libpq-dev: libpq5
default-libmysqlclient-dev: libmariadb3
libmariadb-dev: libmariadb3
libmariadb-dev-compat: libmariadb3
libjpeg-dev: libjpeg62-turbo
libjpeg62-turbo-dev: libjpeg62-turbo
libpng-dev: libpng16-16 | libpng16-16 | libpng16-16t64
libtiff-dev: libtiff5 libtiffxx5 | libtiff6 libtiffxx6 | libtiff6 libtiffxx6
libfreetype-dev: libfreetype6
libfreetype6-dev: libfreetype6
liblcms2-dev: liblcms2-2
libopenjp2-7-dev: libopenjp2-7
libgif-dev: libgif7
libxml2-dev: libxml2
libxslt1-dev: libxslt1.1
libssl-dev: libssl1.1 | libssl3 | libssl3t64
libffi-dev: libffi7 | libffi8 | libffi8
zlib1g-dev: zlib1g
libbz2-dev: libbz2-1.0
liblzma-dev: liblzma5
libzstd-dev: libzstd1
libsqlite3-dev: libsqlite3-0
libreadline-dev: libreadline8 | libreadline8 | libreadline8t64
libncurses-dev: libncurses6 libncursesw6 libtinfo6
libncurses5-dev: libncurses6 libncursesw6 libtinfo6
libgdbm-dev: libgdbm6 | libgdbm6 | libgdbm6t64
libdb-dev: libdb5.3 | libdb5.3 | libdb5.3t64
uuid-dev: libuuid1
tk-dev: libtcl8.6 libtk8.6 libx11-6 libxext6 libxft2 libxss1 zlib1g
libcurl4-openssl-dev: libcurl4 | libcurl4 | libcurl4t64
libcurl4-gnutls-dev: libcurl3-gnutls | libcurl3-gnutls | libcurl3t64-gnutls
libmagickwand-dev: libmagickwand-6.q16-6 | libmagickwand-6.q16-6 | libmagickwand-7.q16-10
libgdal-dev: libgdal28 | libgdal32 | libgdal36
libgeos-dev: libgeos-c1v5 | libgeos-c1v5 | libgeos-c1t64
libproj-dev: libproj19 | libproj25 | libproj25
libnetcdf-dev: libnetcdf18 | libnetcdf19 | libnetcdf22
libldap2-dev: libldap-2.4-2 | libldap-2.5-0 | libldap2
libsasl2-dev: libsasl2-2
libicu-dev: libicu67 | libicu72 | libicu76
libyaml-dev: libyaml-0-2
libzip-dev: libzip4 | libzip4 | libzip5
libonig-dev: libonig5
libgmp-dev: libgmp10 libgmpxx4ldbl
libev-dev: libev4 | libev4 | libev4t64
libuv1-dev: libuv1 | libuv1 | libuv1t64
libgif-dev: libgif7
librdkafka-dev: librdkafka++1 librdkafka1
libzmq3-dev: libzmq5
libgpgme-dev: libgpgme11 | libgpgme11 | libgpgme11t64
libsodium-dev: libsodium23
libgpgme-dev: libgpgme11 | libgpgme11 | libgpgme11t64
libglib2.0-dev: libglib2.0-0 | libglib2.0-0 | libgirepository-2.0-0 libglib2.0-0t64
libgtk-3-dev: libgtk-3-0 | libgtk-3-0 | libgtk-3-0t64
libgl-dev: libgl1
libgl1-mesa-dev: libgl1 libglvnd0
libx11-dev: libx11-6
libxext-dev: libxext6
libxrender-dev: libxrender1
libsm-dev: libsm6
libavcodec-dev: libavcodec58 | libavcodec59 | libavcodec61
libswscale-dev: libswscale5 | libswscale6 | libswscale8
libsndfile1-dev: libsndfile1
portaudio19-dev: libportaudio2 libportaudiocpp0
libasound2-dev: libasound2 | libasound2 | libasound2t64
libsdl2-dev: libsdl2-2.0-0
libatlas-base-dev: libatlas3-base | libatlas3-base | -
libblas-dev: libblas3
liblapack-dev: liblapack3
libboost-system-dev: libboost-system1.74.0 | libboost-system1.74.0 | libboost-system1.83.0
libboost-python-dev: libboost-python1.74.0 | libboost-python1.74.0 | libboost-python1.83.0
libtesseract-dev: libtesseract4 | libtesseract5 | libtesseract5
libleptonica-dev: liblept5 | liblept5 | libleptonica6
libpoppler-cpp-dev: libpoppler-cpp0v5 | libpoppler-cpp0v5 | libpoppler-cpp2
libvips-dev: libvips42 | libvips42 | libvips42t64
libmagic-dev: libmagic1 | libmagic1 | libmagic1t64
freetds-dev: libct4 libsybdb5
unixodbc-dev: libodbc1 odbcinst1debian2 | libodbc2 libodbccr2 libodbcinst2 | libodbc2 libodbccr2 libodbcinst2
libaio-dev: libaio1 | libaio1 | libaio1t64
libpcap-dev: libpcap0.8 | libpcap0.8 | libpcap0.8t64
libpcre3-dev: libpcre16-3 libpcre3 libpcre32-3 libpcrecpp0v5 | libpcre16-3 libpcre3 libpcre32-3 libpcrecpp0v5 | -
libusb-1.0-0-dev: libusb-1.0-0
libudev-dev: libudev1
libsystemd-dev: libsystemd0
libsnappy-dev: libsnappy1v5
libseccomp-dev: libseccomp2
libnghttp2-dev: libnghttp2-14
libc-ares-dev: libc-ares2 | libc-ares2 | libcares2
libarchive-dev: libarchive13 | libarchive13 | libarchive13t64
python3-dev: libexpat1 libpython3.9 zlib1g | libpython3.11 | libpython3.13
libperl-dev: libperl5.32 | libperl5.36 | libperl5.40
ruby-dev: libruby2.7 | libruby3.1 | libruby3.3
gfortran: libgfortran5
"""


def runtime_table() -> list[tuple[str, str, tuple[str, ...] | None]]:
    table = []
    for line in RUNTIME.strip().splitlines():
        package, _, libraries = line.partition(": ")
        cells = libraries.split(" | ")
        for release, cell in zip(debian.RELEASES, cells if len(cells) == 3 else cells * 3, strict=True):
            table.append((package, release, None if cell == "-" else tuple(cell.split())))
    return table


@pytest.mark.parametrize(("package", "release", "libraries"), runtime_table())
def test_libraries_of_a_dev_package(package: str, release: str, libraries: tuple[str, ...] | None) -> None:
    assert debian.runtime_packages(package, release) == libraries


@pytest.mark.parametrize("package", ["libboost-dev", "libeigen3-dev", "rapidjson-dev", "libcxxopts-dev"])
def test_headers_alone_need_no_library(package: str) -> None:
    assert debian.runtime_packages(package, "bookworm") == ()


@pytest.mark.parametrize(
    ("package", "libraries"),
    [
        ("libopenblas-dev", {"libopenblas0-pthread"}),
        ("libboost-all-dev", {"libboost-filesystem1.74.0", "libboost-regex1.74.0", "libboost-python1.74.0"}),
        ("libkrb5-dev", {"libkrb5-3", "libgssapi-krb5-2"}),
        ("libopencv-dev", {"libopencv-core406", "libopencv-imgproc406"}),
    ],
)
def test_meta_packages_stand_for_those_they_depend_on(package: str, libraries: set[str]) -> None:
    found = debian.runtime_packages(package, "bookworm")
    assert found is not None
    assert libraries <= set(found)
    assert not any(one.endswith("-dev") for one in found)


@pytest.mark.parametrize(
    ("package", "release"),
    [
        ("libpq-dev", "noble"),
        ("libpq-dev", "sid"),
        ("libpq-dev", ""),
        ("libpq-dev", "../debian-bookworm"),
        ("libpq5", "bookworm"),  # not a -dev package
        ("curl", "bookworm"),
        ("libmysqlclient-dev", "bookworm"),  # Debian has MariaDB's alone
        ("libcurl-dev", "bookworm"),  # three packages provide it
        ("libc6-dev", "bookworm"),  # the compiler's own
        ("libpq-dev=15.3-0", "bookworm"),
        ("LIBPQ-DEV", "bookworm"),
        ("", "bookworm"),
    ],
)
def test_what_is_not_known_is_none(package: str, release: str) -> None:
    assert debian.runtime_packages(package, release) is None


@pytest.mark.parametrize("release", debian.RELEASES)
def test_every_library_named_is_a_package_that_is_no_dev_package(release: str) -> None:
    for package, libraries in debian._headers(release).items():
        assert list(libraries) == sorted(set(libraries))
        assert not any(one.endswith("-dev") for one in libraries), package


@pytest.mark.parametrize(
    "package",
    "build-essential gcc g++ gcc-12 g++-12 gfortran clang clang-14 llvm-14 make cmake ninja-build meson "
    "autoconf automake libtool pkg-config pkgconf bison flex nasm yasm python3-dev python3.11-dev libpq-dev "
    "libssl-dev libboost1.74-dev libc6-dev linux-libc-dev linux-headers-amd64 default-jdk "
    "openjdk-17-jdk-headless maven rustc cargo golang-go dpkg-dev debhelper postgresql-server-dev-15 "
    "postgresql-server-dev-all zlib1g-dev default-libmysqlclient-dev cython3 swig patchelf ccache gettext "
    "doxygen libglib2.0-dev-bin".split(),
)
def test_build_only(package: str) -> None:
    assert debian.is_build_only(package)


@pytest.mark.parametrize(
    "package",
    "git curl wget ca-certificates gnupg unzip xz-utils libpq5 libssl3 python3 python3-pip python3-venv "
    "python3-setuptools nginx ffmpeg perl nodejs npm default-jre openjdk-17-jre-headless binutils gdb "
    "gettext-base libgcc-s1 libstdc++6 libgomp1 gcc-12-base gcc-avr-fan makepasswd cmakelists -dev dev "
    "libpq-devel no-such-package ruby fonts-dejavu-core libgl1-mesa-dri postgresql-15".split(),
)
def test_not_build_only(package: str) -> None:
    # gcc-12-base is no compiler: everything that C++ compiled needs it through libgcc-s1.
    assert not debian.is_build_only(package)


@pytest.mark.parametrize(
    ("package", "role"),
    [
        ("gcc", Role.COMPILER),
        ("libpq-dev", Role.HEADERS),
        ("cmake", Role.BUILD_TOOL),
        ("git", Role.FETCH_TOOL),
        ("curl", Role.FETCH_TOOL),
        ("gnupg", Role.FETCH_TOOL),
        ("libpq5", Role.LIBRARY),
        ("nginx", Role.PROGRAM),
        ("ffmpeg", Role.PROGRAM),
        ("python3", Role.PROGRAM),
        ("fonts-liberation", Role.FONT),
        ("man-db", Role.DOC),
        ("no-such-package", Role.UNKNOWN),
        ("", Role.UNKNOWN),
    ],
)
def test_role(package: str, role: Role) -> None:
    assert debian.package_role(package, "bookworm") is role


def test_a_role_known_by_name_needs_no_release() -> None:
    assert debian.package_role("git", "noble") is Role.FETCH_TOOL
    assert debian.package_role("nginx", "noble") is Role.UNKNOWN


@pytest.mark.parametrize(
    ("program", "release", "package"),
    [
        ("git", "bookworm", "git"),
        ("git", "bullseye", "git"),
        ("ls", "trixie", "coreutils"),
        ("ps", "bookworm", "procps"),
        ("pg_config", "bookworm", "libpq-dev"),
        ("psql", "bookworm", "postgresql-client-common"),
        ("envsubst", "bookworm", "gettext-base"),
        ("pdftoppm", "bookworm", "poppler-utils"),
        ("tesseract", "bookworm", "tesseract-ocr"),
        ("xelatex", "bookworm", "texlive-xetex"),
        ("pip3", "bookworm", "python3-pip"),
        ("nginx", "trixie", "nginx"),
        ("useradd", "bookworm", "passwd"),
        ("node", "bookworm", "nodejs"),
        ("awk", "bookworm", "mawk"),
        ("cc", "bookworm", "gcc"),
        ("java", "bookworm", "openjdk-17-jre-headless"),
        ("java", "trixie", "openjdk-21-jre-headless"),
        ("convert", "bookworm", "imagemagick-6.q16"),
        ("convert", "trixie", "imagemagick-7.q16"),
        ("nc", "bookworm", "netcat-openbsd"),
        ("php", "trixie", "php8.4-cli"),
        ("dot", "bookworm", "graphviz"),
        ("aarch64-linux-gnu-gcc", "bookworm", "gcc-aarch64-linux-gnu"),
    ],
)
def test_who_brings_a_program(program: str, release: str, package: str) -> None:
    assert package in debian.package_of_program(program, release)


@pytest.mark.parametrize(
    ("program", "release"),
    [
        ("git", "noble"),
        ("java", "noble"),
        ("no-such-program", "bookworm"),
        ("/usr/bin/git", "bookworm"),
        ("", "bookworm"),
    ],
)
def test_programs_that_nobody_is_known_to_bring(program: str, release: str) -> None:
    assert debian.package_of_program(program, release) == ()


def test_an_alternative_is_named_only_where_its_package_exists() -> None:
    assert debian.package_of_program("java", "bullseye")[0].startswith("openjdk-")
    assert "openjdk-21-jre-headless" not in debian.package_of_program("java", "bookworm")


@pytest.mark.parametrize(
    ("soname", "libraries"),
    [
        ("libGL.so.1", "libgl1"),
        ("libgthread-2.0.so.0", "libglib2.0-0 | libglib2.0-0 | libglib2.0-0t64"),
        ("libpq.so.5", "libpq5"),
        ("libmagic.so.1", "libmagic1 | libmagic1 | libmagic1t64"),
        ("libSM.so.6", "libsm6"),
        ("libstdc++.so.6", "libstdc++6"),
        ("libgomp.so.1", "libgomp1"),
        ("libz.so.1", "zlib1g"),
        ("libmariadb.so.3", "libmariadb3"),
        ("libcairo.so.2", "libcairo2"),
        ("libpango-1.0.so.0", "libpango-1.0-0"),
        ("libgobject-2.0.so.0", "libglib2.0-0 | libglib2.0-0 | libglib2.0-0t64"),
        ("libnss3.so", "libnss3"),
    ],
)
def test_who_brings_a_library(soname: str, libraries: str) -> None:
    cells = libraries.split(" | ")
    for release, cell in zip(debian.RELEASES, cells if len(cells) == 3 else cells * 3, strict=True):
        assert cell in debian.package_of_library(soname, release)


@pytest.mark.parametrize(
    ("soname", "release"),
    [
        ("libpq.so.5", "noble"),
        ("libpq.so.5.15", "bookworm"),
        ("libpq.so", "bookworm"),
        ("libnone.so.1", "bookworm"),
        ("", "bookworm"),
    ],
)
def test_libraries_that_nobody_is_known_to_bring(soname: str, release: str) -> None:
    assert debian.package_of_library(soname, release) == ()


class TestSizes:
    def test_in_bytes(self) -> None:
        git = debian.installed_size("git", "bookworm")
        assert git is not None
        assert git % 1024 == 0
        assert 30 * MIB < git < 60 * MIB

    @pytest.mark.parametrize(
        ("package", "release"), [("no-such-package", "bookworm"), ("git", "noble"), ("", "bookworm")]
    )
    def test_unknown(self, package: str, release: str) -> None:
        assert debian.installed_size(package, release) is None
        assert debian.closure_size([package], release) is None
        assert not debian.knows(package, release)

    @pytest.mark.parametrize("release", debian.RELEASES)
    def test_what_the_image_has_adds_nothing(self, release: str) -> None:
        assert debian.closure_size(["coreutils", "bash", "apt", "libc6"], release) == 0
        assert debian.closure_size([], release) == 0

    @pytest.mark.parametrize("release", debian.RELEASES)
    def test_a_compiler_is_some_hundred_mebibytes(self, release: str) -> None:
        size = debian.closure_size(["build-essential"], release)
        assert size is not None
        assert 200 * MIB < size < 450 * MIB

    def test_common_parts_count_once(self) -> None:
        one, other = (debian.closure_size([name], "bookworm") for name in ("git", "curl"))
        both = debian.closure_size(["git", "curl", "git"], "bookworm")
        assert one is not None
        assert other is not None
        assert both is not None
        assert max(one, other) < both < one + other

    def test_another_base_is_not_known(self) -> None:
        assert debian.closure_size(["git"], "bookworm", base="scratch") is None

    @given(st.lists(st.sampled_from(["git", "curl", "libpq5", "ffmpeg", "gcc", "python3", "nginx"]), max_size=5))
    def test_more_packages_never_take_less(self, packages: list[str]) -> None:
        whole = debian.closure(packages, "bookworm")
        assert whole is not None
        for package in packages:
            part = debian.closure([package], "bookworm")
            assert part is not None
            assert part <= whole


@pytest.mark.parametrize("release", debian.RELEASES)
def test_the_base_is_the_slim_image(release: str) -> None:
    base = debian.base_packages(release)
    assert base is not None
    assert {"apt", "bash", "libc6", "libstdc++6", "perl-base", "mawk", "passwd"} <= base
    assert not {"perl", "gawk", "ca-certificates", "curl", "procps", "usrmerge", "systemd"} & base
    assert debian.base_packages("noble") is None


def test_closure_follows_dependencies_but_no_recommendations() -> None:
    added = debian.closure(["curl"], "bookworm")
    assert added is not None
    assert {"curl", "libcurl4"} <= added
    assert "ca-certificates" not in added


def test_recommendations() -> None:
    assert debian.recommends("wget", "bookworm") == ("ca-certificates",)
    assert debian.recommends("curl", "bookworm") == ()  # its library recommends the certificates
    assert {"build-essential", "python3-dev"} <= set(debian.recommends("python3-pip", "bookworm"))
    assert debian.recommends("no-such-package", "bookworm") == ()
    assert debian.recommends("curl", "noble") == ()


def test_virtual_packages() -> None:
    assert debian.resolve("git", "bookworm") == "git"
    assert debian.resolve("libz-dev", "bookworm") == "zlib1g-dev"
    assert "mawk" in debian.provides("awk", "bookworm")
    assert debian.resolve("awk", "bookworm") is None  # apt refuses to choose
    assert debian.resolve("no-such-package", "bookworm") is None
    assert debian.provides("git", "noble") == ()
    assert debian.resolve("git", "noble") is None


@pytest.mark.parametrize("release", debian.RELEASES)
def test_numbers_lead_somewhere(release: str) -> None:
    names, graph = debian._names(release), debian._graph(release)
    assert names is not None
    assert graph is not None
    assert names.names == sorted(set(names.names))
    assert len(names.names) == len(names.section) == len(graph.kib) == len(graph.depends) == len(graph.recommends)
    for line in graph.depends:
        assert all(word == "?" or int(word) < len(names.names) for word in line.split())


@given(st.text(max_size=12), st.sampled_from([*debian.RELEASES, "noble", "", "\0"]))
def test_any_name_has_an_answer(name: str, release: str) -> None:
    debian.package_role(name, release)
    debian.package_of_program(name, release)
    debian.package_of_library(name, release)
    assert debian.runtime_packages(name, release) is None or debian.is_build_only(name)
    assert debian.recommends(name, release) == () or debian.knows(name, release)
    assert (debian.installed_size(name, release) is None) != debian.knows(name, release)


def test_it_says_where_it_comes_from() -> None:
    assert all(release in (debian.source(release) or "") for release in debian.RELEASES)
    assert debian.source("noble") is None


def test_importing_loads_nothing() -> None:
    script = (
        "import sys; from slimify.knowledge import debian; assert 'lzma' not in sys.modules; "
        "debian.is_build_only('gcc'); assert 'lzma' not in sys.modules; "
        "assert debian._names.cache_info().currsize == 0; "
        "debian.runtime_packages('libpq-dev', 'bookworm'); assert debian._names.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_files_stay_small() -> None:
    assert sum(file.stat().st_size for file in KNOWLEDGE.glob("debian-*.xz")) < 1_500_000
