"""What a run made itself, and what it destroyed: bounded, by digest. A run's own things are its own to delete."""

from __future__ import annotations

import hashlib
import posixpath

from msgspec import Struct

from detectors.destructive.effects import Effect
from detectors.destructive.steps import Session

MAX_OWN = 48
MAX_DESTROYED = 8
MAX_PENDING = 4
MAX_SESSIONS = 2
MANY_REMOVED = 20  # files of the workspace, each of which is little

# What touches no file that git does not know.
ONLY_TRACKED = frozenset({
    "git.reset-hard", "git.checkout-force", "git.checkout-all", "git.checkout-file", "git.restore-file",
    "git.restore-worktree", "git.read-tree", "git.abort",
})  # fmt: skip
# Things whose destruction and new creation is a rebuild, whatever they are called each time.
REBUILT = frozenset({"environment", "cluster", "cloud", "database", "table", "repository"})


class Memory(Struct, kw_only=True, omit_defaults=True):
    """own: digests of what the run made, each proven by a result.

    pending: the same by call, until its result says whether it worked.
    destroyed: ``thing:target`` of what is gone, with the event that did it, newest last.
    sessions: by agent, what its shell still knows. removed: files of the workspace that went one by one.
    Some 100 bytes, 1.5 KiB with much of its own, and up to 5 KiB for a run that writes scripts which would do harm.
    """

    own: list[str] = []
    pending: dict[str, list[str]] = {}
    destroyed: list[tuple[str, str, str]] = []
    sessions: dict[str, Session] = {}
    removed: int = 0


def digest(key: str) -> str:
    """Eight hexadecimal digits: two names of one run collide once in ten million."""
    return hashlib.blake2s(key.encode("utf-8", "replace"), digest_size=5).hexdigest()


def owns(own: list[str] | set[str], effect: Effect) -> bool:
    """Whether all that the effect takes away was made by the run, itself or a folder above it."""
    if (
        not own
        or not effect.keys
        or effect.place in ("root", "core", "wide", "device", "workspace root", "protected", "system")
    ):
        return False
    return all(any(digest(above) in own for above in _above(key)) for key in effect.keys)


def kept(own: set[str], effect: Effect) -> bool:
    """Whether all that the effect takes away was saved before: copied, packed, dumped or caught in a snapshot."""
    if not own or not effect.keys or effect.action not in ("delete", "overwrite", "change"):
        return False
    if effect.thing in ("files", "repository"):
        if effect.place in ("root", "core", "wide", "device", "unknown"):
            return False
        saved = ["saved:"]
        if effect.thing == "files" and effect.place in ("", "workspace", "elsewhere"):
            saved += ["committed:", "tracked:"] if effect.entry in ONLY_TRACKED else ["committed:"]
        return all(any(digest(kind + above) in own for above in _above(key) for kind in saved) for key in effect.keys)
    if all(digest("saved:" + key.partition(":")[2]) in own for key in effect.keys):
        return True
    words = effect.excerpt.replace("=", " ").split()[:40] if effect.thing in ("table", "rows", "schema") else ()
    return any(digest("saved:" + word) in own for word in words)


def _above(key: str) -> list[str]:
    if not key.startswith("files:"):
        return [key]
    path = key[6:]
    found = [key]
    while len(found) < 24 and path not in ("/", ""):
        path = posixpath.dirname(path)
        found.append("files:" + path)
    return found


def remember(own: list[str], keys: list[str]) -> None:
    for key in keys:
        if key in own:
            own.remove(key)
        own.append(key)
    del own[: max(0, len(own) - MAX_OWN)]


def rebuilt(destroyed: list[tuple[str, str, str]], effect: Effect) -> tuple[str, str, str] | None:
    """What this creation rebuilds: the latest destruction of the same thing, under the same name if both have one."""
    if effect.thing not in REBUILT:
        return None
    for thing, target, event in reversed(destroyed):
        if thing == effect.thing and (not target or not effect.target or target.lower() == effect.target.lower()):
            return thing, target, event
    return None
