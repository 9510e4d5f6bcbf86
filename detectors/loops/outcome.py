"""What came of a call: the same, the same but for volatile parts, the same failure, barren, or news."""

from __future__ import annotations

import re

from msgspec import Struct

from detectors.event import ToolResult
from detectors.loops.fingerprint import CHANGES, PAGES, SHELL, SPAWNS, UNDOES, sample_of
from detectors.loops.hashing import hashed
from detectors.loops.mask import mask, may_vary
from detectors.loops.signature import (
    TIMED_OUT,
    Signature,
    answers_badly,
    begins_badly,
    hides_failure,
    is_failure,
    signature_of,
)
from detectors.loops.state import Pending

UNKNOWN = 0  # the hash of what was not published
SHORT = 32  # characters: an acknowledgement or a number rather than information
LONG = 80  # characters that hardly come by chance
SPARSE = 400  # characters, from which an output is neither barren nor an acknowledgement

_BARREN = re.compile(
    r"\s*(?:\[\]|\{\}|\(\)|none|null|nil|empty(?: set)?|0 (?:rows|results|matches)|"
    r"no\b.{0,20}\b(?:results?|matches|rows|items|records|data|more|events|messages)\b.*|"
    r"(?:your |the )?(?:search|query)\b.{0,40}\b(?:not match|no match|returned (?:no|nothing))\b.*|"
    r"nothing\b.{0,20}\bfound\W*|"
    r"\{[^\[]{0,80}\": ?\[\][^\[]*)\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_NOT_FOUND = re.compile(r"\s*no\b.{0,20}\b(?:files?|hits?|entries|occurrences)(?: found)?\W*\Z", re.IGNORECASE)
_ENDS = re.compile(
    r"\b(?:of|total(?:_?(?:count|pages|items|results))?|pages|last_?page|remaining)[\"':= ]{1,4}\d", re.IGNORECASE
)
_PAGE_NUMBER = re.compile(r'"(?:page|offset|skip)(?:_?(?:no|num|number|index))?": ?\d+', re.IGNORECASE)
_GAVE_UP = re.compile(r"\W{0,3}(?:fail|error|unable|could not|cannot|refused)", re.IGNORECASE)
_BRIEF = re.compile(r"\W*[^\W\d]{2,16}(?:\W{1,3}[^\W\d]{2,16})?\W*\Z")
GAVE_UP = 100  # characters: of a sub-agent's answer, of which a report has more
LOOKED_AT = 2000  # characters in which a page says how many there are
NOTHING_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_DONE = (
    "ok", "okay", "done", "true", "null", "success", "successful", "successfully", "created", "updated", "edited",
    "saved", "written", "wrote", "applied", "deleted", "removed", "inserted", "scaled", "queued", "sent",
)  # fmt: skip


class Outcome(Struct, gc=False):
    """exact, masked: hashes of the result, to the letter and without volatile parts; masked is 0 if it was not worth
    it. failing: by its code, or by its last words. signature: of a failure that says something. barren: it went well
    and there was nothing. short: by it calls can't be told apart. long: it hardly comes twice by chance. done: it only
    says that something was done. known: what came back was published. ends: of a page, that says how many there are.
    brief: one word or two, as tools answer that did what they were told."""

    exact: int
    masked: int
    failing: bool
    signature: Signature | None
    barren: bool
    short: bool
    long: bool
    done: bool
    known: bool
    ends: bool = False
    brief: bool = False


def outcome_of(result: ToolResult, call: Pending | None, known: bool, codes: bool) -> Outcome:
    """known: the call was made before. codes: this run's results carry exit codes, so one without did not end."""
    output, code, status = result.output, result.exit_code, result.status
    if output == "" and not code and (status == "ok" or status is None) and not result.output_bytes:
        return EMPTY
    if output is None and result.output_sha256:
        return _by_digest(result, call)
    published = output is not None
    output = output or ""
    flags, own = (call.flags, call.own) if call is not None else (SHELL, b"")
    failing = is_failure(result)
    if failing and (code is None or code == 1) and 1 < len(output) < 48:
        # Searches end with 1 where they found nothing.
        failing = _BARREN.match(output) is None and _NOT_FOUND.match(output) is None
    signature = None
    if failing:
        signature = signature_of(result, own)
    elif not flags & SPAWNS and output:
        silent = code is None and status is None
        if codes and silent and flags & SHELL and output.strip():
            failing, signature = True, TIMED_OUT
        elif answers_badly(output) or (
            (silent or flags & SHELL) and (hides_failure(output) or (silent and begins_badly(output)))
        ):
            signature = signature_of(result, own)
    elif len(output) < GAVE_UP and _GAVE_UP.match(output):
        signature = signature_of(result, own)
    size = len(output)
    outside = _outside(result)
    exact = hashed(output, outside) if output else outside if published or failing else UNKNOWN
    masked = 0
    if size and (known or flags & PAGES) and may_vary(output):
        shown = _PAGE_NUMBER.sub("~", output[:LOOKED_AT]) + output[LOOKED_AT:] if flags & PAGES else output
        # What is changed by a command gets a new id each time.
        text = mask(shown, failing or flags & UNDOES != 0 or flags & (CHANGES | SHELL) == CHANGES | SHELL, own)
        if "~" in text or "\r" in output or "\x1b" in output:
            masked = hashed(text, outside)
    short = size <= SHORT or (flags & CHANGES != 0 and not failing)
    ends = flags & PAGES != 0 and not failing and _ENDS.search(output, 0, LOOKED_AT) is not None
    if size >= SPARSE or failing:
        return Outcome(exact, masked, failing, signature, False, short, size >= LONG, False, published, ends)
    barren = size > 1 and (size < 48 or "[]" in output) and _BARREN.match(output) is not None
    short = short or len(output.strip()) <= SHORT
    done = size < 100 and (not size or output.rstrip("\n .!\"'})")[-16:].lower().endswith(_DONE))
    if not done and size <= SHORT and call is not None and not flags & SHELL:
        done = not sample_of(output) & ~call.words  # it says what was asked for, as `BEGIN` does
    brief = done or (short and not barren and not flags & SHELL and _BRIEF.match(output) is not None)
    return Outcome(exact, masked, failing, signature, barren, short, size >= LONG, done, published, ends, brief)


def _by_digest(result: ToolResult, call: Pending | None) -> Outcome:
    """Of an output that is known by its digest alone: the same to the letter, or another."""
    digest, size = result.output_sha256 or "", result.output_bytes
    exact, failing = hashed(digest, _outside(result)), is_failure(result)
    empty = size == 0 or digest.lower() == NOTHING_SHA256
    signature = None
    if failing and not empty:
        same = hashed(digest)
        if size is None or size > SHORT:
            # It isn't known what it says: it may be one that passes.
            signature = Signature(same, same, f"an output with the digest {digest[:16]}", True)
    short = empty or (size is not None and size <= SHORT) or (call is not None and call.flags & CHANGES != 0)
    return Outcome(exact, 0, failing, signature, False, short, False, empty and not failing, True, brief=empty)


EMPTY = Outcome(1, 0, False, None, False, True, False, True, True, brief=True)
NOT_PUBLISHED = Outcome(UNKNOWN, 0, False, None, False, True, False, False, False)


def _outside(result: ToolResult) -> int:
    """What is known of a result beside its text. The length counts where the text was cut: a log that grows."""
    output, whole = result.output, result.output_bytes
    if not result.exit_code and (whole is None or output is None or whole <= len(output)):
        return 1 if result.status == "ok" or result.status is None else hashed(f"{result.status}  ")
    # A character takes up to four bytes: only then is it worth to count them.
    if output is None or whole is None or whole <= len(output):
        cut = False
    elif len(output) > 1 << 20:
        cut = True
    else:
        cut = output.isascii() or whole > len(output.encode("utf-8", "replace"))
    if not cut and not result.exit_code and (result.status == "ok" or result.status is None):
        return 1
    status = result.status if result.status != "ok" else ""
    return hashed(f"{status} {result.exit_code or ''} {whole if cut else ''}")
