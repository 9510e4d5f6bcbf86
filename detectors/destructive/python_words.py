"""Whether Python code can name anything that `python_code` looks for: told without parsing, which costs a thousandfold.

Errs on the side of parsing. What is looked for are calls by name, and a name stands in the code as it is, unless it is
written in letters that Python takes for others (``ｏｓ``) or is a text that is imported by.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from unicodedata import normalize

from detectors.destructive.glance import glance
from detectors.destructive.python_commands import may_run

if TYPE_CHECKING:
    from detectors.destructive.effects import Effect

# What the rules for all languages look for is named in many ways: any of these is enough for parsing. So is what
# imports by a text, and a name that stands for nothing else.
_ENOUGH = (
    r"delete[(_]|DELETE|drop_|drop\(\)|dropDatabase|flushall|flushdb|execute_command|terminate_|purge|destroy|prune",
    r"truncate\(|kill\(|killpg|spawn|update_many|boto3|[Rr]efund|Payout|Transfer|Charge|PaymentIntent|execv|execl|sql\(",
    r"[cC]lient\([^\n]*\.drop\(|create_subprocess|__table__|[Tt]able\.drop|coll(?:ection)?\.drop|\.remove\((?:\{\s*\})?\)|\bsh\(",
    r"(?i:\b(?:drop|truncate|alter|revoke|grant)(?:\s|/\*)+\w+\s+\w|\bdelete(?:\s|/\*)+from\b|\bupdate\s+\S+\s+set\b)",
    r"copy\w*\(\s*['\"]/dev/null|__import__|import_module|__dict__\[|getattr\([^\n]{0,60}['\"]\s*\+|\bvars\(",
    r"\b(?:containers|volumes|servers)\.list\(",
    r"\b(?:rmtree|remove_tree|unlink|rmdir|execute|executescript|executemany|exec_driver_sql|raw)\b",
)
_any = glance((*_ENOUGH, r"\b(?:subprocess|remove|removedirs|system|popen|getoutput|getstatusoutput)\b",
               r"(?:exec|eval)\(|open\(|write_(?:text|bytes)\(b?['\"]{2}\)|builtins",
               r"\bshutil\.move|\bos\.(?:rename|replace|chmod)|write_(?:text|bytes)\("))  # fmt: skip
_enough = glance(_ENOUGH)
_of_os = glance((r"\b(?:remove|removedirs|system|popen)\b",))
_os = glance((r"\bos\b",))
_of_commands = glance((r"\b(?:getoutput|getstatusoutput)\b",))
_commands = glance((r"\bcommands\b",))
_empties = glance((r"['\"]w[bt+]?['\"]\)\.close|write_(?:text|bytes)\(b?['\"]{2}\)",))
_moves = glance((r"\bshutil\.move|\bos\.(?:rename|replace|chmod)|write_(?:text|bytes)\(",))
_kept = glance((r"/etc|/boot|/srv|/home|\.ssh|/var|(?:^|[^!])/usr|/opt",))  # what is missed when it moves
_guarded = glance((r"/etc|/boot|/dev/|\.ssh|/var|(?:^|[^!])/usr",))  # where a file that is opened for writing matters
_evaluates = glance((r"(?:^|[^\w.])(?:exec|eval)\(|builtins",))
_writes = glance((r"['\"][wx][bt+]{0,2}['\"]",))


def may_matter(code: str, before: Sequence[Effect] = (), files: Iterable[str] = ()) -> bool:
    """False only for code in which `python_code` finds nothing.

    before: what the script did by then; files: those that it wrote.

    >>> may_matter("seen.remove(x)"), may_matter("import os; os.remove(x)")
    (False, True)
    """
    if not code.isascii():
        code = normalize("NFKC", code)  # as Python reads names
    if not _any(code):
        return False
    if _enough(code) or _evaluates(code):
        return True
    if _empties(code) or (_moves(code) and _kept(code)):
        return True
    if "subprocess" in code and (may_run(code) or any(path.rpartition("/")[2] in code for path in files)):
        return True
    if "open(" in code and _writes(code) and (_guarded(code) or any(effect.action == "delete" for effect in before)):
        return True
    return (_os(code) and _of_os(code)) or (_commands(code) and _of_commands(code))


MAX_WHOLE = 60 * 1024  # characters of code that is read as a whole
MAX_TELLING = 200  # lines of longer code
MAX_LOOKED = 192 * 1024  # at each end
_TELLING = re.compile(
    r"\s*(?:(?:import|from)\s|\w+\s*=\s*['\"]"
    r"|.*(?:rmtree|unlink|\bremove|rmdir|system\(|popen|subprocess|execute|drop_|delete))"
)


def telling_lines(code: str) -> str:
    """Of code that is too long to be read the lines that matter, each of which stands by itself."""
    kept: dict[str, None] = {}
    ends = code if len(code) <= 2 * MAX_LOOKED else f"{code[:MAX_LOOKED]}\n{code[-MAX_LOOKED:]}"
    for line in ends.split("\n"):
        if 8 < len(line) < 400 and _TELLING.match(line) is not None:
            kept.setdefault(line.strip(), None)
    lines = list(kept)
    if len(lines) > MAX_TELLING:
        lines = lines[: MAX_TELLING // 2] + lines[-MAX_TELLING // 2 :]
    return "\n".join(filter(_whole, lines))


def _whole(line: str) -> bool:
    try:
        ast.parse(line)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
