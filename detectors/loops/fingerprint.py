"""Short hashes of calls and results under which a trivially varied repeat is still the same.

What may be masked differs. In a result, times, durations, ids and temporary names say nothing new (`mask`); plain
numbers do: a failing count that falls or a percentage that rises is progress. In a call, an id or a number is what
tells the items of a batch apart, so only what can't be an item is masked: the current time, `mktemp` names, lengths
of sleeps, white space and comments, and arguments that only carry words about the call.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from zlib import crc32

import msgspec

from detectors.event import ToolCall, ToolResult
from detectors.loops.mask import ENDS, TEMPORARY, mask

UNKNOWN = 0  # the fingerprint of what was not published
MASKED_AT_ONCE = 256  # characters of a result that are masked even if nothing like it was seen
NOW = 120.0  # seconds to either side of an event in which a time in its call is the current time

COMMANDS = ("command", "cmd", "script")
# Arguments that vary without changing what the call does, if there are others.
BESIDE_THE_POINT = frozenset({"thought", "thinking", "reasoning", "nonce", "idempotency_key", "tool_use_id"})
# These too, but only beside one that says what the call does: elsewhere they may be what it is about.
BESIDE_AN_ACT = frozenset({"explanation", "request_id", "requestid", "trace_id", "span_id", "call_id"})
ACTS = frozenset({
    *COMMANDS, "path", "file", "file_path", "filename", "target_file", "url", "uri", "query", "sql", "pattern", "code",
})  # fmt: skip

_TEMPORARY = re.compile(rf"\b{TEMPORARY}")
_SLEEP = re.compile(r"\bsleep \d+(?:\.\d+)?[smh]?")
_EPOCH = re.compile(r"\b([1-9]\d{9})(?:\d{3}|\.\d+)?\b")
_DATE_AND_TIME = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
)  # fmt: skip
_BEGINS_LIKE_AN_ERROR = re.compile(r"\W{0,3}(?:\w*(?:error|exception)\b|traceback|fatal)", re.IGNORECASE)
_COMMENT_LINE = re.compile(r"\n[ \t]*#.*")


def hashed(text: str, start: int = 0) -> int:
    """32 bits, never 0. The same in every process. start: the hash of what stands before."""
    return crc32(text.encode("utf-8", "surrogatepass"), start) or 1


@lru_cache(maxsize=1024)
def hashed_name(name: str) -> int:
    """`hashed`, of a name that comes with many events: at most 256 characters."""
    return hashed(name)


_NOTHING_OUTSIDE = hashed("  ")  # of a result that went well and is whole


def canonical(call: ToolCall) -> str:
    """The call as a short text without what varies from one time to the next."""
    arguments = call.arguments
    if arguments is None:
        return ""
    if isinstance(arguments, str):
        return _without_now(_tidy(arguments), call.time)
    if len(arguments) == 1 and isinstance(command := arguments.get("command"), str):
        return _without_now(f"command\0{_bounded(_tidy(command))}", call.time)  # as below, at once
    kept = _to_the_point(arguments)
    for name in COMMANDS:
        command = kept.get(name)
        if isinstance(command, str):
            kept[name] = _tidy(command)
            kept.pop("description", None)  # of the command; elsewhere it is what the call is about
    if len(kept) == 1:
        name, only = next(iter(kept.items()))
        if isinstance(only, str):
            return _without_now(f"{name}\0{_bounded(only)}", call.time)
    for name, value in kept.items():
        if isinstance(value, str) and len(value) > 2 * ENDS:
            kept[name] = _bounded(value)
    return _without_now(_bounded(msgspec.json.encode(kept, order="sorted").decode()), call.time)


def call_fingerprint(call: ToolCall, text: str) -> int:
    """text: the call's `canonical`."""
    return hashed(f"{call.tool}\0{text}")


def is_failure(result: ToolResult) -> bool:
    """By exit code and status; where neither was published, by a text that begins like an error."""
    if result.exit_code:
        return True
    status = result.status
    if result.exit_code is None and status is None:
        return _BEGINS_LIKE_AN_ERROR.match(result.output or "") is not None
    return status is not None and status != "ok"


def exact_fingerprint(result: ToolResult, failing: bool, outside: int) -> int:
    """What came back, to the letter; `UNKNOWN` if that was not published and it is no failure either.

    outside: `outside_fingerprint` of the same result.
    """
    if result.output is None and result.output_sha256 is None and not failing:
        return UNKNOWN
    text = result.output_sha256 if result.output is None else result.output
    return hashed(text, outside) if text else outside


def masked_fingerprint(result: ToolResult, failing: bool, outside: int) -> int:
    """What came back but for its volatile parts; `UNKNOWN` if there is no text."""
    if result.output is None:
        return UNKNOWN
    return hashed(mask(result.output, failing), outside)


def label(call: ToolCall, limit: int = 60) -> str:
    """A few words by which a person knows the call."""
    text: Any = call.arguments
    if isinstance(text, dict):
        named = text.get("command")
        if not isinstance(named, str):
            named = next((text[name] for name in COMMANDS if isinstance(text.get(name), str)), None)
        text = named or next((value for value in text.values() if isinstance(value, str)), "")
    text = text or ""
    line = " ".join(text[: 2 * limit].split())
    if len(line) <= limit or not text.isascii():  # else there is more of it than is shown
        line = " ".join(text[: 4 * limit].split())
    line = f"{call.tool[:limit]} {line}".strip()
    limit = limit if line.isascii() else limit // 2  # it is kept until the result, and bytes count there
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def outside_fingerprint(result: ToolResult) -> int:
    """What is known of a result beside its text. The length counts where the text was cut: a log that grows."""
    output, whole = result.output, result.output_bytes
    # A character takes up to four bytes: only then is it worth to count them.
    if output is None or whole is None or whole <= len(output):
        cut = False
    else:
        cut = output.isascii() or whole > len(output.encode("utf-8", "replace"))
    status, exit_code = result.status, result.exit_code
    if not cut and not exit_code and status == "ok":
        return _NOTHING_OUTSIDE
    return hashed(f"{status if status != 'ok' else ''} {exit_code or ''} {whole if cut else ''}")


def _to_the_point(arguments: dict[str, Any]) -> dict[str, Any]:
    kept = dict(arguments)
    if len(kept) < 2:
        return kept
    beside = [name for name in kept if name.lower() in BESIDE_THE_POINT]
    if not ACTS.isdisjoint(kept):
        beside += [name for name in kept if name.lower() in BESIDE_AN_ACT]
    if len(beside) < len(kept):
        for name in beside:
            del kept[name]
    return kept


def _bounded(text: str) -> str:
    """The ends, and a hash of what is between."""
    if len(text) <= 2 * ENDS:
        return text
    return f"{text[:ENDS]}\0{hashed(text[ENDS:-ENDS])}\0{text[-ENDS:]}"


def _tidy(command: str) -> str:
    """Without comment lines and with single spaces, at its ends."""
    command = _bounded(command)
    if "\n" not in command and command.isprintable() and "  " not in command and "#" not in command:
        return command.strip(" ")  # most are one line without any other white space
    if "#" in command:
        command = _COMMENT_LINE.sub("", f"\n{command}")
    return " ".join(command.split())


def _without_now(text: str, now: float) -> str:
    if "tmp" in text:
        text = _TEMPORARY.sub("~", text)
    if "sleep " in text:
        text = _SLEEP.sub("~", text)
    if not 1e9 <= now < 1e10:
        return text
    # Looked for by how they begin, which is much quicker than a pattern.
    second, seconds, day, days = _around(int(now) // 1000)
    if second in text and (seconds[0] in text or seconds[1] in text or seconds[2] in text):
        text = _EPOCH.sub(lambda found: "~" if abs(int(found[1]) - now) < NOW else found[0], text)
    if day in text and (days[0] in text or days[1] in text or days[2] in text):
        text = _DATE_AND_TIME.sub(lambda found: "~" if _is_now(found, now) else found[0], text)
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
