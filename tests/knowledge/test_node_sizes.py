"""How large packages of npm are, and what packages of Alpine are for."""

from __future__ import annotations

from slimify.knowledge import alpine
from slimify.knowledge.node_sizes import installed_bytes, tree_bytes


def test_sizes_are_measured_or_small() -> None:
    assert installed_bytes([]) == 0
    assert installed_bytes(["typescript"]) > 20_000_000
    assert 0 < installed_bytes(["no-such-package"]) < 100_000
    assert tree_bytes(["react", "react-scripts"]) > 100_000_000
    assert tree_bytes(["react"]) == 0


def test_what_only_builds_on_alpine() -> None:
    assert all(map(alpine.is_build_only, ["g++", "make", "build-base", "vips-dev", "linux-headers"]))
    assert not any(map(alpine.is_build_only, ["git", "python3", "tini", "vips"]))
    assert alpine.runtime_packages("cairo-dev", "3.20") == ("cairo",)
    assert alpine.runtime_packages("openssl-dev", "3.20") == ()
    assert alpine.runtime_packages("openssl-dev", None) is None
    assert alpine.runtime_packages("make", "3.20") == ()
    assert alpine.runtime_packages("nobody-dev", "3.20") is None
    assert "gcc" in alpine.programs("build-base")
    assert alpine.programs("tini") == {"tini"}
    assert alpine.installed_bytes(["make", "g++", "gcc"]) == alpine.installed_bytes(["g++"]) > 100_000_000
