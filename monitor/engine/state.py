"""What the engine remembers of one run: small, bounded, typed, and the same bytes on every worker."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Any

import msgspec
from msgspec import Struct, field

from detectors import DETECTORS
from detectors.detector import Mode, Run
from detectors.rolling import Sums
from detectors.sequence import Sequences
from monitor.engine.lifecycle import Tracked, packed, unpack
from monitor.engine.signs import Signs
from monitor.messages import Ack

VERSION = 2
MOST_ALERTS = 32  # remembered per run, to revise instead of repeating; the oldest are forgotten
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
    """An alert that was published for this run: enough to revise it. digest: its id, in half the bytes."""

    digest: bytes
    revision: int
    mode: Mode

    @property
    def id(self) -> str:
        return self.digest.hex()


class RunState(Struct, kw_only=True, omit_defaults=True):
    """One run. ``offset`` is the last one applied: what is replayed up to it is not counted twice.

    epoch counts the commands of this run. watchers are kill-switches that registered. paused_by, killed_by: the
    command in force. early: acknowledgements of commands that are not known here yet. canary: the event that the
    watchdog announced as its test. signs: of life, for a run that publishes heartbeats; no verdict depends on them.
    alerts: by what `remembered` makes of their rule and key.
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


class KnownAlert1(Struct, array_like=True):
    """As version 1 wrote it."""

    id: str
    revision: int
    mode: Mode
    command_id: str | None = None


class RunState1(RunState, kw_only=True, omit_defaults=True):
    """As version 1 wrote it: alerts by rule and key as they are."""

    alerts: dict[str, KnownAlert1] = {}  # type: ignore[assignment]


_decoder1 = msgspec.msgpack.Decoder(RunState1)
READABLE = (VERSION, 1)

# Before the state itself: what a sweep over all runs needs, readable without decoding.
_HEAD = struct.Struct(">BBI")  # version, flags, broker's stamp in whole seconds
_LAST = 2**32 - 1
_OPEN = 1  # a command waits for its acknowledgement
_KILLED = 2
_BEATS = 4  # publishes heartbeats, and is not over
_CANARY = 8
_DEFLATED = 16  # what follows, since it is long: most of that are names that an agent made up
MOST_PLAIN = 4096  # bytes; a healthy run's state takes a quarter of it
MOST_INFLATED = 1 << 20
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
    return any(tracked.status in ("issued", "received") for tracked in state.tracked)


def encode(state: RunState) -> bytes:
    """Takes about 6 µs for a healthy run; one that had to be deflated, 0.1 to 0.4 ms."""
    flags = _OPEN if state.tracked and waiting(state) else 0
    if state.killed_by is not None:
        flags |= _KILLED
    if state.signs is not None and not (state.run.finished or state.ended or state.killed_by):
        flags |= _BEATS
    if state.canary:
        flags |= _CANARY
    if state.tracked:
        state = msgspec.structs.replace(state, tracked=[packed(tracked, state.run) for tracked in state.tracked])
    body = _encoder.encode(state)
    if len(body) > MOST_PLAIN:
        flags |= _DEFLATED
        body = zlib.compress(body, 1)
    return _HEAD.pack(VERSION, flags, int(state.stamp) if state.stamp < _LAST else _LAST) + body


def head(data: bytes) -> Head:
    """Raises `UnknownVersion` as `decode` does."""
    if len(data) < _HEAD.size or data[0] not in READABLE:
        raise UnknownVersion(f"run state of version {data[:1].hex() or 'none'}, this is version {VERSION}")
    _, flags, stamp = _HEAD.unpack_from(data)
    return Head(bool(flags & _OPEN), bool(flags & _KILLED), stamp, bool(flags & _BEATS), bool(flags & _CANARY))


def decode(data: bytes) -> RunState:
    """The state in ``data``; raises `UnknownVersion`, or msgspec's DecodeError, a ValueError, for other bytes."""
    if len(data) < _HEAD.size or data[0] != VERSION:
        head(data)
        return _from_1(_decoder1.decode(memoryview(data)[_HEAD.size :]))
    body: Any = memoryview(data)[_HEAD.size :]
    state: RunState = _decoder.decode(_inflated(body) if data[1] & _DEFLATED else body)
    for tracked in state.tracked:
        unpack(tracked, state.run)
    return state


def _inflated(body: memoryview) -> bytes:
    """Raises ValueError for what was not deflated, or not by `encode`."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body, MOST_INFLATED)
    except zlib.error as error:
        raise ValueError(f"run state that does not inflate: {error}") from error
    if not inflater.eof:
        raise ValueError(f"run state that inflates to more than {MOST_INFLATED} bytes, or breaks off")
    return plain


def _from_1(old: RunState1) -> RunState:
    alerts = {
        remembered(name): KnownAlert(bytes.fromhex(known.id), known.revision, known.mode)
        for name, known in list(old.alerts.items())[-MOST_ALERTS:]
    }
    given = {name: getattr(old, name) for name in RunState.__struct_fields__}
    return RunState(**{**given, "alerts": alerts})


def remembered(reference: str) -> str:
    """What stands for ``rule|key`` in a run's state: keys that an agent made up do not make it grow."""
    return "#" + hashlib.blake2s(reference.encode("utf-8", "replace"), digest_size=8).hexdigest()


def expired(state: RunState, stamp: float | None, ttl_s: float) -> bool:
    """Whether the run was silent for longer than ``ttl_s`` by the broker's clock, and so starts anew."""
    if stamp is None or not state.stamp or stamp - state.stamp <= ttl_s or waiting(state):
        return False
    return stamp - state.stamp > ttl_s * (KILLED_TTL_FACTOR if state.killed_by is not None else 1)
