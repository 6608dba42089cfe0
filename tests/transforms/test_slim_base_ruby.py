"""slim-base on Ruby: what gems and sources use of the full image."""

from __future__ import annotations

import pytest

from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source

DOCKERFILE = """FROM ruby:3.3-bookworm
WORKDIR /app
COPY . .
RUN bundle install
CMD ["bundle", "exec", "ruby", "app.rb"]
"""
LOCK = """GEM
  remote: https://gems.example/
  specs:
    rack (3.0.11)
    sinatra (4.0.0)
      rack

DEPENDENCIES
  sinatra
"""
FILES = {"Gemfile": 'gem "sinatra"\n', "Gemfile.lock": LOCK, "app.rb": 'require "sinatra"\n'}


def run(dockerfile: str = DOCKERFILE, **files: str) -> Outcome:
    context = MemoryContext({**FILES, **{name.replace("__", "."): text for name, text in files.items()}})
    return fix(Source(dockerfile), Options(only=("slim-base",)), context)


def test_it_fires() -> None:
    assert run().after.text.startswith("FROM ruby:3.3-slim-bookworm\nWORKDIR")


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ('system("git", "log")\n', "git"),
        ("version = `git rev-parse HEAD`\n", "git"),
        ('Open3.capture2e(["convert", "a"])\n', "imagemagick"),
        ('sh "curl -f https://example.com"\n', "curl"),
    ],
)
def test_what_a_source_starts_is_installed(source: str, package: str) -> None:
    outcome = run(app__rb=source)
    assert outcome.after.text.startswith("FROM ruby:3.3-slim-bookworm\n")
    assert f" {package}" in outcome.after.text


@pytest.mark.parametrize(
    ("old", "new", "files", "reason"),
    [
        ("", "", {"app__rb": "system(command)\n"}, "app.rb:1 starts something that is not known"),
        ("", "", {"app__rb": "x = `#{tool} -v`\n"}, "app.rb:1 starts something that is not known"),
        ("", "", {"app__rb": 'open("|ls")\n'}, "starts something that is not known"),
        ("", "", {"app__rb": 'require "fiddle"\n'}, "loads shared libraries"),
        ("", "", {"Gemfile__lock": LOCK.replace("rack (3", "puma (3")}, "puma is compiled"),
        ("", "", {"Gemfile__lock": LOCK.replace("rack (3", "acme (3")}, "whether acme is compiled"),
        ("", "", {"Gemfile__lock": LOCK.replace("rack (3.0.11)", "nokogiri (1.16.5)")}, "its source as well"),
        ("", "", {"Gemfile__lock": LOCK.replace("GEM", "GIT")}, "from a repository or from a folder"),
        ("bundle install", "gem install rails", {}, "what rails brings is not locked"),
        ("bundle install", "bundle config set force_ruby_platform true && bundle install", {}, "asks for compiled"),
        ("WORKDIR", "ENV BUNDLE_FORCE_RUBY_PLATFORM=1\nWORKDIR", {}, "BUNDLE_FORCE_RUBY_PLATFORM is set"),
        ("COPY . .", "COPY Gemfile ./", {}, "Gemfile and Gemfile.lock are not in the build context"),
    ],
)
def test_it_does_not_fire(old: str, new: str, files: dict[str, str], reason: str) -> None:
    outcome = run(DOCKERFILE.replace(old, new) if old else DOCKERFILE, **files)
    assert not outcome.changed
    assert any(reason in notice.reason for notice in outcome.notices), [one.reason for one in outcome.notices]


def test_methods_of_the_same_names_start_nothing() -> None:
    assert run(app__rb='def system(name)\nend\nconnection.exec("select 1")\nlog.spawn "a"\n').changed
