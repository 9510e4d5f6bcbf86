"""Whether Python code that starts processes can name a command that is known: told without parsing.

A command stands in the code as text that begins with a program's name, unless the code puts the name together. Of what
names no program that anything is known of, nothing would be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from keyword import kwlist

from detectors.destructive import provenance
from detectors.destructive.catalogue import shipped
from detectors.destructive.glance import glance
from detectors.destructive.inert import READERS

# Names that are put together: texts side by side or joined, letters by number, short texts by a name of their own.
_BUILT = (
    r"""['"]\s*\+|\+\s*[fbru]?['"]|\w['"]\s+[fbru]?['"]\w|chr\(|\[::-1\]|join\(\s*[\[(]\s*['"]|\{\s*['"]|\\[xuUN0-7]""",
    r"""format\(\s*['"]|%\s*\(?\s*['"]|replace\(|translate\(|decode|fromhex|unhexlify|(?m:^\s*\w+\s*=\s*['"]\w{1,3}['"]\s*$)""",
    r"urlopen|requests\.|urllib|input\(|argv|environ",
)
_SQL = r"(?i:drop|delete|truncate|update|alter|grant|revoke)"


def may_run(code: str) -> bool:
    """False only where every command that the code runs is of a program that nobody knows, or not known itself.

    >>> may_run("subprocess.run(['./solve', maze])"), may_run("subprocess.run(['rm', path])")
    (False, True)
    """
    return _looks()(code) and not _runs_what_nobody_knows(code)


# What may stand behind ``subprocess`` where nothing is run, or a program that is named in a list of words.
_BEHIND = re.compile(
    r"""\.(?:PIPE|STDOUT|DEVNULL|TimeoutExpired|CalledProcessError|SubprocessError|CompletedProcess)\b"""
    r"""|\.(?:run|Popen|call|check_call|check_output)\(\s*+\[\s*+(?:'([\w./]{1,80})'|"([\w./]{1,80})")\s*+[,\]]"""
    rf"""|[ ](?!(?:{"|".join(kwlist)})\b)[a-z]++[ ]""",  # a word of prose
    re.ASCII,
)
_IMPORTED = re.compile(r"[ \t]*+(?:[\n,;#]|\Z)")
_MAX_MENTIONS = 64
_verbs = glance((r"(?i:delet|destroy|purg|wip|drop|nuke|reset|terminat|eras|unpublish|decommis|obliterat|\brm\b)",))


def _runs_what_nobody_knows(code: str) -> bool:
    """Whether all that ``subprocess`` is named for is known, and each program by its place: the project's own."""
    at = -1
    for _ in range(_MAX_MENTIONS):
        at = code.find("subprocess", at + 1)
        if at < 0:
            return True
        behind = _BEHIND.match(code, at + 10)
        if behind is None:
            line = code[code.rfind("\n", 0, at) + 1 : at].lstrip()
            if line.startswith("import ") and " as" not in line and _IMPORTED.match(code, at + 10) is not None:
                continue
            return False
        program = behind.group(1) or behind.group(2)
        if program is not None and not _harmless(program, code):
            return False
    return False


def _harmless(program: str, code: str) -> bool:
    """Whether a program only reads, whatever its words are, or is one of the project's that nobody knows."""
    if "/" not in program:
        return program in READERS
    folder, _, name = program.rpartition("/")
    if not name or name in _known() or folder in ("/etc/init.d", "/etc/rc.d") or name.endswith((".exe", ".com")):
        return False
    return not program.startswith("/") or not _verbs(code)


@cache
def _known() -> frozenset[str]:
    from detectors.destructive.builtin import BUILTINS  # which knows the readers of code, this one among them
    from detectors.destructive.windows_names import WINDOWS

    known = shipped()
    return frozenset({*known.programs, *known.wrappers, *known.interpreters, *BUILTINS, *provenance.NAMES, *WINDOWS})


@cache
def _looks() -> Callable[[str], bool]:
    words = "|".join(sorted((re.escape(name) for name in _known() if name[0].isalnum()), reverse=True))
    begins = r"""['"](?:[^'"\n]*[\s;|&(/=])?"""
    ends = r"""(?:[\s'";|&)]|\.exe|$)"""
    return glance((f"{begins}(?:{words}|{_SQL}){ends}", *_BUILT))
