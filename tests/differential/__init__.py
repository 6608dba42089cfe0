"""Differential harness: does a rewritten Dockerfile make the same calls as the original?

Both versions' RUN scripts are run by real shells in a sandbox in which every external command is a
recording stand-in; then every call is made to fail in turn. See `compare` and `static`.
"""

from __future__ import annotations

from .compare import compare
from .model import Additions, Difference, Install, Options, Report
from .sandbox import Sandbox, SandboxError, unavailable

__all__ = [
    "Additions",
    "Difference",
    "Install",
    "Options",
    "Report",
    "Sandbox",
    "SandboxError",
    "compare",
    "unavailable",
]
