"""Programs in other languages: names that are followed, text that stays text, and bounded work on what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Parser

from detectors.destructive import code_grammars, parsing
from detectors.destructive.calls import effects_of_call
from detectors.destructive.catalogue import shipped
from detectors.destructive.code import code_rules, may_fit
from detectors.destructive.code_tree import LANGUAGES
from detectors.destructive.context import Context
from detectors.destructive.effects import verdict
from detectors.destructive.shell import analyse_code

ALL = [*sorted(LANGUAGES), "go", "powershell", "cmd", "cypher"]
FOLLOWED = [  # language, code, whether it is found, why
    ("javascript", "const {rmSync: r} = require('fs'); r('/home', {recursive: true})", True, "another name"),
    ("javascript", "import { rmSync } from 'node:fs'\nrmSync('/home', { recursive: true })", True, "imported"),
    ("javascript", "const f = require('fs'); f['rmSync']('/home', {recursive: true})", True, "by index"),
    ("javascript", "const d = '/ho' + 'me'; fs.rmSync(`${d}`, {recursive: true})", True, "put together"),
    ("javascript", "fs.rmSync(path.join('/', 'home'), {recursive: true})", True, "joined"),
    ("javascript", "// fs.rmSync('/home', {recursive: true})", False, "a comment"),
    ("javascript", "console.log(\"fs.rmSync('/home', {recursive: true})\")", False, "a string"),
    ("javascript", "cache.delete('/home'); list.remove(x)", False, "no file"),
    ("javascript", "fs.rmSync(os.tmpdir() + '/x', {recursive: true})", False, "for the moment"),
    ("javascript", "for (const d of ['build', '/srv']) fs.rmSync(d, {recursive: true})", True, "the farthest"),
    ("javascript", "for (const c of ['ls', 'rm -rf /srv']) execSync(c)", True, "each of a list"),
    ("javascript", "['/home'].forEach(fs.rmSync); fs.readdirSync('/etc').forEach(fs.unlinkSync)", True, "handed on"),
    ("javascript", "function wipe(d) { fs.rmSync(d, {recursive: true}) }\nwipe('/home')", True, "its own"),
    ("javascript", "function wipe(d) { fs.rmSync(d, {recursive: true}) }\nwipe('/tmp/x')", False, "scratch"),
    ("ruby", "def wipe(d)\n FileUtils.rm_rf(d)\nend\nwipe('/home')", True, "its own"),
    ("ruby", "%w[build /srv].each { |d| FileUtils.rm_rf(d) }", True, "the farthest"),
    ("ruby", "Dir['/home/**/*'].select { |f| File.file?(f) }.each(&File.method(:delete))", True, "handed on"),
    ("ruby", "Dir['tmp/*'].select { |f| File.file?(f) }.each(&File.method(:delete))", False, "scratch"),
    ("perl", "for my $d (qw(build /srv)) { system('rm', '-rf', $d) }", True, "each of a list"),
    ("perl", "my @d = ('/home'); system('rm', '-rf', @d)", True, "a list among the words"),
    ("perl", "rename '/etc/hosts', '/tmp/hosts'", True, "moved away"),
    ("perl", "rename 'a.tmp', 'a.txt'", False, "moved about"),
    (
        "php",
        "foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator('/srv')) as $k => $f) unlink($f);",
        True,
        "what a folder holds",
    ),
    ("go", "d := \"/ho\" + \"me\"\nos.RemoveAll(d)", True, "put together"),
    ("go", "for _, d := range []string{\"build\", \"/srv\"} {\n os.RemoveAll(d)\n}", True, "the farthest"),
    ("go", "filepath.Walk(\"/home\", func(p string, i fs.FileInfo) error { return os.Remove(p) })", True, "all"),
    ("go", "exec.CommandContext(ctx, \"rm\", \"-rf\", \"/home\").Run()", True, "a command"),
    ("go", "// os.RemoveAll(\"/home\")\nfmt.Println(\"os.RemoveAll(`/home`)\")", False, "text"),
    ("go", "d, _ := os.MkdirTemp(\"\", \"x\")\ndefer os.RemoveAll(d)", False, "for the moment"),
    ("go", "func wipe(d string) { os.RemoveAll(d) }\nfunc main() { wipe(\"/home\") }", True, "its own"),
    ("go", "func wipe(d string) { os.RemoveAll(d) }\nfunc main() { wipe(\"build\") }", False, "rebuilt"),
    ("javascript", "require('rimraf').sync('/home')", True, "a module's own"),
    ("javascript", "require('rimraf').sync('dist')", False, "rebuilt"),
    ("ruby", "Pathname('/home').rmtree", True, "called on the path"),
    ("ruby", "d = '/home'\nFileUtils.rm_rf(d)", True, "a variable"),
    ("ruby", "FileUtils.rm_rf(\"#{'/home'}\")", True, "interpolated"),
    ("ruby", "# FileUtils.rm_rf('/home')", False, "a comment"),
    ("ruby", "%x(rm -rf /home)", True, "a subshell"),
    ("php", "$d = '/home'; exec(\"rm -rf $d\");", True, "interpolated"),
    ("php", "exec('rm -rf ' . '/home');", True, "joined"),
    ("php", "echo 'rm -rf /home';", False, "a string"),
    ("perl", "my $d = '/home'; system(\"rm -rf $d\");", True, "interpolated"),
    ("perl", "system(qw(rm -rf /home))", True, "quoted words"),
    ("perl", "print 'rm -rf /home'", False, "a string"),
    ("powershell", "$d = 'C:\\Users'; Remove-Item -Recurse $d", True, "a variable"),
    ("powershell", "Write-Output 'Remove-Item -Recurse C:\\'", False, "a string"),
    ("powershell", "# Remove-Item -Recurse C:\\", False, "a comment"),
    ("cmd", "echo rd /s /q C:\\Users", False, "only words"),
    ("cmd", "cd C:\\ & rd /s /q C:\\Users", True, "the second of two"),
]


def found(language: str, code: str) -> list[str]:
    return [effect.entry for effect in analyse_code(language, code, Context("/w"), shipped()) if verdict(effect)]


@pytest.mark.parametrize(("language", "code", "fires", "why"), FOLLOWED, ids=[f"{c[0]}-{c[3]}" for c in FOLLOWED])
def test_case(language: str, code: str, fires: bool, why: str) -> None:
    assert bool(found(language, code)) is fires, why


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_no_grammar_fits_is_ended_by_a_count(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[int] = []

    class Counted:
        def __init__(self, parser: Parser) -> None:
            self.parser = parser

        def reset(self) -> None:
            self.parser.reset()

        def parse(self, read: object, progress_callback: object) -> object:
            def counted(offset: int, error: bool) -> object:
                reports.append(offset)
                return progress_callback(offset, error)  # type: ignore[operator]

            return self.parser.parse(read, progress_callback=counted)  # type: ignore[arg-type]

    monkeypatch.setattr(code_grammars, "parse", lambda parser, source: parsing.parse(Counted(parser), source))  # type: ignore[arg-type]
    for text in ("rm([{`" * 5000, "rm@" * 9000, "a=rm=" * 5000, "do rm end " * 3000, "rm<<A\n" * 5000):
        reports.clear()
        analyse_code(language, text, Context(), shipped())
        assert len(reports) <= parsing.MAX_REPORTS + 1


@pytest.mark.parametrize("language", ALL)
def test_what_lies_beyond_the_bound_is_looked_at(language: str) -> None:
    if language in ("powershell", "cmd", "cypher"):
        return
    filler = "x = 1\n" if language == "ruby" else "x = 1;\n"
    harm = "os.RemoveAll(d)" if language == "go" else "rmSync('/home')"
    assert "shell.unseen-code" in found(language, filler * 3000 + harm)
    assert found(language, filler * 3000) == []


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ALL), st.text(max_size=200))
def test_any_text_is_read_without_an_error(language: str, text: str) -> None:
    first = analyse_code(language, "rm " + text, Context(), shipped())
    assert first == analyse_code(language, "rm " + text, Context(), shipped())


def test_every_rule_can_be_reached() -> None:
    names = {
        "fs.rmSync", "rimraf", "unlink", "fs.truncate", "fs.writeFileSync", "execSync", "system", "db.dropDatabase",
        "sequelize.sync", "r.flushall", "db.users.drop", "db.users.deleteMany", "User.delete_all", "User.destroy",
        "db.users.updateMany", "es.delete_by_query", "c.execute", "axios.delete", "fetch", "new DeleteBucketCommand",
        "objects.all().delete", "v1.delete_namespace", "stripe.Customer.delete", "os.kill",
    }  # fmt: skip
    assert all(may_fit(name) for name in names)
    assert all(compiled.rule.fires for compiled in code_rules())


def test_the_tool_says_the_language() -> None:
    effects = effects_of_call("run_ruby", {"code": "FileUtils.rm_rf('/home')"}, Context("/w"))
    assert [effect.target for effect in effects] == ["/home"]
