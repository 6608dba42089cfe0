"""What all tests share: the folder of these tests on the path, and hypothesis without deadlines."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

# A shell has what it starts in the background ignore an interruption, and that is handed on to all that is tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

sys.path.insert(0, str(Path(__file__).parent))

# A busy machine is no bug, and the same examples every time make a red test a reproducible one.
settings.register_profile(
    "slimify",
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("slimify")
