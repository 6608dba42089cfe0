"""What a RUN leaves behind: in its shell, in the process table, and on the file system.

Only what decides whether two scripts may share a shell, and whether it pays, is worked out here.
Paths are absolute where the working directory is known, else relative to an unknown place, which
is written as a leading `./`.
"""

from __future__ import annotations

import functools
import posixpath
import re
from typing import NamedTuple

from slimify.semantics.commands import Invocation, Variables, invocations, resolve, verb
from slimify.syntax.shell import (
    AndOr,
    Command,
    Compound,
    Pipeline,
    Redirect,
    Script,
    Sequence,
    ShellNode,
    Word,
)

# POSIX XCU 2.14: in front of these a variable assignment stays in force afterwards.
_SPECIAL_BUILTINS = frozenset(
    "break : continue . eval exec exit export readonly return set shift times trap unset source".split()
)
BUILTINS = _SPECIAL_BUILTINS | frozenset(
    "[ alias bg cd command declare dirs disown echo false fc fg getopts hash jobs kill let local popd printf pushd "
    "enable pwd read shopt test true type typeset ulimit umask unalias wait builtin mapfile readarray".split()
)
# Undone or shared outside a layer: Docker mounts its own over these while a RUN lasts.
_MOUNTED = ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/dev", "/proc", "/sys")
_OPTION_LETTERS = {"errexit": "e", "xtrace": "x", "nounset": "u", "verbose": "v", "noglob": "f"}
_DAEMONS = frozenset(
    "apache2ctl apachectl nginx httpd mysqld mysqld_safe mariadbd mariadbd-safe postgres pg_ctl pg_ctlcluster "
    "redis-server mongod mongodb memcached dockerd containerd sshd crond cron supervisord systemctl service "
    "rc-service initctl start-stop-daemon Xvfb Xvnc vncserver rabbitmq-server slapd named dbus-daemon "
    "elasticsearch catalina.sh nohup daemon setsid screen tmux at batch rsyslogd syslogd nscd gpg-agent ssh-agent "
    "gpgconf dirmngr php-fpm apache2 startup.sh asadmin invoke-rc.d".split()
)
_USER_TOOLS = frozenset(
    "adduser useradd groupadd addgroup usermod userdel deluser groupdel delgroup groupmod gpasswd chpasswd "
    "passwd".split()
)
_MOVING = ("-d", "--home", "-m", "--move-home", "-l", "--login")
_GPG_ALONE = ("--dearmor", "--verify", "--export", "--version", "--list-keys", "--show-keys", "--print-md")
_FOREGROUND = {
    "nginx": frozenset({"-t", "-v", "-V", "-h"}),
    "service": frozenset(),
    "systemctl": frozenset({"enable", "disable", "mask", "unmask", "preset", "set-default", "is-enabled"}),
    "httpd": frozenset({"-t", "-v", "-V", "-M", "-l"}),
    "sshd": frozenset({"-t"}),
    "apachectl": frozenset({"-t", "configtest", "-v", "-V"}),
    "apache2ctl": frozenset({"-t", "configtest", "-v", "-V"}),
    "mysqld": frozenset({"--initialize", "--initialize-insecure", "--version", "--help", "--verbose"}),
    "postgres": frozenset({"--version", "-V"}),
    "redis-server": frozenset({"--version", "-v"}),
    "setsid": frozenset(),
    "php-fpm": frozenset({"-t", "-v", "-i", "-m", "-F", "--nodaemonize", "--test"}),
    "apache2": frozenset({"-t", "-v", "-V", "-M", "-l"}),
    "gpgconf": frozenset({"--kill", "--list-dirs"}),
    "ssh-agent": frozenset(),
}


# Arithmetic that may assign; `==`, `!=`, `<=` and `>=` do not. And expansions that do: `${x:=y}`, `${x[i=1]}`.
_ARITHMETIC = re.compile(r"\$\(\(.*(?:(?<![=!<>])=(?!=)|\+\+|--)", re.DOTALL)
_ASSIGNING = re.compile(r"\$\{\w+(?::?=|\[[^]]*=)")


class Leak(NamedTuple):
    """A change to the shell itself that the next command in the same shell would see."""

    kind: str
    text: str


class Effects(NamedTuple):
    """All that matters of one script.

    `options` are those that `set` turns on in the main shell, `nested_errexit` says that `-e` is
    turned on in a subshell; `exits` and `replaces` say that it
    may end the shell or exec another program over it; `background` names a process that outlives
    the script; `mounted` a path that does not survive a RUN. `installs` are programs that the
    script may put on the PATH, and `ran` those it found there, which the shell then remembers;
    `substitutes` says that a command substitution holds more than one command, in which `set -e`
    may act; `moves_home` that a user's home folder may be deleted or moved.
    """

    leaks: tuple[Leak, ...]
    options: frozenset[str]
    nested_errexit: bool
    exits: bool
    replaces: bool
    background: str
    mounted: str
    writes: frozenset[str]
    deletes: frozenset[str]
    touches: frozenset[str]
    mentions: frozenset[str]
    ran: frozenset[str]
    installs: frozenset[str]
    substitutes: bool
    moves_home: bool
    invocations: tuple[Invocation, ...]


class _Collector:
    """Walks a script and gathers what becomes its `Effects`."""

    def __init__(self, text: str, variables: Variables, workdir: str | None) -> None:
        self.text = text
        self.variables = variables
        self.workdir = workdir
        self.leaks: list[Leak] = []
        self.options: set[str] = set()
        self.nested_errexit = False
        self.substituted = False
        self.exits = False
        self.replaces = False
        self.background = ""
        self.mounted = ""
        self.writes: set[str] = set()
        self.deletes: set[str] = set()
        self.touches: set[str] = set()
        self.mentions: set[str] = set()
        self.ran: set[str] = set()
        self.installs: set[str] = set()
        self.substitutes = False
        self.moves_home = False
        self.found: list[Invocation] = []

    def walk(self, node: Sequence | ShellNode, subshell: bool) -> None:
        if isinstance(node, Sequence):
            for item in node.items:
                if item.separator == "&":
                    self.background = self.background or "a background job"
                self.walk(item.node, subshell or item.separator == "&")
        elif isinstance(node, AndOr):
            for operand in node.operands:
                self.walk(operand, subshell)
        elif isinstance(node, Pipeline):
            # In a pipeline of several commands each may run in a subshell, or the last one may not (POSIX XCU 2.12).
            several = len(node.commands) > 1
            for command in node.commands[:-1]:
                self.walk(command, subshell or several)
            self.walk(node.commands[-1], subshell)
        elif isinstance(node, Compound):
            self._compound(node, subshell)
        else:
            self._command(node, subshell)

    def _leak(self, kind: str, text: str, subshell: bool) -> None:
        if not subshell:
            self.leaks.append(Leak(kind, text))

    def _compound(self, node: Compound, subshell: bool) -> None:
        if node.kind == "function":
            self._leak("function", "a function", subshell)
        elif node.kind in ("for", "select"):
            self._leak("variable", "a loop variable", subshell)
        elif node.kind == "arithmetic" or (node.kind == "test" and _tests_assign(self.text[node.start : node.end])):
            self._leak("variable", "arithmetic", subshell)
        inner = subshell or node.kind == "subshell"
        before = self.workdir
        for part in node.parts:
            self.walk(part, inner)
        if inner:
            self.workdir = before
        self._words(node.words)
        self._redirects(node.redirects)

    def _words(self, words: tuple[Word, ...]) -> None:
        for word in words:
            if "$((" in word.text and _ARITHMETIC.search(word.text):
                self._leak("variable", "arithmetic", False)
            if "${" in word.text and _ASSIGNING.search(word.text):
                self._leak("variable", "${…=…}", False)
            if ">(" in word.text or "<(" in word.text:
                self.background = self.background or "a process substitution"
            for part in word.substitutions:
                simple = len(part.items) == 1 and isinstance(part.items[0].node, Command)
                self.substitutes = self.substitutes or not simple
                before, outside = self.workdir, self.substituted
                self.substituted = True
                self.walk(part, True)
                self.workdir, self.substituted = before, outside

    def _redirects(self, redirects: tuple[Redirect, ...]) -> None:
        for redirect in redirects:
            if redirect.target is None:
                continue
            self._words((redirect.target,))
            if ">" in redirect.operator and not redirect.operator.endswith("&"):
                self._write(resolve(redirect.target, self.variables))

    def _path(self, value: str | None) -> str | None:
        if value is None:
            return None
        return _joined(self.workdir if self.workdir is not None else ".", value)

    def _write(self, value: str | None) -> None:
        path = self._path(value)
        if path is None or path == "/dev/null" or path.startswith(("/dev/std", "/dev/tty", "/dev/fd")):
            return
        self.writes.add(path)
        self.installs.add(posixpath.basename(path))
        self._check_mounted(path)

    def _check_mounted(self, path: str) -> None:
        for mounted in _MOUNTED:
            if path == mounted or path.startswith(mounted + "/"):
                self.mounted = self.mounted or path

    def _command(self, node: Command, subshell: bool) -> None:
        for assignment in node.assignments:
            self._words((assignment.value,))
        self._words(node.words)
        self._redirects(node.redirects)
        name = node.name
        if node.assignments and (not node.words or name in _SPECIAL_BUILTINS):
            for assignment in node.assignments:
                self._leak("variable", assignment.name, subshell)
        for word in node.words[1:]:
            value = resolve(word, self.variables)
            if value and not value.startswith("-"):
                path = self._path(value.rpartition("=")[2])
                if path:
                    self.mentions.add(path)
                    if path.startswith("/dev/shm"):
                        self.mounted = self.mounted or path
        for invocation in invocations(node, self.variables):
            if self.substituted:
                invocation = invocation._replace(nested=True)
            elif invocation.nested:
                self._redirects(invocation.command.redirects)
            self.found.append(invocation)
            self._invocation(invocation, subshell or invocation.nested)

    def _invocation(self, one: Invocation, subshell: bool) -> None:
        program = one.program
        if program is None:
            # `$CMD …` may be a builtin such as cd. Whatever it is, it may do as much.
            self._leak("source", one.typed[0].text if one.typed else "a variable", subshell)
            return
        plain = all(wrapper in ("command", "builtin", "time", "!") for wrapper in one.wrappers)
        if "exec" in one.wrappers and not subshell:
            self.replaces = True
        if plain and program in BUILTINS:
            self._builtin(one, program, subshell)
            return
        if not one.nested and one.typed and "/" not in one.typed[0].text and plain and not subshell:
            self.ran.add(one.typed[0].text)
        self._daemon(one, program)
        if program == "hostname" and one.argv:
            self.mounted = self.mounted or "the host name"
        self._files(one, program)

    def _builtin(self, one: Invocation, program: str, subshell: bool) -> None:
        argv = one.argv
        text = " ".join([program, *(word.text for word in one.words)])
        if program in ("cd", "pushd", "popd"):
            self._leak("directory", text, subshell)
            target = argv[0] if program != "popd" and argv else None
            moved = target is not None and not target.startswith(("-", "~"))
            self.workdir = self._path(target) if moved else None
        elif program == "set":
            self._set(argv, text, subshell)
        elif program in ("exit", "return"):
            self.exits = self.exits or not subshell
        elif program == "exec":
            if one.command.redirects:
                self._leak("redirection", "exec with a redirection", subshell)
            self.replaces = self.replaces or (bool(argv) and not subshell)
        elif program in (".", "source", "eval"):
            self._leak("source", text, subshell)
            # What it reads may do anything at all.
            self.workdir = None
        elif program in (
            "export",
            "readonly",
            "declare",
            "typeset",
            "local",
            "unset",
            "read",
            "getopts",
            "let",
            "mapfile",
            "readarray",
            "enable",
        ) or (program == "printf" and "-v" in argv):
            if argv and argv != ("-p",):
                self._leak("variable", text, subshell)
        elif program in ("alias", "unalias", "trap", "umask", "shopt", "ulimit", "shift", "hash"):
            if argv:
                self._leak(program, text, subshell)
            if program == "trap":
                self.exits = True

    def _set(self, argv: tuple[str | None, ...], text: str, subshell: bool) -> None:
        words = iter(argv)
        for word in words:
            if word is None or word in ("--", "-") or word[0] not in "-+":
                self._leak("positional", text, subshell)
                return
            letters = word[1:]
            names = {"o": next(words, None) or "?"} if "o" in letters else {}
            for letter in letters:
                option = _OPTION_LETTERS.get(names.get(letter, letter), names.get(letter, letter))
                if word[0] == "-" and subshell:
                    self.nested_errexit = self.nested_errexit or option == "e"
                elif word[0] == "-":
                    self.options.add(option)
                elif not subshell:
                    self._leak("unset-option", text, subshell)
        self._leak("option", text, subshell)

    def _daemon(self, one: Invocation, program: str) -> None:
        if program.startswith("/etc/init.d/") or (one.typed and "/init.d/" in one.typed[0].text):
            self.background = self.background or one.typed[0].text
        if program in ("gpg", "gpg2") and not one.has(*_GPG_ALONE):
            # It starts gpg-agent and dirmngr, whose sockets come and go while the key ring is removed.
            self.background = self.background or program
        if program not in _DAEMONS and _starts(one):
            self.background = self.background or program
        if program not in _DAEMONS or one.has("--version", "--help"):
            return
        harmless = _FOREGROUND.get(program, frozenset())
        if any(arg in harmless for arg in one.argv):
            return
        self.background = self.background or program

    def _files(self, one: Invocation, program: str) -> None:
        operands = one.operands
        paths = [self._path(operand) for operand in operands]
        known = [path for path in paths if path is not None]
        if program in ("rm", "unlink", "rmdir", "shred"):
            self.deletes.update(known)
            self.installs.update(posixpath.basename(path) for path in known)
        elif program in ("chown", "chgrp", "chmod"):
            self.touches.update(known[1:])
            self.installs.update(posixpath.basename(path) for path in known[1:])
        elif program in ("cp", "mv", "install", "ln", "rsync", "scp") and known:
            self.writes.add(known[-1])
            for path in known[:-1]:
                self.writes.add(posixpath.join(known[-1], posixpath.basename(path)))
            if program == "mv":
                self.deletes.update(known[:-1])
            self.installs.update(posixpath.basename(path) for path in known)
        elif program in ("mkdir", "touch", "tee", "truncate", "dd", "mkfifo"):
            self.writes.update(known)
            if program != "mkdir":
                self.installs.update(posixpath.basename(path) for path in known)
        elif program == "sed" and one.has("-i", "--in-place"):
            self.touches.update(known[1:])
        elif program in ("wget", "curl", "aria2c", "axel"):
            self._download(one)
        elif program in ("tar", "unzip", "gunzip", "bsdtar", "7z", "xz", "bunzip2", "cpio"):
            self._extract(one, known)
        elif program == "git" and operands and operands[0] == "clone":
            target = operands[-1]
            if target is not None:
                short = posixpath.basename(target.rstrip("/")).removesuffix(".git")
                self.writes.add(self._path(short if "://" in target or "@" in target else target) or "")
        elif program == "find" and one.has("-delete", "-exec"):
            self.deletes.update(known[:1])
        elif program in _USER_TOOLS:
            self.touches.add("/etc/passwd")
            self.moves_home = self.moves_home or program in ("userdel", "deluser") or one.has(*_MOVING)
        else:
            self._packages(one)
        if program in ("dpkg-reconfigure", "update-alternatives", "debconf-set-selections") and "dash" in text_of(one):
            self.writes.add("/bin/sh")
        if program in ("update-alternatives", "alternatives", "dpkg-divert"):
            self.installs.add("*")
        for path in known:
            if path.startswith(("/etc/hosts", "/etc/resolv", "/etc/hostname", "/dev/", "/proc", "/sys")) and (
                path in self.writes or path in self.touches or path in self.deletes
            ):
                self._check_mounted(path)

    def _download(self, one: Invocation) -> None:
        argv = one.argv
        targets = (
            {"-o", "--output", "-O", "--output-document"} if one.program == "curl" else {"-O", "--output-document"}
        )
        remote = one.program != "curl"
        for at, arg in enumerate(argv):
            if arg is None:
                continue
            name, equals, value = arg.partition("=")
            bundle = re.fullmatch(r"-[A-Za-z]*[oO]", arg) if one.program == "curl" else re.fullmatch(r"-[a-z]*O", arg)
            if one.program == "wget" and re.fullmatch(r"-[a-z]*O-", arg):
                remote = False
            if one.program == "curl" and (arg == "--remote-name" or (bundle and arg.endswith("O"))):
                remote = True
            elif name in targets or bundle:
                target = value if equals else (argv[at + 1] if at + 1 < len(argv) else None)
                if target not in (None, "-"):
                    self.writes.add(self._path(target) or "")
                    self.installs.add(posixpath.basename(target or ""))
                remote = False
        if remote:
            for arg in argv:
                if arg and "://" in arg:
                    self.writes.add(self._path(posixpath.basename(arg.partition("?")[0])) or "")

    def _extract(self, one: Invocation, known: list[str]) -> None:
        argv = one.argv
        for at, arg in enumerate(argv[:-1]):
            if arg in ("-C", "-d", "--directory"):
                path = self._path(argv[at + 1])
                if path:
                    self.writes.add(path)
        # An archive unpacked in place: its folder is usually named like the archive.
        for path in known:
            folder = re.sub(r"\.(tar(\.\w+)?|tgz|tbz2?|txz|zip|gz|bz2|xz)$", "", path)
            if folder != path:
                self.writes.add(folder)
        self.installs.add("*")

    def _packages(self, one: Invocation) -> None:
        action = verb(one)
        manager = one.manager
        if action is None or manager is None:
            if manager is None and one.program not in CHEAP:
                self.installs.add("*")
            return
        if action.name in manager.fills:
            self.writes.update(path.rstrip("*").rstrip("/") for path in manager.cache_paths)
        packages = {f"the package {_package_name(operand)}" for operand in action.operands if operand}
        if action.name in manager.installs:
            self.writes.update(packages)
        if action.name in manager.removes:
            self.deletes.update(packages)
        if action.name in manager.installs and manager.name not in SYSTEM_MANAGERS:
            self.installs.update(_package_name(operand) for operand in action.operands if operand)
            if None in action.operands or one.has("-r", "--requirement"):
                # A list of packages that cannot be seen may have the manager itself in it.
                self.installs.add(manager.name)
        if action.name in manager.cleans:
            self.deletes.update(path.rstrip("*").rstrip("/") for path in manager.cache_paths)


@functools.lru_cache(maxsize=4096)
def _joined(folder: str, path: str) -> str:
    """The path from the root or a home folder, or with `./` in front; `folder` may be relative itself."""
    if path.startswith(("/", "~")):
        return posixpath.normpath(path)
    joined = posixpath.normpath(posixpath.join(folder, path))
    return joined if joined.startswith("/") else "./" + joined


def _starts(one: Invocation) -> bool:
    """Whether a program that is not known is asked to start something that lives on."""
    words = [argument for argument in one.argv if argument]
    if any(word in ("--daemon", "--daemonize", "-daemon", "--fork", "--detach", "-detach") for word in words):
        return True
    return (
        bool(words)
        and one.manager is None
        and one.program not in CHEAP
        and (words[0] == "start" or words[0].startswith("start-") or words[:2] == ["-k", "start"])
    )


def _tests_assign(text: str) -> bool:
    """Whether `[[ … ]]` may set a variable: `=~` sets BASH_REMATCH, and `-eq` and its like evaluate arithmetic."""
    return "=~" in text or (bool(re.search(r" -(?:eq|ne|lt|le|gt|ge) ", text)) and bool(re.search(r"\w=", text)))


def text_of(one: Invocation) -> str:
    """The arguments as they stand in the script."""
    return " ".join(word.text for word in one.words)


def _package_name(operand: str) -> str:
    return re.split(r"[=<>@!~\[;]", operand, maxsplit=1)[0].rpartition("/")[2].lower()


# Package managers that put a program where it was before, so that a remembered path stays right.
SYSTEM_MANAGERS = frozenset({"apt", "apk", "dnf", "microdnf", "yum", "tdnf", "zypper", "pacman", "emerge", "opkg"})

# Programs whose work is done in well under a second and that need no network.
CHEAP = BUILTINS | frozenset(
    "addgroup adduser awk basename cat chgrp chmod chown cp cut date deluser delgroup dirname env find gpasswd grep "
    "egrep groupadd groupdel groupmod head id install ln locale-gen ls mkdir mkfifo mktemp mv passwd readlink rm rmdir "
    "sed setcap sleep sort stat strip sync tail tee touch tr true uname uniq unlink update-alternatives useradd "
    "userdel usermod wc which xargs chpasswd ldconfig a2enmod a2dismod a2ensite a2dissite printenv setfacl visudo "
    "localedef dpkg-divert hash cmp diff realpath sha256sum sha512sum md5sum sha1sum seq yes nproc getent arch "
    "update-ca-certificates dos2unix chsh".split()
)


class _Tree:
    """A script as a key, by what it is: hashing the tree would take as long as walking it.

    Its text will not do: the commands in what was found must be those of the script that is asked about.
    """

    __slots__ = ("script",)

    def __init__(self, script: Script) -> None:
        self.script = script

    def __hash__(self) -> int:
        return id(self.script)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Tree) and self.script is other.script


@functools.lru_cache(maxsize=2048)
def _effects(tree: _Tree, variables: tuple[tuple[str, str | None], ...], workdir: str | None) -> Effects:
    script = tree.script
    collector = _Collector(script.text, dict(variables), workdir)
    if not script.opaque:
        collector.walk(script.body, False)
    return Effects(
        leaks=tuple(collector.leaks),
        options=frozenset(collector.options),
        nested_errexit=collector.nested_errexit,
        exits=collector.exits,
        replaces=collector.replaces,
        background=collector.background,
        mounted=collector.mounted,
        writes=frozenset(collector.writes - {""}),
        deletes=frozenset(collector.deletes - {""}),
        touches=frozenset(collector.touches - {""}),
        mentions=frozenset(collector.mentions),
        ran=frozenset(collector.ran - BUILTINS),
        installs=frozenset(collector.installs - {""}),
        substitutes=collector.substitutes,
        moves_home=collector.moves_home,
        invocations=tuple(collector.found),
    )


def effects(script: Script, variables: Variables, workdir: str | None) -> Effects:
    """The effects of a script run with these variables in this working directory (None: not known)."""
    used = tuple((name, value) for name, value in variables.items() if name in script.text)
    return _effects(_Tree(script), used, workdir)
