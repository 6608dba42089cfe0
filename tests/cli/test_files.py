"""Reading and atomic replacing (SAFETY.md, 41)."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from slimify.files import FileError, read, replace, write

OLD, NEW = b"old\n", b"new and longer\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_bytes(OLD)
    return path


def alone(path: Path) -> bool:
    """Whether no temporary file lies beside it."""
    return os.listdir(path.parent) == [path.name]


def test_replaces_the_content_and_nothing_else(path: Path) -> None:
    path.chmod(0o4751)
    assert replace(read(str(path)), NEW)
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o4751
    assert alone(path)


def test_an_equal_content_is_not_written(path: Path) -> None:
    before = path.stat()
    assert not replace(read(str(path)), OLD)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_symbolic_link_stays_one(path: Path, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    link = tmp_path / "sub" / "link"
    link.symlink_to("../Dockerfile")
    replace(read(str(link)), NEW)
    assert os.readlink(link) == "../Dockerfile"
    assert path.read_bytes() == NEW


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays(path: Path) -> None:
    os.chown(path, 1234, 2345)
    replace(read(str(path)), NEW)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_extended_attributes_stay(path: Path) -> None:
    try:
        os.setxattr(path, "user.slimify", b"x")
    except OSError:
        pytest.skip("no extended attributes here")
    replace(read(str(path)), NEW)
    assert os.getxattr(path, "user.slimify") == b"x"


def test_an_owner_that_cannot_be_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = read(str(path))
    real = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        fields = list(real(descriptor))
        fields[stat.ST_UID] += 1
        return os.stat_result(fields)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fstat", foreign)
    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(FileError, match="owner"):
        replace(snapshot, NEW)
    assert path.read_bytes() == OLD
    assert alone(path)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["replace", "fsync", "fchmod"])
def test_an_interrupted_write_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    def interrupt(*_: object) -> None:
        raise error

    snapshot = read(str(path))
    monkeypatch.setattr(os, step, interrupt)
    with pytest.raises((FileError, KeyboardInterrupt)):
        replace(snapshot, NEW)
    assert path.read_bytes() == OLD
    assert alone(path)


def test_an_interrupt_just_when_the_temporary_file_is_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = read(str(path))
    make = os.open

    def interrupt(*arguments: Any) -> int:
        os.close(make(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace(snapshot, NEW)
    assert path.read_bytes() == OLD
    assert alone(path)


def test_a_file_that_changed_meanwhile_is_left_alone(path: Path) -> None:
    snapshot = read(str(path))
    path.write_bytes(b"two\n")
    with pytest.raises(FileError, match="changed since it was read"):
        replace(snapshot, NEW)
    assert path.read_bytes() == b"two\n"
    assert alone(path)


def test_a_link_that_was_turned_meanwhile(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(OLD)
    link = tmp_path / "link"
    link.symlink_to(path)
    snapshot = read(str(link))
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(FileError, match="changed since"):
        replace(snapshot, NEW)
    assert path.read_bytes() == other.read_bytes() == OLD


def test_a_file_that_is_gone(path: Path) -> None:
    snapshot = read(str(path))
    path.unlink()
    with pytest.raises(FileError, match="no such file"):
        replace(snapshot, NEW)
    assert not path.exists()


def test_a_read_only_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = read(str(path))

    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FileError, match=r"cannot write in the folder .*Read-only"):
        replace(snapshot, NEW)


def test_a_write_protected_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = read(str(path))
    monkeypatch.setattr(os, "access", lambda *_: False)  # for root every file is writable
    with pytest.raises(FileError, match="write-protected"):
        replace(snapshot, NEW)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is a directory"):
        read(str(tmp_path))


def test_write_makes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new"
    old = os.umask(0o027)
    try:
        write(str(path), OLD)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write(str(path), NEW)
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with pytest.raises(FileError):
        write(str(tmp_path / "no" / "folder"), NEW)
