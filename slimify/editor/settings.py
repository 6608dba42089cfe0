"""What the user has set in the editor, under `slimify.`, and how that and `slimify.toml` go together.

What a project says in its `slimify.toml` wins, key by key: it holds for all who work on it, whatever
their editors, and for the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from slimify.config import KEYS, NOTHING, Config, Settings, merge
from slimify.config_values import WrongError, boolean, string, suggestion

# As editors spell them, each with its key in slimify.toml, where its value is checked in the same way.
_SHARED = {
    "level": "level",
    "only": "only",
    "skip": "skip",
    "target": "target",
    "buildArgs": "build-args",
    "cacheMounts": "cache-mounts",
    "layout": "layout",
    "leastMegabytes": "least-megabytes",
    "leastPercent": "least-percent",
}
_OWN: dict[str, tuple[str, Callable[[object], Any]]] = {
    "context": ("context", string),
    "diagnostics": ("diagnostics", boolean),
    "inlayHints": ("inlay_hints", boolean),
    "fixOnSave": ("fix_on_save", boolean),
}
# Of an extension, which looks at them itself.
_OTHERS = frozenset({"path", "trace", "server", "enable", "args"})


class EditorSettings(NamedTuple):
    """The settings of one folder of the workspace.

    `context` is the build context, from the folder of the workspace; empty: that of the Dockerfile.
    `fix_on_save` is for editors that do not format when they save, but ask the server.
    """

    config: Config = NOTHING
    context: str = ""
    diagnostics: bool = True
    inlay_hints: bool = False
    fix_on_save: bool = False

    def under(self, project: Config) -> Settings:
        """What holds for a file of a project. An editor formats, and so lays out, unless somebody says no."""
        own = self.config if self.config.layout is not None else self.config._replace(layout=True)
        return merge(own, project)


def read_settings(values: object) -> tuple[EditorSettings, list[str]]:
    """The settings that an editor sent, and what is wrong with some of them, which count as not set."""
    if not isinstance(values, Mapping):
        return EditorSettings(), []
    shared: dict[str, Any] = {}
    own: dict[str, Any] = {}
    wrong: list[str] = []
    for key, value in values.items():
        if value is None or key in _OTHERS:
            continue
        try:
            if key in _SHARED:
                shared[_SHARED[key].replace("-", "_")] = KEYS[_SHARED[key]](value)
            elif key in _OWN:
                name, reader = _OWN[key]
                own[name] = reader(value)
            else:
                wrong.append(f"slimify.{key}: there is no such setting{suggestion(key, [*_SHARED, *_OWN])}")
        except WrongError as error:
            wrong.append(f"slimify.{key} {error}")
    return EditorSettings(Config(**shared), **own), wrong
