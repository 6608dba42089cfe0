"""What is kept of a command's output."""

from __future__ import annotations

import hashlib
import sys
import time

import pytest

from slimify.proof import spoken
from slimify.proof.blame import not_the_dockerfile
from slimify.proof.engine import network_of
from slimify.proof.spoken import Kept
from slimify.proof.steps import unnamed


def test_what_a_command_says() -> None:
    program = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert spoken.run([sys.executable, "-c", program], 60) == (3, "out\n", "err\n")


def test_an_output_without_an_end() -> None:
    program = "import sys\nwhile True: sys.stdout.write('y\\n' * 10000)"
    start = time.monotonic()
    ran = spoken.run([sys.executable, "-c", program], 2)
    assert time.monotonic() - start < 30
    assert ran.status is None
    assert spoken.KEPT < len(ran.output) < spoken.KEPT + 200


def test_the_rest_has_a_sum() -> None:
    kept = Kept(4)
    for piece in (b"ab", b"cdef", b"g"):
        kept.add(piece)
    assert kept.text() == f"abcd\n[3 bytes more, SHA-256 {hashlib.sha256(b'efg').hexdigest()}]"


@pytest.mark.parametrize(
    ("arguments", "network"),
    [
        ([], ""),
        (["-e", "A=b"], ""),
        (["--network", "host"], "host"),
        (["--net=none", "-e", "A=b"], "none"),
        (["--network=a", "--network", "b"], "b"),
        (["--network"], ""),
        (["--network-alias", "x"], ""),
    ],
)
def test_the_network_that_options_name(arguments: list[str], network: str) -> None:
    assert network_of(arguments) == network


@pytest.mark.parametrize(
    ("line", "by_steps", "blamed"),
    [
        ('ERROR: no builder "nosuch" found', False, True),
        ('ERROR: failed to build: network mode "x" not supported by buildkit - you can', False, True),
        ("ERROR: BuildKit is enabled but the buildx component is missing or broken.", False, True),
        ("failed to solve: a:b: failed to resolve source metadata for a:b: failed to do request: Head", False, True),
        ("failed to solve: a:b: failed to resolve source metadata for docker.io/a:b: a:b: not found", False, False),
        ("#7 1.204 write /x: no space left on device", False, True),
        ("#7 1.204 curl: (6) no such host", False, False),
        ("1.204 Err: Temporary failure resolving 'deb.example.org'", False, True),
        ("1.204 docker: unknown flag: --x", False, False),
        ("failed to solve: process did not complete successfully: exit code: 1", False, False),
        ('Error: building at STEP "RUN true": unable to find network with name or ID x: network not found', True, True),
        ("git: unknown flag", True, False),
    ],
)
def test_who_is_to_blame_for_a_build_that_fails(line: str, by_steps: bool, blamed: bool) -> None:
    assert not_the_dockerfile(f"something before\n{line}\n", by_steps) == (line if blamed else "")


def test_images_without_a_name() -> None:
    listed = "sha256:aa   localhost/a:1\nsha256:bb <none>:<none>\naa <none>:<none>\n\ncc   <none>:<none>\n"
    assert unnamed(listed) == ["bb", "cc"]
