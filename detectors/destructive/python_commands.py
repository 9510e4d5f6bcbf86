"""Whether Python code that starts processes can name a command that is known: told without parsing.

A command stands in the code as text that begins with a program's name, unless the code puts the name together. Of what
names no program that anything is known of, nothing would be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from detectors.destructive import provenance
from detectors.destructive.catalogue import shipped
from detectors.destructive.glance import glance

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
    return _looks()(code)


@cache
def _looks() -> Callable[[str], bool]:
    from detectors.destructive.builtin import BUILTINS  # which knows the readers of code, this one among them
    from detectors.destructive.windows_names import WINDOWS

    known = shipped()
    names = {*known.programs, *known.wrappers, *known.interpreters, *BUILTINS, *provenance.NAMES, *WINDOWS}
    words = "|".join(sorted((re.escape(name) for name in names if name[0].isalnum()), reverse=True))
    begins = r"""['"](?:[^'"\n]*[\s;|&(/=])?"""
    ends = r"""(?:[\s'";|&)]|\.exe|$)"""
    return glance((f"{begins}(?:{words}|{_SQL}){ends}", *_BUILT))
