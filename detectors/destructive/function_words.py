"""What the names and arguments of functions tell: what is meant, what a condition leaves out, who is written to."""

from __future__ import annotations

import re
from typing import Any

_EVERYONE = re.compile(
    r"@(?:everyone|channel|here|all)\b|^(?:all|everyone|everybody)$"
    r"|\b(?:all|every)[-_. ]?(?:staff|hands|users|customers|employees|members|subscribers|company|team)\b"
    r"|^(?:all|everyone|staff|company|employees|customers)@",
    re.IGNORECASE,
)
_CALLED = re.compile(r"(?:^|\s)<?[@!](?:everyone|channel|here)\b")
_BESIDE = frozenset({"from", "in", "by", "for", "with", "of", "to", "on", "at", "into", "via", "using", "and", "or"})
_LATER = frozenset({"permanently", "forever", "all", "force", "now", "batch", "bulk", "id", "ids", "data", "contents",
                    "content", "cascade", "everything", "async", "v1", "v2", "object", "resource"})  # fmt: skip

_RAISING = frozenset({"grant", "promote", "elevate", "make"})
_ASSIGNING = frozenset({"assign", "add", "set", "give", "update", "change", "invite"})
_RULERS = frozenset({"admin", "owner", "superuser", "root", "administrator", "sudo", "superadmin"})
_ROLES = frozenset({"role", "roles", "permission", "permissions", "access", "access_level", "level", "privilege"})
_COUNTS = ("replicas", "count", "desired", "desired_count", "min", "instances", "nodes")
_APART = re.compile(r"[^a-z]+")


def makes_ruler(words: tuple[str, ...], arguments: dict[str, Any]) -> bool:
    """Whether someone is given all rights, as the name or the role among the arguments tells."""
    if not words or (words[0] not in _RAISING and words[0] not in _ASSIGNING):
        return False
    if words[0] in _RAISING and not _RULERS.isdisjoint(words[1:]):
        return True
    given = (value for name, value in arguments.items() if name in _ROLES)
    return any(isinstance(value, str) and _APART.split(value[:100].lower())[-1] in _RULERS for value in given)


def scaled_to_nothing(words: tuple[str, ...], arguments: dict[str, Any]) -> bool:
    """Whether what serves is left without anything to serve with: ``scale_deployment(name=, replicas=0)``."""
    return "scale" in words[:2] and any(str(arguments[name]) == "0" for name in _COUNTS if name in arguments)


def head(after: tuple[str, ...]) -> str:
    """The word that says what it is done to: the last before a preposition."""
    last = ""
    for word in after:
        if word in _BESIDE:
            break
        if word not in _LATER or not last:
            last = word
    return last


def selects_all(value: Any, depth: int = 3) -> bool:
    """Whether a condition leaves nothing out: ``{}``, ``{"match_all": {}}``, ``1=1``."""
    if isinstance(value, str):
        text = "".join(value.lower().split())
        return text in ("", "{}", "1=1", "true", "*", "*:*", "all") or (text[:1] == "{" and '"match_all":{}' in text)
    if isinstance(value, dict):
        if len(value) == 1 and depth:
            name, inner = next(iter(value.items()))
            if name == "match_all":
                return True
            if name in ("query", "filter", "where", "_id", "id"):
                return (isinstance(inner, dict) and next(iter(inner), "") in ("$exists", "$ne")) or (
                    name not in ("_id", "id") and selects_all(inner, depth - 1)
                )
        return not value
    return value is True


def to_everyone(recipients: frozenset[str], arguments: dict[str, Any]) -> bool:
    """Whether a message goes to all, as whom it is for or its own text tells."""
    for name, value in arguments.items():
        if name in recipients:
            for one in value[:64] if isinstance(value, list) else [value]:
                if isinstance(one, str) and _EVERYONE.search(one[:200]):
                    return True
    texts = (arguments.get(name) for name in ("text", "message", "body", "content"))
    return any(isinstance(text, str) and _CALLED.search(text[:2000]) is not None for text in texts)


def of_a_drive(arguments: dict[str, Any]) -> bool:
    """Whether a file is named by what a store of files on the network calls it: ``delete_file(fileId=)``."""
    return "fileId" in arguments or "file_id" in arguments


def device(value: Any) -> bool:
    """Whether an argument is a disk's device."""
    return isinstance(value, str) and value.startswith("/dev/")
