"""Scripts that need no parser: commands of words and quoted words, joined in a row, redirected, with here-documents.

That is most of what agents run. Whatever else there is, an expansion, an assignment, a keyword, a group, is left to
the parser. One pass with patterns that give nothing back, so the time is linear in what is read.
"""

from __future__ import annotations

import re

from detectors.destructive.values import QUOTED
from detectors.destructive.words import bare, unescaped

MAX_COMMANDS = 200
MAX_PLAIN = 8192  # characters of a command line in a script that was parsed
MAX_WORDS = 4_000  # of one command
MAX_REDIRECTS = 32
MAX_COMMAND = 32 * 1024  # characters of one command, its here-document apart

Redirect = tuple[str, str]  # its operator with the number before it, and where to
Pipeline = list["Command"]


class Command:
    """words: as the program gets them. text: as written. here: what a here-document gives it."""

    __slots__ = ("here", "redirects", "text", "words")

    def __init__(self, words: list[str], text: str, redirects: list[Redirect] | None = None) -> None:
        self.words = words
        self.text = text
        self.redirects = redirects
        self.here: str | None = None


_QUOTED = r"""'[^']*+'|"(?:[^"$`\\]++|\\.|\$(?=["\s]))*+\""""
_PART = rf"""\\[^\n]|\{{\}}|{_QUOTED}"""
_WORD = rf"""(?:[\w./:@%+,=^!~*?\[\]-]|{_PART})(?:[\w./:@%+,=^!~*?\[\]#-]++|{_PART})*+"""
_BLANK = r"(?:[ \t]|\\\n)"
_HERE = r"""<<[ \t]*+(?:'\w{1,40}'|"\w{1,40}"|\w{1,40})(?=[ \t\n;|&>]|\Z)"""
_REDIRECT = rf"""\d*+[<>]&[ \t]*+(?:\d++|-)|(?:\d*+|&)(?:>>|>\||>|<)(?![<>&(|])[ \t]*+{_WORD}|{_HERE}"""
_SEGMENT = re.compile(
    rf"""((?:[A-Za-z_./]|\d++[A-Za-z])[\w./+-]*+(?=[ \t\n;|&<>]|\Z)(?:{_BLANK}*+(?:{_REDIRECT})|{_BLANK}++{_WORD})*+)"""
    r"""[ \t]*+(?:(?<=[ \t])#[^\n]*+(?=\n|\Z))?(&&|\|\|?(?!&)|;(?!;)|&(?!>)|\n|\Z)""",
    re.DOTALL,
)
_TOKEN = re.compile(rf"""({_REDIRECT})|({_WORD})""", re.DOTALL)
_OPERATOR = re.compile(r"(?:\d*+|&)(?:>>|>\||>|<)")
_SKIPPED = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_COMMAND = re.compile(r"""[\w./:@%+,-]++(?:[ \t]++(?:[\w./:@%+,=-]++|'[^']*+'|"[^"$`\\]*+")(?=[ \t]|\Z))*+""", re.ASCII)
_PLAIN_WORD = re.compile(r"""[^ \t'"]+|'[^']*'|"[^"]*\"""")
_MARKED = re.compile(r"""['"\\<>*?\[~]""")
_PIECES = re.compile(rf"""{_QUOTED}|(?:[^'"\\]++|\\.)++""", re.DOTALL)
_EXPANDED = re.compile(r"[$`\\]")
_KEYWORDS = frozenset({
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "select",
    "function", "time", "coproc", "declare", "typeset", "export", "readonly", "local", "unset", "unsetenv", "let",
})  # fmt: skip


def plain_words(command: str) -> list[str] | None:
    """The words of one command line that is the same in every scope; None where the tree has to be asked.

    >>> plain_words("grep -n 'a b' x.py"), plain_words("rm $x")
    (['grep', '-n', 'a b', 'x.py'], None)
    """
    if len(command) > MAX_PLAIN or not command.isascii() or _COMMAND.fullmatch(command) is None:
        return None
    if "'" not in command and '"' not in command:
        return command.split()
    return [word[1:-1] if word[0] in "'\"" else word for word in _PLAIN_WORD.findall(command)]


def plain_script(text: str, home: str = "~") -> list[Pipeline] | None:
    """The script's pipelines in order, whatever joins them; None where the parser has to be asked.

    >>> [[command.words for command in pipeline] for pipeline in plain_script("cd /app && ls -l '*' | head 2>&1")]
    [[['cd', '/app']], [['ls', '-l', '*'], ['head']]]
    >>> plain_script("rm $x") is None
    True
    """
    script: list[Pipeline] = []
    waiting: list[tuple[Command, str]] = []  # here-documents that begin behind this line
    piped = False
    end = len(text)
    at = _skip(text, 0)
    for _ in range(MAX_COMMANDS):
        found = _SEGMENT.match(text, at, at + MAX_COMMAND)
        if found is None or found.end() == at + MAX_COMMAND:
            return None
        command = _command(found.group(1), home, waiting)
        if command is None:
            return None
        if piped:
            script[-1].append(command)
        else:
            script.append([command])
        joint = found.group(2)
        at = found.end()
        if waiting:
            if joint == "\n":
                at = _documents(text, at, waiting)
                if at < 0:
                    return None
            elif not joint:
                return None
        piped = joint == "|"
        if at >= end:
            return script if joint in ("", "\n", ";", "&") and not waiting else None
        if text[at] in " \t\n#":
            begin, at = at, _skip(text, at)
            if waiting and "\n" in text[begin:at]:
                return None
            if at >= end:
                return script if joint in ("", "\n", ";", "&") else None
    return None


def _skip(text: str, at: int) -> int:
    found = _SKIPPED.match(text, at)
    return found.end() if found is not None else at


def _command(text: str, home: str, waiting: list[tuple[Command, str]]) -> Command | None:
    if _MARKED.search(text) is None:
        words = text.split()
        return None if words[0] in _KEYWORDS or len(words) > MAX_WORDS else Command(words, text)
    words = []
    redirects: list[Redirect] = []
    here = None
    for redirect, word in _TOKEN.findall(text):
        if word:
            if word == "[" and words:  # the grammar takes it, and what follows, for one word
                return None
            words.append(word if _MARKED.search(word) is None else _value(word, home))
        elif "<<" in redirect:
            if here is not None:
                return None
            here = redirect[2:].strip(" \t")
        elif "&" not in redirect[1:]:
            operator = _OPERATOR.match(redirect)
            assert operator is not None
            target = redirect[operator.end() :].lstrip(" \t")
            if target != "/dev/null":
                redirects.append((operator.group(), _value(target, home) if _MARKED.search(target) else target))
    if words[0] in _KEYWORDS or len(words) > MAX_WORDS or len(redirects) > MAX_REDIRECTS:
        return None
    command = Command(words, text, redirects or None)
    if here is not None:
        waiting.append((command, here))
    return command


def _value(word: str, home: str) -> str:
    if word[0] in "'\"" and word.find(word[0], 1) == len(word) - 1 and "\\" not in word:
        return word[1:-1]
    out = []
    for piece in _PIECES.findall(word):
        if piece[0] == "'":
            out.append(piece[1:-1])
        elif piece[0] == '"':
            out.append(unescaped(piece[1:-1]))
        else:
            out.append(bare(piece, home if not out else "~"))
    return "".join(out).replace(QUOTED, "")


def _documents(text: str, at: int, waiting: list[tuple[Command, str]]) -> int:
    """Reads the here-documents that begin at ``at``; gives where the line behind them begins, -1 if one has no end."""
    for command, delimiter in waiting:
        quoted = delimiter[0] in "'\""
        delimiter = delimiter.strip("'\"")
        begin = at
        end = begin if text.startswith(delimiter, begin) else text.find("\n" + delimiter, begin) + 1
        while True:
            if not end:
                return -1
            after = end + len(delimiter)
            if after >= len(text) or text[after] == "\n":
                break
            end = text.find("\n" + delimiter, end) + 1
        body = text[begin:end]
        if not quoted and _EXPANDED.search(body):
            return -1
        command.here = body
        at = min(after + 1, len(text))
    waiting.clear()
    return at
