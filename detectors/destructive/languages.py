"""Code that a command or a tool runs, by its language: each reader adds effects and gives the commands within."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detectors.destructive.effects import Effect, Thing
from detectors.destructive.python_code import analyse_python
from detectors.destructive.sql import MAX_PARSED, analyse_sql, shell_of_sql

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs
    from detectors.destructive.scope import Scope

_PARSED = frozenset({"javascript", "ruby", "php", "perl"})
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"", re.DOTALL)
_WHOLE_MATCH = re.compile(
    r"\bMATCH\s*\(\s*\w*\s*(?::\s*\w+\s*)?\)\s*(?:OPTIONAL\s+MATCH[^;]*)?(?:WITH[^;]*)?"
    r"(?:CALL\s*(?:\(\s*\w*\s*\)\s*)?\{\s*(?:WITH\s+\w+\s+)?)?(?:DETACH\s+)?DELETE", re.IGNORECASE
)


def analyse_language(language: str, text: str, programs: Programs, scope: Scope, excerpt: str) -> list[str]:
    """What code in a language does is added to the analysis; the shell commands that it runs are given back."""
    if language == "python":
        return analyse_python(text, programs, scope, excerpt)
    if language == "sql":
        programs.shell.effects.extend(analyse_sql(text, excerpt))
        return shell_of_sql(text)
    if language in _PARSED:
        from detectors.destructive.code_tree import analyse_code_tree  # a parser each, seldom needed

        return analyse_code_tree(language, text, programs, scope, excerpt)
    if language == "go":
        from detectors.destructive.go_code import analyse_go

        return analyse_go(text, programs, scope, excerpt)
    if language in ("powershell", "cmd"):
        from detectors.destructive.windows import analyse_cmd, analyse_powershell

        reader = analyse_powershell if language == "powershell" else analyse_cmd
        reader(text, programs, scope, excerpt)
    elif language == "cypher":
        programs.shell.effects.extend(analyse_cypher(text, excerpt))
    return []


def analyse_cypher(text: str, excerpt: str) -> list[Effect]:
    """Neo4j's language: all nodes, those of a label, or some that a condition selects."""
    bare = _COMMENT.sub(" ", text[:16_384])
    if bare.lstrip()[:8].upper().startswith(("EXPLAIN", "PROFILE")):
        return []
    thing: Thing = "database" if re.search(r"\bDROP\s+DATABASE\b", bare, re.IGNORECASE) else "rows"
    if thing == "rows" and not _WHOLE_MATCH.search(bare):
        return []
    return [
        Effect(action="delete", thing=thing, target="the graph", width="all", reversible="no",
               undo="only from a backup", excerpt=excerpt, entry="cypher.delete")
    ]  # fmt: skip


def cost(language: str, text: str) -> int:
    """What reading it takes, in characters of shell, which `Shell.script` counts itself."""
    if language == "sql":
        return 24 * min(len(text), MAX_PARSED)
    return 0 if language in ("shell", "other") else 8 * len(text)
