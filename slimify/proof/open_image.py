"""From what a user names to an image: an archive, the folder of an OCI layout, or an image that an engine has."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from typing import IO, cast

from slimify.proof.archive import ReadLayer, read_archive, read_layout
from slimify.proof.engine import EngineError, find_engine, save_command
from slimify.proof.image import Image, ImageError, TooMuchError
from slimify.proof.plain import plain
from slimify.proof.show_layers import size_text
from slimify.proof.tar_layer import Look

# What archives are called, and paths begin with; the names of images do not (distribution/reference, the grammar).
_A_FILE = re.compile(r"[./~].*|.*\.(?:tar|tgz|(?:tar\.)?(?:gz|xz|bz2|zst))", re.S)


def open_image(name: str, engine: str | None = None) -> Image:
    """The image of this name; `-` is an archive on standard input. Raises `ImageError`.

    What is no file is an image of `engine`, or of the first engine that answers.
    """
    if name == "-":
        return read_archive(sys.stdin.buffer, "-")
    if os.path.isdir(name):
        if not os.path.isfile(os.path.join(name, "index.json")):
            raise ImageError(f"{name} is a folder without index.json, and so no OCI layout")
        return read_layout(name)
    if os.path.exists(name):
        try:
            with open(name, "rb") as file:
                return read_archive(file, name)
        except OSError as error:
            raise ImageError(f"{name}: {error.strerror}") from error
    if name.startswith("-"):
        raise ImageError(f"{name} is neither a file nor the name of an image")
    if _A_FILE.fullmatch(name):
        raise ImageError(f"{name}: there is no such file")
    try:
        program = find_engine(engine).program
    except EngineError as error:
        raise ImageError(f"{name} is no file, and no engine can be asked for it: {error}") from None
    return saved(name, program)


class _Limited(io.RawIOBase):
    """Hands a stream on until it has become too long."""

    def __init__(self, stream: IO[bytes], name: str, limit: int) -> None:
        self._stream, self._name, self._limit = stream, name, limit
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._read += len(data)
        if self._read > self._limit:
            raise TooMuchError(f"{self._name} is larger than {size_text(self._limit)}; --max-size allows more")
        buffer[: len(data)] = data
        return len(data)


def saved(
    name: str,
    program: str,
    look: Look | None = None,
    limit: int | None = None,
    compress: bool = False,
    known: dict[str, ReadLayer] | None = None,
) -> Image:
    """The image as an engine saves it, read while it does, as long as it is no larger than a limit.

    `look`, `compress` and `known` are those of `read_archive`. Raises `ImageError`.
    """
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(save_command(program, name), stdout=subprocess.PIPE, stderr=complaints)
        except OSError as error:
            raise ImageError(f"{program} cannot be started: {error.strerror}") from error
        with process:
            assert process.stdout is not None
            try:
                stream = process.stdout if limit is None else cast("IO[bytes]", _Limited(process.stdout, name, limit))
                image = read_archive(stream, name, look, compress, known)
            except TooMuchError:
                process.kill()
                raise
            except ImageError:
                process.kill()
                process.wait()
                complaints.seek(0)
                said = complaints.read().decode("utf-8", "replace").strip()
                if said:
                    raise ImageError(f"{program} save {name}: {plain(said.splitlines()[-1])}") from None
                raise
    if process.returncode:
        raise ImageError(f"{program} save {name} ended with status {process.returncode}")
    return image
