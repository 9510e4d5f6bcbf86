"""Whether a tool call changes something, as far as its name and its first look tell."""

from __future__ import annotations

import re

from detectors.event import ToolCall

CHANGES = frozenset({
    "write", "edit", "multiedit", "notebookedit", "createfile", "writefile", "editfile", "deletefile", "movefile",
    "renamefile", "appendfile", "applypatch", "patch", "strreplace", "insert", "searchreplace", "replaceinfile",
    "writetofile", "applydiff", "editblock", "createdirectory", "makedirectory", "undoedit",
})  # fmt: skip
SHELLS = frozenset({
    "bash", "shell", "sh", "terminal", "exec", "executecommand", "runcommand", "runshellcommand", "localshell",
})  # fmt: skip
EDITORS = frozenset({"strreplaceeditor", "strreplacebasededittool", "texteditor", "editor"})
LOOKS = frozenset({"view", "read", "list", "find"})

_NOT_WORD = re.compile(r"[^a-z]+")
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"")
_REDIRECT = re.compile(r"(?<![<>&=-])>{1,2}\|?[ \t]*(?!/dev/(?:null|stdout|stderr|tty)\b)[^\s&>(]")
_WRITER = re.compile(
    r"(?:^|[;&|(\n])[ \t]*(?:sudo[ \t]+)?"
    r"(?:(?:rm|rmdir|mv|cp|tee|touch|mkdir|ln|install|chmod|chown|truncate|dd|rsync|patch|shred|unlink)\b"
    r"|sed[ \t]+(?:-\S+[ \t]+){0,4}-i"
    r"|git[ \t]+(?:add|am|apply|checkout|cherry-pick|clean|commit|merge|mv|pull|push|rebase|reset|restore|revert"
    r"|rm|stash)\b)"
)
LOOKED_AT = 2_000  # characters of a command


def changes_something(call: ToolCall) -> bool:
    """File tools by name, editors by their sub-command, shell commands by first words and redirections.

    Does not know what a script, a package manager, an interpreter's code or a remote API changes.
    """
    name = _NOT_WORD.sub("", call.tool.rsplit("__", 1)[-1].lower())
    if name in CHANGES:
        return True
    arguments = call.arguments
    command = arguments.get("command", arguments.get("cmd")) if isinstance(arguments, dict) else arguments
    if not isinstance(command, str):
        return False
    if name in EDITORS:
        return command not in LOOKS
    if name in SHELLS:
        bare = _QUOTED.sub("_", command[:LOOKED_AT])
        return _REDIRECT.search(bare) is not None or _WRITER.search(bare) is not None
    return False
