"""Bundler and Composer in production-dependencies: what keeps it from firing, one fact at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source

RUBY = """FROM ruby:3.3-slim
ENV RAILS_ENV=production
WORKDIR /app
COPY . .
RUN bundle install
CMD ["bundle", "exec", "rails", "server"]
"""
GEMS = """GEM
  remote: https://gems.example/
  specs:
    rails (7.1.3)
    rspec-core (3.13.0)
    web-console (4.2.1)
      bindex
    bindex (0.8.1)

DEPENDENCIES
  rails
"""
RUBY_FILES = {
    "Gemfile": 'gem "rails"\ngem "rspec-core", group: :test\ngem "web-console", group: :development\n',
    "Gemfile.lock": GEMS,
    "config/application.rb": 'require "rails/all"\n',
}
PHP = """FROM php:8.3-apache
WORKDIR /srv
COPY . .
RUN composer install
"""
COMPOSER: dict[str, Any] = {"require": {"slim/slim": "*"}, "require-dev": {"fakerphp/faker": "*"}}
COMPOSER_LOCK: dict[str, Any] = {
    "packages": [{"name": "slim/slim", "autoload": {"psr-4": {"Slim\\": "Slim"}}}],
    "packages-dev": [{"name": "fakerphp/faker", "bin": ["fake"], "autoload": {"psr-4": {"Faker\\": "src"}}}],
}
PHP_FILES = {
    "composer.json": json.dumps(COMPOSER),
    "composer.lock": json.dumps(COMPOSER_LOCK),
    "index.php": "<?php\nuse Slim\\App;\n// Faker\\Factory is for tests.\n",
}


def run(dockerfile: str, files: dict[str, str]) -> Outcome:
    return fix(Source(dockerfile), Options(only=("production-dependencies",)), MemoryContext(files))


def test_bundler_is_told_by_a_setting_that_stays() -> None:
    assert (
        "RUN bundle config set --local without 'development test' && bundle install\n"
        in run(RUBY, RUBY_FILES).after.text
    )
    old = run(RUBY.replace("ruby:3.3-slim", "ruby:2.6"), RUBY_FILES)
    assert "RUN bundle config --local without development:test && bundle install\n" in old.after.text
    again = run(old.after.text, RUBY_FILES)
    assert not again.changed
    assert not again.notices


def test_composer_is_told_by_an_option() -> None:
    outcome = run(PHP, PHP_FILES)
    assert "RUN composer install --no-dev\n" in outcome.after.text
    assert not run(outcome.after.text, PHP_FILES).notices


@pytest.mark.parametrize(
    ("old", "new", "files", "reason"),
    [
        ("ENV RAILS_ENV=production\n", "", {}, "the mode is not set to production"),
        ("=production", "=staging", {}, "the mode is not set to production"),
        ("ruby:3.3-slim", "ubuntu:24.04", {}, "which version of Bundler"),
        ("RUN bundle install", "RUN gem install bundler -v 2.0.2\nRUN bundle install", {}, "Bundler 2.0"),
        ("RUN bundle install", "RUN true || bundle install", {}, "nothing can be put in front of it"),
        ("RUN bundle install", "RUN if true; then bundle install; fi", {}, "nothing can be put in front of it"),
        ("RUN bundle install", "RUN su-exec app bundle install", {}, "may run it as somebody else"),
        ("RUN bundle install", "RUN bundle install --standalone", {}, "--standalone"),
        ("RUN bundle install", "RUN bundle update rails\nRUN bundle install", {}, "an earlier RUN may change"),
        ("RUN bundle install", "RUN bundle install && bundle exec rspec", {}, "runs rspec"),
        ("RUN bundle install", "RUN bundle install && bundle exec rake", {}, "runs rake"),
        ("RUN bundle install", "RUN bundle install && RAILS_ENV=test bundle exec rake x", {}, "another mode"),
        ('"server"]', '"server", "-e", "development"]', {}, "another mode than production"),
        ('"server"]', '"test"]', {}, "runs rails test"),
        ("COPY . .", "COPY Gemfile ./", {}, "Gemfile.lock is not copied"),
        ("", "", {".bundle/config": "---\n"}, ".bundle of the build context"),
        ("", "", {"Gemfile": 'gem "rails"\ngemspec\ngem "x", group: :test\n'}, "cannot be read in full"),
        ("", "", {"compose.yml": "services:\n  a:\n    environment:\n      - RAILS_ENV=test\n"}, "another mode"),
        ("", "", {"config/initializers/a.rb": "WebConsole::X\n"}, "names web-console"),
        ("", "", {"lib/tasks/a.rake": 'require "rspec/core/rake_task"\n'}, "names rspec-core"),
        ("", "", {"Gemfile.lock": GEMS.replace("bindex", "nokogiri")}, ""),
    ],
)
def test_bundler_is_left_alone(old: str, new: str, files: dict[str, str], reason: str) -> None:
    outcome = run(RUBY.replace(old, new) if old else RUBY, {**RUBY_FILES, **files})
    if not reason:
        # The group whose gems are all known can go alone.
        assert "--local without test " in outcome.after.text
        return
    assert not outcome.changed
    assert any(reason in notice.reason for notice in outcome.notices), [one.reason for one in outcome.notices]


@pytest.mark.parametrize(
    "files",
    [
        {"config/environments/development.rb": 'require "web_console"\n'},
        {"spec/a_spec.rb": 'require "rspec/core"\n'},
        {"lib/tasks/a.rake": "if Rails.env.development?\n  WebConsole\nend\n"},
        {"app/a.rb": "# WebConsole\nclass A\nend\n"},
    ],
)
def test_bundler_with_sources_of_another_mode(files: dict[str, str]) -> None:
    assert run(RUBY, {**RUBY_FILES, **files}).changed


def _composer(**more: object) -> dict[str, str]:
    return {"composer.json": json.dumps({**COMPOSER, **more})}


def _lock(package: dict[str, Any], **kept: object) -> dict[str, str]:
    packages = [{**COMPOSER_LOCK["packages"][0], **kept}]
    return {"composer.lock": json.dumps({"packages": packages, "packages-dev": [package]})}


@pytest.mark.parametrize(
    ("old", "new", "files", "reason"),
    [
        ("composer install", "composer install --what", {}, "--what"),
        ("composer install", "cd x && composer install", {}, "changes the folder"),
        ("COPY . .", "COPY composer.json ./", {}, "composer.lock is not copied"),
        ("install", "install\nRUN vendor/bin/fake", {}, "runs fake"),
        ("install", "install\nRUN php artisan db:seed", {}, "runs php artisan db:seed"),
        ("install", "install\nENV APP_ENV=local", {}, "APP_ENV is local"),
        ("", "", {"a.php": "<?php\nnew \\Faker\\Generator();\n"}, "a.php names"),
        ("", "", {"vendor/autoload.php": "<?php\n"}, "vendor of the build context"),
        ("", "", {"bootstrap/cache/services.php": "<?php\n"}, "bootstrap/cache/services.php"),
        ("", "", _composer(scripts={"post-install-cmd": "phpcs"}), "runs phpcs"),
        ("", "", _composer(**{"require-dev": {"acme/driver": "*"}}) | _lock({"name": "acme/driver"}), "acme/driver"),
        ("", "", _lock({"name": "acme/helper", "autoload": {"files": ["a.php"]}}), "acme/helper brings is not known"),
        ("", "", _lock({"name": "acme/log"}, suggest={"acme/log": "to log"}), "uses acme/log if it is there"),
        ("", "", _composer(require={"symfony/framework-bundle": "*"}), "the mode of Symfony"),
    ],
)
def test_composer_is_left_alone(old: str, new: str, files: dict[str, str], reason: str) -> None:
    outcome = run(PHP.replace(old, new) if old else PHP, {**PHP_FILES, **files})
    assert not outcome.changed
    assert any(reason in notice.reason for notice in outcome.notices), [one.reason for one in outcome.notices]
