"""What only serves to build, and what it leaves behind."""

from __future__ import annotations

import pytest

from slimify.knowledge.build_deps import facts, is_alpine_build_only, left_by_alpine
from slimify.knowledge.debian import RELEASES, contents, is_build_only, knows
from slimify.knowledge.language_packages import python_package


@pytest.mark.parametrize(
    ("package", "left"),
    [
        ("gcc", ("libgcc",)),
        ("build-base", ("libgcc", "libstdc++")),
        ("gfortran", ("libgfortran",)),
        ("libpq-dev", ("libpq",)),
        ("openssl-dev", ("libcrypto3", "libssl3")),
        ("make", ()),
        ("linux-headers", ()),
        ("nosuch-dev", None),
    ],
)
def test_what_packages_of_alpine_leave(package: str, left: tuple[str, ...] | None) -> None:
    assert left_by_alpine(package, "3.20") == left
    assert is_alpine_build_only(package)


def test_what_runs_is_not_build_only() -> None:
    for package in ("bash", "curl", "git", "python3", "libpq", "postgresql-client", "gettext"):
        assert not is_alpine_build_only(package)


def test_compilers_of_debian_are_known_to_be_compilers() -> None:
    for package, libraries in facts().debian_compilers.items():
        assert is_build_only(package)
        assert all(knows(library, release) for library in libraries for release in RELEASES)


def test_headers_of_the_c_library_stand_for_nothing() -> None:
    assert facts().debian_c.fullmatch("libc6-dev")
    assert facts().debian_c.fullmatch("libstdc++-12-dev")
    assert not facts().debian_c.fullmatch("libpq-dev")


def test_packages_that_compile_are_not_known_as_harmless_elsewhere() -> None:
    known = [name for name in facts().recompiling if python_package(name) is not None]
    assert "torch" in known
    assert not any(facts().recompiles.search(text) for text in ("import flask", "model.compile()", "re.compile('a')"))


def test_what_packages_of_debian_hold() -> None:
    programs, libraries = contents(["libpq5", "make"], "bookworm")
    assert programs["make"] == "make"
    assert libraries["libpq.so.5"] == "libpq5"
    assert contents(["make"], "jammy") == ({}, {})
