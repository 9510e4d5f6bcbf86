"""Words that are read without the tree are those that the tree gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.destructive import shell
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.effects import Effect
from detectors.destructive.words import plain_words

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


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), st.sampled_from([" ", " ", ""]))
def test_plain_words_are_those_of_the_tree(pieces: list[str], joint: str) -> None:
    text = joint.join(pieces)
    assert judged(text, by_tree=False) == judged(text, by_tree=True)


def judged(text: str, by_tree: bool) -> list[Effect]:
    with pytest.MonkeyPatch.context() as patch:
        if by_tree:
            patch.setattr(shell, "plain_words", lambda command: None)
        return shell.analyse(text, Context("/work/app"), shipped())
