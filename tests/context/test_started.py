"""Programs that sources of Ruby and PHP start."""

from __future__ import annotations

import pytest

from slimify.context.started import php_programs, ruby_programs


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("# system 'git'", []),
        ("x = 1 # `git`", []),
        ("redis.exec", []),
        ("connection.exec('select 1')", []),
        ("exec_query('x')", []),
        ("def system(command)", []),
        ("system = 3", []),
        ("abort('system')", []),
        ("{ system: true }", []),
        ("system('git rev-parse HEAD')", ["git"]),
        ("system 'RAILS_ENV=test bin/rails x'", ["bin/rails"]),
        ("exec ['convert', 'x'], a", ["convert"]),
        ("out = Open3.capture2e('file', path)", ["file"]),
        ("IO.popen(['ls', '-l'])", ["ls"]),
        ('Kernel.system("git")', ["git"]),
        ("v = `git log #{a}`", ["git"]),
        ("v = %x(ls -l)", ["ls"]),
        ("v = `#{tool} -v`", [None]),
        ("system(command)", [None]),
        ("system('a; b')", [None]),
        ("Process.spawn(*words)", [None]),
    ],
)
def test_ruby(line: str, names: list[str | None]) -> None:
    assert [one.name for one in ruby_programs("a.rb", line)] == names


def test_rake_runs_a_shell() -> None:
    assert [one.name for one in ruby_programs("lib/tasks/a.rake", "sh 'git push'")] == ["git"]
    assert not list(ruby_programs("a.rb", "sh 'git push'"))


def test_places_are_lines() -> None:
    assert [one.place.line for one in ruby_programs("a.rb", "\n\n`ls`\n__END__\n`git`\n")] == [3]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("// exec('git')", []),
        ("curl_exec($handle);", []),
        ("$statement->exec('x');", []),
        ("Foo::exec('x');", []),
        ("public function exec($x) {", []),
        ("$sql = 'select `id` from `users`';", []),
        ("exec('git log', $out);", ["git"]),
        ('\\shell_exec("unzip x.zip");', ["unzip"]),
        ("$p = new Process(['git', 'status']);", ["git"]),
        ("Process::fromShellCommandline('zip a b');", ["zip"]),
        ("$x = `ls -l`;", ["ls"]),
        ("passthru($command);", [None]),
        ("proc_open($words, $a, $b);", [None]),
    ],
)
def test_php(line: str, names: list[str | None]) -> None:
    assert [one.name for one in php_programs("a.php", line)] == names
