"""What the engine remembers of one run: small, bounded, typed, and the same bytes on every worker."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
from msgspec import Struct, field

from detectors import DETECTORS
from detectors.detector import Mode, Run
from detectors.rolling import Sums
from detectors.sequence import Sequences
from monitor.engine.lifecycle import Tracked
from monitor.engine.signs import Signs
from monitor.messages import Ack

VERSION = 1
MOST_ALERTS = 64  # remembered per run, to revise instead of repeating; the oldest are forgotten
MOST_TRACKED = 8
MOST_DECISIONS = 32
MOST_EARLY = 4

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
    command in force. early: acknowledgements of commands that are not known here yet. canary: the event that the
    watchdog announced as its test. signs: of life, for a run that publishes heartbeats; no verdict depends on them.
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
    early: list[Ack] = []
    canary: str = ""
    signs: Signs | None = None


class UnknownVersion(ValueError):
    """A run's state was written by a version of Killcord that this one can't read."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RunState)

# Before the state itself: what a sweep over all runs needs, readable without decoding.
_HEAD = struct.Struct(">BBI")  # version, flags, broker's stamp in whole seconds
_OPEN = 1  # a command waits for its acknowledgement
_KILLED = 2
_BEATS = 4  # publishes heartbeats, and is not over
_CANARY = 8
CANARY_TTL_S = 60.0
KILLED_TTL_FACTOR = 30  # a killed run is remembered this many times longer, since it must stay killed


class Head(Struct, frozen=True):
    """waiting: a command is under way. killed: by Killcord or an operator. stamp: of the last event, Unix seconds.
    beats: it publishes heartbeats and is not over. canary: the watchdog's own."""

    waiting: bool
    killed: bool
    stamp: int
    beats: bool = False
    canary: bool = False

    def evictable(self, now: float, ttl_s: float) -> bool:
        if self.canary:
            return now - self.stamp > CANARY_TTL_S
        return not self.waiting and now - self.stamp > ttl_s * (KILLED_TTL_FACTOR if self.killed else 1)


def new(run_id: str) -> RunState:
    return RunState(run=Run(run_id=run_id))


def waiting(state: RunState) -> bool:
    """Whether a command of this run still waits for its acknowledgement."""
    for tracked in state.tracked:
        if tracked.status == "issued" or tracked.status == "received":
            return True
    return False


def encode(state: RunState) -> bytes:
    flags = (_OPEN if waiting(state) else 0) | (_KILLED if state.killed_by is not None else 0)
    if state.signs is not None and not (state.run.finished or state.ended or state.killed_by):
        flags |= _BEATS
    if state.canary:
        flags |= _CANARY
    return _HEAD.pack(VERSION, flags, min(int(state.stamp), 2**32 - 1)) + _encoder.encode(state)


def head(data: bytes) -> Head:
    """Raises `UnknownVersion` as `decode` does."""
    if len(data) < _HEAD.size or data[0] != VERSION:
        raise UnknownVersion(f"run state of version {data[:1].hex() or 'none'}, this is version {VERSION}")
    _, flags, stamp = _HEAD.unpack_from(data)
    return Head(bool(flags & _OPEN), bool(flags & _KILLED), stamp, bool(flags & _BEATS), bool(flags & _CANARY))


def decode(data: bytes) -> RunState:
    """The state in ``data``; raises `UnknownVersion`, or msgspec's DecodeError, a ValueError, for other bytes."""
    head(data)
    return _decoder.decode(memoryview(data)[_HEAD.size :])


def expired(state: RunState, stamp: float | None, ttl_s: float) -> bool:
    """Whether the run was silent for longer than ``ttl_s`` by the broker's clock, and so starts anew."""
    if stamp is None or not state.stamp or waiting(state):
        return False
    return stamp - state.stamp > ttl_s * (KILLED_TTL_FACTOR if state.killed_by is not None else 1)
