"""What is in base images: packages, configuration, sizes."""

from __future__ import annotations

import pytest

from slimify.knowledge.image_config import _entries, config
from slimify.knowledge.image_packages import (
    _facts,
    lacks_packages,
    libraries,
    packages,
    programs,
    slim_lacks_headers,
    slim_lacks_libraries,
    slim_lacks_programs,
)
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.run_packages import installed

FULL = ["python:3.11-bookworm", "python:3.13-trixie", "python:3.9-bullseye", "node:20-bookworm", "ruby:3.3-trixie"]


@pytest.mark.parametrize("reference", FULL)
def test_what_every_full_image_has_and_no_slim_one(reference: str) -> None:
    lacking = slim_lacks_programs(reference)
    assert lacking is not None
    expected = {
        "git": "git", "curl": "curl", "wget": "wget", "gcc": "gcc", "cc": "gcc", "g++": "g++", "make": "make",
        "patch": "patch", "hg": "mercurial", "svn": "subversion", "ssh": "openssh-client", "scp": "openssh-client",
        "gpg": "gpg", "dirmngr": "dirmngr", "autoconf": "autoconf", "libtoolize": "libtool", "convert": "imagemagick",
        "identify": "imagemagick", "file": "file", "bzip2": "bzip2", "xz": "xz-utils", "unzip": "unzip",
        "mariadb_config": "libmariadb-dev", "pg_config": "libpq-dev", "curl-config": "libcurl4-openssl-dev",
        "ps": "procps", "ld": "binutils",
    }  # fmt: skip
    assert {name: lacking.get(name) for name in expected} == expected
    assert "pkg-config" in lacking
    shared = slim_lacks_libraries(reference)
    assert shared is not None
    assert {name: shared.get(name) for name in ("libpq.so.5", "libmariadb.so.3", "libxml2.so.2")} == {
        "libpq.so.5": "libpq5",
        "libmariadb.so.3": "libmariadb3",
        "libxml2.so.2": "libxml2",
    }
    headers = slim_lacks_headers(reference)
    assert headers is not None
    assert {"libpq-dev", "libxml2-dev", "libffi-dev", "zlib1g-dev", "libc6-dev"} <= headers


@pytest.mark.parametrize("reference", FULL)
def test_what_slim_images_have(reference: str) -> None:
    lacking, shared = slim_lacks_programs(reference), slim_lacks_libraries(reference)
    assert lacking is not None and shared is not None
    for name in ("tar", "gzip", "sed", "apt-get", "bash", "perl", "find", "useradd", "node", "python"):
        assert name not in lacking
    for name in ("libc.so.6", "libz.so.1", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1"):
        assert name not in shared


def test_what_only_one_language_has() -> None:
    of_python, of_node = slim_lacks_libraries("python:3.11-bookworm"), slim_lacks_libraries("node:20-bookworm")
    assert of_python is not None and of_node is not None
    for name in ("libssl.so.3", "libsqlite3.so.0"):
        assert name not in of_python
        assert name in of_node
    python, node = slim_lacks_programs("python:3.11-bookworm"), slim_lacks_programs("node:20-bookworm")
    assert python is not None and node is not None
    assert "python3" not in python
    assert "python3" in node
    rust = slim_lacks_programs("rust:1.70-bullseye")
    assert rust is not None
    assert "gcc" not in rust and "g++" in rust


def test_a_library_is_in_the_package_of_its_release() -> None:
    trixie, bookworm = libraries("trixie"), libraries("bookworm")
    assert "libicuuc.so.72" in bookworm and "libicuuc.so.72" not in trixie
    assert "libicuuc.so.76" in trixie and "libicuuc.so.76" not in bookworm
    assert programs("buster") == {}
    assert libraries("jammy") == {}


def test_an_image_on_bare_debian_that_is_only_listed() -> None:
    php = packages("php:8.2-fpm-bookworm")
    assert php is not None
    assert {"gcc", "libxml2", "libicu72", "libc6", "curl"} <= php
    assert not {"git", "apache2-bin", "unzip"} & php
    assert packages("php:8.2-fpm-alpine") is None and packages("php:7.1-apache") is None


def test_debian_is_slim_without_losing_a_package() -> None:
    assert slim_lacks_programs("debian:bookworm") == {}
    assert slim_lacks_headers("debian:bookworm") == frozenset()


@pytest.mark.parametrize(
    "reference", ["python:3.9-buster", "golang:1.22", "python:3.11-slim", "erlang:26", "python:3.99"]
)
def test_what_is_not_known_is_not_empty(reference: str) -> None:
    assert slim_lacks_programs(reference) is None
    assert slim_lacks_libraries(reference) is None
    assert slim_lacks_headers(reference) is None


def test_images_of_different_releases_are_not_compared() -> None:
    assert lacks_packages("python:3.11-bookworm", "python:3.11-slim-trixie") is None
    lacking = lacks_packages("golang:1.22-bookworm", "debian:bookworm-slim")
    assert lacking is not None
    assert {"ca-certificates", "git", "gcc"} <= lacking
    assert packages("alpine:3.18") is None


def test_package_lists_have_sources() -> None:
    for entries in (_facts()["base"], _facts()["image"]):
        assert all("https://" in entry["source"] for entry in entries.values())


def test_configurations_have_sources() -> None:
    assert all(entry["source"].startswith("https://") for entry in _entries())


def test_configuration() -> None:
    python = config("python:3.11")
    assert python is not None
    assert python.env == {"LANG": "C.UTF-8", "PYTHON_VERSION": None}
    assert (python.user, python.workdir, python.cmd) == ("root", "/", ("python3",))
    assert python.programs["python3"] == "/usr/local/bin/python3"
    for tag in ("3.13", "3", "latest", "3.14-slim"):
        newer = config(f"python:{tag}")
        assert newer is not None and "LANG" not in newer.env
    node = config("node:20-slim")
    assert node is not None
    assert node.entrypoint == ("docker-entrypoint.sh",)
    apache, cli = config("php:8.2-apache"), config("php:8.2")
    assert apache is not None and cli is not None
    assert (apache.workdir, apache.ports, apache.stopsignal) == ("/var/www/html", ("80/tcp",), "SIGWINCH")
    assert (cli.workdir, cli.ports, cli.stopsignal) == ("/", (), "")
    go = config("golang:1.22")
    assert go is not None and go.workdir == "/go"


@pytest.mark.parametrize(
    "reference",
    [
        "python:2.7",
        "eclipse-temurin:17-ubi9-minimal",
        "python:${V}",
        "example/python:3.11",
        "postgres:15",
        "golang:1.22-windowsservercore",
    ],
)
def test_configuration_that_is_not_known(reference: str) -> None:
    assert config(reference) is None


def test_what_builds_and_what_runs_are_configured_alike() -> None:
    for build, runs in (
        ("maven:3.9-eclipse-temurin-17", "eclipse-temurin:17-jre-noble"),
        ("eclipse-temurin:8-jdk", "eclipse-temurin:8-jre"),
        ("maven:3-jdk-11", "openjdk:11-jre"),
        ("gradle:8-jdk21", "eclipse-temurin:21-jre-noble"),
        ("mcr.microsoft.com/dotnet/sdk:8.0", "mcr.microsoft.com/dotnet/aspnet:8.0"),
    ):
        old, new = config(build), config(runs)
        assert old is not None and new is not None
        shared = old.env.keys() & new.env.keys()
        assert shared
        assert {name: old.env[name] for name in shared} == {name: new.env[name] for name in shared}
        assert old.path == new.path


@pytest.mark.parametrize(
    ("build", "runs", "lost"),
    [
        ("maven:3.9-eclipse-temurin-17", "eclipse-temurin:17-jre-noble", {"binutils", "git", "openssh-client"}),
        ("eclipse-temurin:8-jdk", "eclipse-temurin:8-jre", {"binutils"}),
        (
            "maven:3.9-eclipse-temurin-25",
            "eclipse-temurin:25-jre",
            {"binutils", "curl", "git", "gnupg", "openssh-client", "wget"},
        ),
        ("openjdk:11", "openjdk:11-jre", {"git", "mercurial", "openssh-client", "procps", "subversion"}),
        ("openjdk:8-jdk-alpine", "openjdk:8-jre-alpine", set()),
        (
            "mcr.microsoft.com/dotnet/sdk:8.0",
            "mcr.microsoft.com/dotnet/runtime:8.0",
            {"curl", "git", "libatomic1", "wget"},
        ),
    ],
)
def test_what_an_image_to_run_on_lacks(build: str, runs: str, lost: set[str]) -> None:
    before, after = installed(build), installed(runs)
    assert before is not None and after is not None
    assert before - after == lost


@pytest.mark.parametrize("reference", ["python:3.12", "openjdk:17", "eclipse-temurin:17-ubi9-minimal", "maven:nope"])
def test_installed_packages_that_are_not_known(reference: str) -> None:
    assert installed(reference) is None


def test_sizes_say_how_they_were_made() -> None:
    full, slim = uncompressed_bytes("python:3.11"), uncompressed_bytes("python:3.11-slim")
    assert full is not None and slim is not None
    assert full.bytes > 5 * slim.bytes
    assert "stand-in" in full.how
    read = uncompressed_bytes("python:3.13")
    assert read is not None
    assert read.how.startswith("scaled from the compressed size of python:3.13")
    measured = uncompressed_bytes("mcr.microsoft.com/dotnet/sdk:8.0-bookworm-slim")
    assert measured is not None and measured.how.startswith("measured by its makers on")
    old, new = uncompressed_bytes("eclipse-temurin:8"), uncompressed_bytes("eclipse-temurin:17")
    assert old is not None and new is not None and old.bytes < new.bytes
    buster = uncompressed_bytes("debian:bookworm")
    assert buster is not None and "debian:bookworm (" in buster.how


@pytest.mark.parametrize("reference", ["gcc:12", "alpine:3.18-nope", "example/x", "python:3.11-windowsservercore"])
def test_sizes_that_are_not_known(reference: str) -> None:
    assert uncompressed_bytes(reference) is None
