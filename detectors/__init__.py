"""Pure: events in, findings out. No I/O, no Kafka, no wall clock, no randomness.

``DETECTORS`` is every detector of one run's events. A new one is one file, one line here, and one case table.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from detectors.detector import Detector

_DETECTORS = (
    "detectors.blindness:Blindness",
    "detectors.budget:Budget",
    "detectors.destructive:Destructive",
    "detectors.loops:Loops",
)

DETECTORS: tuple[type[Detector[Any]], ...]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # Loaded when asked for: an agent that only publishes events needs no parsers, and starts sooner without.
        if name != "DETECTORS":
            raise AttributeError(f"module 'detectors' has no attribute {name!r}")
        globals()[name] = tuple(resolve_name(detector) for detector in _DETECTORS)
        return globals()[name]
