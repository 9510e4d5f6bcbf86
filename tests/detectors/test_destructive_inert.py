"""The screen: a script that it calls inert has no effect for the whole analysis, and what is ordinary passes it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.destructive import shell
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.inert import ONLY, READERS, UNLESS, inert
from detectors.destructive.plain import plain_script

CASES = [  # command, whether it is inert, why
    ("ls -la /", True, "reads"),
    ("cd /app && grep -rn 'rm -rf /' src | sort | head -20; echo done", True, "all of it reads"),
    ("cat <<'E'\nrm -rf /\nE", True, "prose"),
    ("wc -l < a 2>/dev/null", True, "reads a file"),
    ("git log --oneline -5", True, "a subcommand that reads"),
    ("git push --force", False, "one that doesn't"),
    ("git -C /x log", False, "one that does not come first"),
    ("git diff --output=/etc/passwd", False, "a flag that writes"),
    ("find . -name '*.py' -newer a", True, "only looks"),
    ("find . -delete", False, "deletes"),
    ("find . -exec rm {} +", False, "runs"),
    ("sed -n '10,20p' a.py", True, "prints lines"),
    ("sed -i d a.py", False, "changes the file"),
    ("sed -n '1e rm -rf /' a", False, "runs a command"),
    ("sort a -o b", False, "writes"),
    ("date -s 2020-01-01", False, "sets the clock"),
    ("python3 app.py --all", True, "a program that was there before"),
    ("python3 -c 'x'", False, "code"),
    ("echo x > a.py; python3 a.py", False, "a program that was just written"),
    ("echo 'rm -rf /' | sh", False, "a shell at the end"),
    ("ls > a", False, "writes a file"),
    ("alias ls='rm -rf /'; ls", False, "another meaning of a name"),
    ("echo $(rm -rf /)", False, "a substitution"),
    ("ls & rm x", False, "another command"),
]
ARGUMENTS = [
    "-o", "-i", "-r", "-f", "-e", "-n", "-s", "-c", "-m", "-rf", "--output=x", "--delete", "-delete", "-exec", "rm",
    "{}", "\\;", "+", "-fprint", "/", "/etc/passwd", "~", "*", "a", "a.py", "1", "'1,2p'", "'1d'", "'w /etc/passwd'",
    "push", "--force", "delete", "drop", "destroy", "-", "--", "install", "uninstall", "status", "log",
    "'DROP TABLE a'", "clean", "-fdx", "reset", "--hard", "all", "-9", "kill", "sh", "sudo",
]  # fmt: skip
JOINTS = [" | ", " && ", "; ", " || ", " & ", "\n"]
NAMES = sorted({*READERS, *UNLESS, *ONLY})
COMMANDS = st.builds(
    lambda name, arguments: " ".join([name, *arguments]),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(ARGUMENTS), max_size=6),
)


@pytest.mark.parametrize(("command", "expected", "why"), CASES)
def test_case(command: str, expected: bool, why: str) -> None:
    script = plain_script(command)
    assert (script is not None and inert(script)) is expected, why


@settings(max_examples=1500, deadline=None)
@given(st.lists(COMMANDS, min_size=1, max_size=3), st.sampled_from(JOINTS))
def test_what_is_inert_has_no_effect(commands: list[str], joint: str) -> None:
    check(joint.join(commands))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_no_argument_makes_an_inert_program_harmful(name: str, argument: str) -> None:
    for command in (f"{name} {argument}", f"{name} a {argument}", f"{name} {argument} /etc/passwd b"):
        check(command)


def check(text: str) -> None:
    script = plain_script(text)
    if script is not None and inert(script):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shell, "inert", lambda script: False)
            assert shell.analyse(text, Context("/work/app"), shipped()) == [], text
