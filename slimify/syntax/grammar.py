"""The grammar of the shell, loaded without what its package drags in.

`import tree_sitter_bash` also imports importlib.resources, and with it pathlib and tempfile, to
find query files that nobody here asks for. That is a tenth of the start of a `slimify fix -`.
"""

from __future__ import annotations

from importlib.machinery import PathFinder

from tree_sitter import Language


def bash() -> Language:
    """The bash grammar."""
    package = PathFinder.find_spec("tree_sitter_bash")
    folders = package.submodule_search_locations if package is not None else None
    spec = PathFinder.find_spec("_binding", list(folders)) if folders else None
    if spec is not None and spec.loader is not None and (binding := spec.loader.create_module(spec)) is not None:
        spec.loader.exec_module(binding)
        return Language(binding.language())
    import tree_sitter_bash  # an importer of another kind, such as one of zip files

    return Language(tree_sitter_bash.language())
