"""The part of the harness that lives inside the sandbox.

It is sent to the sandbox's Python as text (`python -c`), so it must not import anything but the
standard library, and nothing at all after its chroot. One driver serves every variant of a
Dockerfile: starting a sandbox costs as much as dozens of runs do.

Protocol: one JSON object a line on standard input, one a line back.

* ``{"op": "reset"}`` empties the scratch root.
* ``{"op": "add", "dirs": [...], "stubs": [...], "files": [...]}`` adds to what every run starts from.
* ``{"op": "run", "steps": [...], "fail": [...], "installs": [...], "timeout": 2.0}`` runs the
  RUN instructions of a stage one after the other and says what was called.
* ``{"op": "syntax", "shell": ..., "script": ...}`` asks a shell whether it can parse a script.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import stat
import sys
import time
from typing import Any

ROOT = "/mnt/slf"
STUB_HEAD = "#!/.h/dash /.h/stub\n"
LOG = "/.l"
#: Directories that every Debian-like image has, and that scripts write into without making them.
BASE_DIRS = (
    "/usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /usr/local/lib /usr/local/share /usr/local/etc "
    "/usr/local/src /usr/local/include /usr/lib /usr/include /usr/share /usr/src /sbin /lib /lib64 "
    "/etc /etc/apt /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/preferences.d "
    "/etc/apt/keyrings /etc/profile.d /etc/default /etc/ssl /etc/init.d /etc/ssh /etc/cron.d /home "
    "/root /tmp /var/tmp /var/lib/apt/lists /var/cache/apt/archives /var/log /var/www /var/run /run "
    "/opt /srv /mnt /media /sys"
).split()
#: What Docker mounts afresh for every RUN. They start out empty here, so that the stub can see
#: cheaply whether this RUN has written to them.
VOLATILE_FILES = ("/etc/hosts", "/etc/resolv.conf")
VOLATILE_DIRS = ("/dev/shm", "/sys")
MS_BIND, MS_REC = 4096, 16384
#: A loop that spins on stubs makes this many calls long before its time is up.
MAX_CALLS = 1500

# Every variable of the stub has an odd name because a script may export any ordinary one.
# Order matters: what is inherited is recorded before anything is assigned or redirected.
STUB = r"""
__slf_n=$1; shift
unset PWD OLDPWD SHLVL _
__slf_p=
if [ -p /proc/self/fd/0 ]; then __slf_p=i
elif [ /proc/self/fd/0 -ef /dev/null ]; then __slf_p=b; fi
[ -p /proc/self/fd/1 ] && __slf_p=${__slf_p}o
{
printf '%s\0' "$#" "$__slf_n" "$@" "$__slf_p"
pwd -P; printf '\0'; umask; printf '\0'; export -p; printf '\0'
for __slf_l in /etc/hosts /etc/resolv.conf; do
  if [ -s $__slf_l ]; then
    printf '%s:\n' $__slf_l
    while IFS= read -r __slf_x; do printf '%s\n' "$__slf_x"; done <$__slf_l
  fi
done
for __slf_l in /dev/shm/* /sys/*; do if [ -f "$__slf_l" ]; then printf '%s\n' "$__slf_l"; fi; done
printf '\0'
} >/.l/c/$$
echo $$ >>/.l/order
__slf_c=0; __slf_i=; __slf_1=
while [ $__slf_c -lt 200 ] && { IFS= read -r __slf_l || [ -n "$__slf_l" ]; }; do
  [ $__slf_c = 0 ] && __slf_1=$__slf_l
  __slf_i="$__slf_i$__slf_l
"; __slf_c=$((__slf_c+1))
done
[ $__slf_c = 0 ] || printf '%s' "$__slf_i" >>/.l/c/$$
__slf_n=${__slf_n#/usr/bin/}
. /.l/fail
[ /proc/self/fd/1 -ef /.l/stdout ] && exit 0
case ${__slf_n##*/} in
  uname) case "$*" in *-s*|'') echo Linux;; *-r*) echo 6.1.0;; *) echo x86_64;; esac;;
  arch) echo x86_64;;
  dpkg) echo amd64;;
  apk) echo x86_64;;
  gcc|cc) echo x86_64-linux-gnu;;
  dpkg-architecture) echo x86_64-linux-gnu;;
  rpm) echo x86_64;;
  go) echo amd64;;
  id) echo 0;;
  whoami) echo root;;
  nproc) echo 2;;
  getconf) echo 64;;
  lsb_release) echo bookworm;;
  mktemp) case "$*" in *d*) echo /tmp/slf-mktemp-dir;; *) echo /tmp/slf-mktemp;; esac;;
  pwd) pwd;;
  seq) echo 1;;
  basename|dirname|readlink|realpath) [ $# = 0 ] && echo none; for __slf_l; do :; done; echo "${__slf_l-}";;
  awk|sed|cut|tr|head|tail|sort|cat|tee|grep|egrep|uniq|rev|tac|xargs|jq|gawk|perl)
    if [ $__slf_c = 0 ]; then echo "out-${__slf_n##*/}"; else printf '%s\n' "$__slf_1"; fi;;
  *) echo "out-${__slf_n##*/}";;
esac
exit 0
"""


def quote(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


class Root:
    """The scratch root: what every run starts from, and how to get back to it."""

    def __init__(self) -> None:
        self.dirs: set[str] = set()
        self.stubs: dict[str, tuple[int, int]] = {}  # path -> (mtime, size), to see who was written to

    def reset(self) -> None:
        for name in os.listdir("/"):
            if name in (".h", "dev", "proc", "lib", "lib64", "bin"):
                continue
            if os.path.isdir("/" + name):
                shutil.rmtree("/" + name)
            else:
                os.unlink("/" + name)
        for top in ("/lib", "/lib64"):
            for base, _dirs, files in os.walk(top):
                for name in files:
                    if os.path.join(base, name) not in KEEP:
                        os.unlink(os.path.join(base, name))
        self.dirs, self.stubs = set(), {}
        for path in (*BASE_DIRS, LOG + "/c"):
            self.make_dir(path)
        if not os.path.islink("/bin"):
            os.symlink("usr/bin", "/bin")

    def make_dir(self, path: str) -> None:
        if path.startswith("/bin/"):
            path = "/usr" + path  # /bin is a link, and the books are kept by real paths
        try:
            os.makedirs(path, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            # A path that first looked like a file: a directory serves more scripts.
            part = ""
            for piece in path.split("/")[1:]:
                part += "/" + piece
                if os.path.isfile(part):
                    os.unlink(part)
                    self.stubs.pop(part, None)
            os.makedirs(path, exist_ok=True)
        self.dirs.add(path)

    def make_stub(self, path: str) -> None:
        if path.startswith("/bin/"):
            path = "/usr" + path
        if os.path.isdir(path):
            return
        self.make_dir(os.path.dirname(path))
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(STUB_HEAD)
            # What `. path` does: a variable that betrays where it leaked to.
            stream.write(f'export SLF_SOURCED="${{SLF_SOURCED-}}:"{quote(path)}\n')
        os.chmod(path, 0o755)
        info = os.stat(path)
        self.stubs[path] = (info.st_mtime_ns, info.st_size)

    def changed(self) -> dict[str, tuple[str, str]]:
        """Files that the run wrote (path -> mode, content); the root is put back as it was."""
        found: dict[str, tuple[str, str]] = {}
        stack = ["/"]
        while stack:
            base = stack.pop()
            for entry in os.scandir(base):
                path = entry.path
                if entry.is_dir(follow_symlinks=False):
                    if path not in ("/.h", "/.l", "/dev", "/proc", "/sys"):
                        stack.append(path)
                    continue
                if entry.is_symlink() or path in KEEP or path in VOLATILE_FILES:
                    continue
                info = entry.stat(follow_symlinks=False)
                if self.stubs.get(path) == (info.st_mtime_ns, info.st_size):
                    continue
                content = ""
                if stat.S_ISREG(info.st_mode):
                    with open(path, "rb") as stream:
                        content = stream.read(20000).decode("utf-8", "surrogateescape")
                found[path] = (oct(stat.S_IMODE(info.st_mode)), content)
        for path in found:
            os.unlink(path)
            if path in self.stubs:
                self.make_stub(path)
        for path in [path for path in self.stubs if not os.path.isfile(path)]:
            del self.stubs[path]
        return found


KEEP: set[str] = set()


def mount(source: str, target: str, flags: int, kind: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), kind.encode() or None, flags, None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {source} on {target}: {os.strerror(code)}")


def enter(config: dict[str, Any]) -> None:
    """Build the root below ROOT and make it this process's own."""
    if config["mount_tmpfs"]:
        mount("none", "/mnt", 0, "tmpfs")
    os.makedirs(ROOT + "/.h")
    for name, source in config["shells"].items():
        shutil.copy(source, f"{ROOT}/.h/{name}")
    for library in config["libraries"]:
        os.makedirs(ROOT + os.path.dirname(library), exist_ok=True)
        shutil.copy(library, ROOT + library)
        KEEP.add(library)
    with open(ROOT + "/.h/stub", "w", encoding="ascii") as stream:
        stream.write(STUB)
    with open(ROOT + "/.h/empty", "w", encoding="ascii"):
        pass
    os.makedirs(ROOT + "/dev/shm")
    for name in ("null", "zero", "full", "random", "urandom"):
        with open(f"{ROOT}/dev/{name}", "w", encoding="ascii"):
            pass
        mount(f"/dev/{name}", f"{ROOT}/dev/{name}", MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink("/proc/self/fd" + target, f"{ROOT}/dev/{name}")
    os.makedirs(ROOT + "/proc")
    mount("/proc", ROOT + "/proc", MS_BIND | MS_REC)
    os.chroot(ROOT)
    os.chdir("/")
    os.umask(0o022)


def fail_code(fail: list[dict[str, Any]], installs: list[dict[str, Any]]) -> str:
    """Shell text that the stub reads: which call, of those alike the how-manyeth, must fail."""
    lines = []
    for number, item in enumerate(fail):
        argv = item["argv"]
        tests = [f"[ $# = {len(argv) - 1} ]", f'[ "$__slf_n" = {quote(argv[0])} ]']
        tests += [f'[ "${{{i}}}" = {quote(arg)} ]' for i, arg in enumerate(argv[1:], 1)]
        counter = f"{LOG}/n{number}"
        lines.append(
            f"if {' && '.join(tests)}; then read -r __slf_x <{counter}; __slf_x=$((__slf_x+1)); "
            f"echo $__slf_x >{counter}; [ $__slf_x != {item['occurrence']} ] || exit {item['status']}; fi"
        )
    for item in installs:
        argv = item["argv"]
        tests = [f"[ $# = {len(argv) - 1} ]", f'[ "$__slf_n" = {quote(argv[0])} ]']
        tests += [f'[ "${{{i}}}" = {quote(arg)} ]' for i, arg in enumerate(argv[1:], 1)]
        lines.append(
            f"if {' && '.join(tests)}; then echo {quote(item['path'])} >{LOG}/req; read -r __slf_x <{LOG}/ack; fi"
        )
    return "\n".join(lines) + "\n"


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)


def read(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def find(name: str, env: dict[str, str]) -> str | None:
    """What runc does for the exec form: look along PATH."""
    if "/" in name:
        return name if os.path.isfile(name) else None
    for folder in env.get("PATH", "").split(":"):
        path = os.path.join(folder or ".", name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def enter_workdir(path: str, made: list[str]) -> None:
    """WORKDIR makes its directory when its turn comes: scripts before it may ask for it."""
    part = ""
    for piece in path.split("/")[1:]:
        if piece:
            part += "/" + piece
            if not os.path.isdir(part):
                if os.path.lexists(part):
                    os.unlink(part)  # taken for a command
                os.mkdir(part)
                made.append(part)
    os.chdir(path)


def one_step(step: dict[str, Any], deadline: float, request: int | None, made: list[str]) -> tuple[int, str]:
    """Run one RUN to its end; returns its status and a word on what went wrong with running it."""
    enter_workdir(step["cwd"], made)
    path = step["path"] or find(step["argv"][0], step["env"])
    if path is None:
        write(f"{LOG}/stderr", read(f"{LOG}/stderr") + f"/bin/sh: 1: {step['argv'][0]}: not found\n")
        return 127, ""
    env = {
        key.encode("utf-8", "surrogateescape"): value.encode("utf-8", "surrogateescape")
        for key, value in step["env"].items()
        if key and "=" not in key
    }
    pid = os.posix_spawn(
        path,
        [arg.encode("utf-8", "surrogateescape") for arg in step["argv"]],
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/.h/empty", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, f"{LOG}/stdout", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644),
            (os.POSIX_SPAWN_OPEN, 2, f"{LOG}/stderr", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644),
        ],
        setsid=True,
        setsigdef=[signal.SIGPIPE],
    )
    handle = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    if request is not None:
        poller.register(request, select.POLLIN)
    problem = ""
    while True:
        left = deadline - time.monotonic()
        ready = [fd for fd, _ in poller.poll(min(max(left, 0.0), 0.1) * 1000)]
        if request is not None and request in ready:
            for wanted in os.read(request, 4096).decode().split("\n")[:-1]:
                os.makedirs(os.path.dirname(wanted), exist_ok=True)
                write(wanted, STUB_HEAD)
                os.chmod(wanted, 0o755)
                with open(f"{LOG}/ack", "w", encoding="ascii") as stream:
                    stream.write("\n")
        if handle in ready:
            break
        if left <= 0:
            problem = "timeout"
        elif os.path.exists(f"{LOG}/order") and os.stat(f"{LOG}/order").st_size > MAX_CALLS * 6:
            problem = "too many calls"
        if problem:
            os.killpg(pid, signal.SIGKILL)
            break
    os.close(handle)
    _, raw = os.waitpid(pid, 0)
    # Give background jobs the time to be seen, then end them as the end of a RUN does.
    patience = time.monotonic() + (0.3 if step["background"] else 0.0)
    try:
        while time.monotonic() < patience:
            os.killpg(pid, 0)
            time.sleep(0.002)
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    for name in VOLATILE_FILES:
        if not os.path.exists(name) or os.path.getsize(name):
            write(name, "")
    for folder in VOLATILE_DIRS:
        for name in os.listdir(folder):
            if os.path.isfile(f"{folder}/{name}"):
                os.unlink(f"{folder}/{name}")
    return os.waitstatus_to_exitcode(raw), problem


def parse_call(pid: str) -> dict[str, Any] | None:
    fields = read(f"{LOG}/c/{pid}").split("\0")
    try:
        count = int(fields[0])
        exe, rest = fields[1], fields[2 + count :]
        return {
            "exe": exe,
            "args": fields[2 : 2 + count],
            "pipe": rest[0],
            "cwd": rest[1][:-1],
            "umask": rest[2][:-1],
            "env": rest[3],
            "volatile": rest[4],
            "stdin": "\0".join(rest[5:]),
        }
    except (ValueError, IndexError):
        return None  # killed while it was writing


def run(root: Root, message: dict[str, Any]) -> dict[str, Any]:
    for name in os.listdir(LOG):
        if name != "c":
            os.unlink(f"{LOG}/{name}")
    for name in os.listdir(LOG + "/c"):
        os.unlink(f"{LOG}/c/{name}")
    write(f"{LOG}/stdout", "")
    for number in range(len(message["fail"])):
        write(f"{LOG}/n{number}", "0\n")
    write(f"{LOG}/fail", fail_code(message["fail"], message["installs"]))
    for name in VOLATILE_FILES:
        write(name, "")
    request = None
    if message["installs"]:
        os.mkfifo(f"{LOG}/req")
        os.mkfifo(f"{LOG}/ack")
        request = os.open(f"{LOG}/req", os.O_RDWR)
    results: list[dict[str, Any]] = []
    made: list[str] = []
    deadline = time.monotonic() + message["timeout"]
    for step in message["steps"]:
        order_before, out_before = len(read(f"{LOG}/order")), len(read(f"{LOG}/stdout"))
        write(f"{LOG}/stderr", "")
        status, problem = one_step(step, deadline, request, made)
        pids = read(f"{LOG}/order")[order_before:].split()
        results.append(
            {
                "status": status,
                "problem": problem,
                "calls": [call for call in map(parse_call, pids) if call],
                "stdout": read(f"{LOG}/stdout")[out_before:][:20000],
                "stderr": read(f"{LOG}/stderr")[:20000],
            }
        )
        if status != 0 or problem:
            break
    os.chdir("/")
    if request is not None:
        os.close(request)
    files = root.changed()
    for path in reversed(made):
        if path not in root.dirs:
            os.rmdir(path)
    return {"steps": results, "files": files, "cd": read(f"{LOG}/cd"), "visited": read(f"{LOG}/cwd")}


def syntax(message: dict[str, Any]) -> dict[str, Any]:
    pid = os.posix_spawn(
        message["path"],
        [message["argv0"], "-n", "-c", message["script"].encode("utf-8", "surrogateescape")],
        {},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/.h/empty", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/.h/syntax", os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o644),
        ],
    )
    _, raw = os.waitpid(pid, 0)
    return {"status": os.waitstatus_to_exitcode(raw), "stderr": read("/.h/syntax")}


def main() -> None:
    enter(json.loads(sys.stdin.readline()))
    root = Root()
    root.reset()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if message["op"] == "reset":
                root.reset()
            elif message["op"] == "add":
                for path in message["dirs"]:
                    root.make_dir(path)
                for path in message["stubs"]:
                    root.make_stub(path)
            elif message["op"] == "run":
                answer = run(root, message)
            elif message["op"] == "syntax":
                answer = syntax(message)
        except Exception as error:  # the host decides what a failed request means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
