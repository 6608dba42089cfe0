"""The programs that load packages inside an image, one for Python and one for Node.

Each says a line for every name as soon as it is known what became of it, behind a mark that no package prints. The
names are loaded one after the other in a second process: one that ends the process, or never comes to its end, is
blamed itself, and the rest goes on in another process.
"""

from __future__ import annotations

import json

MARK = "slimify-import:"
# How long one package may take.
EACH = 60

# Distributions name their modules by their files, and older ones in top_level.txt (packaging.python.org, "Core
# metadata"; importlib.metadata). A folder without __init__ is a part of a namespace, what is loaded lies in it.
PYTHON = r"""
import importlib, importlib.machinery, importlib.metadata, json, os, select, signal, sys
mark, each = sys.argv[1], float(sys.argv[2])
suffixes = sorted([".py", *importlib.machinery.EXTENSION_SUFFIXES], key=len, reverse=True)
def module(name):
    return next((name[: -len(one)] for one in suffixes if name.endswith(one)), "")
def of(one):
    paths = [file.parts for file in one.files or ()]
    found = {p[0] for p in paths if len(p) == 2 and module(p[1]) == "__init__"}
    found |= {module(p[0]) for p in paths if len(p) == 1}
    found |= {p[0] + "." + p[1] for p in paths if len(p) == 3 and p[0] not in found and module(p[2]) == "__init__"}
    found |= {p[0] + "." + module(p[1]) for p in paths if len(p) == 2 and p[0] not in found and module(p[1])}
    return found | set((one.read_text("top_level.txt") or "").split())
names = set()
for one in importlib.metadata.distributions():
    try:
        names |= of(one)
    except Exception:
        pass
skipped = ("setuptools", "pkg_resources", "pip", "_distutils_hack")
left = sorted(n for n in names if all(p.isidentifier() for p in n.split(".")) and n.split(".")[0] not in skipped)
out = os.dup(1)
os.dup2(2, 1)
def say(name, why):
    os.write(out, (mark + json.dumps([name, why]) + "\n").encode())
os.write(out, (mark + "[]\n").encode())
while left:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        for name in left:
            why = ""
            try:
                importlib.import_module(name)
            except BaseException as error:
                why = type(error).__name__ + ": " + str(error)[:200]
            os.write(writing, (json.dumps(why) + "\n").encode())
        os._exit(0)
    os.close(writing)
    waiting, ending = b"", ""
    while True:
        if not select.select([reading], [], [], each)[0]:
            ending = "it is not loaded within %d s" % each
            break
        piece = os.read(reading, 1 << 16)
        if not piece:
            break
        *lines, waiting = (waiting + piece).split(b"\n")
        for line in lines:
            say(left.pop(0), json.loads(line))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(reading)
    if left:
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        say(left.pop(0), ending or "it ends the interpreter with status %d" % code)
os._exit(0)
"""

_NODE_LOADS = r"""
const fs = require("fs"), exit = process.exit.bind(process), write = fs.writeSync.bind(fs);
for (const path of JSON.parse(fs.readFileSync(0, "utf8"))) {
  let why = "";
  try { require(path); }
  catch (error) {
    const known = error || {};
    why = String(known.code || known.name || "Error") + ": " + String(known.message).slice(0, 200);
  }
  write(3, JSON.stringify(why) + "\n");
}
exit(0);
"""
NODE = r"""
const fs = require("fs"), path = require("path"), { spawn } = require("child_process");
const [mark, each, ...folders] = process.argv.slice(1);
const left = [];
for (const folder of folders) {
  for (const one of fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []) {
    if (one.startsWith(".")) continue;
    const inside = one.startsWith("@") ? fs.readdirSync(path.join(folder, one)).map((two) => one + "/" + two) : [one];
    left.push(...inside.map((name) => path.join(folder, name)));
  }
}
const say = (what) => fs.writeSync(1, mark + JSON.stringify(what) + "\n");
say([]);
function turn() {
  if (!left.length) process.exit(0);
  const child = spawn(process.execPath, ["-e", LOADS], { stdio: ["pipe", "ignore", "ignore", "pipe"] });
  let waiting = "", ending = "", timer;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      ending = "it is not loaded within " + each + " s";
      child.kill("SIGKILL");
    }, 1000 * each);
  };
  watch();
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(left));
  child.stdio[3].on("data", (piece) => {
    watch();
    const lines = (waiting + piece).split("\n");
    waiting = lines.pop();
    for (const line of lines) say([left.shift(), JSON.parse(line)]);
  });
  child.on("close", (code, signal) => {
    clearTimeout(timer);
    if (left.length) say([left.shift(), ending || "it ends the interpreter with status " + (signal || code)]);
    turn();
  });
}
turn();
""".replace("LOADS]", json.dumps(_NODE_LOADS) + "]")
