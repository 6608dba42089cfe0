"""A git that says too much, reads nothing, or never ends is as harmless as any other."""

from __future__ import annotations

import resource
import subprocess
import time

import pytest

from slimify.bot import git_process
from slimify.bot.git_errors import GitError
from slimify.bot.git_process import Limits, end, need_git


def started(script: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(["sh", "-c", script], stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


def test_only_the_first_of_the_complaints_is_kept() -> None:
    process = started("echo first >&2; head -c 5000000 /dev/zero >&2; echo out")
    output, said = git_process._pump(process, b"", 60)
    assert output == b"out\n"
    assert said.startswith(b"first\n")
    assert len(said) <= git_process.MAX_SAID + (1 << 16)
    end(process)


def test_too_much_output_ends_it() -> None:
    process = started("yes")
    with pytest.raises(git_process._TooMuchError):
        git_process._pump(process, b"", 60)
    end(process)
    assert process.returncode == -9


@pytest.mark.parametrize("script", ["true", "cat > /dev/null", "exec <&-; sleep 0.2"])
def test_input_that_is_larger_than_a_pipe(script: str) -> None:
    process = started(script)
    assert git_process._pump(process, b"x" * 5_000_000, 60) == (b"", b"")
    end(process)


def test_a_child_that_outlives_it_ends_with_it() -> None:
    process = started("sleep 60 & echo started; wait")
    start = time.monotonic()
    with pytest.raises(git_process._TimeOverError):
        git_process._pump(process, b"", 1)
    end(process)
    assert time.monotonic() - start < 20


def test_no_limit_beyond_the_own_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that would fail, and without its limits git does not start."""
    assert git_process._ulimits(Limits(seconds=1.5, pack_bytes=1024, memory_bytes=4096))[:2] == ("2", "2")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (512, 512))
    assert git_process._ulimits(Limits())[:2] == ("1", "301")


def test_a_git_that_is_too_old_or_none(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_process, "OLDEST", (99, 0))
    need_git.cache_clear()
    with pytest.raises(GitError, match="or newer is needed"):
        need_git()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="no git"):
        need_git()
