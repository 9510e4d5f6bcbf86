"""What a call is about, as a few numbers under which a trivially varied repeat is still the same.

Three depths. `ident`: all words of the call in any order, without white space, quotes, comments, sleeps, the current
time, `mktemp` names and arguments that only carry words about the call. `shape`: the same without words that hold a
digit: what the items of a batch, pages and attempts have in common. `words`: a sample of the words, to tell a reworded
or refined call from another one. Numbers and ids stay in `ident`, as they may be items.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from struct import Struct as Packed
from typing import Any
from zlib import crc32

from msgspec import Struct

from detectors.event import ToolCall
from detectors.loops.given import unwrapped, written
from detectors.loops.hashing import hashed
from detectors.loops.mask import TEMPORARY

NOW = 120.0  # seconds to either side of an event in which a time in its call is the current time
ENDS = 250  # characters at either end of an argument that are read as words
LONG_ENDS = 100  # in place of `ENDS` where there is more than both
WORDS, FIRST_WORDS = 24, 16  # of a call by which it is compared; how many are its first, where it has more
SAID = 40  # words of a message
OWN = 8  # words of a call with a digit that are kept
ARGUMENTS = 32  # of a call that are read

COMMANDS = (
    "command", "cmd", "script", "command_line", "commandline", "shell_command", "bash_command", "commands", "argv",
)  # fmt: skip
# Commands too, where the tool is a shell by its name.
TYPED = ("input", "code", "args", "line", "text")
SHELLS = frozenset({"bash", "sh", "zsh", "/bin/bash", "/bin/sh", "/bin/zsh"})
# Arguments that vary without changing what the call does, if there are others.
BESIDE_THE_POINT = frozenset({"thought", "thinking", "reasoning", "nonce", "idempotency_key", "tool_use_id"})
# These too, but only beside one that says what the call does: elsewhere they may be what it is about.
BESIDE_AN_ACT = frozenset({
    "explanation", "request_id", "requestid", "trace_id", "span_id", "call_id", "description", "timeout", "reason",
    "rationale", "justification", "purpose", "intent",
})  # fmt: skip
# These beside any two others.
EXPLAINS = frozenset({"explanation", "rationale", "justification"})
ACTS = frozenset({
    *COMMANDS, "path", "file", "file_path", "filename", "target_file", "url", "uri", "query", "sql", "pattern", "code",
})  # fmt: skip

# Flags of a call.
WAITS, SLEEPS, STEPS_ON, PAGES, CHANGES, SPAWNS = (1 << n for n in range(6))
SHELL, BARE, WATCHES, RETRIES, UNDOES, LOOKS, TYPES, DRAWN, NOTES = (1 << n for n in range(6, 15))

# What is no part of a word, to spaces; capitals to small letters.
_TO_WORDS = bytes(
    n + 32 if 65 <= n <= 90 else n if 48 <= n <= 57 or 97 <= n <= 122 or n >= 128 else 32 for n in range(256)
)
_COMMON = frozenset((b"the", b"and", b"for", b"that", b"this", b"with", b"now", b"will", b"you"))
_TEMPORARY = re.compile(
    rf"\b{TEMPORARY}|(?<=/tmp/)[\w.\-]*?(?=[a-z]*\d)(?=\d*[a-z])(?![a-z]+[\-_]?\d+\b)[a-z0-9]{{6,}}\b"
    r"|(?<=/tmp/)[\w.\-]*[\-_.](?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{4,5}\b"
)
_SLEEP = re.compile(r"\b(?:start-)?sleep +(?:-\w+ +)?\d+(?:\.\d+)?[smh]?\s*(?:;|&&)?", re.I)
_ONLY_SLEEPS = re.compile(r"(?i)\s*(?:(?:start-)?sleep +(?:-\w+ +)?[\d.$]\S*|wait)\s*;?\s*(?:&& *echo[^;&|]*)?\Z")
_EPOCH = re.compile(r"\b([1-9]\d{9})(?:\d{3}|\.\d+)?\b")
_DATE_AND_TIME = re.compile(
    r"\b\d{4}-\d\d-\d\d[Tt ]\d\d:(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?"
)  # fmt: skip
# How much of the output is shown, and whether its failure is: not what is done.
_SHOWN = re.compile(
    r"2>&1|&>>? ?/dev/null|2> ?/dev/null|\|&? *(?:tail|head|cat|less|more)\b[^|;&\n]*|\|\| *(?:true|:)(?=\s|$)"
)
_COMMENT = re.compile(r"#(?<![^\s;]#)(?!\d)[^\n'\"]*(?=\n|\Z)")
_STEPS_ON = re.compile(
    r"(?:^|[_.\-])(?:scroll|click|double_click|left_click|press|key|swipe|tab|next|page|screenshot|snapshot)", re.I
)
_SLEEPING = re.compile(r"(?:^|[_.\-])(?:sleep|wait|delay|pause)", re.I)
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOTES = re.compile(r"(?:^|[_.\-])(?:todos?|think(?:ing)?|update_plan|scratch_?pad)(?:\Z|[_.\-])", re.I)  # to itself
_DRAWN = re.compile(rb"(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{6,}\Z")
_TYPES = re.compile(r"(?:^|[_.\-])(?:bash|z?sh|shell|terminal|console|powershell|pwsh|exec|cmd)(?:\Z|[_.\-])", re.I)
_SPAWNS = re.compile(
    r"(?:^|[_.\-])(?:spawn|delegate|hand_?off|hand_?over|sub_?agents?|transfer_to)|(?:^|__)task\Z"
    r"|(?:create|launch|start|run|new|call|invoke)_?(?:sub_?|child_?)?(?:agent|worker)", re.I
)  # fmt: skip
_CHANGES = re.compile(
    r"(?:^|[_.\-])(?:write|edit|replace|str_replace|create|update|delete|remove|set|patch|apply|insert|put|rename|move)",
    re.I,
)  # fmt: skip
_UNDOES = re.compile(r"(?:^|[_.\-])(?:revert|undo|roll_?back)", re.I)
_CHANGING = frozenset((
    b"tee", b"mv", b"cp", b"rm", b"mkdir", b"touch", b"chmod", b"ln", b"install", b"truncate", b"patch", b"insert",
    b"update", b"delete", b"alter", b"drop", b"create", b"checkout", b"revert", b"stash", b"apply", b"reset", b"commit",
    b"restore", b"merge", b"rebase", b"cherry", b"scale", b"set", b"edit", b"write", b"perl",
))  # fmt: skip
_WATCHING = frozenset((b"watch", b"inotifywait", b"follow", b"listen", b"subscribe", b"wait", b"waitfor", b"changes"))
_PAGED = frozenset((
    b"page", b"offset", b"cursor", b"start", b"skip", b"after", b"next", b"continuation", b"pagenumber", b"token",
    b"pagetoken", b"nextpagetoken", b"nexttoken", b"startcursor", b"endcursor", b"aftercursor", b"pageno", b"startat",
))  # fmt: skip
_STEPPING = frozenset((b"scroll", b"click", b"swipe", b"keypress", b"scrolldown"))
_UNDOING = frozenset((b"revert", b"undo", b"rollback"))
_TO_FILE = frozenset((b"o", b"output"))
_TRIED = frozenset((b"try", b"retry", b"retries", b"attempt", b"attempts", b"seed", b"nonce"))
_FILES = frozenset((b"path", b"file", b"filename", b"filepath"))  # they end
_SPECIAL = _CHANGING | _WATCHING | _PAGED | _STEPPING | _TRIED | _UNDOING | {b"sed", b"tail"}
_REDIRECTS = re.compile(r"(?<![2&\d<=\-])>(?!&|=| ?/dev/null)")
_PAGING = re.compile(
    r"(?:[?&]|--|^)(?:page|offset|cursor|start|skip|after|next|continuation|page_?n(?:umber|o)|start_?at|"
    r"(?:start|end|after)_?cursor|(?:next_?)?(?:page|next)_?token)"
    r"[= ](?![=( ])",
    re.MULTILINE | re.IGNORECASE,
)


class Fingerprint(Struct, gc=False):
    """ident, shape: 32 bits, never 0. words: a bit of 64 for each of `WORDS` words at its ends. own: hashes of its
    words with a digit, 2 bytes each."""

    ident: int
    shape: int
    words: int
    own: bytes
    flags: int


@lru_cache(maxsize=1024)
def _of_tool(tool: str) -> tuple[int, int]:
    """The tool's own hash and flags."""
    name, flags = tool, 0
    tool = _CAPITAL.sub("_", tool)
    if _SLEEPING.search(tool):
        flags |= SLEEPS | WAITS
    elif any(word.decode() in tool.lower() for word in _WATCHING):
        flags |= WAITS | WATCHES
    if _STEPS_ON.search(tool):
        flags |= STEPS_ON
    if _SPAWNS.search(tool):
        flags |= SPAWNS
    if _CHANGES.search(tool):
        flags |= CHANGES
    if _UNDOES.search(tool):
        flags |= CHANGES | UNDOES
    if _TYPES.search(tool):
        flags |= TYPES
    if _NOTES.search(tool):
        flags = flags & ~CHANGES | NOTES
    return crc32(name.encode("utf-8", "surrogatepass")) | 1, flags


def fingerprint(call: ToolCall) -> Fingerprint:
    """Bounded work, however large the arguments: of a long text its ends are read as words, the rest is hashed."""
    start, flags = _of_tool(call.tool)
    text, rest, found = _essence(call.arguments, flags & TYPES != 0)
    flags |= found
    if found & LOOKS:
        flags &= ~CHANGES
    if not text:
        return Fingerprint(start + rest & 0xFFFFFFFF or 1, start, 0, b"", flags | BARE * (call.arguments is None))
    if not rest:  # of a long text all is hashed as it is
        text = _without_volatile(text, call.time, flags)
    words = text.encode("utf-8", "surrogatepass").translate(_TO_WORDS).split()
    if not _SPECIAL.isdisjoint(words):
        flags |= _by_words(words, text, flags)
    if ">" in text and flags & SHELL and _REDIRECTS.search(text):
        flags |= CHANGES
    middle = 0
    if len(words) > WORDS:
        between = b" ".join(words[FIRST_WORDS : FIRST_WORDS - WORDS])
        rest += crc32(between)
        middle = crc32(between.translate(None, b"0123456789"))
        words = words[:FIRST_WORDS] + words[FIRST_WORDS - WORDS :]
    hashes = list(map(crc32, words))
    total = sum(hashes) + start
    shape, own = total + (middle or rest), b""
    if not b"".join(words).isalpha():
        named = [word for word in words if not word.isalpha()]
        flags |= DRAWN if any(map(_DRAWN.match, named)) else 0
        numbers = list(map(crc32, named))
        if text.isascii():
            shape = total + middle - sum(numbers)
        del numbers[OWN:]
        own = _PACKED[len(numbers)](*[value & 0xFFFF for value in numbers])
    return Fingerprint(total + rest & 0xFFFFFFFF or 1, shape & 0xFFFFFFFF or 1, _bits(hashes), own, flags)


_PACKED = tuple(Packed(f">{count}H").pack for count in range(OWN + 1))


def sample_of(text: str) -> int:
    """The words of a text, as of a call, without the most common: for what agents say. Never 0."""
    words = text[: 2 * ENDS].encode("utf-8", "surrogatepass").translate(_TO_WORDS).split()
    telling = [crc32(word) for word in words if len(word) > 2 and word not in _COMMON]
    return _bits(telling[:SAID]) or 1 << (hashed(text) & 63)


def _bits(hashes: list[int]) -> int:
    bits = 0
    for value in hashes:
        bits |= 1 << (value & 63)
    return bits


def _by_words(words: list[bytes], text: str, flags: int) -> int:
    more, special = 0, _SPECIAL.intersection(words)
    if flags & SHELL:
        if not _CHANGING.isdisjoint(special) or (b"sed" in special and b"i" in words):
            more |= CHANGES
        if b"tail" in special and b"f" in words:
            more |= WAITS | WATCHES
    if not _WATCHING.isdisjoint(special):
        more |= WAITS | WATCHES
    if len(text) < 200 and not _UNDOING.isdisjoint(special):
        more |= UNDOES
    if not _TRIED.isdisjoint(special):
        more |= RETRIES
    if len(text) < 200 and not _STEPPING.isdisjoint(special):
        more |= STEPS_ON
    if not _PAGED.isdisjoint(special) and _FILES.isdisjoint(words) and _PAGING.search(text):
        more |= PAGES
        if flags & SHELL and not _TO_FILE.isdisjoint(words):
            more |= CHANGES
    return more


def _essence(arguments: dict[str, Any] | str | None, types: bool = False) -> tuple[str, int, int]:
    """The text whose words count, a hash of what is too long for that, and flags. types: the tool is a shell."""
    if arguments is None:
        return "", 0, 0
    if isinstance(arguments, str):
        arguments = written(arguments)
    if isinstance(arguments, str):
        text, rest = _ends(arguments)
        return text, rest, _of_command(text)
    if len(arguments) == 1 and isinstance(command := arguments.get("command"), str):
        if len(command) <= 2 * ENDS:
            return command, 0, _of_command(command)
        text, rest = _ends(command)
        return text, rest, _of_command(text)
    flags, rest = 0, 0
    kept = _to_the_point(unwrapped(arguments))
    parts: list[str] = []
    placed = ""
    for number, (name, value) in enumerate(kept.items()):
        if number >= ARGUMENTS:
            rest += len(kept)
            break
        runs = name in COMMANDS or (types and name in TYPED)
        if runs and isinstance(value, list):
            value = line_of(value)
        if isinstance(value, str):
            value, more = _ends(value)
            rest += more
            if runs:
                flags |= _of_command(value)
            elif name == "action":
                flags |= _of_action(value)
            if runs or name == "code":
                parts.append(value)
                continue
        elif isinstance(value, dict | list):
            value, more = _ends(_flat(value))
            rest += more
        elif isinstance(value, float) or (type(value) is int and abs(value) < 1 << 64):
            placed += f"n{value}"
        parts.append(f"{name[:64]} {value if not isinstance(value, int) or abs(value) < 1 << 64 else 0}")
    if placed.count("n") > 1 or "." in placed:
        parts.append(placed.replace(".", "p").replace("-", "m"))  # the same numbers in other places are another call
    return "\n".join(parts), rest, flags


def _of_command(command: str) -> int:
    if "leep " in command:
        return SHELL | WAITS | SLEEPS if _ONLY_SLEEPS.match(command) else SHELL | WAITS
    return SHELL | LOOKS if command == "view" else SHELL  # of an editor whose commands are told apart by an argument


def _of_action(action: str) -> int:
    return SLEEPS | WAITS if _SLEEPING.match(action) else STEPS_ON if _STEPS_ON.search(action) else 0


def line_of(command: list[Any]) -> str:
    """A command given as its words; of a shell that is started for it, what the shell runs.

    >>> line_of(["bash", "-lc", "make test"]), line_of(["make", "test"])
    ('make test', 'make test')
    """
    words = command[:ARGUMENTS]
    if len(words) == 3 and words[0] in SHELLS:
        words = words[2:]
    return " ".join(word if isinstance(word, str) else _flat(word) for word in words)


def _flat(value: Any) -> str:
    """The leaves of nested arguments, the first of them."""
    found: list[str] = []
    left, stack = 256, [value]
    while stack and left:
        left -= 1
        item = stack.pop()
        if isinstance(item, dict):
            found.extend(map(str, list(item)[:ARGUMENTS]))
            stack.extend(list(item.values())[:ARGUMENTS])
        elif isinstance(item, list):
            found.append(str(len(item)))
            stack.extend(item[:ARGUMENTS])
        elif isinstance(item, str):
            found.append(item if len(item) < ENDS else _bounded(item))
        else:
            found.append(str(item)[:32])
    return " ".join(found)


def _bounded(text: str) -> str:
    head, rest = _ends(text)
    return f"{head} {rest}"


def _to_the_point(arguments: dict[str, Any]) -> dict[str, Any]:
    if len(arguments) < 2:
        return arguments
    beside = [name for name in arguments if name.lower() in BESIDE_THE_POINT]
    if not ACTS.isdisjoint(arguments):
        beside += [name for name in arguments if name.lower() in BESIDE_AN_ACT]
    elif len(arguments) > 2 and not EXPLAINS.isdisjoint(arguments):
        more = [name for name in arguments if name.lower() in EXPLAINS]
        beside += more if len(arguments) - len(beside) - len(more) > 1 else []
    if not beside or len(beside) >= len(arguments):
        return arguments
    return {name: value for name, value in arguments.items() if name not in beside}


def _ends(text: str) -> tuple[str, int]:
    """Both ends, and a hash of all."""
    if len(text) <= 2 * ENDS:
        return text, 0
    return f"{text[:LONG_ENDS]} {text[-LONG_ENDS:]}", hashed(text)


def _without_volatile(text: str, now: float, flags: int) -> str:
    if flags & SHELL:
        if "#" in text:
            text = _COMMENT.sub("", text)
        if "|" in text or ">&" in text:
            text = _SHOWN.sub(" ", text)
        if flags & WAITS and not flags & SLEEPS:
            text = _SLEEP.sub(" ", text)
    if "tmp" in text:
        text = _TEMPORARY.sub(" ", text)
    if not 1e9 <= now < 1e10:
        return text
    # Looked for by how they begin, which is much quicker than a pattern.
    second, seconds, day, days = _around(int(now) // 1000)
    if second in text and (seconds[0] in text or seconds[1] in text or seconds[2] in text):
        text = _EPOCH.sub(lambda found: " " if abs(int(found[1]) - now) < NOW else found[0], text)
    if day in text and (days[0] in text or days[1] in text or days[2] in text):
        text = _DATE_AND_TIME.sub(lambda found: " " if _is_now(found, now) else found[0], text)
    return text


def _is_now(found: re.Match[str], now: float) -> bool:
    """In whatever time zone: all are quarters of an hour apart. A full quarter is one that somebody chose."""
    seconds = (int(found[1]) * 60 + int(found[2] or 0)) % 900
    apart = (seconds - now) % 900
    return seconds != 0 and min(apart, 900 - apart) < NOW


@lru_cache(maxsize=64)
def _around(thousand: int) -> tuple[str, tuple[str, str, str], str, tuple[str, str, str]]:
    """How Unix times near these thousand seconds begin, and dates in any time zone then; before each, what the three
    have in common."""
    today = date(1970, 1, 1) + timedelta(seconds=1000 * thousand)
    day = timedelta(days=1)
    seconds = (str(thousand - 1), str(thousand), str(thousand + 1))
    days = ((today - day).isoformat(), today.isoformat(), (today + day).isoformat())
    return _shared(seconds[0], seconds[2]), seconds, _shared(days[0], days[2]), days


def _shared(first: str, last: str) -> str:
    """How both begin, and all that lies between them."""
    same = next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:same]
