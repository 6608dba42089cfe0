"""What a Ruby image runs, and the programs that the application starts."""

from __future__ import annotations

import re
from typing import NamedTuple

from slimify.transforms.split_stage.elsewhere import elsewhere
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.start import Called, CommandLines

from slimify.context.found import source
from slimify.context.started import Started, ruby_programs
from slimify.semantics.build import Build, BuildStage
from slimify.syntax.source import Span

_TOOLS = frozenset("ruby bundle bundler gem rake erb ri rdoc".split())
# They are for development, run what is written elsewhere, or install gems when the image starts.
_REFUSED = {
    **dict.fromkeys(
        "guard rerun shotgun rspec cucumber minitest rubocop irb pry console spring jekyll middleman nodemon "
        "webpack-dev-server ruby-debug rdbg debug".split(),
        "which is for development",
    ),
    **dict.fromkeys(
        "foreman overmind hivemind invoker god bluepill monit".split(), "which starts what is listed elsewhere"
    ),
    **dict.fromkeys("cron crond at".split(), "which starts what is listed elsewhere"),
    **dict.fromkeys("npm npx yarn pnpm".split(), "which belongs to the build"),
}
_DEVELOPMENT = frozenset("console c test generate g new dbconsole db console_sandbox".split())
_SERVICES = re.compile(r"getservbyname|getprotobyname|(?:TCPSocket|UDPSocket|TCPServer)\b[^\n]*,\s*[\"'][a-z]")
_NOT_RUN = (
    "spec/",
    "test/",
    "tests/",
    "features/",
    "vendor/",
    "node_modules/",
    "config/deploy",
    ".git/",
    "bin/",
    "doc/",
)


class Start(NamedTuple):
    """The programs that scripts and command lines ask for, and those that the sources start, each with where.

    `services` is a source that names a port by its service, as /etc/services has it; empty if there is none.
    """

    programs: tuple[tuple[str, str], ...]
    started: tuple[Started, ...]
    services: str


def start(build: Build, stage: BuildStage, scripts: frozenset[str], production: bool) -> Start:
    """Follow the command lines into the context. `scripts` are the programs that come with gems."""
    lines = _Ruby(build, stage, scripts)
    lines.follow()
    elsewhere(lines.context, lines.workdir, production)
    inside = f"{lines.workdir.rstrip('/')}/"
    if not any(_is_source(path) for place, path in lines.places.items() if place.startswith(inside)):
        raise Refused("the application is not copied, as where it is mounted for development")
    started: list[Started] = []
    services = ""
    origins = dict.fromkeys(lines.places.values())
    for path in origins:
        if _is_source(path) or path in lines.run:
            text = source(lines.context, path)
            if text is None:
                raise Refused(f"{path} cannot be read")
            started += ruby_programs(path, text)
            services = services or (path if _SERVICES.search(text) else "")
    return Start(tuple(lines.programs), tuple(started), services)


def _is_source(path: str) -> bool:
    if path.startswith(_NOT_RUN) or any(f"/{part}" in f"/{path}" for part in ("/spec/", "/node_modules/", "/vendor/")):
        return False
    return path.endswith((".rb", ".ru", ".rake")) or path.rpartition("/")[2] == "Rakefile"


class _Ruby(CommandLines):
    def __init__(self, build: Build, stage: BuildStage, scripts: frozenset[str]) -> None:
        super().__init__(build, stage)
        self.scripts = scripts
        self.run: dict[str, None] = {}

    def program(self, call: Called) -> None:
        words = [one or "" for one in call.argv]
        if call.program in ("bundle", "bundler"):
            self._bundle(call, words)
            return
        self._allowed(call, call.program, words)
        super().program(call)

    def _bundle(self, call: Called, words: list[str]) -> None:
        if words[:1] != ["exec"]:
            if words[:1] in (["install"], ["check"], ["update"], ["config"], []):
                raise Refused(f"{call.where} installs gems when the image starts, as for development", call.span)
            raise Refused(f"{call.where} runs bundle {' '.join(words[:1])}", call.span)
        rest = words[1:]
        if not rest or rest[0].startswith("-"):
            raise Refused(f"{call.where} runs a program whose name is not known", call.span)
        self.program(Called(rest[0].rpartition("/")[2], rest[0], tuple(rest[1:]), call.where, call.span, call.depth))

    def _allowed(self, call: Called, program: str, words: list[str]) -> None:
        why = _REFUSED.get(program)
        if program == "ruby" and words[:1] and words[0] in ("bin/rails", "./bin/rails"):
            program, words = "rails", words[1:]
        if why is None and program == "rails":
            verb = words[0] if words else ""
            late = "development" in words or any(one.endswith("=development") for one in words)
            why = "which is for development" if not verb or verb in _DEVELOPMENT or late else None
        if why is None and program == "rackup" and "development" in words:
            why = "which is for development"
        if why is not None:
            raise Refused(f"{call.where} runs {program}, {why}", call.span)

    def brought(self, call: Called) -> bool:
        return call.program in _TOOLS and call.typed in (call.program, f"/usr/local/bin/{call.program}")

    def installed(self, program: str) -> bool:
        return program in self.scripts

    def opened(self, origin: str, path: str, text: str, span: Span) -> bool:  # noqa: ARG002
        first = text.partition("\n")[0]
        if path.endswith((".rb", ".ru")) or (first.startswith("#!") and "ruby" in first):
            self.run[origin] = None
            return True
        return False
