"""Input that was made to break the analysis: it never raises, ends soon, and says what it could not read."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.destructive import shell
from detectors.destructive.bounds import MAX_PARSED, MAX_WORK
from detectors.destructive.calls import effects_of_call
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.detector import Destructive
from detectors.destructive.effects import UNSEEN, WIDE, verdict
from detectors.destructive.memory import Memory
from detectors.destructive.shell import MAX_STEPS, Shell, analyse
from detectors.destructive.sql import analyse_sql
from detectors.detector import RuleSet, Run
from detectors.event import ToolCall

K = 1024
HOSTILE = {
    "open parentheses": "(" * 64 * K,
    "open substitutions": "$(" * 32 * K,
    "backticks": "`" * 64 * K,
    "open braces": "{" * 64 * K,
    "nested ifs": "if a; then " * 4 * K,
    "an unbalanced quote": "rm -rf '/etc",
    "many unbalanced quotes": "\"'" * 30 * K,
    "a megabyte of a": "a" * K * K,
    "a megabyte of commands": "ls;" * 350 * K,
    "a megabyte of words": "x " * 500 * K,
    "brace bombs": "rm " + "{a,b}" * 5000,
    "commas in an open brace": ";{" + "a," * 32_000,
    "a long word behind many calls": "f ()\n" * 60 + "()" * 120 + "a" * 60_000,
    "blanks before many braces": "ls" + (" " * 50 + "{a,b}") * 1100,
    "nested braces": "rm " + "{a," * 5000 + "}" * 5000,
    "loops in loops": "for a in {1..99}; do " * 20 + "ls" + "; done" * 20,
    "a function that calls itself": "f() { f; f; }; f",
    "aliases in a circle": "alias a=b; alias b=a; a",
    "eval of eval": "eval " * 5000 + "ls",
    "bash -c of bash -c": "x='bash -c \"$x\"'; " * 50 + "eval $x",
    "a value that doubles": "x=aaaaaaaa; " + "x=$x$x; " * 200 + "rm -rf $x",
    "defaults in defaults": "rm ${a:-" * 2000 + "}" * 2000,
    "here-documents": "cat <<A <<B <<C\n" * 2000,
    "pipes": "a|" * 20 * K + "b",
    "sudo sudo": "sudo " * 12000 + "rm -rf /",
    "xargs xargs": "echo a | " + "xargs " * 5000 + "rm",
    "arrays": "a=(" * 8000,
    "arrays of arrays": "a=(b " * 10_000 + ")" * 10_000,
    "here-documents that hardly end": "cat <<'E' > x\n" + "aE" * 32_000,
    "headless here-documents": "<<A\nA\n" * 9000,
    "function heads": "a() " * 16_000,
    "old arithmetic": "$[" * 30_000,
    "cases": "case x in " * 3000,
    "binary": bytes(range(256)).decode("latin-1") * 100,
    "marks": "\ue000\ue001\ue004\ue008\ue009\ue00a" * 1000,
    "null bytes": "rm\0-rf\0/\0" * 1000,
    "python nested": "python3 -c '" + "(" * 5000 + "'",
    "python long sum": "python3 -c 'x=" + "1+" * 20000 + "1'",
    "sql nested": "psql -c \"SELECT " + "(" * 5000 + "\"",
    "arithmetic": "$((" * 10000,
    "SQL in loops": "for a in {1..64}; do for b in {1..64}; do psql -c \"delete from t$a$b where "
    + "x=1 and " * 500 + "1=1\"; done; done",
    "Python in loops": "for a in {1..64}; do for b in {1..64}; do python -c \"import os; os.remove('$a$b');"
    + "x=1;" * 500 + "\"; done; done",
    "Python that triples a text": "python3 - <<'E'\nx='" + "a" * 200 + "'\n" + "x=f'{x}{x}{x}'\n" * 30
    + "os.system(x)\nE",
    "a large text run again and again": "x=$(echo " + "a" * 16_000 + "); "
    + "y=$x$x$x$x; echo $y$y$y >f;cat f|sh;" * 1200,
    "surrogates": "rm -rf '\udc80\udcff' \ud800",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_commands_end_soon(name: str) -> None:
    began = time.perf_counter()
    effects_of_call("bash", {"command": HOSTILE[name]}, Context())
    assert time.perf_counter() - began < 5, "a machine under load takes ten times as long as one alone"


def test_what_is_cut_is_said() -> None:
    effects = effects_of_call("bash", {"command": "ls " * 50_000 + "; rm -rf /"}, Context())
    assert UNSEEN in {verdict(effect) for effect in effects}
    assert any("only the start was read" in effect.target for effect in effects)


def test_what_stands_before_the_cut_counts() -> None:
    effects = effects_of_call("bash", {"command": "rm -rf /; " + "ls " * 50_000}, Context())
    assert {WIDE, UNSEEN} <= {verdict(effect) for effect in effects}


def test_what_cannot_be_read_at_all_is_said() -> None:
    effects = effects_of_call("bash", {"command": "((((((rm -rf /))))))"}, Context())
    assert {verdict(effect) for effect in effects} == {UNSEEN, WIDE}, "what can be made out in it counts"


PADDING = {
    "words": "ls " * 50_000 + "; ", "lines": "x=1\n" * 50_000, "a comment": "# " + "a" * 300_000 + "\n",
    "a here-document": "cat <<'E' > /dev/null\n" + "x\n" * 100_000 + "E\n", "loops": "for i in 1; do ls; done\n" * 5000,
    "brackets": "(ls)\n" * 9000, "quotes": "echo 'a' \"b\"\n" * 9000, "open brackets": "( " * 3000 + "\n",
    "variables": "echo ${x}\n" * 6000, "pipes": "a|" * 6000 + "a\n", "arithmetic": "echo $((1+1))\n" * 4000,
}  # fmt: skip


@pytest.mark.parametrize("name", PADDING)
def test_padding_hides_nothing(name: str) -> None:
    effects = effects_of_call("bash", {"command": PADDING[name] + "rm -rf /"}, Context())
    assert WIDE in {verdict(effect) for effect in effects}


@pytest.mark.parametrize(
    "command", ["kubeadm reset -f", "flyway clean", "dotnet ef database drop --force", "bq rm -r -f -d shop"]
)
def test_padding_hides_no_program_of_the_catalogue(command: str) -> None:
    effects = effects_of_call("bash", {"command": PADDING["variables"] + command}, Context())
    assert {verdict(effect) for effect in analyse(command, Context(), shipped())} <= {verdict(e) for e in effects}


def test_a_long_list_hides_nothing() -> None:
    effects = effects_of_call("bash", {"command": "rm -rf " + " ".join(f"a{n}" for n in range(500)) + " /"}, Context())
    assert WIDE in {verdict(effect) for effect in effects}


def test_a_large_file_that_is_written_is_no_script() -> None:
    command = "x=1\ncat > a.md <<'E'\n" + "never run rm -rf / here\n" * 20_000 + "E\n"
    assert {effect.action for effect in effects_of_call("bash", {"command": command}, Context())} == {"create"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_commands_are_read_within_bounds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, which no busy machine changes: bytes that the parser saw, and steps that were made."""
    parsed: list[int] = []
    shells: list[Shell] = []
    parse, init = shell._parse, Shell.__init__
    monkeypatch.setattr(shell, "_parse", lambda source: parsed.append(len(source)) or parse(source))
    monkeypatch.setattr(Shell, "__init__", lambda self, *rest: (shells.append(self), init(self, *rest))[1])
    shell.analyse(HOSTILE[name], Context(), shipped())
    assert max(parsed, default=0) <= 3 * MAX_PARSED and sum(parsed) <= 2 * MAX_WORK
    assert all(one.steps <= MAX_STEPS + 64 and one.work <= 2 * MAX_WORK for one in shells)


@pytest.mark.parametrize("shell", ["bash -c '", 'sh -c "', "sudo zsh -lc '"])
@pytest.mark.parametrize("inner", ["rm -rf /home", "ls"])
def test_shells_within_shells_are_as_suspicious_as_what_is_in_them(shell: str, inner: str) -> None:
    effects = effects_of_call("bash", {"command": shell * 3000 + inner}, Context())
    broken = {verdict(effect) for effect in effects}
    assert UNSEEN in broken
    assert (WIDE in broken) == (inner != "ls")


def test_many_shells_in_many_lines_are_read() -> None:
    effects = effects_of_call("bash", {"command": "bash -c 'ls'\n" * 200}, Context())
    assert not effects


@pytest.mark.parametrize("depth", [100, 3000])
def test_too_deep_is_said(depth: int) -> None:
    effects = effects_of_call("bash", {"command": "( " * depth + "rm -rf /" + " )" * depth}, Context())
    assert {verdict(effect) for effect in effects} & {UNSEEN, WIDE}


@pytest.mark.parametrize(
    "text",
    ["SELECT " + "(" * 5000, "(" * 60_000, "'" * 10_001, "DROP " * 10_000, "DELETE FROM t WHERE " + "NOT " * 5000 + "1",
     "DELETE FROM t WHERE " + "1=1 AND " * 5000 + "1=1", "/*" * 30_000, "DROP TABLE \0", "drop\ud800table"],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)  # fmt: skip
def test_hostile_sql_never_raises(text: str) -> None:
    analyse_sql(text)


@pytest.mark.parametrize(
    "text",
    ["drop '" + "\\'" * 30_000, "drop " + "/*!" * 20_000, "explain (" + "analyze " * 8000 + "drop",
     "drop table " + "(" * 60_000, "delete from t where " + "a=1 and " * 8000 + "1=1", "delete from t;" * 4000 + "((("],
    ids=lambda text: text[:14],
)  # fmt: skip
def test_hostile_sql_ends_soon(text: str) -> None:
    began = time.process_time()
    analyse_sql(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("padding", ["SELECT 1;" * 500, "INSERT INTO t VALUES (1);" * 2000], ids=["short", "long"])
def test_sql_behind_many_statements_is_seen(padding: str) -> None:
    assert WIDE in {verdict(effect) for effect in analyse_sql(padding + "DROP DATABASE shop")}


def test_sql_that_is_cut_is_said() -> None:
    assert UNSEEN in {verdict(effect) for effect in analyse_sql("-- " + "x" * 70 * K + "\nDROP DATABASE shop")}


def test_python_that_is_cut_is_said() -> None:
    effects = effects_of_call("python", {"code": "#" * 70 * K + "\nimport shutil; shutil.rmtree('/')"}, Context())
    assert UNSEEN in {verdict(effect) for effect in effects}


def test_python_between_a_notebooks_own_lines_is_read() -> None:
    code = "%cd /\nimport shutil\n!ls\nif True:\n    !pwd\n    shutil.rmtree('/etc')"
    assert WIDE in {verdict(effect) for effect in effects_of_call("jupyter", {"code": code}, Context())}


def test_a_path_of_sixty_kilobytes_is_told_in_a_line() -> None:
    call = ToolCall(id="e", time=1.0, run_id="r", tool="bash", arguments={"command": "rm -rf " + "/*" * 30_000})
    found = list(Destructive().observe(call, Memory(), Run(run_id="r"), RuleSet.defaults(Destructive)))
    assert found and len(msgspec.json.encode(found)) < 4000


PIECES = st.sampled_from([
    "rm", "-rf", "/", "$X", "${X", "}", "$(", ")", "`", "'", '"', "|", "sh", "&&", ";", "\n", "<<EOF", "EOF", ">", "<",
    "{a,b}", "*", "~", "\\", "eval", "bash -c", "xargs", "find", "-exec", "\\;", "if", "then", "fi", "for i in", "do",
    "done", "case", "esac", "f()", "{", "}", "sudo", "python3 -c", "psql -c", "DROP TABLE x", "git push", "--force",
    "alias a=", "cd", "..", "=", "[[", "]]", "((", "))", "#", "$'\\x72'", "!", "&", "\0", "é", "\ue000",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25), st.sampled_from([" ", ""]))
def test_any_mixture_of_shell_never_raises(pieces: list[str], joint: str) -> None:
    effects_of_call("bash", {"command": joint.join(pieces)}, Context(workspace="/home/me/shop"))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_never_raises(text: str) -> None:
    for tool, name in (("bash", "command"), ("sql", "query"), ("python", "code"), ("delete_file", "path")):
        effects_of_call(tool, {name: text}, Context())


RARE = ("\U000fffff", "\U000d81fe", "\U0010ffff", "\U0001f600", "\uffff", "\u3000", "é")
SPOTS = (
    "{{{0}", "{{1{0}", "{{1..{0}", "[ -{0} a ]", "cat <<E\na${0}\nE", "{0}=1", "a{0}=1", "${{{0}}}", "{0}>&1",
    "<<{0}\na\n{0}",
)  # fmt: skip


@pytest.mark.parametrize("spot", SPOTS)
def test_rare_characters_do_not_end_the_process(spot: str) -> None:
    """In a process of its own, which the parser's own scanner used to take down, on some machines and at some times."""
    texts = [spot.format(character) for character in RARE]
    script = (
        "from detectors.destructive.calls import effects_of_call; from detectors.destructive.context import Context\n"
        f"for text in {texts!r}: effects_of_call('bash', {{'command': text}}, Context())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", ["rm -rf / é", "echo 😀; rm -rf /", "echo {\U000fffff}; rm -rf /", "rm -rf ~/Bücher /"]
)
def test_a_command_beside_rare_characters_is_read(command: str) -> None:
    assert WIDE in {verdict(effect) for effect in effects_of_call("bash", {"command": command}, Context())}


def test_a_name_with_rare_characters_is_told_whole() -> None:
    (effect,) = effects_of_call("bash", {"command": "rm -rf /srv/Bücher😀"}, Context())
    assert effect.target == "/srv/Bücher😀"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["command", "cmd", "sql", "query", "path", "paths", "code", "all", "filter", "ids", "cwd"])
TOOLNAMES = st.sampled_from(["bash", "sql", "delete_users", "delete_file", "write_file", "python", "x"]) | st.text(
    max_size=9
)


@settings(max_examples=300, deadline=None)
@given(TOOLNAMES, st.dictionaries(NAMES, JSON, max_size=4))
def test_any_arguments_never_raise(tool: str, arguments: dict[str, Any]) -> None:
    effects_of_call(tool, arguments, Context())


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_the_same_command_has_the_same_effects(pieces: list[str]) -> None:
    command = " ".join(pieces)
    remembered = effects_of_call("bash", {"command": command}, Context())
    assert tuple(analyse(command, Context(), shipped())) == remembered
