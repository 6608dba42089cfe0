"""Which files of the context a RUN that installs packages reads, where that can be known.

Sources: pip documentation, "pip install" and "Configuration"; npm documentation, "npm ci"; yarn and
pnpm documentation, "install". What a package.json asks for is in `slimify.context.node.install`.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from slimify.context.folder import context_path, path_leads_to, system_only
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import SYSTEM_MANAGERS, effects
from slimify.syntax.shell import Body, commands_in

# Programs that read nothing but what they are told, and their own files.
_READ_NOTHING = frozenset(
    """a2enmod addgroup adduser echo groupadd ldconfig locale-gen mkdir printf rm set true update-ca-certificates
    useradd docker-php-ext-enable docker-php-ext-install""".split()
)
# Variables that make programs read further files.
_READING = (
    "BASH_ENV", "ENV", "LD_PRELOAD", "LD_LIBRARY_PATH", "NODE_OPTIONS", "NODE_PATH", "PIP_BUILD_CONSTRAINT",
    "PIP_CONFIG_FILE", "PIP_CONSTRAINT", "PIP_EDITABLE", "PIP_FIND_LINKS", "PIP_PREFIX", "PIP_REQUIREMENT", "PIP_ROOT",
    "PIP_SRC", "PIP_TARGET", "PYTHONHOME", "PYTHONSTARTUP", "APT_CONFIG",
)  # fmt: skip
_PIP_SWITCHES = frozenset(
    """--no-cache-dir --upgrade -U --quiet -q -qq --user --no-deps --disable-pip-version-check --no-warn-script-location
    --pre --require-hashes --prefer-binary --no-input --break-system-packages --ignore-installed -I --force-reinstall
    --no-compile --compile --no-build-isolation -v --verbose""".split()
)
_PIP_VALUES = frozenset(
    "-r --requirement -c --constraint -i --index-url --extra-index-url --trusted-host --timeout --default-timeout "
    "--retries --root-user-action --progress-bar --no-binary --only-binary --upgrade-strategy".split()
)
# Packages whose own installation looks at the project that they are installed for (their READMEs).
_LOOK_AROUND = (
    "husky", "msw", "yorkie", "pre-commit", "ghooks", "simple-git-hooks", "lefthook", "nuxt", "@sveltejs/kit",
    "patch-package", "electron", "react-native", "expo", "contentlayer", "fumadocs-mdx",
)  # fmt: skip
_FROZEN = {
    "npm": (),
    "yarn": ("--frozen-lockfile", "--immutable"),
    "pnpm": ("--frozen-lockfile",),
}
_NODE_ELSEWHERE = (
    "-C", "--prefix", "--dir", "--cwd", "-g", "--global", "--modules-folder", "-w", "--workspace", "--filter",
    "--workspace-root", "--userconfig", "--globalconfig", "--location",
)  # fmt: skip
_PACKAGES = (".deb", ".rpm", ".apk", ".ipk", ".zst", ".xz", ".sh", ".bundle", ".spec")
_LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb", "bun.lock")


class Reads(NamedTuple):
    """The paths of the context that a RUN reads. `installs` names what it installs with; empty if it does not."""

    paths: tuple[str, ...]
    installs: str


def install_reads(build: Build, step: Step, body: Body, folder: str) -> Reads | str:
    """What a RUN reads of the files that are copied into `folder`, or why that is not known.

    With an answer it is also sure that it writes nothing into `folder` that the context has as well.
    """
    if step.instruction.heredocs or any(one.type not in ("cache", "secret", "ssh", "tmpfs") for one in step.mounts):
        return "its mounts or here-documents may bring or need more"
    for name in _READING:
        if step.state.sets(name):
            return f"{name} is set"
    for name, value in step.state.variables.items():
        told = name.upper().startswith(("PIP_", "NPM_", "YARN_", "PNPM_", "PYTHONPATH")) or name == "HOME"
        if told and value is not None and (folder in value or value.startswith((".", "file:"))):
            return f"{name} leads to what is copied"
    if path_leads_to(build, step, folder):
        return "the PATH may lead to what is copied"
    found = effects(body.script, step.state.variables, step.state.workdir)
    if found.background or any(leak.kind in ("source", "directory") for leak in found.leaks):
        return "it changes its folder or runs something in the background"
    for command in commands_in(body.script.body):
        if any("<" in redirect.operator for redirect in command.redirects):
            return "it reads a file by redirection"
        if any(word.pattern and not word.text.startswith("/") for word in command.words):
            return "it has a pattern, which depends on the files that are there"
    paths: dict[str, None] = {}
    installs: list[str] = []
    for call in found.invocations:
        read = _call(build, step, call, folder)
        if isinstance(read, str):
            return read
        paths.update(dict.fromkeys(read.paths))
        installs += [read.installs] if read.installs else []
    written = (found.writes | found.deletes | found.touches) - {"/etc/passwd"}
    for path in written:
        if path.startswith(("./", f"{folder}/")) or path == folder or folder.startswith(f"{path}/"):
            return f"it works in {folder}"
    return Reads(tuple(paths), ", ".join(dict.fromkeys(installs)))


def _call(build: Build, step: Step, call: Invocation, folder: str) -> Reads | str:
    name = call.program
    typed = call.typed[0].text if call.typed else ""
    by_path = "/" in typed and (not typed.startswith("/") or f"{typed}/".startswith(f"{folder}/") or "$" in typed)
    if name is None or call.nested or call.wrappers or by_path:
        return f"what {call.typed[0].text if call.typed else 'a command'} reads is not known"
    manager, action = call.manager, verb(call)
    if manager is not None and action is not None:
        if manager.name in SYSTEM_MANAGERS:
            return _system(call, f"{name} {action.name}".strip(), action.name in manager.installs)
        if manager.name == "pip" and action.name == "install":
            return _pip(build, step, call)
        if manager.name in _FROZEN:
            return _node(build, step, call, manager.name)
    made = all(value is not None and value.startswith(("/", "-")) for value in call.argv)
    if (name in _READ_NOTHING or (name in ("venv", "virtualenv") and made)) and all(
        value is not None and folder not in value for value in call.argv
    ):
        return Reads((), "")
    return f"what {name} reads is not known"


def _system(call: Invocation, title: str, installs: bool) -> Reads | str:
    if not system_only(call):
        return f"what {title} reads or writes is not known"
    for value in call.argv:
        if value is None or value == "." or value.startswith(("./", "../", "/")) or value.endswith(_PACKAGES):
            return f"{title} may install a file"
        if "/" in value and not value.startswith(("-", "http")):
            return f"{title} may install a file"
    if call.has("-c", "--config-file", "-o", "--option", "--allow-untrusted", "--repository", "-X"):
        return f"{title} is given options that may name files"
    return Reads((), title if installs else "")


def _pip(build: Build, step: Step, call: Invocation) -> Reads | str:
    from slimify.context.python.requirement import Origin
    from slimify.context.python.requirements import read_requirements

    context = build.context
    names: list[str] = []
    words = iter(call.argv)
    seen = False
    for word in words:
        if word is None:
            return "an argument of pip is not known"
        option, equals, value = word.partition("=")
        if word == "install" and not seen:
            seen = True
        elif word in _PIP_SWITCHES:
            continue
        elif word.startswith("-") and option in _PIP_VALUES:
            argument = value if equals else next(words, None)
            if argument is None:
                return "an argument of pip is not known"
            if option in ("-i", "--index-url", "--extra-index-url") and not argument.startswith("http"):
                return "the index is no address"
            if option in ("-r", "--requirement", "-c", "--constraint"):
                names.append(argument)
        elif word.startswith("-r") and len(word) > 2:
            names.append(word[2:])
        elif word.startswith("-"):
            return f"what pip reads with {option} is not known"
        elif "/" in word.partition("[")[0] or word.startswith(".") or word.endswith((".whl", ".zip", ".gz")):
            return "pip installs a folder, a file or an address"
    if not names:
        return Reads((), "pip install")
    paths: list[str] = []
    for name in names:
        path = context_path(build, step, name)
        if context is None or path is None:
            return f"where {name} comes from is not known"
        found = read_requirements(context, path)
        for one in found.requirements:
            if one.editable or one.origin is not Origin.INDEX:
                return f"{path} names something that is not in an index: {one.place or one.name}"
        if any("file:" in option.value for option in found.options):
            return f"{path} names files by address"
        if found.missing or found.paths or found.problems or not found.files:
            return f"{path} cannot be read as a whole, or names files that are not there"
        paths += found.files
    if _distutils(build, step):
        return "pip may read the setup.cfg there"
    return Reads(tuple(dict.fromkeys(paths)), f"pip install -r {names[0]}")


def _distutils(build: Build, step: Step) -> bool:
    """Whether a setup.cfg in the working directory tells distutils, and so older pips, where to install."""
    path = context_path(build, step, "setup.cfg")
    text = build.context.text(path) if build.context is not None and path is not None else None
    return text is not None and any(f"[{name}" in text for name in ("install", "easy_install", "global", "build"))


def _node(build: Build, step: Step, call: Invocation, manager: str) -> Reads | str:
    from slimify.context.node.install import install_inputs
    from slimify.context.node.package_json import Package, read_package

    context = build.context
    action = verb(call)
    path = context_path(build, step, "package.json")
    if context is None or path is None or action is None:
        return "where package.json comes from is not known"
    folder = posixpath.dirname(path)
    clean_install = manager == "npm" and action.name in ("ci", "clean-install")
    if not clean_install and action.name not in ("install", "i", ""):
        return f"what {manager} {action.name} reads is not known"
    if action.operands or None in call.argv or call.has(*_NODE_ELSEWHERE):
        return f"{manager} is told what or where to install"
    locks = [name for name in _LOCKS if context.entry(posixpath.join(folder, name)) is not None]
    if locks and not clean_install and not call.has(*_FROZEN[manager]):
        remedy = "npm ci" if manager == "npm" else _FROZEN[manager][0]
        return (
            f"{manager} {action.name or 'install'} may change {locks[0]}, and the COPY behind it would undo that; "
            f"with {remedy} it would not"
        )
    package = read_package(context, folder)
    if not isinstance(package, Package):
        return f"{path} cannot be read"
    inputs = install_inputs(context, package)
    if inputs.unknown:
        return inputs.unknown[0].reason
    if inputs.scripts or inputs.programs:
        return f"it runs the script {inputs.scripts[0].name if inputs.scripts else ''} of {path}"
    for name in _LOOK_AROUND:
        if package.asks(name):
            return f"the installation of {name} may look at the project"
    if any(one.path.endswith(".yarnrc.yml") for one in inputs.paths):
        return "what yarn leaves in the folder depends on its linker"
    for entry in context.entries():
        if "node_modules" in entry.path and "node_modules" in entry.path.split("/"):
            return f"{entry.path} is in the build context, and the COPY behind it would replace what is installed"
    title = f"{manager} {action.name or 'install'}"
    return Reads(tuple(one.path for one in inputs.paths), title)
