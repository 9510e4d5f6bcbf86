"""Scripts that can do no harm, told by the names of their programs alone: half of what agents run.

Nothing that harms is missed, for four reasons. The script was read in full (`plain`): no expansion or substitution
can become a command, and a name is the program's own, as nothing in such a script defines a function or an alias.
It writes no file. Each of its programs only reads and prints, whatever its arguments are, or whatever they are but
for those looked for here. And as all are, no pipe hands what one prints to one that would run it. The tests try each
against the whole analysis.
"""

from __future__ import annotations

import re

from detectors.destructive.plain import Command, Pipeline

READERS = frozenset({
    "ls", "cat", "head", "tail", "wc", "grep", "egrep", "fgrep", "pwd", "which", "whereis", "type", "file", "stat",
    "du", "df", "ps", "whoami", "id", "uname", "free", "uptime", "nproc", "lscpu", "nl", "cut", "tr", "diff", "cmp",
    "comm", "basename", "dirname", "realpath", "readlink", "true", "false", "sleep", "echo", "printf", "seq", "cd",
    "tac", "rev", "od", "hexdump", "strings", "md5sum", "sha1sum", "sha256sum", "cksum", "jq", "expr", "nm",
    "readelf", "ldd", "objdump",
})  # fmt: skip
# A flag or word among the arguments with which the program is no reader, though it is one without.
UNLESS: dict[str, re.Pattern[str]] = {
    "find": re.compile(r"-(?:delete|exec|ok|fprint|fls)"),
    "sort": re.compile(r"\s-\w*o|--"),
    "tree": re.compile(r"\s-\w*o|--"),
    "date": re.compile(r"\s-\w*s|--|\s\d"),
    "sed": re.compile(r"(?s)\Ased(?! -n '?[\d,$]{1,20}p'?(?:\Z|\s+[\w./])).*|\s-(?!n\s)"),
    "python": re.compile(r"(?s)\Apython(?! [\w./-]+\.py(?:\Z|\s)).*|\Apython -|/?manage\.py\s"),
    "python3": re.compile(r"(?s)\Apython3(?! [\w./-]+\.py(?:\Z|\s)).*|\Apython3 -|/?manage\.py\s"),
}
# Subcommands that only read, where they come first.
ONLY: dict[str, frozenset[str]] = {
    "git": frozenset({"status", "log", "diff", "show", "rev-parse", "ls-files", "blame", "describe", "shortlog"}),
    "pip": frozenset({"install", "list", "show", "freeze"}),
    "pip3": frozenset({"install", "list", "show", "freeze"}),
}
_OUTPUT = re.compile(r"\s-(?:-output|-ext-diff|o)")


def inert(script: list[Pipeline]) -> bool:
    """Whether every command of the script only reads."""
    for pipeline in script:
        for command in pipeline:
            if command.words[0] not in READERS and not _by_arguments(command):
                return False
            if command.redirects is not None and not all(how.endswith("<") for how, _ in command.redirects):
                return False
    return True


def _by_arguments(command: Command) -> bool:
    name = command.words[0]
    unless = UNLESS.get(name)
    if unless is not None:
        return unless.search(command.text) is None
    only = ONLY.get(name)
    return only is not None and len(command.words) > 1 and command.words[1] in only and not _OUTPUT.search(command.text)
