"""split-stage for PHP: what golden cases cannot show."""

from __future__ import annotations

import json

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

LARAVEL = [
    "Illuminate\\Foundation\\ComposerScripts::postAutoloadDump",
    "@php artisan package:discover --ansi",
]
APP = {
    "composer.json": json.dumps({"require": {"monolog/monolog": "*"}}),
    "composer.lock": json.dumps({"packages": [{"name": "monolog/monolog"}], "packages-dev": []}),
    "artisan": "#!/usr/bin/env php\n<?php\n",
    "bootstrap/cache/.gitignore": "*\n",
    "public/index.php": "<?php\n",
    "package.json": "{}",
}
TEXT = """FROM php:8.2-fpm-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends git libicu-dev libzip-dev unzip
RUN docker-php-ext-install intl zip
COPY --from=composer:2 /usr/bin/composer /usr/bin/composer
WORKDIR /app
COPY . .
RUN composer install --no-dev
CMD ["php-fpm"]
"""
LAID = "COPY . .\nCOPY --from=build /app/vendor /app/vendor\n"
WHOLE = "WORKDIR /app\nCOPY --from=build /app /app\n"


def run(text: str = TEXT, **options: object) -> Outcome:
    files = {**APP, **options.pop("files", {})}  # type: ignore[dict-item]
    return slimify.fix(text, context=MemoryContext(files), only=["split-stage"], **options)  # type: ignore[arg-type]


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


def shipped(outcome: Outcome) -> str:
    assert outcome.changed, [one.reason for one in outcome.notices]
    return outcome.after.text.rpartition("\nFROM ")[2]


def test_it_comes_to_rest() -> None:
    outcome = run()
    assert LAID in shipped(outcome)
    assert "composer" not in shipped(outcome)
    assert not run(outcome.after.text).changed


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("RUN composer", "USER www-data\nRUN composer", "behind a USER"),
        ("RUN composer", "VOLUME /app/storage\nRUN composer", "behind a VOLUME"),
        ("RUN composer install --no-dev", "RUN composer global require x/y", "composer global"),
        ("RUN composer install --no-dev", "RUN composer install -d /srv", "another place"),
        ("RUN composer install --no-dev", "RUN composer run-script build", "another place"),
        ("RUN composer install --no-dev", "RUN COMPOSER_VENDOR_DIR=/x composer install", "COMPOSER_VENDOR_DIR"),
        ("RUN composer install --no-dev\n", "", "does not run it"),
        ("RUN composer install --no-dev", "RUN composer install && chown -R www-data .", "in other ways"),
        ("COPY . .\n", "", "the application is not copied"),
        ("COPY . .\n", "COPY public .\n", "no composer.json"),
        ("WORKDIR /app\n", "WORKDIR app\n", "working directory"),
        ("WORKDIR /app\n", "ENV COMPOSER=other.json\nWORKDIR /app\n", "COMPOSER is set"),
        ("WORKDIR /app\n", "ARG PHP_INI_DIR=/x\nWORKDIR /app\n", "PHP_INI_DIR is set"),
        ("RUN docker", "RUN pear install x && docker", "plain install"),
        ("RUN docker", "RUN install-php-extensions gd && docker", "plain install"),
        ("RUN docker", "RUN curl https://example.com/x | php && docker", "cannot be sorted"),
        ("RUN docker", "RUN echo $(date) > /usr/local/etc/php/php.ini && docker", "cannot be sorted"),
        ("RUN docker", "RUN echo x > /usr/local/bin/x && docker", "cannot be sorted"),
        (
            "RUN docker",
            "RUN echo a >> /usr/local/etc/php/conf.d/a.ini && echo b > /etc/apache2/b\nRUN docker",
            "several kinds",
        ),
        ("composer:2 /usr/bin/composer /usr/bin/composer", "composer:2 / /", "another image"),
        ("composer:2 /usr/bin/composer", "node:20 /usr/local/bin/node", "another image"),
        ('CMD ["php-fpm"]', "CMD composer install && php-fpm", "belongs to the build"),
        ('CMD ["php-fpm"]', "CMD npm run dev", "belongs to the build"),
        ('CMD ["php-fpm"]', "CMD supervisord", "what that is to run"),
        ('CMD ["php-fpm"]', "CMD nobodys-server", "nobodys-server"),
    ],
)
def test_refused(old: str, new: str, why: str) -> None:
    assert old in TEXT
    assert why in reasons(run(TEXT.replace(old, new)))


def test_a_server_of_the_base_needs_no_command() -> None:
    assert shipped(run(TEXT.replace('CMD ["php-fpm"]\n', "")))
    cli = TEXT.replace("8.2-fpm", "8.2-cli").replace('CMD ["php-fpm"]\n', "")
    assert "not told what to run" in reasons(run(cli))


def test_where_the_base_starts() -> None:
    apache = TEXT.replace("8.2-fpm", "8.2-apache").replace("WORKDIR /app\n", "").replace('CMD ["php-fpm"]\n', "")
    assert "COPY --from=build /var/www/html/vendor /var/www/html/vendor\n" in shipped(run(apache))


@pytest.mark.parametrize(
    ("manifest", "lock", "command", "whole"),
    [
        ({}, {}, "install", False),
        ({}, {}, "install --no-dev --optimize-autoloader --no-interaction", False),
        ({}, {}, "update", True),
        ({}, {}, "require x/y", True),
        ({"config": {"vendor-dir": "lib"}}, {}, "install", True),
        ({"config": {"bin-dir": "bin"}}, {}, "install", True),
        ({"scripts": {"post-install-cmd": "touch x"}}, {}, "install", True),
        ({"scripts": {"post-install-cmd": "touch x"}}, {}, "install --no-scripts", False),
        ({"scripts": {"test": "phpunit"}}, {}, "install", False),
        ({}, {"packages": [{"name": "a/b", "type": "composer-plugin"}]}, "install", True),
        ({}, {"packages": [{"name": "a/b", "type": "composer-plugin"}]}, "install --no-plugins", False),
        ({}, {"packages": [{"name": "symfony/runtime", "type": "composer-plugin"}]}, "install", False),
        ({}, {"packages-dev": [{"name": "a/b", "type": "composer-plugin"}]}, "install", True),
        ({}, {"packages-dev": [{"name": "a/b", "type": "composer-plugin"}]}, "install --no-dev", False),
    ],
)
def test_what_composer_leaves_behind(
    manifest: dict[str, object], lock: dict[str, object], command: str, whole: bool
) -> None:
    files = {"composer.json": json.dumps(manifest), "composer.lock": json.dumps({"packages": [], **lock})}
    after = shipped(run(TEXT.replace("install --no-dev", command), files=files))
    assert (WHOLE in after, LAID in after) == (whole, not whole)


def test_laravel() -> None:
    files = {"composer.json": json.dumps({"scripts": {"post-autoload-dump": LARAVEL}})}
    after = shipped(run(files=files))
    assert LAID + "COPY --from=build /app/bootstrap/cache /app/bootstrap/cache\n" in after
    theirs = TEXT.replace("COPY . .", "COPY --chown=www-data . .")
    assert "given an owner" in reasons(run(theirs, files=files))
    assert "COPY --chown=www-data . .\nCOPY --from=build /app/vendor" in shipped(
        run(theirs.replace("--no-dev", "--no-scripts"), files=files)
    )
    cached = TEXT.replace("CMD", "RUN php artisan config:cache && php artisan route:cache\nCMD")
    assert "RUN php artisan config:cache" in shipped(run(cached, files=files))


def test_scripts_that_may_write_anywhere() -> None:
    files = {"composer.json": json.dumps({"scripts": {"post-install-cmd": "cp x /etc/x"}})}
    assert "may write elsewhere" in reasons(run(files=files))
    owned = TEXT.replace("COPY . .", "COPY . .\nRUN chown -R www-data bootstrap/cache")
    laravel = {"composer.json": json.dumps({"scripts": {"post-autoload-dump": LARAVEL}})}
    assert "given an owner" in reasons(run(owned, files=laravel))
    assert LAID.replace("COPY --from", "RUN chown -R www-data bootstrap/cache\nCOPY --from") in shipped(run(owned))


def test_without_a_lock_all_is_taken() -> None:
    without = TEXT.replace("COPY . .", "COPY composer.json public ./")
    assert WHOLE in shipped(run(without))


def test_tools_of_the_build_are_left_out_only_if_nothing_runs_them() -> None:
    text = TEXT.replace("libicu-dev", "libicu-dev libmagickwand-dev")
    assert " git" not in shipped(run(text)) and "unzip" not in shipped(run(text))
    assert "git" in shipped(run(text, files={"src/a.php": "<?php\nexec('git log');\n"}))
    assert "unzip" not in shipped(run(text, files={"src/a.php": "<?php\nexec('git log');\n"}))
    assert "unzip" in shipped(run(text, files={"src/a.php": "<?php\nexec($command);\n"}))
    assert "unzip" not in shipped(run(text, files={"vendor/a.php": "<?php\nexec($command);\n"}))
    assert "git" in shipped(run(text, files={"docker/crontab": "* * * * * git pull\n"}))
    node = text.replace("git libicu", "git nodejs npm libicu").replace("CMD", "RUN npm ci && npm run build\nCMD")
    assert WHOLE in shipped(run(node)) and "nodejs" not in shipped(run(node))
    assert "node may be needed" in reasons(run(node, files={"src/a.php": "<?php\nexec('node x.js');\n"}))
    unused = text.replace("git libicu", "git nodejs libicu")
    assert " nodejs" in shipped(run(unused))


def test_libraries_of_headers_that_came_along() -> None:
    text = TEXT.replace("bookworm", "trixie").replace("libicu-dev", "libmagickwand-dev")
    after = shipped(run(text))
    assert "libicu76" in after and "libmagickwand-7.q16-10" in after and "libmagickcore-7.q16-10-extra" in after
    assert "libcairo-gobject2" not in after
    assert "whether nobodys is linked with" in reasons(
        run(text.replace("RUN docker", "RUN pecl install nobodys && docker"))
    )
    assert "COPY --from=build /usr/local/lib/php /usr/local/lib/php\n" in shipped(
        run(TEXT.replace("RUN docker", "RUN pecl install nobodys && docker"))
    )


def test_settings() -> None:
    before = TEXT.replace(
        "RUN docker",
        "RUN pecl install apcu && echo a\nRUN echo extension=apcu > $PHP_INI_DIR/conf.d/apcu.ini\nRUN docker",
    )
    assert "apcu.ini" not in shipped(run(before.replace(" && echo a", "")))
    moved = "RUN mv $PHP_INI_DIR/conf.d/docker-php-ext-zip.ini $PHP_INI_DIR/conf.d/zip.ini\nCOPY --from"
    assert "RUN mv" not in shipped(run(TEXT.replace("COPY --from", moved)))
    later = TEXT.replace("CMD", "RUN echo x=1 > /usr/local/etc/php/conf.d/x.ini\nCMD")
    assert "conf.d/x.ini" in shipped(run(later))
    production = TEXT.replace(
        "RUN docker", 'RUN mv "$PHP_INI_DIR/php.ini-production" "$PHP_INI_DIR/php.ini"\nRUN docker'
    )
    assert run(production).after.text.count("RUN mv") == 2
    ini = "echo a=1 > $PHP_INI_DIR/conf.d/a.ini && echo b=2 >> $PHP_INI_DIR/conf.d/a.ini"
    assert run(production.replace('php.ini"\n', f'php.ini" && {ini}\n')).after.text.count(ini) == 2
    nginx = TEXT.replace("unzip\n", "unzip nginx\n").replace("CMD", "RUN rm /etc/nginx/sites-enabled/default\nCMD")
    assert "nginx" in shipped(run(nginx)) and "RUN rm /etc/nginx" in shipped(run(nginx))
    apache = TEXT.replace("fpm-bookworm", "apache-bookworm").replace('CMD ["php-fpm"]\n', "")
    apart = apache.replace("RUN docker", "RUN a2enmod rewrite\nRUN docker")
    assert run(apart).after.text.count("a2enmod") == 1 and "a2enmod" in shipped(run(apart))
    joint = apache.replace("intl zip\n", "intl zip && a2enmod rewrite\n")
    assert "COPY --from=build /etc/apache2/mods-enabled /etc/apache2/mods-enabled\n" in shipped(run(joint))


@pytest.mark.parametrize(
    "installer",
    [
        "RUN curl -sS https://getcomposer.org/installer | php -- --install-dir=/usr/bin --filename=composer",
        "RUN curl -sS https://getcomposer.org/installer | php && mv composer.phar /usr/local/bin/composer",
        """RUN php -r "copy('https://getcomposer.org/installer', 'composer-setup.php');" \\
 && php composer-setup.php --install-dir=/usr/bin --filename=composer && php -r "unlink('composer-setup.php');\"""",
    ],
)
def test_composer_is_installed_with_its_script(installer: str) -> None:
    text = TEXT.replace("COPY --from=composer:2 /usr/bin/composer /usr/bin/composer", installer)
    after = shipped(run(text))
    assert "composer" not in after


def test_supervisor() -> None:
    text = TEXT.replace("unzip\n", "unzip nginx supervisor\n").replace("php-fpm", "supervisord")
    text = text.replace("CMD", "COPY s.conf /etc/supervisor/conf.d/s.conf\nCMD").replace("8.2-supervisord", "8.2-fpm")
    files = {"s.conf": "[program:a]\ncommand=php-fpm -F\n[program:b]\ncommand=nginx -g 'daemon off;'\n"}
    assert "supervisor" in shipped(run(text, files=files))
    assert "nobody" in reasons(run(text, files={"s.conf": "[program:a]\ncommand=nobody\n"}))
    assert "composer" in reasons(run(text, files={"s.conf": "[program:a]\ncommand=composer run x\n"}))


def test_alpine() -> None:
    text = (
        TEXT.replace("fpm-bookworm", "fpm-alpine3.20")
        .replace("libicu", "icu")
        .replace("apt-get update && apt-get install -y --no-install-recommends", "apk add --no-cache $PHPIZE_DEPS")
    )
    after = shipped(run(text))
    assert "icu-libs" in after and "libstdc++" in after and "git" not in after and "PHPIZE" not in after
    assert "not known" in reasons(run(text.replace("$PHPIZE_DEPS ", "")))
    assert "libwebp-dev" in reasons(run(text.replace("libzip-dev", "libwebp-dev")))


def test_an_image_that_is_mounted_over_is_for_development() -> None:
    compose = 'services:\n  web:\n    volumes:\n      - "./:/app"\n'
    assert "as for development" in reasons(run(files={"compose.yaml": compose}))
    assert "runs composer" in reasons(run(files={"compose.yaml": "services:\n  a:\n    command: composer install\n"}))
