"""Which process this is, in words that another process can check: is it gone for certain, or only silent?"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import NamedTuple


class ProcessName(NamedTuple):
    """A process of some boot of some machine. A number alone is given to another process some day.

    `started` is in ticks since boot. `namespace` is that of process numbers: a container has its own. All but `pid`
    are empty where the system has no /proc.
    """

    boot: str
    namespace: str
    pid: int
    started: str

    def is_gone(self) -> bool:
        """Whether it is certain that the process has ended. False where that cannot be seen from here."""
        here = own_name()
        if not here.boot or not self.boot:
            return False
        if self.boot != here.boot:
            return True
        if self.namespace != here.namespace:
            return False
        return _started(self.pid) != self.started


@functools.cache
def _name(pid: int) -> ProcessName:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return ProcessName(boot, os.readlink("/proc/self/ns/pid"), pid, _started(pid))
    except OSError:
        return ProcessName("", "", pid, "")


def own_name() -> ProcessName:
    """The name of this very process."""
    return _name(os.getpid())


def _started(pid: int) -> str:
    """Field 22 of proc_pid_stat(5), empty if there is no such process or only what is left of one, a zombie."""
    try:
        # The second field is the program's name in parentheses, in which there may be blanks and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]


def machine_time() -> float:
    """Seconds since the machine was started, the same for all its processes, and not moved when the clock is set."""
    # CLOCK_BOOTTIME goes on while the machine sleeps (clock_gettime(2)), which a lease should, too.
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
