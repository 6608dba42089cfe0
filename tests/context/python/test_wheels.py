"""Which wheels pip takes, by their names; `packaging`, which pip has within it, is asked for the same platforms."""

from __future__ import annotations

import pytest
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from slimify.context.memory import MemoryContext
from slimify.context.python.locks import read_lock
from slimify.context.python.wheels import for_linux, installable


@pytest.mark.parametrize(
    ("name", "minor", "libc", "arch", "fits"),
    [
        ("a-1-py3-none-any.whl", 12, "glibc 2.36", "x86_64", True),
        ("a-1-py2.py3-none-any.whl", 12, "musl 1.2", "aarch64", True),
        ("a-1-py2-none-any.whl", 12, "glibc 2.36", "x86_64", False),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", 12, "glibc 2.36", "x86_64", True),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", 12, "glibc 2.36", "aarch64", False),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", 11, "glibc 2.36", "x86_64", False),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", 12, "musl 1.2", "x86_64", False),
        ("a-1-cp312-cp312-manylinux_2_39_x86_64.whl", 12, "glibc 2.36", "x86_64", False),
        ("a-1-cp312-cp312-manylinux_2_39_x86_64.whl", 12, "glibc 2.41", "x86_64", True),
        ("a-1-cp37-abi3-manylinux_2_28_aarch64.whl", 13, "glibc 2.31", "aarch64", True),
        ("a-1-cp313-abi3-manylinux_2_28_aarch64.whl", 12, "glibc 2.31", "aarch64", False),
        ("a-1-cp313-cp313t-manylinux_2_28_x86_64.whl", 13, "glibc 2.36", "x86_64", False),
        ("a-1-cp312-cp312-musllinux_1_2_x86_64.whl", 12, "musl 1.2", "x86_64", True),
        ("a-1-cp312-cp312-win_amd64.whl", 12, "glibc 2.36", "x86_64", False),
        ("a-1-1build-py3-none-manylinux1_x86_64.whl", 12, "glibc 2.36", "x86_64", True),
        ("a-1.tar.gz", 12, "glibc 2.36", "x86_64", False),
        ("nonsense.whl", 12, "glibc 2.36", "x86_64", False),
    ],
)
def test_installable(name: str, minor: int, libc: str, arch: str, fits: bool) -> None:
    assert installable([name], minor, libc, arch) is fits
    family, _, number = libc.partition(" ")
    newest = int(number.partition(".")[2])
    word = {"glibc": "manylinux", "musl": "musllinux"}[family]
    platforms = [f"{word}_{number[0]}_{at}_{arch}" for at in range(newest, -1, -1)]
    platforms += [f"{old}_{arch}" for old in ("manylinux2014", "manylinux2010", "manylinux1") if family == "glibc"]
    tags = {*cpython_tags((3, minor), platforms=platforms, abis=[f"cp3{minor}"])}
    tags |= {*compatible_tags((3, minor), f"cp3{minor}", platforms)}
    try:
        expected = bool(tags & parse_wheel_filename(name)[3])
    except InvalidWheelFilename:
        expected = False
    assert fits is expected


def test_for_linux() -> None:
    assert for_linux(["a-1-cp312-cp312-win_amd64.whl", "a-1.tar.gz"])
    assert for_linux(["a-1-py3-none-any.whl"])
    assert not for_linux(["a-1-cp312-cp312-win_amd64.whl", "a-1-cp312-cp312-macosx_11_0_arm64.whl"])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"\nfiles = [{file = "a-1.whl"}, {file = "a-1.zip"}]\n'),
        ("poetry.lock", '[[package]]\nname = "a"\n[metadata.files]\na = [{file = "a-1.whl"}, {file = "a-1.zip"}]\n'),
        ("uv.lock", '[[package]]\nname = "a"\nwheels = [{url = "https://x/a-1.whl"}]\nsdist = {path = "y/a-1.zip"}\n'),
        ("pdm.lock", '[[package]]\nname = "a"\nfiles = [{url = "https://x/a-1.whl#sha256=0"}, {file = "a-1.zip"}]\n'),
        (
            "pylock.toml",
            '[[packages]]\nname = "a"\nwheels = [{name = "a-1.whl"}]\nsdist = {url = "https://x/a-1.zip"}\n',
        ),
    ],
)
def test_lock_files_name_their_archives(path: str, text: str) -> None:
    lock = read_lock(MemoryContext({path: text}), path)
    assert lock is not None
    assert [one.files for one in lock.packages] == [("a-1.whl", "a-1.zip")]
