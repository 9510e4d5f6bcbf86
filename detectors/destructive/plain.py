"""Scripts and command lines that mean the same wherever they stand, read without the parser: most of what agents run.

Only words and whole quoted words, joined by ``&&``, with a pipe at the end alone. Whatever else there is, a variable,
an escape, a redirection, a keyword, is left to the parser, and so is each form that it reads in a way of its own.
"""

from __future__ import annotations

import re

MAX_PLAIN = 8192  # characters
MAX_CHAIN = 16
_LONG = 512  # characters, from which on looking at the first command saves looking at all
Command = tuple[list[str], str]  # its words, and its text

_COMMAND = re.compile(r"""[\w./:@%+,-]++(?:[ \t]++(?:[\w./:@%+,=-]++|'[^']*+'|"[^"$`\\]*+")(?=[ \t]|\Z))*+""", re.ASCII)
_WORD = re.compile(r"""[^ \t'"]+|'[^']*'|"[^"]*\"""")
_ENDED = re.compile(r"[ \t]*+(?:\Z|[\n&|]|[\w./:@%+,=-]++[&|\n]|['\"])", re.ASCII)
_NAME = re.compile(r"[A-Za-z_./][\w./-]*+(?=[ \t]|\Z)", re.ASCII)
_KEYWORDS = frozenset({
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "select",
    "function", "time", "coproc", "declare", "typeset", "export", "readonly", "local", "unset", "unsetenv", "let",
})  # fmt: skip


def plain_words(command: str) -> list[str] | None:
    """The words of a command line that is the same in every scope; None where the tree has to be asked.

    >>> plain_words("grep -n 'a b' x.py"), plain_words("rm $x")
    (['grep', '-n', 'a b', 'x.py'], None)
    """
    if len(command) > MAX_PLAIN or not command.isascii() or _COMMAND.fullmatch(command) is None:
        return None
    if "'" not in command and '"' not in command:
        return command.split()
    return [word[1:-1] if word[0] in "'\"" else word for word in _WORD.findall(command)]


def plain_script(text: str) -> list[list[Command]] | None:
    """What ``&&`` joins, each a command or, at the end, the commands of a pipe; None where the parser has to be asked.

    >>> plain_script("cd /app && ls -l | head")
    [[(['cd', '/app'], 'cd /app')], [(['ls', '-l'], 'ls -l'), (['head'], 'head')]]
    """
    if len(text) > MAX_PLAIN or (len(text) > _LONG and not _begins_plain(text)):
        return None
    joined = text.strip(" \t\n").split("&&", MAX_CHAIN)
    chain: list[list[Command]] = []
    for at, part in enumerate(joined, 1):
        commands: list[Command] = []
        for piece in part.split("|", MAX_CHAIN) if at == len(joined) else (part,):
            excerpt = piece.strip(" \t")
            words = plain_words(excerpt)
            if words is None or words[0] in _KEYWORDS or _NAME.match(excerpt) is None:
                return None
            commands.append((words, excerpt))
        chain.append(commands)
    return chain


def _begins_plain(text: str) -> bool:
    """Whether the first command could be one: what follows its plain words is no redirection or expansion."""
    begin = len(text) - len(text.lstrip(" \t\n"))
    found = _COMMAND.match(text, begin)
    return found is not None and _ENDED.match(text, found.end()) is not None
