"""What is known of base images: tags, releases, siblings. Half of each table is what must not be known."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.knowledge import packed
from slimify.knowledge.image_siblings import respell, run_sibling, run_siblings, slim_sibling, static_sibling
from slimify.knowledge.images import describe, is_current, tag_exists
from slimify.knowledge.references import parse
from slimify.knowledge.releases import distribution, release_in

ROOT = Path(__file__).parent.parent.parent
KNOWLEDGE = ROOT / "slimify" / "knowledge"
CATALOGUE = ROOT.parent / "shared" / "catalog"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["images", "image_config", "image_sizes", "image_packages", "run_packages"])
def test_the_compiled_files_are_up_to_date(name: str) -> None:
    assert (KNOWLEDGE / f"{name}.json").read_text(encoding="utf-8") == script("compile_images").compiled(name)


@pytest.mark.skipif(not CATALOGUE.is_dir(), reason="the catalogue lies beside the repository")
def test_the_tags_are_those_of_the_catalogue() -> None:
    assert (KNOWLEDGE / "image_tags.bin").read_bytes() == script("compile_image_tags").compiled(CATALOGUE)


def test_the_data_is_small() -> None:
    assert sum(path.stat().st_size for path in KNOWLEDGE.glob("*.bin")) < 400_000


def test_importing_reads_nothing() -> None:
    code = (
        "import sys; sys.addaudithook(lambda event, args: event == 'open' and str(args[0]).endswith(('.bin', '.json'))"
        " and sys.exit(f'opens {args[0]}'))\n"
        "from slimify.knowledge import images, image_siblings, image_packages, image_config, image_sizes\n"
        "sys.exit('tomllib' in sys.modules or 'lzma' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_image_is_read_at_a_time() -> None:
    packed.table.cache_clear()
    assert tag_exists("python", "3.11")
    assert packed.table.cache_info().currsize == 1


def test_a_look_up_is_fast() -> None:
    packed.table("image_tags.bin", "alpine")
    times = []
    for _ in range(5):
        packed.table.cache_clear()
        start = time.process_time()
        tag_exists("python", "3.11")
        times.append(time.process_time() - start)
    assert min(times) < 0.01


keys = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=200)


@given(st.dictionaries(st.text(max_size=5), st.dictionaries(keys, st.sampled_from(["a", "b", ""])), max_size=3))
def test_what_is_packed_is_unpacked(tables: dict[str, dict[str, str]]) -> None:
    data = packed.pack(tables, {})
    line, _, rest = data.partition(b"\n")
    about = packed.json.loads(line)
    for name, table in tables.items():
        start, length = about["tables"][name]
        assert packed.unpack(rest[start : start + length], about["values"]) == table


def test_a_key_with_a_line_break_is_refused() -> None:
    with pytest.raises(packed.PackedError):
        packed.pack({"a": {"b\nc": ""}}, {})


@pytest.mark.parametrize(
    ("image", "tag", "exists"),
    [
        ("python", "3.11", True),
        ("docker.io/library/python", "3.11-slim", True),
        ("library/node", "20", True),
        ("node", "0.10.28", True),
        ("mcr.microsoft.com/dotnet/sdk", "8.0", True),
        ("gcr.io/distroless/static-debian12", "nonroot", True),
        ("python", "3.99", False),
        ("python", "3.11-slim-focal", False),
        ("node", "20-alpine-slim", False),
        ("mcr.microsoft.com/dotnet/sdk", "8.0-slim", False),
        ("gcr.io/distroless/static-debian12", "12", None),
        ("gcr.io/distroless/java8-debian12", "latest", None),
        ("example/python", "3.11", None),
        ("ghcr.io/library/python", "3.11", None),
        ("python", "3.11 ", None),
        ("python", "${V}", None),
        ("PYTHON", "3.11", None),
        ("", "3.11", None),
    ],
)
def test_tags(image: str, tag: str, exists: bool | None) -> None:
    assert tag_exists(image, tag) is exists


def test_a_tag_that_is_not_updated_is_historic() -> None:
    assert is_current("python", "3.13") is True
    assert is_current("python", "2.7") is False
    assert is_current("python", "3.99") is None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("python:3.11", ("3.11", "full", "debian", "trixie")),
        ("python", ("", "full", "debian", "trixie")),
        ("python:3.9-slim-buster", ("3.9", "slim", "debian", "buster")),
        ("python:3.13-alpine3.22", ("3.13", "alpine", "alpine", "alpine3.22")),
        ("node:lts", ("", "full", "debian", "bookworm")),
        ("node:8", ("8", "full", "debian", "stretch")),
        ("openjdk:17", ("17", "jdk", "oraclelinux", "oraclelinux8")),
        ("openjdk:11-jre-slim", ("11", "jre", "debian", "bullseye")),
        ("debian:12", ("12", "full", "debian", "bookworm")),
        ("debian:stable", ("", "full", "debian", "trixie")),
        ("debian:experimental", ("", "full", "debian", None)),
        ("ubuntu:22.04", ("22.04", "full", "ubuntu", "jammy")),
        ("alpine:3.18", ("3.18", "alpine", "alpine", "alpine3.18")),
        ("nginx:1.25", ("1.25", "other", "debian", "bookworm")),
        ("elixir:1.15", ("1.15", "full", "debian", "bookworm")),
        ("python:3.11-windowsservercore", ("3.11", "windows", "windows", "windows")),
        ("mcr.microsoft.com/dotnet/sdk:8.0", ("8.0", "sdk", "debian", "bookworm")),
        ("mcr.microsoft.com/dotnet/core/aspnet:3.1", ("3.1", "runtime", "debian", "buster")),
        ("gcr.io/distroless/cc-debian13", ("", "other", "debian", "trixie")),
    ],
)
def test_what_a_reference_names(reference: str, expected: tuple[str, str, str, str | None]) -> None:
    image = describe(reference)
    assert image is not None
    assert (image.version, image.kind, image.distribution, image.release) == expected
    assert image.how


NOTHING = [
    "python:3.11@sha256:" + "0" * 64,
    "python@sha256:" + "0" * 64,
    "python:${V}",
    "$IMAGE",
    "scratch",
    "",
    ":",
    "python:",
    "python:3.11 AS x",
    "Python:3.11",
    "-",
    "../python:3.11",
    "python:3.99",
    "registry.example.com/python:3.11",
    "localhost:5000/python:3.11",
    "docker.io/someone/python:3.11",
]


@pytest.mark.parametrize("reference", NOTHING)
def test_what_names_nothing_known(reference: str) -> None:
    assert describe(reference) is None
    assert slim_sibling(reference) is None
    assert run_siblings(reference) == ()
    assert static_sibling(reference) is None


@given(st.text(max_size=40))
def test_no_text_is_too_hostile(text: str) -> None:
    describe(text)
    slim_sibling(text)
    run_siblings(text)


@pytest.mark.parametrize(
    ("reference", "sibling"),
    [
        ("python:3.11", "python:3.11-slim"),
        ("python", "python:slim"),
        ("python:latest", "python:slim"),
        ("python:3.11-bookworm", "python:3.11-slim-bookworm"),
        ("python:3.7-stretch", "python:3.7-slim-stretch"),
        ("python:2.7", "python:2.7-slim"),
        ("docker.io/library/python:3.9", "docker.io/library/python:3.9-slim"),
        ("public.ecr.aws/docker/library/python:3.11", "public.ecr.aws/docker/library/python:3.11-slim"),
        ("node:20", "node:20-slim"),
        ("node:20-bookworm", "node:20-bookworm-slim"),
        ("node:lts", "node:lts-slim"),
        ("node:16.13.0", "node:16.13.0-slim"),
        ("debian:bookworm", "debian:bookworm-slim"),
        ("debian:12", "debian:12-slim"),
        ("debian", "debian:stable-slim"),
        ("ruby:3.2", "ruby:3.2-slim"),
        ("ruby:2.5-stretch", "ruby:2.5-slim-stretch"),
        ("rust:1.70", "rust:1.70-slim"),
        ("perl:5.36-threaded", "perl:5.36-slim-threaded"),
        ("openjdk:11-jdk", "openjdk:11-jdk-slim"),
        ("erlang:26", "erlang:26-slim"),
        ("elixir:1.15", "elixir:1.15-slim"),
        ("haskell:9.4", "haskell:9.4-slim"),
        ("pypy:3.10", "pypy:3.10-slim"),
        # No slim variant at all.
        ("php:8.2", None),
        ("golang:1.22", None),
        ("gcc:12", None),
        ("ubuntu:22.04", None),
        ("alpine:3.18", None),
        ("nginx:1.25", None),
        ("buildpack-deps:bookworm", None),
        # Slim already, another C library, another system, another release behind the same words.
        ("python:3.11-slim", None),
        ("debian:bookworm-slim", None),
        ("python:3.11-alpine", None),
        ("node:20-alpine", None),
        ("python:3.11-windowsservercore", None),
        ("openjdk:17", None),
        # A release that is not known, a tag that is not, a mirror without old tags.
        ("elixir:1.17", None),
        ("python:3.11-trixi", None),
        ("debian:experimental", None),
        ("public.ecr.aws/docker/library/python:3.6", None),
        ("swift:5.9", None),
    ],
)
def test_slim_siblings(reference: str, sibling: str | None) -> None:
    assert slim_sibling(reference) == sibling


@pytest.mark.parametrize(
    ("reference", "sibling"),
    [
        ("eclipse-temurin:17", "eclipse-temurin:17-jre"),
        ("eclipse-temurin:17-jdk-jammy", "eclipse-temurin:17-jre-jammy"),
        ("eclipse-temurin:17-alpine", "eclipse-temurin:17-jre-alpine"),
        ("amazoncorretto:8", "amazoncorretto:8-jre"),
        ("openjdk:8-jdk", "openjdk:8-jre"),
        ("openjdk:11-jdk-slim", "openjdk:11-jre-slim"),
        ("openjdk:8-jdk-alpine", "openjdk:8-jre-alpine"),
        ("adoptopenjdk:11-jdk-hotspot", "adoptopenjdk:11-jre-hotspot"),
        ("ibm-semeru-runtimes:open-17-jdk", "ibm-semeru-runtimes:open-17-jre"),
        ("tomcat:9-jdk17", "tomcat:9-jre17"),
        ("maven:3.9-eclipse-temurin-17", "eclipse-temurin:17-jre-noble"),
        ("maven:3-jdk-8", "openjdk:8-jre"),
        ("docker.io/library/maven:3.8.6-openjdk-11", "docker.io/library/openjdk:11-jre"),
        ("gradle:7-jdk11", "eclipse-temurin:11-jre-jammy"),
        ("gradle:6.3-jdk11", "adoptopenjdk:11-jre-hotspot"),
        ("golang:1.22", "debian:bookworm-slim"),
        ("golang:1.22-alpine", "alpine:3.21"),
        ("rust:1.70", "debian:bullseye-slim"),
        ("swift:5.9", "swift:5.9-slim"),
        ("mcr.microsoft.com/dotnet/sdk:8.0", "mcr.microsoft.com/dotnet/aspnet:8.0"),
        ("mcr.microsoft.com/dotnet/core/sdk:3.1-buster", "mcr.microsoft.com/dotnet/core/aspnet:3.1-buster-slim"),
        ("nvidia/cuda:12.2.0-devel-ubuntu22.04", "nvidia/cuda:12.2.0-runtime-ubuntu22.04"),
        # There is no JRE of that vendor and version.
        ("amazoncorretto:17", None),
        ("openjdk:17", None),
        ("openjdk:17-slim", None),
        ("maven:3.8-openjdk-17-slim", None),
        ("maven:3.9-amazoncorretto-17", None),
        # Which Java, or which release, is not known.
        ("gradle", None),
        ("ibmjava:8-sdk", None),
        # Runs already, or has nothing to run on.
        ("eclipse-temurin:17-jre", None),
        ("openjdk:8-jre", None),
        ("tomcat:9", None),
        ("mcr.microsoft.com/dotnet/aspnet:8.0", None),
        ("nvidia/cuda:12.2.0-runtime-ubuntu22.04", None),
        ("nvidia/cuda:devel", None),
        ("gcc:12", None),
        ("python:3.11", None),
        ("golang:1.99", None),
        # An SDK's own version is not the runtime's.
        ("mcr.microsoft.com/dotnet/sdk:8.0.424", None),
        ("eclipse-temurin:17-jdk@sha256:" + "0" * 64, None),
        ("golang:1.22-windowsservercore", None),
    ],
)
def test_run_siblings(reference: str, sibling: str | None) -> None:
    assert run_sibling(reference) == sibling


def test_a_library_for_the_web_comes_before_the_plain_one() -> None:
    base = "mcr.microsoft.com/dotnet"
    assert run_siblings(f"{base}/sdk:8.0") == (f"{base}/aspnet:8.0", f"{base}/runtime:8.0")


def test_static_programs_need_no_distribution() -> None:
    assert static_sibling("golang:1.22") == "gcr.io/distroless/static-debian12:latest"
    assert static_sibling("golang:1.13") == "gcr.io/distroless/static-debian13:latest"
    assert static_sibling("python:3.11") is None


@pytest.mark.parametrize(
    ("literal", "expanded", "replacement", "expected"),
    [
        ("python:${V}", "python:3.11", "python:3.11-slim", "python:${V}-slim"),
        ("python:$V", "python:3.11", "python:3.11-slim", "python:$V-slim"),
        ("python:${V:-3.11}", "python:3.11", "python:3.11-slim", "python:${V:-3.11}-slim"),
        ("$IMAGE", "python:3.11", "python:3.11-slim", "$IMAGE-slim"),
        ("python:${V}-bookworm", "python:3.11-bookworm", "python:3.11-slim-bookworm", "python:${V}-slim-bookworm"),
        ("temurin:${V}-jdk", "temurin:17-jdk", "temurin:17-jre", "temurin:${V}-jre"),
        ("python:3.11", "python:3.11", "python:3.11-slim", "python:3.11-slim"),
        ("python:${V}", "python:latest", "python:slim", None),
        ("python:${V}", "python:3.11-bookworm", "python:3.11-slim-bookworm", None),
        ("python:3.11", "python:3.12", "python:3.12-slim", None),
        ("python:$V", "python:3", "python:31", None),
        ("python:\\$V", "python:3.11", "python:3.11-slim", None),
        ('"python:$V"', "python:3.11", "python:3.11-slim", None),
        ("python:${V}-x", "python:3.11", "python:3.11-slim", None),
    ],
)
def test_a_variable_stays_a_variable(literal: str, expanded: str, replacement: str, expected: str | None) -> None:
    assert respell(literal, expanded, replacement) == expected


@pytest.mark.parametrize(
    ("tag", "image", "release"),
    [
        ("3.11-slim-bookworm", "", "bookworm"),
        ("alpine3.20", "", "alpine3.20"),
        ("17-jdk-alpine-3.24", "", "alpine3.24"),
        ("17-jre-ubi9-minimal", "", "ubi9"),
        ("12.2.0-devel-ubuntu22.04", "", "jammy"),
        ("12.5-slim", "debian", "bookworm"),
        ("3.18.4", "alpine", "alpine3.18"),
        ("3.11", "", ""),
        ("12", "", ""),
        ("3", "alpine", ""),
        ("bookworm-trixie", "", ""),
        ("alpine", "", ""),
        ("notbookworm", "", ""),
    ],
)
def test_releases_in_tags(tag: str, image: str, release: str) -> None:
    assert release_in(tag, image) == release
    assert bool(distribution(release)) == bool(release)


def test_a_reference_is_spelled_as_it_was() -> None:
    for text in ("python:3", "docker.io/library/python:3", "docker.io/python:3", "mcr.microsoft.com/dotnet/sdk:8.0"):
        parsed = parse(text)
        assert parsed is not None
        assert parsed.with_tag(parsed.tag) == text
