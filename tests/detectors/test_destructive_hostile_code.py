"""Code that was made to keep parsers busy: what they are given to read is bounded, and what is left out is said."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from detectors.destructive import code_grammars, python_code, sql
from detectors.destructive.bounds import MAX_ROWS, TooMuch, check_documents, rows_of_the_same
from detectors.destructive.catalogue import shipped
from detectors.destructive.code import MAX_CALLS
from detectors.destructive.context import Context
from detectors.destructive.effects import UNSEEN, verdict
from detectors.destructive.python_tree import MAX_MARKS, up_to
from detectors.destructive.shell import analyse_code

K = 1024
PIECES = [
    "(", "[", "{", "a(", "a=>", "a,", "a+", "a->", "a::", "a.", "`", "'", '"', "$(", "@{", "/*!", "#{", "rm(a);", "[0]",
    "new ", "if a ", "exec('ls');", "\n", "lambda:", "not ", "f(a=", "a=1 AND ", "list(", "DROP TABLE t;", "CASE WHEN ",
]  # fmt: skip
TREES = ["javascript", "ruby", "php", "perl"]


def judged(language: str, text: str) -> set[str | None]:
    return {verdict(effect) for effect in analyse_code(language, text, Context("/home/dev/app"), shipped())}


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("language", TREES)
def test_of_code_that_is_all_the_same_little_is_parsed(
    language: str, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    parse = code_grammars.parse
    monkeypatch.setattr(code_grammars, "parse", lambda parser, text: read.append(len(text)) or parse(parser, text))
    judged(language, "rm -rf /; exec('x');" + piece * (8 * K // len(piece)))
    assert sum(read) <= 2 * MAX_ROWS


@pytest.mark.parametrize("piece", PIECES)
def test_of_python_that_is_all_marks_little_is_parsed(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def parsed(text: str) -> ast.Module:
        read.append(text)
        return ast.parse("")

    monkeypatch.setattr(python_code, "parsed", parsed)
    judged("python", "exec('x');" + piece * (60 * K // len(piece)))
    assert all(up_to(text) == len(text) for text in read)


@pytest.mark.parametrize("piece", PIECES)
def test_sqlglot_is_given_nothing_that_is_all_the_same(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlglot

    read: list[int] = []

    def parse(text: str, **_: Any) -> list[Any]:
        read.append(len(text))
        return []

    monkeypatch.setattr(sqlglot, "parse", parse)
    sql.analyse_sql("drop table t;" + piece * (8 * K // len(piece)))
    assert sum(read) <= MAX_ROWS


@pytest.mark.parametrize("padding", ["a+", "`ls`;", "x(1);"])
@pytest.mark.parametrize("language", TREES)
def test_what_stands_behind_padding_is_said(language: str, padding: str) -> None:
    assert UNSEEN in judged(language, padding * 1000 + ";\nunlink('/etc/passwd');")


def test_python_with_more_marks_than_people_write_is_said() -> None:
    assert UNSEEN in judged("python", "x = [" + "1," * (2 * MAX_MARKS) + "]\nimport shutil\nshutil.rmtree('/srv')")


def test_more_calls_than_are_looked_at_are_said() -> None:
    assert UNSEEN in judged("python", "db.execute_sql('a')\n" * (MAX_CALLS + 1))


@pytest.mark.parametrize(
    "text", ["<<E\n$(", "``:;<<E\né$(", "print <<E;\na$(\nEE\n", 'print <<"E";\n$(', "x(<<~'E')\n$("]
)
def test_documents_without_an_end_are_not_parsed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser never returned from them."""
    monkeypatch.setattr(code_grammars, "parse", lambda *_: pytest.fail("parsed"))
    assert judged("perl", "system('ls');" + text) == {UNSEEN}


def test_documents_with_an_end_are_parsed() -> None:
    check_documents("print <<E, <<'F';\na $x\nE\nb\nF\n1;")
    with pytest.raises(TooMuch, match="'F'"):
        check_documents("print <<E, <<'F';\na $x\nE\nb\n1;")


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "+".join("1" * 900)])
def test_numbers_that_cannot_be_written_down_are_no_matter(number: str) -> None:
    judged("python", f"import os\nos.kill({number}, 9)\ndb.call({number})")


@pytest.mark.parametrize("blanks", ["\n", " ", "\t\n", ";\n"])
def test_sql_of_blanks_is_read_in_linear_time(blanks: str) -> None:
    """64 KiB of line ends took 50 seconds, and the test would end no sooner."""
    judged("sql", "drop table t; exec" + blanks * (60 * K // len(blanks)))


def test_what_people_write_is_not_all_the_same() -> None:
    lines = "\n".join(f"insert into users values ({n}, 'name{n}');" for n in range(100))
    assert rows_of_the_same("x = 1\n" * 200) and not rows_of_the_same(lines)


@pytest.mark.parametrize("padding", ["# " + "x" * 100 * K, "x = 1\n" * 20_000, "y = [(1, 2), (3, 4)]\n" * 3_000,
                                     "import os\n" * 60_000], ids=["comment", "lines", "marks", "imports"])  # fmt: skip
def test_padding_softens_no_verdict_on_python(padding: str) -> None:
    harm = "import shutil\nshutil.rmtree('/home')\n"
    assert "destructive.wide" in judged("python", f"{padding}\n{harm}")
    assert "destructive.wide" in judged("python", f"{harm}\n{padding}")
    assert "destructive.wide" not in judged("python", padding)


SQL_PADDING = ["INSERT INTO t VALUES (1, 'a');\n" * 3_000, "DELETE FROM t WHERE a = 1;\n" * 9_000]


@pytest.mark.parametrize("padding", SQL_PADDING, ids=["inserts", "deletes"])
def test_padding_softens_no_verdict_on_sql(padding: str) -> None:
    assert "destructive.wide" in judged("sql", padding + "DROP TABLE users;")
    assert "destructive.wide" in judged("sql", "DROP TABLE users;\n" + padding)
    assert "destructive.wide" not in judged("sql", padding)
