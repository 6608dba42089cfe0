"""What a Compose file beside the sources says of an image: that it is one people develop in, or what else it runs."""

from __future__ import annotations

import posixpath
import re

from slimify.transforms.split_stage.refused import Refused

from slimify.context.found import source
from slimify.context.run_elsewhere import run_elsewhere
from slimify.semantics.build_context import BuildContext, Kind

_COMPOSE = re.compile(r"(?:docker-)?compose[\w.-]*\.ya?ml")
# Compose specification, "volumes", short syntax: the folder of the file itself.
_MOUNT = re.compile(r"""^\s*-\s*["']?(?:\.|\./|\$\{?PWD\}?):(/[^:"'\s]*)""", re.MULTILINE)
_BUILDS = re.compile(
    r"\b(?:composer|npm|npx|yarn|pnpm|git|gcc|make|guard|rspec|phpunit)\b|\bbundle\s+(?:install|check|update)\b"
)


def elsewhere(context: BuildContext, folder: str, shipped: bool) -> None:
    """Raise `Refused` where a Compose file mounts the sources over `folder`, unless the image is known to be `shipped`.

    So it does where a command runs what only the build stage would have.
    """
    for entry in context.children(""):
        if shipped or entry.kind is not Kind.FILE or not _COMPOSE.fullmatch(entry.path):
            continue
        for place in _MOUNT.findall(source(context, entry.path) or ""):
            if f"{folder}/".startswith(f"{posixpath.normpath(place).rstrip('/')}/"):
                raise Refused(f"{entry.path} mounts the sources over {folder}, as for development")
    for command, at in run_elsewhere(context).commands:
        match = _BUILDS.search(command)
        if match is not None and _COMPOSE.fullmatch(posixpath.basename(at.file)):
            raise Refused(f"{at.file} runs {match[0]} in an image")
