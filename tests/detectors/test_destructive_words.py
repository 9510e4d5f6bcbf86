"""What is read without the parser is what the parser would have read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.destructive import shell
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.effects import Effect
from detectors.destructive.plain import plain_script, plain_words

PLAIN = [  # command, its words, why
    ("ls -la /app", ["ls", "-la", "/app"], "plain"),
    ("grep -n 'a; b' \"c d\" x=1", ["grep", "-n", "a; b", "c d", "x=1"], "quotes around whole words"),
    ("echo '' \"\"", ["echo", "", ""], "empty words stay words"),
    ("echo a\\\tb", None, "an escape"),
    ("rm $x", None, "a variable"),
    ('rm "$x"', None, "a variable within quotes"),
    ("rm a'b'", None, "quotes within a word"),
    ("rm *.py", None, "a pattern"),
    ("rm ~/a", None, "a home"),
    ("x=1 ls", None, "an assignment"),
    ("'rm' -rf /", None, "a name in quotes"),
    ("ls é", None, "not ASCII"),
    ("ls > a", None, "a redirection"),
    ("ls\n-la", None, "two commands"),
    ("ls " + "a" * 20_000, None, "longer than a word may be"),
]
SCRIPTS = [  # text, its commands as they are joined, why
    (" ls -l\n", [["ls -l"]], "one"),
    ("cd /a && make|head -3 | wc", [["cd /a"], ["make", "head -3", "wc"]], "a chain that ends in a pipe"),
    ("echo 'a && b' && ls", None, "quotes around what joins"),
    ("ls | wc && cd", None, "a pipe that the parser joins to what follows"),
    ("ls || rm x", None, "or"),
    ("ls; rm x", None, "one after the other"),
    ("ls &", None, "in the background"),
    ("if x && y", None, "a keyword"),
    ("user@host && ls", None, "a name that the parser reads otherwise"),
    ("ls && ", None, "an end that is missing"),
    ("ls " + "a " * 5000, None, "longer than is worth it"),
]
PIECES = [
    "rm", "ls", "-rf", "/", "/etc", "a.py", "sudo", "bash", "-c",
    "'rm -rf /'", '"rm -rf ~"', "''", '""', "x=1", "=", "--a=b", "2",
    "%1", "a,b", ":", "[", "]", "!", "if",
    "then", "fi", "in", "do", "done", "for", "{", "}", "(", ")", ";", "&&", "|", "&", "\n",
    "\t", "'", '"', "`", "$x", "#", "\\", "é", "> x", "2>&1", "<<E", "E",
    "export", "declare", "time", "function", "case", "esac",
]  # fmt: skip


@pytest.mark.parametrize(("command", "words", "why"), PLAIN)
def test_words_that_need_no_tree(command: str, words: list[str] | None, why: str) -> None:
    assert plain_words(command) == words, why


@pytest.mark.parametrize(("text", "texts", "why"), SCRIPTS)
def test_scripts_that_need_no_parser(text: str, texts: list[list[str]] | None, why: str) -> None:
    chain = plain_script(text)
    assert (chain and [[excerpt for _, excerpt in commands] for commands in chain]) == texts, why


def test_the_parser_is_not_asked_for_plain_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_parse", None)
    effects = shell.analyse("cd /app && sudo rm -rf / | head", Context(), shipped())
    assert [effect.place for effect in effects] == ["root"]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), st.sampled_from([" ", " ", ""]))
def test_plain_words_are_those_of_the_tree(pieces: list[str], joint: str) -> None:
    text = joint.join(pieces)
    assert judged(text, by_tree=False) == judged(text, by_tree=True)


def judged(text: str, by_tree: bool) -> list[Effect]:
    with pytest.MonkeyPatch.context() as patch:
        if by_tree:
            patch.setattr(shell, "plain_words", lambda command: None)
            patch.setattr(shell, "plain_script", lambda text: None)
        return shell.analyse(text, Context("/work/app"), shipped())
