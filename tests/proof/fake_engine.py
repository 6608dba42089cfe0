"""A program that answers as `docker`, `podman` or `buildah` does: it builds nothing, and looks up what an image is.

Its state lies in the folder that the variable FAKE_ENGINE names: `rules.json`, one folder for images and one for
containers, and `calls`, a line for each time that it was called. Its first argument is its name. It uses nothing but
the standard library.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAME = sys.argv[1]
STATE = Path(os.environ["FAKE_ENGINE"])
_WITH_VALUE = {"-t", "--target", "--build-arg", "--platform", "--network", "--secret", "--builder", "--progress"}
_WITH_VALUE |= {"--name", "--entrypoint", "-p", "-e", "--filter", "--format", "--ignorefile", "--label"}
_WITH_VALUE |= {"--log-driver", "--log-opt", "--layer-label"}

Options = dict[str, list[str]]


def main(arguments: list[str]) -> int:
    with (STATE / "calls").open("a") as file:
        file.write(json.dumps(arguments) + "\n")
    if arguments[:2] == ["buildx", "build"]:
        arguments = arguments[1:]
    if arguments[0] == "container":
        arguments = [f"container-{arguments[1]}", *arguments[2:]]
    options, rest = taken_apart(arguments[1:], _WITH_VALUE | ({"-f"} if arguments[0] == "build" else set()))
    answer = ANSWERS.get(arguments[0])
    if answer is None or arguments[0] in UNKNOWN[NAME]:
        return complaint(f"unknown command {arguments[0]}")
    return answer(options, rest)


def taken_apart(arguments: Sequence[str], with_value: set[str]) -> tuple[Options, list[str]]:
    """The options in front, and the rest; what follows the first word that is none is not looked at."""
    options: Options = {}
    waiting = list(arguments)
    while waiting and waiting[0].startswith("-"):
        name = waiting.pop(0)
        options.setdefault(name, []).append(waiting.pop(0) if name in with_value else "")
    return options, waiting


def complaint(text: str) -> int:
    print(f"Error: {text}", file=sys.stderr)
    return 1


def rules() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((STATE / "rules.json").read_text())
    return found


def place(kind: str, name: str) -> Path:
    return STATE / kind / name.removeprefix("localhost/")


def rule_of(image: str) -> dict[str, Any] | None:
    path = place("images", image)
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def version(_options: Options, _rest: list[str]) -> int:
    if rules().get("silent"):
        return complaint("cannot connect to the daemon")
    print("Version: 0")
    return 0


def build(options: Options, rest: list[str]) -> int:
    if "--help" in options:
        print("--layers", *(["--layer-label"] if rules().get("labels") else []))
        return 0
    text = Path(options["-f"][0]).read_text()
    assert Path(rest[0]).is_dir()
    for rule in rules()["images"]:
        if rule["when"] in text:
            break
    else:
        return complaint("no rule")
    for one in rule.get("steps", ()):
        (STATE / "steps").mkdir(exist_ok=True)
        (STATE / "steps" / one).write_text("<none>")
    print("#1 transferring context: 1.50kB done")
    print(rule.get("log", ""), flush=True)
    if rule.get("slow"):
        (STATE / "building").touch()
        time.sleep(rule["slow"])
    if rule.get("fails"):
        return complaint("process did not complete successfully: exit code: 1")
    place("images", options["-t"][0]).write_text(json.dumps(rule))
    return 0


def save(_options: Options, rest: list[str]) -> int:
    rule = rule_of(rest[0])
    if rule is None:
        return complaint(f"reference does not exist: {rest[0]}")
    sys.stdout.buffer.write((STATE / rule["archive"]).read_bytes())
    return 0


def run(options: Options, rest: list[str]) -> int:
    rule = rule_of(rest[0])
    if rule is None:
        return complaint(f"no such image: {rest[0]}")
    container = place("containers", options["--name"][0])
    container.write_text(json.dumps(rule))
    if "-d" in options:
        if rule.get("unstartable"):
            complaint(rule["unstartable"])
            return int(rule.get("refused", 127))
        print("0123456789ab" * 5 + "0123")
        return 0
    entrypoint = options.get("--entrypoint", [""])[0]
    if entrypoint.rpartition("/")[2] in ("python3", "node"):
        failed = rule.get("imports", {}).get(entrypoint)
        if failed is None:
            complaint(f"exec: {entrypoint}: executable file not found in $PATH")
            return 127
        mark = rest[3]
        for one in ([], ["one", ""], *failed.items()):
            print(mark + json.dumps(one))
        return 0
    if rule.get("unstartable"):
        complaint(rule["unstartable"])
        return int(rule.get("refused", 127))
    time.sleep(rule.get("runs", 0))
    print(rule.get("output", ""))
    return int(rule.get("exit", 0))


def port(_options: Options, rest: list[str]) -> int:
    rule = json.loads(place("containers", rest[0]).read_text())
    print(f"127.0.0.1:{rule['ports'][rest[1]]}")
    return 0


def container_inspect(_options: Options, rest: list[str]) -> int:
    path = place("containers", rest[0])
    if not path.exists():
        return complaint(f"no such container: {rest[0]}")
    status = json.loads(path.read_text()).get("exit")
    print(json.dumps([{"State": {"Running": status is None, "ExitCode": status or 0}}]))
    return 0


def logs(_options: Options, rest: list[str]) -> int:
    print(json.loads(place("containers", rest[0]).read_text()).get("output", ""))
    return 0


def execute(_options: Options, rest: list[str]) -> int:
    return int(json.loads(place("containers", rest[0]).read_text()).get("health", 0))


def remove_container(_options: Options, rest: list[str]) -> int:
    place("containers", rest[0]).unlink(missing_ok=True)
    return 0


def remove_image(_options: Options, rest: list[str]) -> int:
    place("images", rest[0]).unlink(missing_ok=True)
    (STATE / "steps" / rest[0]).unlink(missing_ok=True)
    return 0


def images(options: Options, rest: list[str]) -> int:
    if "-a" in options:
        return all_images(options)
    for path in sorted((STATE / "images").iterdir()):
        if not rest or path.name.partition(":")[0] == rest[0]:
            print("" if NAME == "docker" else "localhost/", path.name, sep="")
    return 0


def all_images(options: Options) -> int:
    """Images without a name are files below `steps`, and so is what a build makes of its steps."""
    form = options.get("--format", ["{{.ID}}"])[0]
    for path in sorted((STATE / "steps").iterdir(), reverse=True) if (STATE / "steps").exists() else ():
        names = path.read_text()
        print(
            form.replace("{{.ID}}", f"sha256:{path.name}").replace("{{.Repository}}", names).replace("{{.Name}}", names)
        )
    return 0


def containers(_options: Options, _rest: list[str]) -> int:
    for path in sorted((STATE / "containers").iterdir()):
        print(path.name)
    return 0


ANSWERS = {
    "version": version,
    "build": build,
    "save": save,
    "push": save,
    "run": run,
    "port": port,
    "container-inspect": container_inspect,
    "logs": logs,
    "exec": execute,
    "rm": remove_container,
    "rmi": remove_image,
    "images": images,
    "ps": containers,
}

UNKNOWN = {
    "docker": {"push"},
    "podman": {"push"},
    "buildah": {"save", "run", "port", "container-inspect", "logs", "exec", "ps"},
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
