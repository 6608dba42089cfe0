"""Which libraries programs find in an image, and what is read off programs for it."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from slimify.proof import contents, elf, ld_cache
from slimify.proof.archive import read_archive
from slimify.proof.contents import look
from slimify.proof.filesystem import Filesystem
from slimify.proof.image import Linkage

from .archives import docker_save, layer, link, loader_cache, program

LOADER = "lib64/ld-linux-x86-64.so.2"
MUSL = "lib/ld-musl-x86_64.so.1"


def filesystem(*layers: bytes, **config: object) -> Filesystem:
    made = docker_save(list(layers), [""] * len(layers), config)
    return Filesystem(read_archive(io.BytesIO(made), "x", look))


def missing(files: Mapping[str, str | bytes], **config: object) -> dict[str, tuple[str, ...]]:
    return filesystem(layer({LOADER: "", **files}), **config).missing_libraries()


TOOL = program(["libz.so.1"], f"/{LOADER}")
LIBRARY = program()
LOST = {"app/tool": ("libz.so.1",)}


@pytest.mark.parametrize("folder", ["lib", "usr/lib", "lib64", "usr/lib64", "usr/lib/x86_64-linux-gnu"])
def test_folders_that_are_searched_anyway(folder: str) -> None:
    assert not missing({"app/tool": TOOL, f"{folder}/libz.so.1": LIBRARY})


@pytest.mark.parametrize("folder", ["usr/local/lib", "opt/lib", "usr/lib/private", "app"])
def test_folders_that_are_searched_only_where_the_loader_is_told(folder: str) -> None:
    files = {"app/tool": TOOL, f"{folder}/libz.so.1": LIBRARY, "etc/ld.so.conf": f"/{folder}\n"}
    assert missing(files) == LOST, "what ldconfig would do is not done"
    for old in (False, True):
        cache = loader_cache({"liba.so": "/x", "libz.so.1": f"/{folder}/libz.so.1"}, old)
        assert not missing({**files, "etc/ld.so.cache": cache})
    assert not missing(files, Env=[f"LD_LIBRARY_PATH=/x:/{folder}"])
    assert not missing({**files, "app/tool": program(["libz.so.1"], f"/{LOADER}", rpath=f"/x:/{folder}")})
    assert not missing({**files, "app/tool": program(["libz.so.1"], f"/{LOADER}", runpath=f"$ORIGIN/../{folder}")})
    gone = {**files, "etc/ld.so.cache": loader_cache({"libz.so.1": "/elsewhere/libz.so.1"})}
    assert missing(gone) == LOST


def test_musl_searches_more_and_knows_no_cache() -> None:
    tool = program(["libz.so.1"], f"/{MUSL}")
    files: dict[str, str | bytes] = {MUSL: "", "app/tool": tool}
    assert not missing({**files, "usr/local/lib/libz.so.1": LIBRARY})
    elsewhere = {**files, "opt/lib/libz.so.1": LIBRARY}
    assert missing({**elsewhere, "etc/ld.so.cache": loader_cache({"libz.so.1": "/opt/lib/libz.so.1"})}) == LOST
    assert not missing({**elsewhere, "etc/ld-musl-x86_64.path": "/lib:/opt/lib\n/usr/lib\n"})
    assert missing({**files, "usr/local/lib/libz.so.1": LIBRARY, "etc/ld-musl-x86_64.path": "/lib"}) == LOST


def test_a_library_for_another_machine_is_none() -> None:
    for other in (program(bits=32, machine=3), program(machine=183)):
        assert missing({"app/tool": TOOL, "usr/lib/libz.so.1": other}) == LOST
        assert not missing({"app/tool": TOOL, "usr/lib/libz.so.1": other, "lib/libz.so.1": LIBRARY})


def test_a_library_behind_links() -> None:
    files: dict[str, str | bytes] = {LOADER: "", "app/tool": TOOL, "opt/libz.so.1.2": LIBRARY}
    hard, soft = link("opt/hard", "opt/libz.so.1.2", True), link("usr/lib/libz.so.1", "../../opt/hard")
    assert not filesystem(layer(files, hard, soft)).missing_libraries()


def test_what_a_program_hands_on_to_its_libraries() -> None:
    one = {"opt/a/libone.so": program(["libtwo.so"]), "opt/b/libtwo.so": program()}
    where = "/opt/a:/opt/b"
    assert not missing({**one, "app/tool": program(["libone.so"], f"/{LOADER}", rpath=where)})
    assert missing({**one, "app/tool": program(["libone.so"], f"/{LOADER}", runpath=where)}) == {
        "opt/a/libone.so": ("libtwo.so",)
    }
    both = program(["libone.so", "libtwo.so"], f"/{LOADER}", runpath=where)
    assert not missing({**one, "app/tool": both}), "what is loaded already is not searched for"


def test_a_circle_of_libraries() -> None:
    files = {"usr/lib/liba.so": program(["libb.so", "libc.so"]), "usr/lib/libb.so": program(["liba.so"])}
    assert missing(files) == {"usr/lib/liba.so": ("libc.so",)}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_programs_of_every_kind(bits: int, order: str) -> None:
    made = program(["liba.so", "libb.so"], "/lib/ld.so", "/r", "/x:/y", 8, bits, order)
    assert elf.linkage(io.BytesIO(made)) == Linkage(
        ("liba.so", "libb.so"), ("/r",), ("/x", "/y"), "/lib/ld.so", bits, 8
    )


def test_caches_of_every_kind() -> None:
    for old in (False, True):
        for order in "<>":
            assert ld_cache.entries(loader_cache({"a": "/b", "c": "/d"}, old, order)) == (("a", "/b"), ("c", "/d"))
    whole = loader_cache({"a": "/b"})
    for damaged in (b"", b"x" * 100, whole[:60], whole[:20] + b"\xff" * 4 + whole[24:]):
        assert ld_cache.entries(damaged) == ()


def test_the_shell_of_this_machine_as_others_read_it() -> None:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    data = Path("/bin/sh").resolve().read_bytes()
    dynamic = [one for one in ELFFile(io.BytesIO(data)).iter_segments() if isinstance(one, DynamicSegment)]
    needed = tuple(tag.needed for one in dynamic for tag in one.iter_tags("DT_NEEDED"))
    found = elf.linkage(io.BytesIO(data))
    assert found is not None
    assert found.needed == needed


@pytest.mark.skipif(not Path("/etc/ld.so.cache").exists() or not shutil.which("ldconfig"), reason="no glibc")
def test_the_cache_of_this_machine() -> None:
    said = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    listed = [line.strip().partition(" ")[0] for line in said.splitlines() if " => " in line]
    assert [name for name, _ in ld_cache.entries(Path("/etc/ld.so.cache").read_bytes())] == listed


def test_no_damage_raises() -> None:
    chance = random.Random(1)
    whole = program(["liba.so", "libb.so"], "/lib/ld.so", "/r", "/x:/y")
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.choice([0, 255, chance.randrange(256)])
        look("a", io.BytesIO(data[: chance.choice([len(data), chance.randrange(len(data))])]))


def test_a_large_program_is_looked_into_without_being_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_IN_MEMORY", 1 << 20)
    linkage = look("a", io.BytesIO(TOOL + bytes(5 << 20))).linkage
    assert linkage is not None
    assert linkage.needed == ("libz.so.1",)
