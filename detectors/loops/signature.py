"""What a failure is about: one line of its output, the same for every command that meets the same obstacle."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from detectors.event import ToolResult
from detectors.loops.hashing import hashed
from detectors.loops.mask import mask, unless_own

LOOKED_AT = 2_000  # characters at the end of an output: that is where errors stand
LINE = 300  # characters of a line
LINES = 12  # at most

_WORDS = re.compile(
    r"e(?:rror|xception)|f(?:ail|atal|orbidden)|denied|refused|no(?:t found| such)|can(?:not|'t)|could not|"
    r"un(?:able|known|authorized|available)|time(?:d[ -]out|dout| out|out)|killed|invalid|missing|too many requests|"
    r"quota|rate limit|overloaded"
)
_DIGIT = re.compile(r"\d")
# By these alone: of a result that went well, as far as its code says.
_PLAIN_WORDS = re.compile(
    r"e(?:rror|xception)|f(?:ailed|atal|orbidden)|denied|refused|no(?:t found| such| space)|c(?:annot|ould not)|"
    r"un(?:able to|authorized|available)|t(?:imed out|imeout|oo many)|invalid|rate limit|overloaded"
)
_CODE = re.compile(r"\b(?:4\d\d|50\d)\b")
_TEST_SUMMARY = re.compile(r"\b\d+ (?:failed|failures?|failing|errors?|passed|passing)\b")
_NONE_OF_IT = re.compile(
    r"\b(?:0|no|without(?: any)?|not) (?:fail\w*|error\w*|exception\w*|missing|unknown|invalid)\b"
    # A field that counts them, or is empty.
    r"|\b(?:[a-z]+_)?(?:errors|failed|failures|exceptions|error_(?:count|rate))\b[\"']? ?[:=] ?[\"']?\d+(?:\.\d+)?"
    r"(?=[%\"',}\s]|$)|\b(?:[a-z]+_)?(?:errors?|failed|failures?|exceptions?)\b"
    r"[\"']? ?[:=] ?(?:null|none|nil|false|\[\]|\{\}|\"\"|'')"
)
_PLACE = re.compile(r"\bline \d+|:\d+(?=[:,)\s]|$)")
_SCRIPT = re.compile(r"(?:/\S+/)?(?:ba|z|da)?sh: (?:(?:line )?\d+: )?")
# Who says it, for the same obstacle is met through many programs.
_TELLER = re.compile(
    r"(?:(?:\w*(?:error|exception)|fatal|curl|wget|psql|ncat?|telnet|ssh|scp|git|docker|kubectl|helm|npm|node|pip|python3?|"
    r"make|cp|mv|rm|ls|cat|tee|dd|mkdir|touch|install|tar|err!?)(?:\[\w+\])?: (?:\(\d+\) )?){1,3}"
)
_HTTP = re.compile(r"\bhttp\S* (?:4\d\d|5\d\d)\b|\b(?:429|50[234])\b.{0,20}\b(?:too many|service|bad|gateway)")
_NAMED = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|/(?<!\w/)[\w./\-]+|(?<![\w.\-])[a-z_.\-\xb5-\uffff]*+\d[\w.\-]*|\b\w++\.\w+\b"
)
_PASSING = re.compile(
    r"\b(?:429|50[234])\b|too many|rate.?limit|quota|overload|temporar|try again|\block(?:ed|s)?\b|busy|unavailable"
    r"|timed? ?-?out|refused|reset by peer|not ready|throttl|exhausted|backoff|deadlock"
    r"|could not resolve|no response|unreachable|no route"
)  # fmt: skip
_LIMIT = re.compile(r"\b429\b|too many|rate.?limit|quota|overload|throttl|exhausted|rate exceeded|\block")
_KINDS: tuple[tuple[tuple[str, ...], re.Pattern[str] | None], ...] = (
    (("econnrefused", "connection refused", "connectionrefused", "refused the connection", "actively refused"), None),
    (
        ("eacces", "eperm", "permission denied", "permissiondenied", "permissionerror", "operation not permitted",
         "access is denied"), None,
    ),
    (
        ("enotfound", "could not resolve", "name or service not known", "getaddrinfo", "failure in name",
         "no such host", "unknown host"), None,
    ),
    (("enospc", "no space left", "disk quota", "disk full"), None),
    (("certificate", "x509", "ssl"), re.compile(r"certificate|x509|ssl.{0,20}(?:error|fail)")),
    (
        ("401", "unauthorized", "authentication failed", "invalid api key", "invalid credentials", "invalid token",
         "not read username", "publickey"),
        re.compile(r"\b401\b|unauthorized|authentication fail|invalid (?:api key|cred|token)|username|publickey"),
    ),
    (
        ("403", "forbidden", "accessdenied", "access denied", "not authorized", "insufficient permission"),
        re.compile(r"\b403\b|forbidden|accessdenied|access denied|not authorized|insufficient permission"),
    ),
    (("etimedout", "timed out", "timedout", "timeout", "time out", "timeouterror", "deadline exceeded"), None),
    (("network is unreachable", "no route to host", "ehostunreach", "enetunreach"), None),
    (("modulenotfound", "no module named", "cannot find module", "module not found"), None),
    (("out of memory", "oomkilled", "memoryerror", "cannot allocate memory"), None),
)  # fmt: skip
# One of these is in whatever passes: looked for first, which is much quicker.
_PASSING_HINTS = (
    "429", "502", "503", "504", "too many", "rate", "quota", "overload", "temporar", "again", "lock", "busy",
    "unavailable", "time", "refused", "reset", "not ready", "throttl", "exhausted", "backoff",
    "resolve", "no r", "unreachable",
)  # fmt: skip
_BAD_ANSWER = re.compile(r'"(?:error|errorMessage|error_message)": ?(?:"[^"]|\{ ?")')
_BEGINS_LIKE_AN_ERROR = re.compile(r"\W{0,3}(?:\w*(?:error|exception)\b|traceback|fatal)", re.IGNORECASE)


class Signature(NamedTuple):
    """exact: hash of what the failure says, without volatile parts and places. template: of the same without names and
    numbers. line: as it came. passing: it may go away by waiting, as limits, locks and servers that start do.
    counts: it is the summary of tests. limit: of how often or how much may be asked. kind: what all programs mean that
    run into the same thing, each in its own words; 0 if it is none of the plain ones."""

    exact: int
    template: int
    line: str
    passing: bool
    counts: bool = False
    limit: bool = False
    kind: int = 0


TIMED_OUT = Signature(hashed("timed out"), hashed("timed out"), "timed out", False)


def is_failure(result: ToolResult) -> bool:
    """By exit code and status; where neither was published, by a text that begins like an error."""
    if result.exit_code:
        return True
    status = result.status
    if result.exit_code is None and status is None:
        return _BEGINS_LIKE_AN_ERROR.match(result.output or "") is not None
    return status is not None and status != "ok"


def hides_failure(output: str) -> bool:
    """Whether a result that went well ends like a failure, as one whose exit code a pipe has swallowed."""
    end = output[-240:].rstrip()
    last = end[end.rfind("\n") + 1 :].lower()
    if len(last) <= 8 or _PLAIN_WORDS.search(last) is None:
        return False
    return _PLAIN_WORDS.search(_NONE_OF_IT.sub("", last)) is not None


def answers_badly(output: str) -> bool:
    """Whether an answer in JSON, of a call that went well as far as its code says, tells of an error.

    >>> answers_badly('{"ok": false, "error": "ratelimited"}'), answers_badly('{"error": null, "rows": 3}')
    (True, False)
    """
    return output.startswith("{") and _BAD_ANSWER.search(output, 0, 120) is not None


def begins_badly(output: str) -> bool:
    """Whether the first line of a result without a code says that it failed, as answers over HTTP do."""
    first = output[:120].split("\n", 1)[0].lower()
    return len(first) < 100 and _HTTP.search(first) is not None


def signature_of(result: ToolResult, own: bytes = b"") -> Signature | None:
    """The last line that reads like an error; None if nothing tells.

    The counts of a test summary stay in it, and so do the names of the failing tests: fewer failures, or others, are
    another signature. own: the call's own numbers (`mask`), which stay too.

    >>> from detectors.event import ToolResult
    >>> failed = ToolResult(time=0, run_id="r", exit_code=1, output="Traceback:\\n  a.py, line 7\\nKeyError: 'x'")
    >>> signature_of(failed).line
    "KeyError: 'x'"
    """
    if result.status == "timeout" or result.exit_code == 124:
        return TIMED_OUT
    lines = (result.output or "")[-LOOKED_AT:].splitlines()[-2 * LINES :]
    last, left = "", LINES
    for line in reversed(lines):  # from the end: the rest of a long output need not be searched
        line = line[:LINE]
        if not line or line.isspace():
            continue
        last = last or line
        if _tells(line):
            last = line
            break
        left -= 1
        if not left:
            break
    if not last:
        return None
    found = _of_line(last, own if own and _DIGIT.search(last) else b"")
    if not found.counts:
        return found
    kept = [line[:LINE] for line in lines if line and not line.isspace()][-LINES:]
    exact = hashed("\n".join(_masked(line, own) for line in kept if _tells(line)))
    return found._replace(exact=exact, template=exact)


@lru_cache(maxsize=512)
def _of_line(line: str, own: bytes) -> Signature:
    """An obstacle is met again and again, so most lines were seen before."""
    low = line.lower()
    exact = _masked(line, own)
    counts = _DIGIT.search(low) is not None and _TEST_SUMMARY.search(low) is not None
    passing = not counts and _has_word(low, _PASSING_HINTS) and _PASSING.search(low) is not None
    limit = passing and _LIMIT.search(low) is not None
    kind = 0 if counts else _kind(low)
    shown = " ".join(line.encode("utf-8", "replace").decode().split())
    return Signature(hashed(exact), hashed(_NAMED.sub("~", exact)), shown, passing, counts, limit, kind)


def _kind(line: str) -> int:
    for number, (words, pattern) in enumerate(_KINDS, start=1):
        if _has_word(line, words) and (pattern is None or pattern.search(line)):
            return number
    return 0


def _tells(line: str) -> bool:
    line = line.lower()
    return _WORDS.search(line) is not None or (("4" in line or "50" in line) and _CODE.search(line) is not None)


def _has_word(line: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 - `any` takes twice as long
        if word in line:
            return True
    return False


def _masked(line: str, own: bytes) -> str:
    text = mask(line, True, own)
    by_script = _SCRIPT.match(text)
    if by_script is not None:
        text = text[by_script.end() :]
    teller = _TELLER.match(text)
    if teller is not None and len(text) - teller.end() >= 12:
        text = text[teller.end() :]
    if _DIGIT.search(text) is None:
        return text
    return _PLACE.sub((lambda match: unless_own(match, own)) if own else "~", text)
