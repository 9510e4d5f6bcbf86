"""Short hashes of calls and results under which a trivially varied repeat is still the same.

What may be masked differs. In a result, times, durations, ids and temporary names say nothing new; plain numbers do:
a failing count that falls or a percentage that rises is progress. In a call, an id or a number is what tells the
items of a batch apart, so only what can't be an item is masked: the current time, `mktemp` names, lengths of sleeps,
white space and comments, and arguments that only carry words about the call.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from zlib import crc32

import msgspec

from detectors.event import ToolCall, ToolResult

UNKNOWN = 0  # the fingerprint of what was not published
MASKED_AT_ONCE = 256  # characters of a result that are masked even if nothing like it was seen
ENDS = 1_500  # characters at either end of a text that are masked; what is between is compared as it is

# Arguments that vary without changing what the call does, if there are others that say what it does.
BESIDE_THE_POINT = frozenset({
    "thought", "thinking", "reasoning", "explanation", "request_id", "requestid", "trace_id", "span_id", "nonce",
    "idempotency_key", "tool_use_id", "call_id",
})  # fmt: skip
COMMANDS = ("command", "cmd", "script")

_TEMPORARY = r"\btmp\.[A-Za-z0-9]{6,10}\b|\btmp[a-z0-9_]{8}\b"
_EPOCH = r"\b1\d{9}(?:\d{3}|\.\d+)?\b"
_DATE_AND_TIME = r"\b(\d{4})-(\d\d)-(\d\d)[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_IN_CALL = re.compile(f"{_DATE_AND_TIME}|{_EPOCH}|{_TEMPORARY}|\\bsleep \\d+(?:\\.\\d+)?[smh]?")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[@-~]")
# All begin at a word boundary: looked for once, it makes the search five times as quick.
_IN_RESULT = re.compile(
    r"\b(?:"
    + "|".join((
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?",
        r"(?<![:\w.])\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\w:])",
        r"\d+(?:\.\d+)? ?(?:ms|[uµn]s|s|secs?|seconds?|mins?|minutes?)\b",
        r"1\d{9}(?:\d{3}|\.\d+)?\b",
        r"(?<=:)(?:3[2-9]|[4-6]\d)\d{3}\b",
        r"0x[0-9a-f]+\b",
        r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b",
        r"tmp(?:\.[a-z0-9]{6,10}|[a-z0-9_]{8})\b",
        r"(?:pid|attempt|retry|try|request|req|iteration)[ :=#(\[]{1,3}\d+\b(?!-)",
    ))
    + ")",
    re.IGNORECASE,
)  # fmt: skip
_BEGINS_LIKE_AN_ERROR = re.compile(r"\W{0,3}(?:\w*(?:error|exception)\b|traceback|fatal)", re.IGNORECASE)
_COMMENT_LINE = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_DIGIT = re.compile(r"\d")
_FOUR_DIGITS = re.compile(r"\d{4}")


def hashed(text: str) -> int:
    """32 bits, never 0. The same in every process."""
    return crc32(text.encode("utf-8", "surrogatepass")) or 1


def call_fingerprint(call: ToolCall) -> int:
    return hashed(f"{call.tool}\0{_mask_call(_canonical(call.arguments), call.time)}")


def is_failure(result: ToolResult) -> bool:
    """By exit code and status; where neither was published, by a text that begins like an error."""
    if result.exit_code is None and result.status is None:
        return _BEGINS_LIKE_AN_ERROR.match(result.output or "") is not None
    return result.exit_code not in (None, 0) or result.status in ("error", "denied", "timeout")


def exact_fingerprint(result: ToolResult) -> int:
    """What came back, to the letter; `UNKNOWN` if that was not published and it is no failure either."""
    if result.output is None and result.output_sha256 is None and not is_failure(result):
        return UNKNOWN
    return hashed(f"{_outside(result)}\0{result.output_sha256 if result.output is None else result.output}")


def masked_fingerprint(result: ToolResult) -> int:
    """What came back but for its volatile parts; `UNKNOWN` if there is no text."""
    if result.output is None:
        return UNKNOWN
    return hashed(f"{_outside(result)}\0{mask(result.output)}")


def mask(text: str) -> str:
    """The text without times, durations, ids, temporary names, attempt numbers, ephemeral ports and colours.

    >>> mask("attempt 3 of 9: 10.0.0.7:49152 refused after 1.02s, 2 tests failed")
    '~ of 9: 10.0.0.7:~ refused after ~, 2 tests failed'
    """
    middle = ""
    if len(text) > 2 * ENDS:
        middle = f"\0{hashed(text[ENDS:-ENDS])}\0"
        text = f"{text[:ENDS]}\n{text[-ENDS:]}"
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if _DIGIT.search(text):
        text = _IN_RESULT.sub("~", text)
    return " ".join(text.split()) + middle


def label(call: ToolCall, limit: int = 60) -> str:
    """A few words by which a person knows the call."""
    arguments = call.arguments
    text: Any = arguments
    if isinstance(arguments, dict):
        texts = (arguments[name] for name in arguments if isinstance(arguments[name], str))
        text = next((arguments[name] for name in COMMANDS if isinstance(arguments.get(name), str)), None)
        text = text or next(texts, "")
    line = " ".join((text or "")[: 4 * limit].split())
    line = f"{call.tool[:limit]} {line}".strip()
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _outside(result: ToolResult) -> str:
    """What is known of a result beside its text. The length counts where the text was cut: a log that grows."""
    output, whole = result.output, result.output_bytes
    cut = whole if output is not None and whole is not None and whole > len(output.encode("utf-8", "replace")) else ""
    return f"{result.status if result.status != 'ok' else ''} {result.exit_code or ''} {cut}"


def _canonical(arguments: dict[str, Any] | str | None) -> str:
    if arguments is None:
        return ""
    if isinstance(arguments, str):
        return _tidy(arguments)
    kept = {name: value for name, value in arguments.items() if name.lower() not in BESIDE_THE_POINT} or dict(arguments)
    for name in COMMANDS:
        if isinstance(kept.get(name), str):
            kept[name] = _tidy(kept[name])
            kept.pop("description", None)  # of the command; elsewhere it is what the call is about
    return msgspec.json.encode(kept, order="sorted").decode()


def _tidy(command: str) -> str:
    if "#" in command:
        command = _COMMENT_LINE.sub("", command)
    return " ".join(command.split())


def _mask_call(text: str, now: float) -> str:
    def masked(match: re.Match[str]) -> str:
        found = match[0]
        if match[1] is not None:
            return "~" if abs(_day(match[1], match[2], match[3]) - now / 86_400) < 2 else found
        if found[0] == "1":
            seconds = float(found) / (1000 if len(found) == 13 and found.isdigit() else 1)
            return "~" if abs(seconds - now) < 86_400 else found
        return "~"

    start = text[: 2 * ENDS]
    if "tmp" in start or "sleep " in start or _FOUR_DIGITS.search(start):
        start = _IN_CALL.sub(masked, start)
    return start if len(text) <= 2 * ENDS else f"{start}\0{hashed(text[2 * ENDS :])}"


def _day(year: str, month: str, day: str) -> float:
    try:
        return date(int(year), int(month), int(day)).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return -1e9
