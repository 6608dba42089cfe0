"""Processes by their number and the time of their start, which together belong to no other one."""

from __future__ import annotations

import contextlib
import os
import signal


def started(number: int) -> int:
    """When a process started, as the kernel counts; 0 where it does not tell (proc(5), /proc/pid/stat, field 22)."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def alive(number: int, start: int) -> bool:
    """Whether a process still runs that started then."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return started(number) == start


def note(path: str, number: int) -> None:
    """Write down a process, so that `end` finds it after a crash of this one."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{number} {started(number)}")


def end(path: str) -> None:
    """End the group of a process that was noted, if it still runs."""
    with contextlib.suppress(OSError, ValueError):
        with open(path, encoding="utf-8") as file:
            number, start = map(int, file.read().split())
        if start and alive(number, start):
            os.killpg(number, signal.SIGKILL)
