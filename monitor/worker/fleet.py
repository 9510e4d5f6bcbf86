"""The second stage in the worker: rollups in, a deployment's state changed, alerts out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice

import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from detectors.fleet import FleetState
from detectors.rollup import Rollup
from monitor.engine.fleet import FleetEngine
from monitor.messages import JournalEntry, OperatorDecision
from monitor.policy import Policy
from monitor.topics import Names
from monitor.worker.judge import Fetched, date
from monitor.worker.ledger import Ledger
from monitor.worker.outbox import Outbox

log = structlog.get_logger("killcord.fleet")

_rollups = msgspec.json.Decoder(Rollup)


class FleetJudge:
    """What `Judge` is for runs, for what is wider. ``bury``: takes what is no rollup, and why; ``failed``: what no code
    foresaw."""

    def __init__(
        self,
        policy: Policy,
        fleet: Ledger[FleetState],
        outbox: Outbox,
        names: Names,
        bury: Callable[[Fetched, str], None],
        failed: Callable[[Fetched, Exception], None],
    ) -> None:
        self._fleet = fleet
        self._outbox = outbox
        self._bury = bury
        self._failed = failed
        self._names = names
        self._journaled: dict[int, str] = {}  # partition of the rollups: digest of the policy that its journal knows
        self.use(policy)

    def use(self, policy: Policy) -> None:
        self.engine = FleetEngine(policy, events_topic=self._names.events, on_error=self._detector_failed)

    def batch(self, records: Sequence[ConsumerRecord], begin: int, until: float) -> int:
        """Records of one partition of the rollups from index ``begin`` on, until the monotonic clock passes ``until``
        or a command is to leave. Returns the index of the first that was not taken in."""
        end = begin
        for record in islice(records, begin, None):
            end += 1
            try:
                self.rollup(record)
            except Exception as error:
                self._failed(record, error)
            if self._outbox.urgent or time.monotonic() > until:
                break
        return end

    def rollup(self, message: Fetched) -> None:
        try:
            rollup = _rollups.decode(message.value or b"")
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self._bury(message, str(error) or type(error).__name__)
            return
        self._journal_policy(message.partition, message.offset - 1)
        state = self._fleet.get(message.partition, rollup.key)
        out = self.engine.process(state, rollup)
        state.offset = message.offset
        self._fleet.put(message.partition, rollup.key, state)
        now = time.time()
        for command in out.commands:
            date(command, now)
        self._outbox.publish(out)

    def decision(self, partition: int, decision: OperatorDecision) -> None:
        """A pinned or unpinned baseline. Wide kills and pauses go to the kill-switches directly."""
        if decision.decision not in ("pin", "unpin"):
            return
        state = self._fleet.get(partition, decision.key)
        self.engine.decide(state, decision)
        self._fleet.put(partition, decision.key, state)
        digest = self.engine.policy.digest
        self._outbox.journal(
            JournalEntry(
                kind="operator",
                partition=partition,
                offset=state.offset,
                run_id=None,
                digest=digest,
                operator=decision,
                topic="rollups",
            )
        )

    def gave_up(self, partitions: set[int], void: bool = False) -> None:
        self._fleet.forget(partitions, void)
        for partition in partitions:
            self._journaled.pop(partition, None)

    def _journal_policy(self, partition: int, offset: int) -> None:
        """Which policy judges this partition of the rollups from the one after ``offset`` on."""
        policy = self.engine.policy
        if self._journaled.get(partition) == policy.digest:
            return
        self._journaled[partition] = policy.digest
        self._outbox.journal(
            JournalEntry(
                kind="policy",
                partition=partition,
                offset=offset,
                run_id=None,
                digest=policy.digest,
                policy=policy.effective(),
                topic="rollups",
            )
        )

    def _detector_failed(self, name: str, error: Exception) -> None:
        log.error("detector failed", detector=name, exc_info=error)
