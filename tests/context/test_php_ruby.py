from __future__ import annotations

import json

import pytest

from slimify.context.found import Unknown
from slimify.context.php import Composer, ComposerLock, read_composer, read_composer_lock
from slimify.context.ruby import Gemfile, GemfileLock, application, read_gemfile, read_gemfile_lock
from tests.context.memory import Files, context

COMPOSER = {
    "name": "a/b",
    "require": {"php": "^8.2", "ext-gd": "*", "laravel/framework": "^11"},
    "require-dev": {"phpunit/phpunit": "^11"},
    "scripts": {"post-autoload-dump": ["@php artisan package:discover"], "test": "phpunit"},
    "autoload": {"psr-4": {"App\\": "app/"}, "classmap": ["database"], "files": ["helpers.php"]},
    "repositories": [{"type": "path", "url": "packages/x"}, {"type": "vcs", "url": "https://x"}],
}


def gemfile(text: str) -> Gemfile:
    found = read_gemfile(Files({"Gemfile": text}))
    assert isinstance(found, Gemfile)
    return found


def test_composer() -> None:
    found = read_composer(Files({"composer.json": json.dumps(COMPOSER, indent=1)}))
    assert isinstance(found, Composer)
    assert (found.php, found.laravel, found.symfony, found.vendor) == ("^8.2", True, False, "vendor")
    assert [one.extension for one in found.requires if one.extension] == ["gd"]
    assert [one.name for one in found.requires if one.dev] == ["phpunit/phpunit"]
    assert [one.text for one in found.install_commands] == ["@php artisan package:discover"]
    assert (found.autoload, found.repositories) == (("app", "database", "helpers.php"), ("packages/x",))
    assert found.requires[0].place.line == 4 and found.unknown == ()


@pytest.mark.parametrize(
    "change",
    [
        {"require": ["x"]},
        {"autoload": {"psr-4": {"X\\": "../outside"}}},
        {"repositories": [{"type": "path", "url": "../x"}]},
        {"repositories": {"a": {"type": "path", "url": "packages/*"}}},
    ],
)
def test_what_composer_hides_is_said(change: dict[str, object]) -> None:
    found = read_composer(Files({"composer.json": json.dumps(change)}))
    assert isinstance(found, Composer) and found.unknown


def test_composer_lock() -> None:
    data = {
        "packages": [
            {"name": "a/a", "version": "1.0", "require": {"ext-intl": "*", "php": ">8"}},
            {"name": "c/p", "type": "composer-plugin"},
            "not a package",
        ],
        "packages-dev": [{"name": "d/d", "version": "2", "require": {"ext-xdebug": "*"}}],
        "platform": {"ext-gd": "*"},
    }
    found = read_composer_lock(Files({"composer.lock": json.dumps(data)}))
    assert isinstance(found, ComposerLock)
    assert (found.packages[0], found.dev) == (("a/a", "1.0"), (("d/d", "2"),))
    assert (found.extensions, found.plugins) == (("gd", "intl"), ("c/p",))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "{'a': 1}", b"\0"])
def test_what_is_no_composer_file(text: str | bytes) -> None:
    assert isinstance(read_composer(Files({"composer.json": text})), Unknown)
    assert isinstance(read_composer_lock(Files({"composer.lock": text})), Unknown)
    assert read_composer(context()) is None and read_composer_lock(context()) is None


def test_gems_by_group() -> None:
    found = gemfile(
        """source 'https://rubygems.org'
ruby '3.2.2'
gem 'rails', '~> 7.0', '>= 7.0.4' # gem 'no'
# gem 'commented'
gem "pg", group: :production
gem 'x', require: false, :groups => [:test, :ci]
gem 'local', path: 'engines/local'
gem 'forked', git: 'https://x/y.git',
              branch: 'main'
group :development, :test do
  gem 'byebug', platforms: [:mri]
end
source 'https://gems.example' do
  gem 'private'
end
path 'engines' do
  gem 'inner'
end
gemspec
"""
    )
    assert {one.name: one.groups for one in found.gems} == {
        "rails": ("default",),
        "pg": ("production",),
        "x": ("test", "ci"),
        "local": ("default",),
        "forked": ("default",),
        "byebug": ("development", "test"),
        "private": ("default",),
        "inner": ("default",),
    }
    assert (found.ruby, found.gemspec, found.unknown) == ("3.2.2", True, ())
    rails, local, forked = found.gem("rails"), found.gem("local"), found.gem("forked")
    assert rails is not None and rails.requirements == ("~> 7.0", ">= 7.0.4") and rails.place.line == 3
    assert local is not None and local.path == "engines/local"
    assert forked is not None and forked.git == "https://x/y.git"


@pytest.mark.parametrize(
    "text",
    [
        "if ENV['X']\n  gem 'a'\nend",
        "gem 'a' if x",
        "eval_gemfile 'other'",
        "gem name",
        "%w[a b].each do |n|\n  gem n\nend",
        "gem 'a', path: '../outside'",
    ],
)
def test_what_a_gemfile_decides_is_said(text: str) -> None:
    assert gemfile(text).unknown


def test_gemfile_lock() -> None:
    text = """GIT
  remote: https://x
  specs:
    forked (1.0)

GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.15.0-x86_64-linux)
      racc (~> 1.4)
    racc (1.7.1)
    test-only (1.0)

PLATFORMS
  x86_64-linux

DEPENDENCIES
  forked!
  nokogiri (~> 1)

RUBY VERSION
   ruby 3.2.2p53

BUNDLED WITH
   2.4.10
"""
    found = read_gemfile_lock(Files({"Gemfile.lock": text}))
    assert isinstance(found, GemfileLock)
    assert [(one.name, one.version, one.platform, one.source) for one in found.gems][:2] == [
        ("forked", "1.0", "", "git"),
        ("nokogiri", "1.15.0", "x86_64-linux", "gem"),
    ]
    assert found.closure(("nokogiri",)) == {"nokogiri", "racc"}
    assert (found.direct, found.ruby, found.bundler) == (("forked", "nokogiri"), "ruby 3.2.2p53", "2.4.10")


@pytest.mark.parametrize("text", ["", "{}", b"\0", "<<<<<<<\n", "x" * 6_000_000])
def test_what_is_no_lock(text: str | bytes) -> None:
    assert isinstance(read_gemfile_lock(Files({"Gemfile.lock": text})), Unknown)
    assert read_gemfile_lock(context()) is None and read_gemfile(context()) is None


@pytest.mark.parametrize(
    "text", ["gem '" * 20_000, "do\n" * 20_000, "end\n" * 20_000, ",\n" * 20_000, "group :a" * 5_000]
)
def test_hostile_gemfiles_end(text: str) -> None:
    gemfile(text)


def test_applications() -> None:
    files = {"config/application.rb": "class A < Rails::Application", "config.ru": "", "app/assets/x.css": ""}
    found = application(context(**files))
    assert found.rails and found.rack and not found.rakefile and [one.file for one in found.assets] == ["app/assets"]
    assert application(context(**{"config/application.rb": "x"})).rails is None
