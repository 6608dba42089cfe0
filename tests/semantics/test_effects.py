"""What a RUN leaves behind: in the shell, in the process table, on the file system."""

from __future__ import annotations

import pytest

from slimify.semantics.effects import Effects, effects
from slimify.syntax.shell import parse_script


def of(text: str, workdir: str | None = "/w", **variables: str | None) -> Effects:
    script = parse_script(text)
    assert not script.opaque, script.opaque
    return effects(script, variables, workdir)


LEAKS = {
    "cd /x": {"directory"},
    "cd": {"directory"},
    "pushd /x": {"directory"},
    "cd /x && make": {"directory"},
    "A=1": {"variable"},
    "A=$(b)": {"variable"},
    "export A=1": {"variable"},
    "export PATH=/x:$PATH": {"variable"},
    "readonly A=1": {"variable"},
    "declare -A a": {"variable"},
    "unset A": {"variable"},
    "read a < f": {"variable"},
    "let a=1": {"variable"},
    "A=1 export B": {"variable"},
    "A=1 :": {"variable"},
    "for i in a b; do c; done": {"variable"},
    "echo $((x=1))": {"variable"},
    "echo $((x++))": {"variable"},
    "echo ${A:=1}": {"variable"},
    "f() { a; }": {"function"},
    "alias a=b": {"alias"},
    "unalias a": {"unalias"},
    "trap a EXIT": {"trap"},
    "umask 077": {"umask"},
    "ulimit -n 10": {"ulimit"},
    "shopt -s a": {"shopt"},
    "set -x": {"option"},
    "set -- a b": {"positional"},
    "set +e": {"unset-option", "option"},
    "exec > f": {"redirection"},
    ". ./env": {"source"},
    "source activate": {"source"},
    "eval a": {"source"},
    "command cd /x": {"directory"},
    "{ cd /x; }": {"directory"},
    "if a; then cd /x; fi": {"directory"},
    "a || cd /x": {"directory"},
    "a | read b": {"variable"},
    "hash -r": {"hash"},
    "printf -v PATH /x": {"variable"},
    "enable -n echo": {"variable"},
    "[[ abc =~ a(.) ]]": {"variable"},
    "echo $(( (2) + (x=1) ))": {"variable"},
    "$CD /x": {"source"},
    "shift 2": {"shift"},
}
CLEAN = (
    "a",
    "A=1 a",
    "( cd /x )",
    "( A=1; f() { b; }; umask 0 )",
    "echo $(cd /x)",
    "cd /x | a",
    "sh -c 'cd /x'",
    "echo $((1 + 2))",
    "echo ${A:-1}",
    "umask",
    "export -p",
    "sudo cd /x",
    "a > f",
    "echo 'cd /x'",
    "[ -d /x ] && a",
    "test $((a == b)) = 1",
)


@pytest.mark.parametrize("text", LEAKS)
def test_leaks(text: str) -> None:
    assert {leak.kind for leak in of(text).leaks} == LEAKS[text]


@pytest.mark.parametrize("text", CLEAN)
def test_what_does_not_leak(text: str) -> None:
    assert of(text).leaks == ()


@pytest.mark.parametrize(
    ("text", "options", "nested"),
    [
        ("set -e", {"e"}, False),
        ("set -eux; a", {"e", "u", "x"}, False),
        ("set -euo pipefail", {"e", "u", "pipefail"}, False),
        ("set -o errexit -o nounset", {"e", "u"}, False),
        ("set -o pipefail", {"pipefail"}, False),
        ("set -x", {"x"}, False),
        ("( set -e; a )", set(), True),
        ("a $(set -e; b)", set(), True),
        ("set +e", set(), False),
        ("a && set -e && b", {"e"}, False),
        ("{ set -e; a; }", {"e"}, False),
        ("sh -c 'set -e; a'", set(), False),
        ("a", set(), False),
    ],
)
def test_options_of_the_shell(text: str, options: set[str], nested: bool) -> None:
    found = of(text)
    assert (set(found.options), found.nested_errexit) == (options, nested)


@pytest.mark.parametrize(
    ("text", "exits", "replaces"),
    [
        ("exit", True, False),
        ("exit 0", True, False),
        ("a || exit 1", True, False),
        ("return 1", True, False),
        ("( exit 1 )", False, False),
        ("sh -c 'exit 1'", False, False),
        ("exec a", False, True),
        ("a && exec b c", False, True),
        ("( exec a )", False, False),
        ("exec > f", False, False),
        ("trap a EXIT", True, False),
        ("a", False, False),
    ],
)
def test_the_end_of_the_shell(text: str, exits: bool, replaces: bool) -> None:
    found = of(text)
    assert (found.exits, found.replaces) == (exits, replaces)


DAEMONS = (
    "a &",
    "(a &)",
    "a & wait",
    "service mysql start",
    "sudo service ssh start",
    "/etc/init.d/postgresql start",
    "mysqld_safe",
    "pg_ctl start",
    "pg_ctlcluster 15 main start",
    "redis-server",
    "nginx",
    "systemctl start x",
    "dockerd",
    "nohup a &",
    "setsid a",
    "Xvfb :1",
    "gpg --recv-keys x",
    "apachectl start",
    "sh -c 'service x start'",
    "a <(b)",
    "if a; then b & fi",
    "start-stop-daemon --start x",
    "mysqld --user=a",
)
NO_DAEMONS = (
    "a && b",
    "nginx -t",
    "systemctl enable x",
    "echo nginx",
    "mysqld --initialize",
    "gpg --dearmor",
    "gpg --version",
    "redis-server --version",
    "apt-get install nginx",
    "a 2>&1",
    "a &> f",
)


@pytest.mark.parametrize("text", DAEMONS)
def test_daemons(text: str) -> None:
    assert of(text).background


@pytest.mark.parametrize("text", NO_DAEMONS)
def test_no_daemons(text: str) -> None:
    assert not of(text).background


@pytest.mark.parametrize(
    ("text", "mounted"),
    [
        ("echo x >> /etc/hosts", True),
        ("echo x > /etc/resolv.conf", True),
        ("sed -i s/a/b/ /etc/hosts", True),
        ("cp a /etc/hosts", True),
        ("echo a | tee -a /etc/hosts", True),
        ("hostname x", True),
        ("echo 1 > /proc/sys/a", True),
        ("mkdir /dev/shm/x", True),
        ("cat /dev/shm/x", True),
        ("cp /dev/shm/x y", True),
        ("echo x > /dev/null", False),
        ("echo x > /dev/stderr", False),
        ("cat /etc/hosts", False),
        ("hostname", False),
        ("echo x > /etc/hosts.d", False),
    ],
)
def test_what_does_not_survive_a_run(text: str, mounted: bool) -> None:
    assert bool(of(text).mounted) is mounted


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ("a > f", {"/w/f"}),
        ("a >> /x/f", {"/x/f"}),
        ("cd /x && a > f", {"/x/f"}),
        ("cd /x; cd y; a > f", {"/x/y/f"}),
        ("( cd /x ) && a > f", {"/w/f"}),
        ("cd $D && a > f", {"./f"}),
        ("curl -o f https://h/a", {"/w/f"}),
        ("curl -O https://h/a.tgz", {"/w/a.tgz"}),
        ("curl -fsSLo /x/f https://h/a", {"/x/f"}),
        ("curl -fsSLO https://h/a.tgz?b", {"/w/a.tgz"}),
        ("curl https://h/a", set()),
        ("curl --output=f https://h/a", {"/w/f"}),
        ("wget https://h/a.tgz", {"/w/a.tgz"}),
        ("wget -O f https://h/a", {"/w/f"}),
        ("wget -qO- https://h/a", set()),
        ("wget -qO f https://h/a", {"/w/f"}),
        ("git clone https://h/a/b.git", {"/w/b"}),
        ("git clone https://h/a/b /x", {"/x"}),
        ("mkdir -p a /b", {"/w/a", "/b"}),
        ("tar xf a.tgz -C /x", {"/x", "/w/a"}),
        ("touch $F", set()),
    ],
)
def test_writes(text: str, writes: set[str]) -> None:
    assert of(text).writes == writes


@pytest.mark.parametrize(
    ("text", "deletes", "touches"),
    [
        ("rm a", {"/w/a"}, set()),
        ("rm -rf /x /y/*", {"/x", "/y/*"}, set()),
        ("cd /x && rm -f a", {"/x/a"}, set()),
        ("mv a /x", {"/w/a"}, set()),
        ("find /x -delete", {"/x"}, set()),
        ("find /x -name y -print", set(), set()),
        ("chown -R a:b /x /y", set(), {"/x", "/y"}),
        ("chmod +x a", set(), {"/w/a"}),
        ("sudo rm -rf /x", {"/x"}, set()),
        ("rm -rf ~/x", {"~/x"}, set()),
        ("rm -rf $D/x", set(), set()),
        ("useradd a", set(), {"/etc/passwd"}),
    ],
)
def test_deletes_and_touches(text: str, deletes: set[str], touches: set[str]) -> None:
    found = of(text)
    assert (found.deletes, found.touches) == (deletes, touches)


def test_variables_of_the_dockerfile() -> None:
    assert of("rm -rf $D/x", D="/d").deletes == {"/d/x"}
    assert of("rm -rf $D/x", D=None).deletes == frozenset()


def test_an_unknown_workdir() -> None:
    assert of("rm a ../b /c", workdir=None).deletes == {"./a", "./../b", "/c"}


def test_what_was_run_from_the_path() -> None:
    found = of("a && /x/b && cd y && (c) && $D")
    assert found.ran == {"a"}


def test_nothing_is_said_of_an_opaque_script() -> None:
    script = parse_script("if a; then")
    found = effects(script, {}, "/")
    assert not (found.leaks or found.invocations or found.background)


@pytest.mark.parametrize(
    "script",
    ["php-fpm", "asadmin start-domain", "invoke-rc.d postgresql start", "apache2 -k start", "x --daemon", "y -k start"],
)
def test_what_starts_something_that_lives_on(script: str) -> None:
    assert of(script).background


@pytest.mark.parametrize("script", ["php-fpm -t", "apache2 -v", "npm start", "tool stop"])
def test_what_does_not(script: str) -> None:
    assert not of(script).background


def test_files_written_in_a_string_count() -> None:
    assert of("sh -c 'echo 1.2.3.4 a >> /etc/hosts'").mounted == "/etc/hosts"
    assert "/a/b" in of("sh -c 'echo > /a/b'").writes


@pytest.mark.parametrize(("script", "moves"), [("userdel -r a", True), ("usermod -d /x a", True), ("useradd a", False)])
def test_home_folders_that_move(script: str, moves: bool) -> None:
    assert of(script).moves_home == moves


@pytest.mark.parametrize(
    ("script", "several"), [("a $(b; c)", True), ("a $(b && c)", True), ("a $(b)", False), ("a", False)]
)
def test_substitutions_in_which_errexit_could_act(script: str, several: bool) -> None:
    assert of(script).substitutes == several


def test_a_program_that_is_written_is_installed() -> None:
    found = of("echo > /usr/local/bin/curl && chmod +x /opt/bin/tool && update-alternatives --set a /b")
    assert {"curl", "tool", "*"} <= found.installs


def test_what_is_found_are_commands_of_the_script_that_is_asked_about() -> None:
    text = "apt-get update && apt-get install -y x"
    first = effects(parse_script(text), {}, "/")
    parse_script.cache_clear()
    script = parse_script(text)
    found = effects(script, {}, "/").invocations
    assert {id(one.command) for one in found} == {id(one) for one in script.commands()}
    assert [one.argv for one in found] == [one.argv for one in first.invocations]
