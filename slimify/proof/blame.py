"""Who is to blame for a build that fails, by what its log says."""

from __future__ import annotations

import re

# What a build says where the fault is neither the Dockerfile's nor its commands': words of the client and of BuildKit,
# and of Go where no server is found. A command in a RUN may say the same, so that lines of commands do not count, which
# begin with the number of the step or with a time. An image that is not found is the Dockerfile's to name.
_NOT_THE_DOCKERFILE = re.compile(
    r"no builder .* found|buildx component is missing|BuildKit is enabled but|not supported by buildkit"
    r"|no space left on device|failed to resolve source metadata(?!.*: not found$)|failed to do request"
    r"|dial tcp.*(?:lookup|i/o timeout|connection refused|no route to host|network is unreachable)"
    r"|[Tt]emporary failure in name resolution|no such host|TLS handshake timeout|toomanyrequests"
    r"|(?:network|cni) .*not found|unable to find network|network mode .* not supported"
    r"|[Cc]annot connect to the Docker daemon|is the docker daemon running|unknown flag|unauthorized: "
    r"|error (?:initializing|pinging) .*registry|requires buildx|failed to (?:find|connect to) .*(?:builder|buildkit)",
    re.I,
)
_OF_A_COMMAND = re.compile(r"(?:#\d+ )?\d+\.\d+ ")
# These two nobody but the machine is to blame for, whoever says them (resolver(3), EAI_AGAIN; intro(2), ENOSPC).
_OF_THE_MACHINE = re.compile(r"no space left on device|temporary failure (?:in name resolution|resolving)", re.I)
# So much of the end of a log is looked at.
_LAST_LINES = 40
_AT_MOST = 1 << 16
# What commands of a build say of a network that failed, and may not fail the next time. Where the engine
# itself has none, nothing is proved.
_NETWORK = re.compile(
    r"timed? ?out|connection (?:reset|aborted)|hash sum mismatch|ECONNRESET|ETIMEDOUT"
    r"|50[234] (?:bad gateway|service unavailable|gateway time)",
    re.I,
)


def not_the_dockerfile(log: str, by_steps: bool) -> str:
    """The line of a failed build's log that says that the engine is to blame, or what it was told; empty if none does.

    With Podman and Buildah nothing tells the words of a command from the engine's, so that only those after the last
    step, which begin with `Error:`, are looked at.
    """
    for line in reversed(log[-_AT_MOST:].splitlines()[-_LAST_LINES:]):
        own = line.startswith(("Error:", "error ")) if by_steps else not _OF_A_COMMAND.match(line)
        if _OF_THE_MACHINE.search(line) or (own and _NOT_THE_DOCKERFILE.search(line)):
            return line.strip()
    return ""


def network_failed(log: str) -> bool:
    """Whether a command of a build says that the network failed it."""
    return _NETWORK.search(log) is not None
