"""Ubuntu's and Alpine's -dev packages, and the silence about those that are not known."""

from __future__ import annotations

import pytest

from slimify.knowledge.other_headers import (
    UBUNTU_RELEASES,
    _table,
    alpine_runtime_packages,
    ubuntu_runtime_packages,
)


@pytest.mark.parametrize(
    ("package", "release", "libraries"),
    [
        ("libpq-dev", "jammy", ("libpq5",)),
        ("libpq-dev", "noble", ("libpq5",)),
        ("libssl-dev", "focal", ("libssl1.1",)),
        ("libssl-dev", "jammy", ("libssl3",)),
        ("libssl-dev", "noble", ("libssl3t64",)),
        ("libicu-dev", "noble", ("libicu74",)),
        ("libjpeg-dev", "jammy", ("libjpeg-turbo8",)),
        ("libboost-dev", "noble", ()),
        ("libpq-dev", "focal", ("libpq5",)),
        ("libpqxx-dev", "jammy", ("libpqxx-6.4",)),
        ("libvips-dev", "focal", None),
        ("libpq-dev", "bookworm", None),
        ("libpq-dev", "source", None),
        ("libpq5", "noble", None),
        ("", "noble", None),
    ],
)
def test_ubuntu(package: str, release: str, libraries: tuple[str, ...] | None) -> None:
    assert ubuntu_runtime_packages(package, release) == libraries


@pytest.mark.parametrize(
    ("package", "libraries"),
    [
        ("postgresql-dev", ("libpq",)),
        ("jpeg-dev", ("libjpeg-turbo",)),
        ("mariadb-connector-c-dev", ("mariadb-connector-c",)),
        ("g++", ("libgcc", "libstdc++")),
        ("musl-dev", ()),
        ("linux-headers", ()),
        ("openssl-dev", None),
        ("libpq", None),
        ("default-libmysqlclient-dev", None),
        ("", None),
    ],
)
def test_alpine(package: str, libraries: tuple[str, ...] | None) -> None:
    assert alpine_runtime_packages(package) == libraries


@pytest.mark.parametrize("release", ["3.16", "3.9.6", "2", "edge", "", "3.", "\N{SUPERSCRIPT THREE}.17", None])
def test_alpine_release_too_old_or_not_known(release: str | None) -> None:
    assert alpine_runtime_packages("openssl-dev", release) is None
    assert alpine_runtime_packages("libffi-dev", release) == ("libffi",)


@pytest.mark.parametrize("release", ["3.17", "3.20", "3.20.1", "4"])
def test_alpine_release_new_enough(release: str) -> None:
    assert alpine_runtime_packages("openssl-dev", release) == ("libcrypto3", "libssl3")


def test_the_table_is_in_order() -> None:
    table = _table()
    assert tuple(table["ubuntu"]) == UBUNTU_RELEASES
    for entries in table["ubuntu"].values():
        assert list(entries) == sorted(entries)
        assert all(libraries == sorted(libraries) for libraries in entries.values())
    assert list(table["alpine"]) == sorted(table["alpine"])
    for libraries, recipe, *_ in table["alpine"].values():
        assert libraries == sorted(libraries)
        assert recipe.startswith(("main/", "community/"))
