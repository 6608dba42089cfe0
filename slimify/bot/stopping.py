"""When to stop, told by signals: the first asks for a graceful stop, the second for one at once."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator


class Stop:
    """Asks for a stop. `level` is 0 as long as nobody asked, 1 for a graceful one, more for one at once."""

    def __init__(self) -> None:
        self.level = 0
        # Whoever waits for other things, too, can wait for this.
        self._heard, self._said = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ask(self) -> None:
        """Ask once more. May be called in a signal handler, and in any thread."""
        self.level += 1
        with contextlib.suppress(BlockingIOError):
            os.write(self._said, b"!")

    def fileno(self) -> int:
        """What becomes readable when somebody asks."""
        return self._heard

    def hear(self) -> None:
        """Make it unreadable again, until somebody asks once more."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._heard, 64):
                pass

    def close(self) -> None:
        os.close(self._heard)
        os.close(self._said)


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[Stop]:
    """A stop that SIGTERM and SIGINT ask for. Only in the main thread, as signal(2) handlers are Python's there."""
    stop = Stop()
    before = {number: signal.signal(number, lambda *_: stop.ask()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
