"""Folded here-documents: what the parser does not read is judged as if it had."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.destructive import shell
from detectors.destructive.calls import effects_of_call
from detectors.destructive.catalogue import shipped
from detectors.destructive.context import Context
from detectors.destructive.effects import Effect
from detectors.destructive.heredocs import fold

FOLDS = [  # text, bodies, why
    ("cat > a <<'E'\nx\ny\nE\n", ["x\ny\n"], "plain"),
    ('cat <<"EOF" | sh\nx\nEOF', ["x\n"], "the other quotes, a pipe, and the text's end"),
    ("cd /a && cat > a << 'E'\nx\nE\ncat > b <<'E'\ny\nE\nls", ["x\n", "y\n"], "two"),
    ("cat > a <<'E'\nx = E\nE\n", ["x = E\n"], "the delimiter within a line"),
    ("cat > é <<'E'\né\nE\n", ["é\n"], "not ASCII"),
    ("cat > a <<E\nx\nE\n", [], "expanded"),
    ("cat > a <<-'E'\nx\n\tE\n", [], "indented"),
    ("cat > a <<'E'\nx\n E\nE\n", [], "an end for the parser, none for the shell"),
    ("cat > a <<'E'\nx\nEnd\nE\n", [], "the same"),
    ("cat > a <<'E'\nx\\\nE\nE\n", [], "an end for the shell, none for the parser"),
    ("cat > a <<'E'\n\n  x\nE\n", [], "blanks that the parser leaves out"),
    ("cat > a <<'E'\n\\x\nE\n", [], "a line's end that goes on"),
    ("cat > a <<'E'\nE\n", [], "empty"),
    ("cat > a <<'E'\nx\n", [], "without an end"),
    ("# cat > a <<'E'\nrm -rf /\nE\n", [], "a comment"),
    ("x=$(cat <<'E'\nx\nE\n)", [], "within a substitution"),
]
LINES = [
    "cat > run.sh <<'E'\n", "sh <<\"E\"\n", "cat <<'E' | bash\n", "python3 - <<'E'\n",
    "cd /x && tee run.sh << 'E' && sh run.sh\n", "if true; then\n", "fi\n", "E\n", "E\n", "E\n", " E\n", "Ex\n", "E",
    "rm -rf /\n", "  rm -rf ~\n", "a\\\n", "\\\n", "\n", "import os\nos.remove('/etc/passwd')\n", "sh run.sh\n",
    "é\n", "\ud800\n", "# <<'E'\n", "'", '"', "`", "$(", ")", "> /etc/passwd\n", "# nothing\n", "ls | ", "x=1 ", "! ",
    "while read l; do\n", "done\n", "cat <<E\n", "\0", "\r\n", "{ ", "}\n",
]  # fmt: skip


@pytest.mark.parametrize(("text", "bodies", "why"), FOLDS)
def test_what_is_folded(text: str, bodies: list[str], why: str) -> None:
    source, found = fold(text)
    assert list(found.values()) == bodies, why
    assert all(source[place:].startswith(body.encode()[:1]) for place, body in found.items())


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=12))
def test_what_is_folded_is_judged_as_the_whole(lines: list[str]) -> None:
    text = "".join(lines)
    assert judged(text, folding=True) == judged(text, folding=False)


def judged(text: str, folding: bool) -> list[Effect]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell, "plain_script", lambda text, home: None)
        patch.setattr(shell, "_FOLDED", 0 if folding else len(text))
        return shell.analyse(text, Context("/work/app"), shipped())


def test_the_parser_reads_a_line_of_a_file_that_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    parse = shell._parse
    monkeypatch.setattr(shell, "_parse", lambda source: read.append(source) or parse(source))
    command = "x=1\ncat > a.py <<'EOF'\n" + "print(1)\n" * 4000 + "EOF\n"
    effects = effects_of_call("bash", {"command": command}, Context())
    assert [len(source) for source in read] == [len("x=1\ncat > a.py <<'EOF'\nprint(1)\nEOF\n")]
    assert [effect.action for effect in effects] == ["create"]
