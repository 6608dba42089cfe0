"""Whether a package runs a script when it is installed: what its lock file says, else what is known of it.

The lock files of npm (from version 7 on) and of pnpm (before lock file version 9) tell. Those of yarn do not, nor do
pnpm's since: there `knowledge/node_scripts.py` must know the package, and the lock file must not speak against it.
"""

from __future__ import annotations

import re

from slimify.context.node.lock import Locked
from slimify.knowledge import node_scripts

# What native add-ons are built or found with (README of node-gyp; "Node-API" in the documentation of Node.js). node-gyp
# itself is not among them: package managers depend on it, too, to build other packages.
_BUILDERS = frozenset(
    """nan node-addon-api bindings node-gyp-build node-gyp-build-optional-packages node-pre-gyp @mapbox/node-pre-gyp
    prebuild-install prebuild prebuildify cmake-js napi-macros neon-cli node-bindings bin-wrapper bin-build""".split()
)


def runs_script(one: Locked) -> bool | None:
    """Whether an install runs a script of a locked package: it compiles, or fetches, or only says thank you.

    None where that is not known: whoever needs it to be harmless takes it for a script.
    """
    if one.install_script is not None:
        return one.install_script
    if one.published is None:
        return None
    known = node_scripts.runs_script(one.published, one.version)
    return None if known is False and _asks_for_builders(one) else known


def _asks_for_builders(one: Locked) -> bool:
    return not _BUILDERS.isdisjoint(re.sub(r"(?<=.)@.*$", "", wanted.removeprefix("/")) for wanted in one.needs)
