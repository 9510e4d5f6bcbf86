"""What the engine remembers of one run: small, bounded, typed, and the same bytes on every worker."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from detectors import DETECTORS
from detectors.detector import Mode, Run
from detectors.rolling import Sums
from detectors.sequence import Sequences
from monitor.engine.lifecycle import Tracked

VERSION = 1
MOST_ALERTS = 64  # remembered per run, to revise instead of repeating; the oldest are forgotten
MOST_TRACKED = 8
MOST_DECISIONS = 32

DetectorStates: Any = msgspec.defstruct(
    "DetectorStates",
    [(detector.name, detector.State, field(default_factory=detector.State)) for detector in DETECTORS],
    kw_only=True,
    omit_defaults=True,
    module=__name__,
)


class KnownAlert(Struct, array_like=True):
    """An alert that was published for this run: enough to revise it."""

    id: str
    revision: int
    mode: Mode
    command_id: str | None = None


class RunState(Struct, kw_only=True, omit_defaults=True):
    """One run. ``offset`` is the last one applied: what is replayed up to it is not counted twice.

    epoch counts the commands of this run. watchers are kill-switches that registered. paused_by, killed_by: the
    command in force.
    """

    run: Run
    partition: int = -1
    offset: int = -1
    stamp: float = 0.0
    sequences: Sequences = field(default_factory=Sequences)
    sums: Sums = field(default_factory=Sums)
    detectors: DetectorStates = field(default_factory=DetectorStates)  # type: ignore[valid-type]
    alerts: dict[str, KnownAlert] = {}
    tracked: list[Tracked] = []
    epoch: int = 0
    watchers: list[str] = []
    ended: bool = False
    paused_by: str | None = None
    killed_by: str | None = None
    decisions: list[str] = []


class UnknownVersion(ValueError):
    """A run's state was written by a version of Killcord that this one can't read."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RunState)


def new(run_id: str) -> RunState:
    return RunState(run=Run(run_id=run_id))


def encode(state: RunState) -> bytes:
    return bytes((VERSION,)) + _encoder.encode(state)


def decode(data: bytes) -> RunState:
    """The state in ``data``; raises `UnknownVersion`, or msgspec's DecodeError for bytes that are none."""
    if data[:1] != bytes((VERSION,)):
        raise UnknownVersion(f"run state of version {data[:1].hex() or 'none'}, this is version {VERSION}")
    return _decoder.decode(memoryview(data)[1:])
