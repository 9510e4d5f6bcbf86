"""Whether Python code can name anything that `python_code` looks for: told without parsing, which costs a thousandfold.

Errs on the side of parsing. What is looked for are calls by name, and a name stands in the code as it is, unless it is
written in letters that Python takes for others (``ｏｓ``) or is a text that is imported by.
"""

from __future__ import annotations

import re
from unicodedata import normalize

# What the rules for all languages look for is named in many ways: any of these is enough for parsing.
_SHARED = (
    "delete(", "delete_", "DELETE", "drop_", "drop()", "dropDatabase", "flushall", "flushdb", "execute_command",
    "terminate_", "purge", "destroy", "truncate(", "kill(", "killpg", "prune", "spawn", "update_many", "boto3",
    "refund", "Refund", "Payout", "Transfer", "Charge", "execv", "execl", "sql(",
)  # fmt: skip
_WORDS = (
    "remove", "subprocess", "system", "exec", "eval", "raw", "unlink", "rmdir", "rmtree", "popen", "getoutput",
    "getstatusoutput", "open(", *_SHARED,
)  # fmt: skip
_EVALUATES = re.compile(r"(?<![\w.])(?:exec|eval)\(|(?:builtins|__builtins__)\.")
_WRITES = re.compile(r"['\"][wx][bt+]{0,2}['\"]")
_GUARDED = ("/etc", "/boot", "/dev/", ".ssh", "/var", "/usr")  # where a file that is opened for writing matters
_BY_TEXT = ("__import__", "import_module")
# A call that is looked for names something of each group of a line.
_NAMED = (
    (("subprocess",),),
    (("rmtree", "remove_tree", "unlink", "rmdir"),),
    (("execute", "executescript", "executemany", "exec_driver_sql", "raw"),),
    (("remove", "removedirs", "system", "popen"), ("os",)),
    (("getoutput", "getstatusoutput"), ("commands",)),
)


def may_matter(code: str) -> bool:
    """False only for code in which `python_code` finds nothing.

    >>> may_matter("seen.remove(x)"), may_matter("import os; os.remove(x)")
    (False, True)
    """
    if not code.isascii():
        code = normalize("NFKC", code)  # as Python reads names
    if not any(word in code for word in _WORDS):
        return False
    if any(word in code for word in _BY_TEXT) or any(word in code for word in _SHARED):
        return True
    if ("exec(" in code or "eval(" in code) and _EVALUATES.search(code):
        return True
    if "open(" in code and _WRITES.search(code) and any(place in code for place in _GUARDED):
        return True
    return any(all(any(_names(code, word) for word in group) for group in groups) for groups in _NAMED)


def _names(code: str, word: str) -> bool:
    """Whether ``word`` stands in the code by itself, not as a part of a longer name."""
    at = code.find(word)
    while at >= 0:
        end = at + len(word)
        if not _in_name(code[at - 1 : at]) and not _in_name(code[end : end + 1]):
            return True
        at = code.find(word, end)
    return False


def _in_name(character: str) -> bool:
    return character.isalnum() or character == "_"
