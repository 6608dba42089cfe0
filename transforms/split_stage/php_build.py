"""What builds extensions of PHP and installs packages of Composer in a RUN, and what sets up PHP or Apache.

Sources: docker-library/php, the scripts docker-php-ext-configure, docker-php-ext-install and docker-php-ext-enable and
the page of the image; Composer's manual, "Command-line interface" and "Scripts"; Laravel's and Symfony's documentation
of what their commands write.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.assets import NODE_TOOLS, cleaned, in_place, node
from slimify.transforms.split_stage.assets import pipe as node_pipe
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, apk

from slimify.semantics.commands import Invocation

EXTENSIONS = "/usr/local/lib/php/extensions"
SETTINGS = "/usr/local/etc/php/conf.d"
# The libraries that PHP's own extensions may be linked with (PHP manual, "Installation" of each extension).
LIBRARIES = re.compile(
    r"lib(?:aspell|avif|bz2|c-client|curl|db5|edit|enchant|exif|expat|ffi|freetype|gmp10|gssapi|icu|jpeg|kpathsea|krb5|ldap|lmdb"
    r"|odbc|onig|png|pq5|pspell|qdbm|readline|sasl|snappy|snmp|sodium|sqlite3|ssl|sybdb|ct4|tidy|webp7|xml2|xpm|xslt|zip)"
)
# Extensions of PECL that are linked with nothing, or only with a library whose headers must be asked for.
PECL = frozenset(
    "amqp apcu ast decimal ds ev event excimer grpc igbinary imagick mailparse mcrypt memcache memcached mongodb "
    "msgpack oauth opentelemetry pcov pdo_sqlsrv protobuf psr raphf rdkafka redis sqlsrv ssh2 swoole timezonedb uopz "
    "uuid xdebug yaml zip zstd".split()
)
CONF_D = re.compile(r"(?:/usr/local/etc/php|\$PHP_INI_DIR|\$\{PHP_INI_DIR\})/conf\.d/")
# Files of the image's own that are changed where they ship.
WRITTEN = re.compile(
    r"(?:/usr/local/etc/(?:php|php-fpm\.d|php-fpm\.conf)|\$PHP_INI_DIR|\$\{PHP_INI_DIR\}|/etc/apache2|\$APACHE_CONFDIR"
    r"|\$\{APACHE_CONFDIR\})(?:/[\w./-]*)?|/etc/(?:nginx|supervisor)/[\w./-]*|/etc/timezone"
)
VARIABLES = re.compile(
    r"COMPOSER_(?!VENDOR_DIR|BIN_DIR)\w+|APP_\w+|NODE_(?:ENV|OPTIONS)|PHP_OPENSSL|MAKEFLAGS|DATABASE_URL"
)
# Docker replaces nothing in a RUN; the variable is the base's.
_PHPIZE = frozenset(["$PHPIZE_DEPS", "${PHPIZE_DEPS}", '"$PHPIZE_DEPS"'])
_PHPIZE_ALPINE = ("autoconf", "dpkg-dev", "g++", "gcc", "libc-dev", "make", "pkgconf", "re2c")
_EXTENSION_TOOLS = frozenset(
    "docker-php-ext-configure docker-php-ext-enable docker-php-ext-install docker-php-source".split()
)
_APACHE = frozenset("a2dismod a2disconf a2dissite a2enconf a2enmod a2ensite".split())
# The folders of links that they fill (Debian's apache2, a2enmod(8)).
_ENABLED = {"a2enconf": "conf-enabled", "a2enmod": "mods-enabled", "a2ensite": "sites-enabled"}
_COMPOSER = re.compile(r"(?:(?:/usr(?:/local)?)?/bin/|\./)?composer(?:\.phar)?")
_INSTALLER = re.compile(
    r"curl (?:-\w+ |--\w+ )*['\"]?https?://getcomposer\.org/installer['\"]? "
    r"\| php(?: --(?: --[\w-]+(?:[= ][\w./-]+)?)*)?"
    r"|(?:yes(?: ['\"]{2})?|echo(?: -\w+)? ['\"]?[\w\\]*['\"]?|printf ['\"][\\n]+['\"]) \| pecl install [\w. -]+"
)
_COMPOSER_VERBS = frozenset("install i update dump-autoload dumpautoload require config".split())
_QUIET_VERBS = frozenset("--version -V about validate check-platform-reqs clear-cache clearcache diagnose".split())
_ELSEWHERE = frozenset(["-d", "--working-dir", "-g", "--global"])
# Commands of a framework that only write to its own folders.
_ARTISAN = re.compile(
    r"(?:config|route|view|event|cache):(?:cache|clear)|optimize(?::clear)?|storage:link|key:generate|package:discover"
    r"|vendor:publish|horizon:publish|livewire:publish|filament:\w+|icons:cache"
)
_CONSOLE = re.compile(r"cache:(?:clear|warmup)|assets:install|asset-map:compile|importmap:install")


def folders(runs: Iterable[Run]) -> tuple[str, ...]:
    """The folders of the image's own that builds put something into."""
    found: dict[str, None] = {}
    for run in runs:
        text = run.step.instruction.logical.text
        programs = {one.program or "" for one in run.builds}
        if programs & {*_EXTENSION_TOOLS, "pecl"} or "pecl install" in text or CONF_D.search(text):
            # What others put beside the extensions may be used as well.
            extensions = EXTENSIONS if {*pecl_names([run])} <= PECL else posixpath.dirname(EXTENSIONS)
            found |= {extensions: None, SETTINGS: None}
        found |= {f"/etc/apache2/{_ENABLED[one]}": None for one in sorted(programs & {*_ENABLED})}
    return tuple(one for one in found if posixpath.dirname(one) not in found)


def pecl_names(runs: Iterable[Run]) -> tuple[str, ...]:
    """The extensions that pecl installs, without version or channel."""
    found: list[str] = []
    for run in runs:
        text = run.step.instruction.logical.text
        calls = re.findall(r"\bpecl install ((?:[\w.-]+\s+)*[\w.-]+)", text)
        found += [word.partition("-")[0].lower() for one in calls for word in one.split() if not word.startswith("-")]
        if text.count("pecl install") != len(calls):
            found.append("an extension")
    return tuple(found)


class Composer(NamedTuple):
    """One run of Composer: its verb, and whether it runs scripts, plug-ins, and those of development as well."""

    verb: str
    scripts: bool = False
    plugins: bool = False
    development: bool = False


def sort(run: Run, call: Invocation) -> Run | None:
    """Take what PHP's tools do for the build, and what sets up PHP and its server."""
    typed = call.typed[0].value or ""
    builds = run._replace(builds=(*run.builds, call))
    if typed in _EXTENSION_TOOLS or (typed == "pecl" and call.argv[:1] in (("install",), ("channel-update",))):
        return builds
    if composer(call) is not None:
        return builds
    if typed == "php":
        return _php(run, builds, call)
    if typed in NODE_TOOLS:
        return node(run, call)
    if typed in _ENABLED and run.moves:
        # What it changes is copied where it is one with an install.
        return builds
    if typed in _APACHE or typed in ("usermod", "groupmod"):
        return run._replace(sets_up=True)
    if typed == "mv" and call.argv == ("composer.phar", "/usr/local/bin/composer"):
        return builds
    if typed == "chmod" and call.argv[1:] in (("/usr/local/bin/composer",), ("composer.phar",)):
        return builds
    if typed in ("mv", "cp", "sed", "rm") and _settings(call):
        return run._replace(sets_up=True)
    if typed == "apk" and any(word.text in _PHPIZE for word in call.words):
        plain = [at for at, word in enumerate(call.words) if word.text not in _PHPIZE]
        rest = call._replace(argv=tuple(call.argv[at] for at in plain), words=tuple(call.words[at] for at in plain))
        found = apk(run, rest)
        return None if found is None else found._replace(packages=(*found.packages, *_PHPIZE_ALPINE))
    return cleaned(run, call) or in_place(run, call)


def pipe(run: Run, text: str) -> Run | None:
    """Take the installer of Composer, and questions of pecl that are answered in advance."""
    return run._replace(fetches=True) if _INSTALLER.fullmatch(text) else node_pipe(run, text)


def _php(run: Run, builds: Run, call: Invocation) -> Run | None:
    first = call.argv[0] if call.argv else None
    if first == "-r" and len(call.words) > 1 and "composer-setup" in call.words[1].text:
        return builds
    if len(call.typed) == 2 and call.typed[1].value in ("composer-setup.php", "/tmp/composer-setup.php"):
        return builds
    verb = call.argv[1] if len(call.argv) > 1 else None
    known = (first == "artisan" and _ARTISAN.fullmatch(verb or "")) or (
        first == "bin/console" and _CONSOLE.fullmatch(verb or "")
    )
    return run._replace(edits=(*run.edits, call)) if known and None not in call.argv else None


def _settings(call: Invocation) -> bool:
    """Whether only files of PHP's or Apache's settings are changed."""
    texts = [word.text.replace('"', "") for word in call.words]
    if call.program != "sed":
        paths = [one for one in texts if not one.startswith("-")]
        return (len(paths) == 2 or call.program == "rm") and all(WRITTEN.fullmatch(one) for one in paths)
    if not any(one.startswith("-") and "i" in one for one in texts):
        return False
    scripts = [at + 1 for at, one in enumerate(texts) if re.fullmatch(r"-\w*e", one)]
    rest = [one for at, one in enumerate(texts) if not one.startswith("-") and at not in scripts]
    files = rest if scripts else rest[1:]
    return bool(files) and all(re.fullmatch(rf"(?:{WRITTEN.pattern})[\w./*-]*", one) for one in files)


def composer(call: Invocation) -> Composer | None:
    """A run of Composer that installs packages, or says something; None for any other program.

    Raises `Refused` where packages are installed to another place, or for everybody.
    """
    typed = [word.value or "" for word in call.typed]
    if not _COMPOSER.fullmatch(typed[-1]) or (len(typed) > 1 and typed[0] != "php"):
        return None
    plain = [one for one in call.argv if one is not None and not one.startswith("-")]
    if call.argv[:1] and (call.argv[0] or "") in _QUIET_VERBS:
        return Composer("")
    verb = plain[0] if plain else ""
    if verb not in _COMPOSER_VERBS or None in call.argv or call.has(*_ELSEWHERE):
        raise Refused(f"`composer {verb}` may install to another place")
    return Composer(verb, not call.has("--no-scripts"), not call.has("--no-plugins"), not call.has("--no-dev"))
