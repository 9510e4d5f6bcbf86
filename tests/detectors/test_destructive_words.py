"""What is read without the parser is what the parser would have read."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.destructive import shell
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.plain import plain_script, plain_words
from detectors.destructive.values import GLOB

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
SCRIPTS = [  # text, the words of its commands by pipeline, why
    (" ls -l\n", [[["ls", "-l"]]], "one"),
    ("cd /a && make|head -3 | wc", [[["cd", "/a"]], [["make"], ["head", "-3"], ["wc"]]], "a chain that ends in a pipe"),
    ("echo 'a && b' && ls", [[["echo", "a && b"]], [["ls"]]], "what joins stands in quotes"),
    ("ls | wc && cd", [[["ls"], ["wc"]], [["cd"]]], "a pipe before the end"),
    ("ls || rm x; w & v\nu", [[["ls"]], [["rm", "x"]], [["w"]], [["v"]], [["u"]]], "all that joins"),
    ("rm -r\"f\" a'b'\\ c", [[["rm", "-rf", "ab c"]]], "quotes within a word, and an escape"),
    ("rm *.py '*.c'", [[["rm", f"{GLOB}.py", "*.c"]]], "a pattern, and one that is text"),
    ("rm ~/a '~/b' a~", [[["rm", "/h/a", "~/b", "a~"]]], "a home"),
    ("ls \\\n -l # rm -rf /\n# rm\nw", [[["ls", "-l"]], [["w"]]], "a line that goes on, and comments"),
    ("ls 2>/dev/null 2>&1 >&2 12 | wc", [[["ls", "12"], ["wc"]]], "what goes nowhere"),
    ("awk '{print $1}' && grep \"a$\"", [[["awk", "{print $1}"]], [["grep", "a$"]]], "a dollar that is only one"),
    ("7z x a.7z", [[["7z", "x", "a.7z"]]], "a name that begins with a digit"),
    ('echo "$x"', None, "a variable"),
    ("echo {a,b}", None, "braces"),
    ("echo <(ls)", None, "a substitution"),
    ("x=1 ls", None, "an assignment"),
    ("[ -f a ] && ls", None, "a test"),
    ("if x && y", None, "a keyword"),
    ("! ls", None, "another"),
    ("(ls)", None, "a group"),
    ("f() { ls; }", None, "a function"),
    ("'rm' x", None, "a name in quotes"),
    ("user@host && ls", None, "a name that the parser reads otherwise"),
    ("case x in a) ls;; esac", None, "a case"),
    ("ls && ", None, "an end that is missing"),
    ("echo 'a", None, "another"),
    ("ls; " * 1000, None, "longer than anyone writes"),
]
REDIRECTED = [  # text, redirections, here-document, why
    ("ls > a 2>> 'b c'", [(">", "a"), ("2>>", "b c")], None, "to files"),
    ("ls &>a", [("&>", "a")], None, "both"),
    ("wc < a", [("<", "a")], None, "from a file"),
    ("cat > a <<'E'\nx $y\n Ez\nE\n", [(">", "a")], "x $y\n Ez\n", "a here-document"),
    ("cat <<E\nx y\nE", None, "x y\n", "one in which nothing is to expand"),
    ("cat <<E\nx $y\nE", "parser", None, "one in which something is"),
    ("cat <<-E\nx\n\tE", "parser", None, "one that is indented"),
    ("cat <<'E'\nx\n", "parser", None, "one without an end"),
    ("cat <<'E'", "parser", None, "nor a body"),
    ("cat <<< a", "parser", None, "a here-string"),
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


@pytest.mark.parametrize(("text", "words", "why"), SCRIPTS)
def test_scripts_that_need_no_parser(text: str, words: list[list[list[str]]] | None, why: str) -> None:
    script = plain_script(text, "/h")
    assert (script and [[command.words for command in pipeline] for pipeline in script]) == words, why


@pytest.mark.parametrize(("text", "redirects", "here", "why"), REDIRECTED)
def test_redirections_that_need_no_parser(
    text: str, redirects: list[tuple[str, str]] | str | None, here: str | None, why: str
) -> None:
    script = plain_script(text, "/h")
    command = script and script[0][0]
    found = command and (command.redirects, command.here)
    assert found == (None if redirects == "parser" else (redirects, here)), why


def test_a_here_document_ends_where_the_script_goes_on() -> None:
    script = plain_script("cat <<'A' > x && wc <<'B' | sort\n1\nA\n2\nB\nls")
    assert script and [[(command.words[0], command.here) for command in pipeline] for pipeline in script] == [
        [("cat", "1\n")], [("wc", "2\n"), ("sort", None)], [("ls", None)]
    ]  # fmt: skip


def test_the_parser_is_not_asked_for_plain_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_parse", None)
    effects = shell.analyse("cd /app && sudo rm -rf /* 2>&1 | head", Context(), shipped())
    assert [effect.place for effect in effects] == ["root"]


@example(["rm", "[", "["], " ")
@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), st.sampled_from([" ", " ", ""]))
def test_plain_words_are_those_of_the_tree(pieces: list[str], joint: str) -> None:
    text = joint.join(pieces)
    # The grammar takes an escaped space for none, and two brackets for one word; the shell, and we, do not.
    if "\\ " in text or re.search(r"\]\s+\]", text):
        return
    if plain_script(text) is not None and not shell._parse(text.encode()).has_error:
        assert judged(text, by_tree=False) >= judged(text, by_tree=True)


def judged(text: str, by_tree: bool) -> set[tuple[str, str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        if by_tree:
            patch.setattr(shell, "plain_words", lambda command: None)
            patch.setattr(shell, "plain_script", lambda text, home: None)
        effects = shell.analyse(text, Context("/work/app"), shipped())
    return {(effect.action, effect.target, effect.place) for effect in effects}


BEHIND = ['D=/etc; rm > "$LOG" -rf $D', "D=/etc; sudo > x rm -rf $D 2> y -v", "D=/etc; rm -rf <<E > x $D\ny\nE"]


@pytest.mark.parametrize("text", BEHIND)
def test_words_behind_a_redirection_are_the_commands(text: str) -> None:
    effects = shell.analyse(text, Context("/work/app"), shipped())
    assert ("delete", "/etc") in {(effect.action, effect.target) for effect in effects}
