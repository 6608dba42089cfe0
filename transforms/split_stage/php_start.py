"""What a PHP image runs, and the programs that the application starts."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.transforms.split_stage.elsewhere import elsewhere
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.start import Called, CommandLines

from slimify.context.found import source
from slimify.context.started import Started, php_programs
from slimify.knowledge.image_config import ImageConfig
from slimify.semantics.build import Build, BuildStage
from slimify.syntax.source import Span

# docker-library/php: in /usr/local/bin and /usr/local/sbin of each image that has them.
_OWN = frozenset(
    "apache2-foreground docker-php-entrypoint docker-php-ext-enable pear pecl phar php php-config php-fpm".split()
)
_REFUSED = {
    **dict.fromkeys("composer composer.phar".split(), "which belongs to the build"),
    **dict.fromkeys("npm npx yarn pnpm".split(), "which belongs to the build"),
    **dict.fromkeys("phpunit pest codecept phpstan phpcs behat xdebug".split(), "which is for development"),
}
_NOT_RUN = re.compile(r"(?:^|/)(?:vendor|node_modules|tests?|\.git|\.github|spec)/")
_TEXTS = re.compile(r"(?:^|/)(?:crontab\w*|Procfile|[^/]*\.(?:sh|cron|conf|ini|cnf))$|(?:^|/)cron[^/]*/[^/]*$")
_COMMAND = re.compile(r"^\s*command\s*=\s*(.+?)\s*$", re.MULTILINE)


class Start(NamedTuple):
    """The programs that scripts and command lines ask for, and those that the sources start, each with where.

    `texts` is what scripts, tables of cron and settings say, for a look at which programs they name.
    """

    programs: tuple[tuple[str, str], ...]
    started: tuple[Started, ...]
    texts: str


def start(build: Build, stage: BuildStage, base: ImageConfig) -> Start:
    """Follow the command lines into the context, or what the base runs where there are none."""
    lines = _Php(build, stage)
    asked = {one.keyword for one in stage.stage.instructions}
    if not asked & {"CMD", "ENTRYPOINT"}:
        lines.command([*base.entrypoint, *base.cmd], stage.stage.base.span)
        if base.cmd[:2] == ("php", "-a"):
            raise Refused("the image is not told what to run")
    else:
        lines.follow()
    elsewhere(lines.context, lines.workdir, shipped=False)
    origins = dict.fromkeys(lines.places.values())
    sources = [path for path in origins if path.endswith((".php", ".phtml", ".inc")) or path == "artisan"]
    if not sources:
        raise Refused("the application is not copied, as where it is mounted for development")
    started: list[Started] = []
    for path in sources:
        if _NOT_RUN.search(path):
            continue
        text = source(lines.context, path)
        if text is None:
            raise Refused(f"{path} cannot be read")
        started += php_programs(path, text)
    texts = [source(lines.context, path) or "" for path in origins if _TEXTS.search(path) and not _NOT_RUN.search(path)]
    return Start(tuple(lines.programs), tuple(started), "\n".join(texts))


class _Php(CommandLines):
    def program(self, call: Called) -> None:
        why = _REFUSED.get(call.program)
        words = [one or "" for one in call.argv]
        if call.program == "php" and words[:1] and posixpath.basename(words[0]).startswith("composer"):
            why = "which belongs to the build"
        if why is not None:
            raise Refused(f"{call.where} runs {call.program}, {why}", call.span)
        if call.program == "supervisord":
            self._supervised(call)
        super().program(call)

    def brought(self, call: Called) -> bool:
        folders = ("", "/usr/local/bin/", "/usr/local/sbin/")
        return call.program in _OWN and call.typed in [f"{folder}{call.program}" for folder in folders]

    def opened(self, origin: str, path: str, text: str, span: Span) -> bool:  # noqa: ARG002
        return path.endswith(".php") or (text.startswith("#!") and "php" in text.partition("\n")[0])

    def _supervised(self, call: Called) -> None:
        """Follow what supervisor's settings tell it to run (its manual, "Configuration File")."""
        found = False
        for place, origin in self.places.items():
            if not place.endswith((".conf", ".ini")):
                continue
            text = self.context.text(origin) or ""
            if "[program:" not in text:
                continue
            found = True
            for command in _COMMAND.findall(text):
                self.shell(re.sub(r"%\(\w+\)\w", "x", command.split(" ;")[0]), origin, call.span, call.depth + 1)
        if not found:
            raise Refused(f"{call.where} runs supervisord, and what that is to run is not known", call.span)
