"""split-stage for Ruby: what golden cases cannot show."""

from __future__ import annotations

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

LOCK = """GEM
  remote: https://rubygems.org/
  specs:
    nio4r (2.7.0)
    pg (1.5.6)
    puma (6.4.2)
      nio4r (~> 2.0)
    rack (3.0.9)

PLATFORMS
  ruby

DEPENDENCIES
  pg
  puma
  rack
"""
APP = {
    "Gemfile": 'source "https://rubygems.org"\ngem "pg"\ngem "puma"\ngem "rack"\n',
    "Gemfile.lock": LOCK,
    "app.rb": 'require "pg"\n',
    "config.ru": "run App\n",
}
SLIM = """FROM ruby:3.3-slim-bookworm
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends build-essential git libpq-dev
COPY Gemfile Gemfile.lock ./
RUN bundle install
COPY . .
CMD ["bundle", "exec", "puma"]
"""
FULL = SLIM.replace("-slim", "")


def run(text: str = SLIM, **options: object) -> Outcome:
    files = {**APP, **options.pop("files", {})}  # type: ignore[dict-item]
    return slimify.fix(text, context=MemoryContext(files), only=["split-stage"], **options)  # type: ignore[arg-type]


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


def shipped(outcome: Outcome) -> str:
    assert outcome.changed, [one.reason for one in outcome.notices]
    return outcome.after.text.rpartition("\nFROM ")[2]


def test_it_comes_to_rest() -> None:
    for text in (SLIM, FULL):
        after = run(text)
        assert shipped(after)
        assert not run(after.after.text).changed


def test_a_slim_base_without_a_compiler_is_left_alone() -> None:
    outcome = run("FROM ruby:3.3-slim\nCOPY . .\nRUN bundle install\nCMD ruby app.rb\n")
    assert not outcome.changed and not outcome.notices


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("RUN bundle", "USER nobody\nRUN bundle", "behind a USER"),
        ("RUN bundle", "VOLUME /app\nRUN bundle", "behind a VOLUME"),
        ("RUN bundle install", "RUN bundle install || true", "on conditions"),
        ("RUN bundle install", "RUN bundle install --binstubs", "--binstubs"),
        ("RUN bundle install", "RUN bundle install --gemfile=other", "--gemfile"),
        ("RUN bundle install", "RUN bundle config --global path /x && bundle install", "outside of the bundle"),
        ("RUN bundle install", "RUN bundle config set path $WHERE && bundle install", "not read"),
        ("RUN bundle install", "RUN bundle install --path=/usr/lib/gems", "files of its own"),
        ("RUN bundle install", "RUN bundle install && mkdir -p /x", "in other ways"),
        ("RUN bundle install", "RUN bundle install && bundle exec rake db:migrate", "plain install"),
        ("RUN bundle install", "RUN gem update --system && bundle install", "plain install"),
        ("RUN bundle install", "RUN npm install -g mjml && bundle install", "plain install"),
        ("RUN bundle install", "RUN curl https://example.com/x | sh && bundle install", "cannot be sorted"),
        ("RUN bundle", "ENV GEM_HOME=/gems\nRUN bundle", "GEM_HOME is set"),
        ("RUN bundle", "ARG BUNDLE_GEMFILE=x\nRUN bundle", "BUNDLE_GEMFILE is set"),
        ("RUN bundle", "ENV RAILS_ENV=development\nRUN bundle", "for development"),
        ("RUN bundle", "COPY --from=node:20 /usr/local/bin/node /usr/local/bin/\nRUN bundle", "another image"),
        ('"bundle", "exec", "puma"', '"bundle", "exec", "guard"', "for development"),
        ('"bundle", "exec", "puma"', '"rails", "console"', "for development"),
        ('"bundle", "exec", "puma"', '"foreman", "start"', "listed elsewhere"),
        ('"bundle", "exec", "puma"', '"nobodys-server"', "nobodys-server"),
        ('"bundle", "exec", "puma"', '"bash"', "only a shell"),
        ('CMD ["bundle", "exec", "puma"]', 'CMD ["./start"]', "start"),
        ('CMD ["bundle", "exec", "puma"]', "", "not told what to run"),
        ("COPY . .\n", "", "the application is not copied"),
    ],
)
def test_refused(old: str, new: str, why: str) -> None:
    assert old in SLIM
    assert why in reasons(run(SLIM.replace(old, new)))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"Gemfile": "gemspec\n"}, "kept with the sources"),
        ({"Gemfile": 'gem "mine", path: "mine"\n'}, "kept with the sources"),
        ({"Gemfile.lock": LOCK.replace("GEM\n", "PATH\n  remote: .\n  specs:\n    mine (1)\n\nGEM\n", 1)}, "kept with"),
        ({"Gemfile.lock": LOCK.replace("rack (3.0.9)", "nobodys-gem (1)")}, "nobodys-gem"),
        ({"Gemfile.lock": LOCK.replace("rack (3.0.9)", "passenger (6)")}, "passenger compiles"),
        ({"app.rb": "system(command)\n"}, "app.rb:1 runs a program whose name is not known"),
        ({"lib/a.rb": "x = `#{tool} --version`\n"}, "lib/a.rb:1"),
        ({"app.rb": "\0"}, "app.rb cannot be read"),
    ],
)
def test_a_full_base_is_refused_for_what_the_context_holds(files: dict[str, str], why: str) -> None:
    assert why in reasons(run(FULL, files=files))


def test_tools_of_the_build_are_left_out_only_if_nothing_runs_them() -> None:
    assert " git" not in shipped(run())
    assert " git " in shipped(run(files={"app.rb": "version = `git rev-parse HEAD`\n"}))
    assert " git " in shipped(run(files={"app.rb": "system(command)\n"}))
    assert " git " in shipped(run(files={"Gemfile": 'gem "rack", git: "https://example.com/rack"\n'}))
    assert " git " in shipped(run(files={"Gemfile.lock": LOCK.replace("rack (3.0.9)", "nobodys-gem (1)")}))
    sentry = {"Gemfile.lock": LOCK.replace("rack (3.0.9)", "sentry-ruby (5)")}
    assert " git " not in shipped(run(files=sentry))
    assert " git " in shipped(run(files={**sentry, ".git/HEAD": "ref"}))


def test_what_a_full_base_lends_is_installed() -> None:
    assert "imagemagick" in shipped(run(FULL, files={"Gemfile.lock": LOCK.replace("rack (3.0.9)", "mini_magick (4)")}))
    assert " curl" in shipped(run(FULL + "HEALTHCHECK CMD curl -f http://localhost\n"))
    assert " netbase" in shipped(run(FULL, files={"app.rb": 'TCPSocket.new(host, "smtp")\n'}))
    assert " file" in shipped(run(FULL, files={"app.rb": 'Open3.capture2("file", "-b", path)\n'}))
    rmagick = shipped(run(FULL, files={"Gemfile.lock": LOCK.replace("rack (3.0.9)", "rmagick (5)")}))
    assert "libmagickwand-6.q16-6" in rmagick and "libmagickcore-6.q16-6-extra" in rmagick
    own = FULL.replace("RUN bundle", "ENV NOKOGIRI_USE_SYSTEM_LIBRARIES=1\nRUN bundle")
    nokogiri = {"Gemfile.lock": LOCK.replace("rack (3.0.9)", "nokogiri (1.16.2)")}
    assert "libxslt1.1" in shipped(run(own, files=nokogiri))
    assert "libxslt1.1" not in shipped(run(FULL, files=nokogiri))


def test_specs_and_tools_of_development_are_not_run() -> None:
    assert shipped(
        run(FULL, files={"spec/a_spec.rb": "system(command)\n", "bin/setup": "#!/usr/bin/env ruby\nsystem(x)\n"})
    )


def test_a_lock_that_the_install_writes_is_shipped() -> None:
    text = SLIM.replace("COPY Gemfile Gemfile.lock ./\nRUN bundle install\nCOPY . .", "COPY . .\nRUN bundle install")
    assert "COPY . .\nCOPY --from=build /app/Gemfile.lock /app/Gemfile.lock\n" in shipped(run(text))
    assert "may write the lock" in reasons(run(text.replace("RUN bundle", "RUN chown nobody Gemfile.lock\nRUN bundle")))
    frozen = text.replace("RUN bundle install", "RUN bundle install --frozen")
    assert "Gemfile.lock" not in shipped(run(frozen))
    theirs = text.replace("COPY . .", "RUN useradd web\nCOPY --chown=web . .")
    outcome = run(theirs)
    assert "COPY --from=build --chown=web /app/Gemfile.lock" in shipped(outcome)
    assert outcome.after.text.count("RUN useradd web") == 2


@pytest.mark.parametrize(
    ("how", "path"),
    [
        ("RUN bundle install --path vendor/gems", "/app/vendor/gems"),
        ("RUN bundle config set --local path 'vendor/gems' && bundle install", "/app/vendor/gems"),
        ("ENV BUNDLE_PATH=/gems\nRUN bundle install", "/gems"),
        ("RUN bundle config set deployment true\nRUN bundle install", "/app/vendor/bundle"),
    ],
)
def test_where_gems_are_installed(how: str, path: str) -> None:
    after = shipped(run(SLIM.replace("RUN bundle install", how)))
    assert f"COPY --from=build {path} {path}\n" in after
    assert "COPY --from=build /usr/local/bundle /usr/local/bundle\n" in after


def test_settings_that_are_kept_in_the_bundle_come_with_it() -> None:
    with_gemfile = run(SLIM.replace("RUN bundle", "RUN bundle config set without test\nRUN bundle"))
    assert with_gemfile.after.text.count("bundle config") == 1
    without = run(SLIM.replace("COPY Gemfile", "RUN bundle config set without test\nCOPY Gemfile", 1))
    assert without.after.text.count("bundle config") == 2
    for_all = run(SLIM.replace("RUN bundle", "RUN bundle config --global without test\nRUN bundle"))
    assert for_all.after.text.count("bundle config") == 2


def test_files_of_the_application_are_taken_as_the_build_leaves_them() -> None:
    text = SLIM.replace("COPY . .\n", "COPY . .\nRUN cp app.rb b.rb\nRUN bundle exec rake assets:precompile\n")
    after = shipped(run(text))
    assert "COPY --from=build /app /app\n" in after and "COPY . ." not in after and "cp app.rb" not in after
    late = SLIM.replace("COPY . .\n", "COPY . .\nRUN cp app.rb b.rb\n")
    after = shipped(run(late))
    assert "COPY . .\nRUN cp app.rb b.rb\n" in after and "--from=build /app" not in after


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("COPY . .", "COPY --chown=nobody . .", "given an owner"),
        ("COPY . .", "COPY . .\nRUN chown -R nobody .", "given an owner"),
        ("COPY . .", "COPY . .\nRUN chown -R nobody /app/log", "given an owner"),
        ("WORKDIR /app\n", "WORKDIR /\n", "the image has others"),
        ("WORKDIR /app\n", "WORKDIR /var/lib\n", "the image has others"),
    ],
)
def test_a_folder_that_is_not_taken_as_a_whole(old: str, new: str, why: str) -> None:
    text = SLIM.replace("COPY . .\n", "COPY . .\nRUN bundle exec rake assets:precompile\n").replace(old, new)
    assert why in reasons(run(text))


def test_files_of_other_places_come_along() -> None:
    text = SLIM.replace("COPY . .\n", "COPY . .\nCOPY app.rb /etc/app.rb\nRUN rake assets:precompile\n")
    assert "COPY app.rb /etc/app.rb" in shipped(run(text))


def test_another_repository_is_not_taken_for_the_distribution() -> None:
    node = (
        "RUN curl -fsSL https://deb.nodesource.com/setup_20.x | bash - && apt-get install -y nodejs\nRUN bundle install"
    )
    text = SLIM.replace("RUN bundle install", node)
    assert "nodejs" not in shipped(run(text))
    execjs = {"Gemfile.lock": LOCK.replace("rack (3.0.9)", "execjs (2)")}
    assert "another repository" in reasons(run(text, files=execjs))
    assert " nodejs" in shipped(run(SLIM.replace("git libpq", "git nodejs libpq"), files=execjs))
    webpacker = {"Gemfile.lock": LOCK.replace("rack (3.0.9)", "webpacker (5)")}
    assert "another repository" in reasons(run(text, files=webpacker))
    assert shipped(run(text.replace("WORKDIR", "ENV RAILS_ENV=production\nWORKDIR"), files=webpacker))


def test_alpine() -> None:
    text = "FROM ruby:3.3-alpine3.20\nRUN apk add --no-cache build-base postgresql-dev git\nWORKDIR /app\nCOPY . .\n"
    text += 'RUN bundle install\nCMD ["bundle", "exec", "puma"]\n'
    after = shipped(run(text))
    assert "libpq" in after and "libstdc++" in after and "git" not in after and "build-base" not in after
    assert "runs file, which may have come" in reasons(run(text, files={"app.rb": "x = `file -b a`\n"}))
    assert "vips-dev" in reasons(run(text.replace("git", "vips-dev")))
    assert "not known" in reasons(run(text.replace("build-base ", "")))
    assert "tool" in reasons(run(text.replace('"bundle", "exec", "puma"', '"tool"')))
    assert " bash" in shipped(
        run(
            text.replace("git", "git bash")
            .replace('CMD ["', 'CMD ["bash", "-c", "exec ')
            .replace('", "exec", "puma"]', ' exec puma"]')
        )
    )


def test_an_image_that_is_mounted_over_is_for_development() -> None:
    compose = "services:\n  web:\n    build: .\n    volumes:\n      - .:/app\n"
    assert "as for development" in reasons(run(files={"docker-compose.yml": compose}))
    assert shipped(run(files={"docker-compose.yml": compose.replace(".:/app", "./log:/app/log")}))
    production = SLIM.replace("WORKDIR", "ENV RAILS_ENV=production\nWORKDIR")
    assert shipped(run(production, files={"docker-compose.yml": compose}))
    runs = "services:\n  web:\n    command: bash -c 'bundle install && bundle exec puma'\n"
    assert "compose.yml runs bundle install" in reasons(run(production, files={"compose.yml": runs}))
