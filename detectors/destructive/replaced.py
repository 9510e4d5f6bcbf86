"""What a script takes away and puts back at the same place is not lost: ``rm /bin/sh; ln -s bash /bin/sh``.

A service that it stops and starts again is restarted.
"""

from __future__ import annotations

from detectors.destructive.effects import Effect
from detectors.destructive.provenance import MOVED

# Leads the key of what comes to lie at a place; unlike a key without, it makes nothing there the run's own.
PUT = "put:"
_KEPT = frozenset({"root", "core", "wide", "device", "workspace root", "repository", "workspace"})
_EMPTY = "files.create"  # a new folder holds nothing of what the old one held


def without_replaced(effects: list[Effect]) -> list[Effect]:
    """The effects without deletions of a file or folder where the same script puts another later."""
    last = {
        key.removeprefix(PUT): at
        for at, effect in enumerate(effects)
        if effect.action == "create" and effect.thing in ("files", "service") and effect.entry != _EMPTY
        for key in (effect.keys[:1] if effect.entry == MOVED else effect.keys)
    }
    if not last:
        return effects
    return [effect for at, effect in enumerate(effects) if not _is_replaced(effect, at, last)]


def _is_replaced(effect: Effect, at: int, last: dict[str, int]) -> bool:
    if effect.action == "stop" and effect.thing == "service":
        return bool(effect.keys) and all(last.get(key, -1) > at for key in effect.keys)
    if effect.action != "delete" or effect.thing != "files" or effect.place in _KEPT or effect.certainty == "possible":
        return False
    return bool(effect.keys) and all(last.get(key, -1) > at for key in effect.keys)
