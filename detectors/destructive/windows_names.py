"""Commands that only Windows has, told by name where a Unix shell would read them: its backslashes are no escapes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs
    from detectors.destructive.scope import Scope

# Programs and words of Windows that read their own command line.
WINDOWS = frozenset({
    "cmd", "powershell", "pwsh", "del", "erase", "rd", "format", "diskpart", "vssadmin", "wbadmin", "bcdedit", "reg",
    "schtasks", "net", "net1", "netsh", "wevtutil", "wmic", "taskkill", "cipher", "fsutil", "icacls", "takeown",
    "manage-bde", "sdelete", "sdelete64", "sc", "diskshadow", "tskill", "bootrec", "iisreset", "appcmd", "dsrm",
})  # fmt: skip
_BY_CMD = frozenset({"del", "erase", "rd", "rmdir"})
_CMDLET = re.compile(
    r"(?:remove|clear|stop|format|get|set|invoke|disable|restart|unregister|uninstall|reset|initialize|revoke|suspend"
    r"|start|out|dismount|delete|add|where|foreach|select|sort)-[a-z]\w+"
)
_CMDLETS_APART = frozenset({"get-pip", "start-stop-daemon", "add-apt-repository", "set-url"})
_TOKEN = re.compile(r'"[^"]*"?|\'[^\']*\'?|[^\s"\',;|&<>()]+|[;|&<>()]')


def is_windows(name: str, argv: list[str]) -> bool:
    """Whether a word at the place of a command is one of Windows' alone, or has its switches."""
    if name == "rmdir" and any(word in ("/s", "/S", "/q", "/Q") for word in argv[1:]):
        return True
    if name == "ri" and any(word.lower() in ("-fo", "-force", "-recurse", "-r") for word in argv[1:]):
        return True
    lowered = name.lower().removesuffix(".exe").removesuffix(".com")
    if lowered in WINDOWS or (lowered != name.lower() and lowered in ("rmdir", "shutdown")):
        return True
    return "-" in name and _CMDLET.fullmatch(lowered) is not None and lowered not in _CMDLETS_APART


def words_of_line(line: str) -> list[str]:
    """Words of a line in which a backslash is an ordinary character.

    >>> words_of_line('rd /s "C:\\\\My Files"')
    ['rd', '/s', 'C:\\\\My Files']
    """
    out: list[str] = []
    end = -1
    for found in _TOKEN.finditer(line):
        word = found.group()
        text = word.strip(word[0]) if word[0] in "\"'" else word
        if found.start() == end and out:
            out[-1] += text
        else:
            out.append(text)
        end = found.end()
    return out


def windows_command(
    argv: list[str], text: str, programs: Programs, scope: Scope, excerpt: str, stdin: str | None
) -> str | None:
    """One command that a Unix shell read; gives what it hands on. text: as it stands in the script."""
    from detectors.destructive.windows import run_windows  # loads a parser: seldom needed

    name = argv[0].lower().removesuffix(".exe").removesuffix(".com")
    if name in ("cmd", "powershell", "pwsh"):  # their code is quoted for the shell that was read
        if len(argv) == 1 and stdin:
            programs.code("cmd" if name == "cmd" else "powershell", stdin, scope, excerpt)
            return None
        return run_windows(argv, programs, scope, excerpt, stdin)
    words = words_of_line(text) or argv
    slashes = any(word.startswith("/") for word in words[1:])
    return run_windows(words, programs, scope, excerpt, stdin, cmd=name in _BY_CMD and slashes)
