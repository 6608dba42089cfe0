"""`slimify layers`: reading images, and the account of their bytes."""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from pathlib import Path

import pytest

from slimify.cli import run
from slimify.proof import tar_layer
from slimify.proof.archive import read_archive, read_layout
from slimify.proof.holdings import holding
from slimify.proof.image import FileKind, Image, ImageError
from slimify.proof.open_image import open_image
from slimify.proof.show_layers import as_data, as_text, instruction, size_of, size_text
from slimify.proof.waste import How, account

from .archives import archive, blobs, compressed, docker_save, layer, link, write_layout

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
        ("etc/a", 4, 0, 1, How.REWRITTEN),
    }
    assert found.wasted_bytes == 1004
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
    monkeypatch.setattr(tar_layer, "MOST_ENTRIES", 2)
    with pytest.raises(ImageError, match="more in it than any image has"):
        image(LAYERS[0])


def test_more_bytes_than_any_image_has(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = compressed(layer({"zero": bytes(10_000_000)}), "gzip")
    assert len(bomb) < 20_000
    monkeypatch.setattr(tar_layer, "MOST_BYTES", 1_000_000)
    with pytest.raises(ImageError, match="more in it than any image has"):
        image(bomb)


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
    ],
)
def test_the_instruction_of_a_layer(recorded: str, text: str) -> None:
    assert instruction(recorded) == text


def test_sizes_for_people() -> None:
    assert [size_text(one) for one in (0, 999, 1000, 99_949, 123_456_789, 2_500_000_000)] == [
        "0 B", "999 B", "1.0 kB", "99.9 kB", "123 MB", "2.5 GB",
    ]  # fmt: skip


def test_sizes_of_people() -> None:
    assert [size_of(one) for one in ("0", "500MB", "1.5 GB", "20k", "3T")] == [
        0,
        5 * 10**8,
        15 * 10**8,
        20_000,
        3 * 10**12,
    ]
    for wrong in ("", "MB", "-1MB", "1 MiB", "1e9"):
        with pytest.raises(ValueError, match="is no size"):
            size_of(wrong)


def test_what_layers_are_compressed_to() -> None:
    zeros = layer({"zero": bytes(1_000_000)})
    plain = read_archive(io.BytesIO(docker_save([zeros], [""])), "x", compress=True)
    assert plain.compressed_size == len(zlib.compress(zeros, 6, 31))
    for how in ("gzip", "zstd"):
        stored = compressed(zeros, how)
        assert read_archive(io.BytesIO(docker_save([stored], [""])), "x", compress=True).compressed_size == len(stored)
    assert read_archive(io.BytesIO(docker_save([zeros], [""])), "x").layers[0].compressed is None


def test_the_account_for_programs() -> None:
    data = as_data(read_archive(io.BytesIO(docker_save(LAYERS, MADE_BY)), "x"))
    assert (data["bytes"], data["wasted_bytes"]) == (1022, 1004)
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


def test_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImageError, match="none of docker, podman, buildah is installed"):
        open_image("python:3.12")
    with pytest.raises(ImageError, match="neither a file nor the name"):
        open_image("--help")
