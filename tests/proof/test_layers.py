"""`slimify layers`: reading images, and the account of their bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from slimify.cli import run
from slimify.proof import budget
from slimify.proof.archive import ReadLayer, read_archive, read_layout
from slimify.proof.budget import Budget
from slimify.proof.holdings import holding
from slimify.proof.image import Content, FileKind, Image, ImageError
from slimify.proof.open_image import open_image
from slimify.proof.show_layers import as_data, as_text, instruction, size_text
from slimify.proof.tar_layer import read_layer
from slimify.proof.waste import How, account, as_dive_counts
from slimify.run import put

from .archives import archive, blobs, compressed, docker_save, layer, link, write_layout
from .conftest import FakeEngine

MADE_BY = ("ADD rootfs.tar /", "RUN /bin/sh -c make # buildkit", "RUN /bin/sh -c rm -rf /app/big # buildkit")
LAYERS = [
    layer(
        {"etc/": "", "etc/a": "1234", "app/big": b"x" * 1000, "app/b": "12"},
        link("bin/sh", "dash"),
        link("etc/h", "etc/a", True),
    ),
    layer({"etc/a": "12345", "root/.cache/pip/x": b"y" * 10}),
    layer({"app/.wh.big": "", "app/new": "1"}),
]


def image(*layers: bytes) -> Image:
    return read_archive(io.BytesIO(docker_save(list(layers), [""] * len(layers))), "x")


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("form", ["save", "archive", "layout"])
def test_an_image_in_every_form(how: str, form: str, tmp_path: Path) -> None:
    layers = [compressed(one, how) for one in LAYERS]
    if form == "save":
        found = read_archive(io.BytesIO(docker_save(layers, MADE_BY)), "x")
    elif form == "archive":
        found = read_archive(io.BytesIO(archive(blobs(layers, MADE_BY).items())), "x")
    else:
        found = read_layout(str(write_layout(tmp_path, blobs(layers, MADE_BY))))
    assert [one.size for one in found.layers] == [1006, 15, 1]
    assert [one.stored for one in found.layers] == [len(one) for one in layers]
    assert [one.made_by for one in found.layers] == list(MADE_BY)
    assert found.layers[0].files["bin/sh"][:2] == (FileKind.LINK, 0)
    assert found.layers[0].files["etc/h"].target == "etc/a"
    assert found.layers[2].removed == {"app/big"}
    assert found.config["config"] == {"Env": ["A=b"]}


def test_a_layer_that_is_there_twice() -> None:
    found = image(LAYERS[0], LAYERS[1], LAYERS[0])
    assert [one.size for one in found.layers] == [1006, 15, 1006]


def test_what_is_hidden() -> None:
    found = account(image(*LAYERS))
    assert {(one.path, one.size, one.written, one.hidden, one.how) for one in found.wasted} == {
        ("app/big", 1000, 0, 2, How.REMOVED),
    }, "etc/a is seen as etc/h"
    assert found.wasted_bytes == 1000
    assert "app/big" not in found.seen
    assert found.seen["etc/a"].layer == 1


def test_another_owner_is_another_copy() -> None:
    found = account(image(layer({"app/a": "123"}), layer({"app/a": "123"}, uid=1000)))
    assert [(one.how, one.size) for one in found.wasted] == [(How.RELABELLED, 3)]


def test_a_folder_is_removed_with_all_in_it_and_a_new_one_is_not() -> None:
    first = layer({"a/b/c": "1", "a/b/d/e": "22", "a/bc": "333"})
    second = layer({"a/.wh.b": "", "a/b/": "", "a/b/new": "4444"})
    found = account(image(first, second))
    assert found.wasted_bytes == 3
    assert {path for path in found.seen if path.startswith("a/b")} == {"a/b", "a/b/new", "a/bc"}


def test_an_opaque_folder_hides_what_was_in_it() -> None:
    found = account(image(layer({"a/x": "1", "a/y/z": "22"}), layer({"a/.wh..wh..opq": "", "a/new": "3"})))
    assert found.wasted_bytes == 3
    assert set(found.seen) == {"a/new"}


def test_a_file_takes_the_place_of_a_folder() -> None:
    found = account(image(layer({"a/x": "1", "a/y": "22"}), layer({"a": "new"})))
    assert found.wasted_bytes == 3
    assert set(found.seen) == {"a"}


def test_a_folder_takes_the_place_of_a_file() -> None:
    found = account(image(layer({"a": "123"}), layer({"a/": "", "a/x": "1"})))
    assert [(one.path, one.size, one.how) for one in found.wasted] == [("a", 3, How.REWRITTEN)]


LINKED = layer({"app/a": "12345", "app/z": "1"}, link("app/b", "app/a", True), link("app/c", "app/b", True))


@pytest.mark.parametrize("above", [{"app/.wh.a": ""}, {"app/a": "new"}, {"app/a/": "", "app/a/x": ""}])
def test_a_file_is_there_as_long_as_one_of_its_names(above: dict[str, str | bytes]) -> None:
    found = account(image(LINKED, layer(above)))
    assert found.wasted == ()
    assert found.seen["app/b"][:2] == (0, found.seen["app/b"].file)
    assert found.seen["app/b"].file[:2] == (FileKind.FILE, 5)
    assert found.seen["app/c"].file[:2] == (FileKind.HARD_LINK, 0)
    assert found.seen["app/c"].file.target == "app/b"


def test_a_file_of_which_all_names_went_is_wasted_once() -> None:
    gone = ({"app/.wh.a": ""}, {"app/.wh.c": ""}, {"app/b": "new"})
    found = account(image(LINKED, *(layer(one) for one in gone)))
    assert [one[:4] for one in found.wasted] == [("app/a", 5, 0, 3)]
    found = account(image(LINKED, layer({".wh.app": ""})))
    assert {(one.path, one.size) for one in found.wasted} == {("app/a", 5), ("app/z", 1)}


def test_another_owner_of_a_file_with_several_names() -> None:
    again = layer({"app/a": "12345"}, link("app/b", "app/a", True), link("app/c", "app/a", True), uid=7)
    found = account(image(LINKED, again))
    assert [(*one[:3], one.how) for one in found.wasted] == [("app/a", 5, 0, How.RELABELLED)]


def test_a_further_name_for_a_file_of_a_lower_layer() -> None:
    found = account(image(layer({"a": "123"}), layer({}, link("b", "a", True)), layer({".wh.a": ""})))
    assert found.wasted == ()
    assert found.seen["b"].file.size == 3


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        ([{"a": "123"}], 0),
        ([{"a": "123"}, {"a": "1234"}], 7),
        ([{"a": "123"}, {".wh.a": ""}], 3),
        ([{"d/a": "123", "d/b": "1"}, {".wh.d": ""}], 0),
        ([{"d/a": "123", "d/b": "1"}, {".wh.d": ""}, {"d": "12"}], 6),
    ],
)
def test_what_dive_counts(layers: list[dict[str, str | bytes]], count: int) -> None:
    assert as_dive_counts(image(*(layer(one) for one in layers))) == count


def test_a_file_that_is_twice_in_a_layer_counts_once() -> None:
    twice = io.BytesIO()
    with tarfile.open(fileobj=twice, mode="w") as made:
        for data in (b"1", b"22"):
            info = tarfile.TarInfo("a")
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    assert image(twice.getvalue()).size == 2


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "x/../../etc/passwd", "./etc/passwd"])
def test_a_path_that_leads_out_is_held_inside(path: str) -> None:
    assert set(image(layer({path: "1"})).layers[0].files) == {"etc/passwd"}


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image(layer({"../out": "1", str(tmp_path / "here"): "1"}, link("l", "/etc"), link("h", "../../etc/shadow", True)))
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no archive of an image"),
        (b"nothing", "no archive of an image"),
        (archive([("x", b"y")]), "index.json is missing"),
        (archive([("manifest.json", b"[]")]), "names no image"),
        (archive([("manifest.json", b'[{"Config": "c.json", "Layers": []}]')]), "c.json is missing"),
        (archive([("manifest.json", b'{"Config"')]), "cannot be read"),
        (archive([("manifest.json", b"[" * 100_000)]), "cannot be read"),
        (archive([("index.json", b'{"manifests": [{"digest": "sha256:../../x"}]}')]), "is no digest"),
        (archive([("index.json", b'{"manifests": []}')]), "leads to no image"),
        (docker_save([layer({"a": b"x" * 2000})[:1800]], MADE_BY), "no layer that can be read"),
        (docker_save([compressed(LAYERS[0], "gzip")[:60]], MADE_BY), "no layer that can be read"),
        (docker_save([compressed(LAYERS[0], "zstd")[:60]], MADE_BY), "no layer that can be read"),
        (docker_save(LAYERS, MADE_BY)[:3000], "no archive of an image"),
    ],
)
def test_what_is_no_image(data: bytes, why: str) -> None:
    with pytest.raises(ImageError, match=why):
        read_archive(io.BytesIO(data), "x")


def test_a_layer_that_is_missing(tmp_path: Path) -> None:
    files = blobs(LAYERS, MADE_BY)
    gone = next(path for path, data in files.items() if data == LAYERS[1])
    with pytest.raises(ImageError, match="is missing"):
        read_archive(io.BytesIO(archive((path, data) for path, data in files.items() if path != gone)), "x")
    with pytest.raises(ImageError, match="No such file"):
        read_layout(str(write_layout(tmp_path, {path: data for path, data in files.items() if path != gone})))


def test_more_entries_than_any_image_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_ENTRIES", 2)
    with pytest.raises(ImageError, match="more in it than any image has"):
        image(LAYERS[0])


def test_more_bytes_than_any_image_has(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = compressed(layer({"zero": bytes(10_000_000)}), "gzip")
    assert len(bomb) < 20_000
    monkeypatch.setattr(budget, "MOST_BYTES", 1_000_000)
    with pytest.raises(ImageError, match="more in it than any image has"):
        image(bomb)


def bomb(header: tarfile.TarInfo, size: int, kind: bytes) -> bytes:
    """A layer of which an entry is described by very much."""
    header.type, header.size = kind, size
    return gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + b"a" * size + bytes(1024), 1)


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g", b"X"])
def test_a_name_that_is_longer_than_any(kind: bytes) -> None:
    data = bomb(tarfile.TarInfo("././@LongLink"), 64 << 20, kind)
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match="longer than any name"):
            image(data)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_names_in_front_of_names_in_front_of_names() -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = b"L", 1
    with pytest.raises(ImageError, match="no layer that can be read"):
        image((header.tobuf(tarfile.GNU_FORMAT) + b"a" + bytes(511)) * 5000)


def test_global_headers_are_not_gathered() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(tarfile.TarInfo("a"))
    plain = buffer.getvalue()[:512]
    named = tarfile.TarInfo.create_pax_global_header({"path": "b", "comment": "x"})
    found = read_layer(io.BufferedReader(io.BytesIO(named + plain + plain + bytes(1024))), "x", Budget("x"))
    assert set(found.files) == {"a", "b"}, "as one for the entry behind it, no more"


@pytest.mark.parametrize(
    ("limit", "value", "files"),
    [
        ("MOST_FOLDERS", 300, {f"{number}/{'a/' * 200}f": "" for number in range(2)}),
        ("MOST_CHARACTERS", 1000, {f"{number}{'a' * 90}": "" for number in range(12)}),
        ("MOST_CHARACTERS", 1000, {f"{number}{'ä' * 24}": "" for number in range(12)}),
        ("MOST_CHARACTERS", 1000, {"a/" * 50: ""}),
        ("DEEPEST_PATH", 20, {"a/" * 22: ""}),
        ("LONGEST_PATH", 50, {"a" * 51: ""}),
    ],
)
def test_longer_or_deeper_paths_than_any_image_has(
    limit: str, value: int, files: dict[str, str | bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = layer(files)
    assert image(data).layers[0].files
    monkeypatch.setattr(budget, limit, value)
    with pytest.raises(ImageError, match="more in it than any image has"):
        image(data)


def test_all_layers_have_one_budget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    layers = [layer({f"{number}/{one}": "" for one in range(10)}) for number in range(3)]
    # The archive has entries of its own.
    monkeypatch.setattr(budget, "MOST_ENTRIES", 30)
    with pytest.raises(ImageError, match="more in it than any image has"):
        image(*layers)
    monkeypatch.setattr(budget, "MOST_ENTRIES", 29)
    with pytest.raises(ImageError, match="more in it than any image has"):
        read_layout(str(write_layout(tmp_path, blobs(layers, ["", "", ""]))))


def test_descriptions_that_nobody_asks_for_are_not_kept_beyond_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [("other.json", b'["' + b"a" * 900 + b'"]')] * 5
    whole = [*blobs(LAYERS, MADE_BY).items()]
    monkeypatch.setattr(budget, "MOST_DOCUMENT_BYTES", 3000)
    assert read_archive(io.BytesIO(archive([*whole, *files])), "x").size == 1022
    with pytest.raises(ImageError, match="larger than any description"):
        read_archive(io.BytesIO(archive([*files, *whole])), "x")


@pytest.mark.parametrize("how", [bz2.compress, lzma.compress])
def test_an_archive_that_was_compressed_by_hand(how: Callable[[bytes], bytes]) -> None:
    data = how(docker_save(LAYERS, MADE_BY))
    assert read_archive(io.BytesIO(data), "x").size == 1022
    with pytest.raises(ImageError, match="no archive of an image"):
        read_archive(io.BytesIO(data[:-100]), "x")


def saved(image: object = None, config: object = None, layers: bytes = LAYERS[0]) -> bytes:
    """An archive of one layer, described as one likes."""
    manifest = [{"Config": "c.json", "Layers": ["l/layer.tar"]}] if image is None else image
    described = {"history": [{"created_by": "RUN x"}]} if config is None else config
    texts = [("c.json", json.dumps(described).encode()), ("manifest.json", json.dumps(manifest).encode())]
    return archive([("l/layer.tar", layers), *texts])


@pytest.mark.parametrize(
    "data",
    [
        saved([{"Config": "c.json", "Layers": 5}]),
        saved([{"Config": "c.json", "Layers": {}}]),
        saved([5]),
        saved({"Config": "c.json"}),
        saved([{"Config": None, "Layers": ["l/layer.tar"]}]),
        saved([{"Config": "c.json", "Layers": [None]}]),
        saved(config=3),
        saved(config={"history": 3}),
        *(saved(config={"config": one}) for one in (3, {"Env": 3}, {"Labels": []}, {"Healthcheck": {"Test": 1}})),
        archive([("index.json", b"[1]")]),
        *(
            archive([("index.json", json.dumps({"manifests": one}).encode())])
            for one in (None, 3, [3], [{"digest": 3}])
        ),
        archive([("index.json", b'{"manifests": [{"platform": "linux", "digest": "sha256:aa"}]}')]),
        archive([("index.json", b'{"layers": ["x"], "config": {"digest": "sha256:aa"}}'), ("blobs/sha256/aa", b"{}")]),
        archive([("index.json", b'{"layers": 3}')]),
        archive([("index.json", b'{"layers": [], "config": 3}')]),
    ],
)
def test_descriptions_that_are_none(data: bytes) -> None:
    with pytest.raises(ImageError):
        read_archive(io.BytesIO(data), "x")


def test_descriptions_with_less_in_them_than_usual() -> None:
    for history in (None, [None, 3], [{"created_by": None}], [{"created_by": 3}]):
        found = read_archive(io.BytesIO(saved(config={"history": history, "config": None})), "x")
        assert (found.layers[0].made_by, found.config["config"]) == ("", {})
        assert "None" not in as_text(found)
    nothing = read_archive(io.BytesIO(saved([{"Config": "c.json", "Layers": None}])), "x")
    assert nothing.layers == ()


def test_what_is_unreadable_and_not_the_image_s_is_no_fault() -> None:
    whole = [*blobs(LAYERS, MADE_BY).items()]
    others = [("blobs/sha256/aa", b"{ no JSON"), ("blobs/sha256/bb", b"no layer"), ("blobs/sha256/cc", bytes(2000))]
    big = ("blobs/sha256/dd", b"{" + b" " * (9 << 20))
    assert read_archive(io.BytesIO(archive([*others, big, *whole])), "x").size == 1022


def test_a_layer_whose_first_file_looks_like_json() -> None:
    for path in ("[id].tsx", "{x}"):
        assert set(image(layer({path: "1"})).layers[0].files) == {path}


def indexed(*platforms: object) -> bytes:
    """An archive of an OCI layout of several images, each with a file that is called as its place among them."""
    files: dict[str, bytes] = {}
    manifests = []
    for number, one in enumerate(platforms):
        made = blobs([layer({str(number): ""})], [""])
        files.update(made)
        manifests.append({**json.loads(made["index.json"])["manifests"][0], "platform": one})
    return archive({**files, "index.json": json.dumps({"manifests": manifests}).encode()}.items())


def test_the_image_of_the_machine_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = {"os": "unknown", "architecture": "unknown"}
    arm, intel = ({"os": "linux", "architecture": one} for one in ("arm64", "amd64"))
    data = indexed(unknown, arm, {"os": "windows", "architecture": "amd64"}, intel)
    for machine, number in (("x86_64", "3"), ("aarch64", "1"), ("s390x", "1")):
        monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
        assert set(read_archive(io.BytesIO(data), "x").layers[0].files) == {number}


def test_a_pipe_or_a_link_in_a_layout(tmp_path: Path) -> None:
    files = blobs(LAYERS, MADE_BY)
    path = next(path for path, data in files.items() if data == LAYERS[1])
    folder = write_layout(tmp_path / "layout", files)
    (folder / path).rename(tmp_path / "elsewhere")
    (folder / path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ImageError):
        read_layout(str(folder))
    (folder / path).unlink()
    os.mkfifo(folder / path)
    with pytest.raises(ImageError, match="is no file"):
        read_layout(str(folder))


@pytest.mark.parametrize(
    ("path", "what", "transform"),
    [
        ("root/.cache/pip/http/a", "pip cache", "clean-package-cache"),
        ("home/app/.npm/_cacache/index", "npm cache", "clean-package-cache"),
        ("var/lib/apt/lists/x_Packages", "APT cache", "clean-package-cache"),
        ("usr/local/cargo/registry/index/x", "Cargo cache", "clean-package-cache"),
        ("usr/lib/gcc/x86_64-linux-gnu/12/cc1", "compilers and build tools", "split-stage"),
        ("usr/bin/x86_64-linux-gnu-gcc-12", "compilers and build tools", "split-stage"),
        ("usr/include/stdio.h", "headers", "split-stage"),
        ("app/.git/objects/aa", "version history", "dockerignore"),
        ("app/node_modules/x/index.js", "Node packages", "production-dependencies"),
        ("usr/share/doc/libc6/copyright", "documentation", ""),
        ("usr/lib/x86_64-linux-gnu/libc.so.6", "shared libraries", ""),
        ("app/main.py", "the application", ""),
    ],
)
def test_what_a_file_is(path: str, what: str, transform: str) -> None:
    assert holding(path) == (what, transform)


@pytest.mark.parametrize(
    ("recorded", "text"),
    [
        ("RUN /bin/sh -c apt-get   update # buildkit", "RUN apt-get update"),
        ("RUN |1 V=1 /bin/sh -c make # buildkit", "RUN make"),
        ('/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'),
        ("/bin/sh -c make install", "RUN make install"),
        ("COPY . . # buildkit", "COPY . ."),
        ("RUN |2 CFLAGS=-O2 -g TOKEN=hunter two /bin/sh -c true # buildkit", "RUN true"),
        ("|2 CFLAGS=-O2 -g TOKEN=hunter two /bin/sh -c true", "RUN true"),
        ("RUN |1 TOKEN=hunter /bin/sh -c two /bin/sh -c make # buildkit", "RUN make"),
        ("RUN |1 TOKEN=hunter\ntwo /bin/bash -eo pipefail -c make # buildkit", "RUN make"),
        ("RUN |1 TOKEN=hunter /bin/bash -o pipefail -e -c make # buildkit", "RUN make"),
        ("RUN |1 TOKEN=hunter two make all # buildkit", "RUN"),
    ],
)
def test_the_instruction_of_a_layer(recorded: str, text: str) -> None:
    assert instruction(recorded) == text


def test_no_value_of_a_build_argument_is_kept() -> None:
    shell = ["/usr/bin/env", "busybox", "ash"]
    made_by = "RUN |1 TOKEN=hunter two /usr/bin/env busybox ash make # buildkit"
    found = read_archive(io.BytesIO(docker_save([LAYERS[0]], [made_by], {"Shell": shell})), "x")
    assert found.layers[0].made_by == "RUN /usr/bin/env busybox ash make # buildkit"


def test_sizes_for_people() -> None:
    assert [size_text(one) for one in (0, 999, 1000, 99_949, 123_456_789, 2_500_000_000)] == [
        "0 B", "999 B", "1.0 kB", "99.9 kB", "123 MB", "2.5 GB",
    ]  # fmt: skip


def test_what_layers_are_compressed_to() -> None:
    zeros = layer({"zero": bytes(1_000_000)})
    plain = read_archive(io.BytesIO(docker_save([zeros], [""])), "x", compress=True)
    assert plain.compressed_size == len(zlib.compress(zeros, 6, 31))
    for how in ("gzip", "zstd"):
        stored = compressed(zeros, how)
        assert read_archive(io.BytesIO(docker_save([stored], [""])), "x", compress=True).compressed_size == len(stored)
    assert read_archive(io.BytesIO(docker_save([zeros], [""])), "x").layers[0].compressed is None


def test_a_layer_that_was_read_before_is_not_read_again() -> None:
    looked = []

    def look(path: str, stream: IO[bytes]) -> Content:
        looked.append(path)
        return Content(stream.read().hex())

    known: dict[str, ReadLayer] = {}
    base, one, other = layer({"bin/sh": "1"}), layer({"app/one": "1"}), layer({"app/other": "1"})
    first = read_archive(io.BytesIO(archive(blobs([base, one], ["", ""]).items())), "x", look, known=known)
    second = read_archive(io.BytesIO(archive(blobs([base, other], ["", ""]).items())), "x", look, known=known)
    assert looked == ["bin/sh", "app/one", "app/other"]
    assert first.layers[0] == second.layers[0]
    assert set(second.layers[1].files) == {"app/other"}
    assert read_archive(io.BytesIO(archive(blobs([base, other], ["", ""]).items())), "x", look) == second


def test_the_account_for_programs() -> None:
    data = as_data(read_archive(io.BytesIO(docker_save(LAYERS, MADE_BY)), "x"))
    assert (data["bytes"], data["wasted_bytes"], data["wasted_bytes_dive"]) == (1022, 1000, 1009)
    assert data["layers"][1]["holds"][0] == {"what": "pip cache", "bytes": 10, "transform": "clean-package-cache"}
    assert data["layers"][2]["hides"] == [
        {"how": "removed", "bytes": 1000, "transform": "merge-runs or delete-in-layer"}
    ]
    assert data["layers"][2]["made_by"] == "RUN rm -rf /app/big"
    assert data["wasted"][0] == {"path": "/app/big", "bytes": 1000, "layer": 0, "hidden_by": 2, "how": "removed"}


def test_the_account_for_people() -> None:
    text = as_text(image(layer({"app/a": bytes(400_000)}), layer({"app/a": bytes(400_000)}, uid=7)))
    assert "x: 800 kB in 2 layers, 400 kB of it hidden" in text
    assert "of lower layers is given another owner or mode: copy-chown" in text
    assert "/app/a (layer 2)" in text


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "image.tar").write_bytes(docker_save(LAYERS, MADE_BY))
    assert run(["layers", str(tmp_path / "image.tar"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == 1022
    assert run(["layers", str(write_layout(tmp_path / "layout", blobs(LAYERS, MADE_BY)))]) == 0
    assert "in 3 layers" in capsys.readouterr().out
    assert run(["layers", str(tmp_path)]) == 2
    assert "no OCI layout" in capsys.readouterr().err


def test_nothing_in_an_image_steers_a_terminal_or_forges_a_line() -> None:
    path = "a/\x1b[2J\nlayer 9 GB\u202e\x9b"
    made = docker_save([layer({path: b"x" * 2000})], ["RUN \x1b]0;x\x07"])
    text = as_text(read_archive(io.BytesIO(made), "x"))
    assert not set(text) & set("\x1b\x07\u202e\x9b")
    assert not [line for line in text.splitlines() if line.startswith("layer")]


def test_half_of_a_character(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "image.tar").write_bytes(saved(config={"history": [{"created_by": "RUN \ud800x"}]}))
    for form, said in (("text", "RUN \N{REPLACEMENT CHARACTER}x"), ("json", "RUN \\ud800x")):
        assert run(["layers", str(tmp_path / "image.tar"), "--format", form]) == 0
        assert said in capsys.readouterr().out
    (tmp_path / "image.tar").write_bytes(saved([{"Config": "\ud800.json", "Layers": []}]))
    assert run(["layers", str(tmp_path / "image.tar")]) == 2
    assert "is missing" in capsys.readouterr().err


def test_half_of_a_character_is_written_somehow(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert put("a\ud800b")
    assert put("c\udcffd")
    assert capfdbinary.readouterr().out == b"a\\ud800bc\xffd"


def test_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImageError, match="no engine can be asked for it: no engine is installed; install docker"):
        open_image("python:3.12")
    with pytest.raises(ImageError, match="neither a file nor the name"):
        open_image("--help")


@pytest.mark.parametrize("name", ["nosuch.tar", "./nosuch", "/no/such", "../x", "a.tar.gz", "a.tgz", "a.tar.zst"])
def test_a_file_that_is_not_there(name: str, engine: FakeEngine) -> None:
    with pytest.raises(ImageError, match="there is no such file"):
        open_image(name)
    assert not (engine.state / "calls").exists()


def test_an_engine_that_answers_is_asked(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = engine.state.parent / "programs"
    (programs / "podman").chmod(0o755)
    (programs / "docker").write_text("#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n")
    assert run(["layers", "nosuch:latest"]) == 2
    assert "podman save nosuch:latest" in capsys.readouterr().err
    assert run(["layers", "nosuch:latest", "--engine", "docker"]) == 2
    assert "Cannot connect to the Docker daemon" in capsys.readouterr().err
    assert run(["layers", "nosuch:latest", "--engine", "git"]) == 2
    assert "git is no engine" in capsys.readouterr().err
