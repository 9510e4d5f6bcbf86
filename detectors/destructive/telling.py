"""Whether a file that a run writes may do harm once it is run, as far as its name and its words tell.

What is missed here is judged when its commands are run one by one.
"""

from __future__ import annotations

import re

from detectors.destructive.glance import glance
from detectors.destructive.python_words import may_matter

MAX_WRITTEN = 64 * 1024  # characters of one file, looked at when it is written
_LANGUAGES = {
    ".sh": "shell", ".bash": "shell", ".zsh": "shell", ".command": "shell", "": "shell", ".py": "python",
    ".sql": "sql", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".ts": "javascript",
    ".rb": "ruby", ".pl": "perl", ".php": "php", ".lua": "javascript", ".ps1": "powershell", ".bat": "cmd",
    ".cmd": "cmd", ".go": "go",
}  # fmt: skip
_SHEBANG = re.compile(r"#!\s*\S*?(?:env\s+)?(\w+?)[\d.]*(?:\s|$)")
_BY_SHEBANG = {"python": "python", "node": "javascript", "ruby": "ruby", "perl": "perl", "php": "php"}
_RECIPES = frozenset({"Makefile", "makefile", "GNUmakefile", "package.json"})
_HARM = (
    r"""\brm (?:-|["'$/~*])|['"]rm['"]|\brm(?:tree|Sync)\b""", r"removedirs|remove_tree",
    r"delete[_(]|-delete\b|delete from|DELETE ", r"DROP |TRUNCATE|[Tt]runcate",
    r"rm_rf?\b|rm_f\b|remove_(?:dir|entry)",
    r"drop_|drop table|drop database|dropDatabase|\bdropdb\b|\bdropuser\b", r"[Dd]estroy|\bmkfs|\bshred\b",
    r"[Ww]ipe|[Pp]urge|[Pp]rune", r"\bkill -|\bkillall\b|\bpkill\b", r"/dev/(?:sd|nvme|vd)",
    r"b64decode|\bbase64 -|fromhex", r"\bof=/", r"\|\s*(?:sh|bash)\b", r"\bpush -|--hard\b|\buserdel\b",
    r"(?i:flushall)", r"terminate[_-]", r"/etc/passwd|> /etc", r"\b(?:chmod|chown) -R",
)  # fmt: skip
_tells = glance(_HARM)
# One file or an empty folder: that matters where it is one of the system's, a protected one, or one of many.
_tells_or_removes = glance((*_HARM, r"\bos\.RemoveAll\(|exec\.Command|\.Exec\(", r"\bos\.remove\b|unlink[( ]|rmdir\b"))
_reaches = glance((
    r"""["'](?:/|~|\.\.)""", r"\b(?:walk|i?glob|rglob|scandir|iterdir|listdir|home|expanduser|environ|getenv|argv)\b",
    r"\.(?:env|git|pem|db|sqlite|kdbx|dump|mdf|rdb|bak|sql|tfstate|ssh)\b|sqlite3|id_rsa|id_ed25519|backup",
))  # fmt: skip


def telling(path: str, text: str) -> str | None:
    """The language of a file that may do harm once it is run, ``recipe`` for a Makefile's kind; None for another."""
    name = path.rpartition("/")[2]
    if name in _RECIPES:
        language: str | None = "recipe"
    elif text.startswith("#!") and (found := _SHEBANG.match(text)) is not None:
        language = _BY_SHEBANG.get(found.group(1), "shell")
    else:
        _, dot, suffix = name.rpartition(".")
        language = _LANGUAGES.get(dot + suffix if dot else "")
    if language is None or len(text) > MAX_WRITTEN or not may_harm(language, text):
        return None
    return language


def may_harm(language: str, text: str) -> bool:
    """Whether code says anything that harms, in one way or another.

    >>> may_harm("python", "os.unlink(name)"), may_harm("python", "os.unlink('/etc/passwd')")
    (False, True)
    """
    if not _tells_or_removes(text):
        return False
    return language != "python" or (may_matter(text) and (_tells(text) or _reaches(text)))
