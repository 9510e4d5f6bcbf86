"""What a kill-switch does with a command: the state machine, without Kafka, clock or callback.

| the run is | kill              | pause            | resume                          | notice   |
| ---------- | ----------------- | ---------------- | ------------------------------- | -------- |
| running    | obey, `stopped`   | obey, `paused`   | `resumed` already               | tell it  |
| paused     | obey, `stopped`   | `paused` already | obey once no pause is left      | tell it  |
| killed     | `stopped` already | `refused`        | `refused`: a kill is final      | `refused`|
| ended      | `ended`           | `ended`          | `ended`                         | `ended`  |

Before that: a command for others is ignored; one that was seen is answered as before, and obeyed again only if it had
failed; one whose epoch is lower than the highest of its target is refused; so is one that has expired, except the kill
of a run, which never does. Each pause is lifted by a resume of its own target, by the tombstone of its standing order,
or by its expiry; the run goes on when none is left. What a standing order says again is not answered twice.

A lease that runs out holds the run as a pause does, or kills it; a heartbeat lets go, and so does an operator's resume,
who knows that there is no monitor.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal, TypeAlias

from msgspec import Struct

from monitor.messages import AckStatus, Action, Command

Source: TypeAlias = Literal["control", "standing"]
LEASE = "lease"  # the id of what a run orders itself, and where such a pause is held
REMEMBERED = 4096  # commands whose answer is kept for a repeat


class Identity(Struct, frozen=True, kw_only=True):
    """Which commands are for this run."""

    run_id: str
    agent_name: str | None = None
    team: str | None = None
    environment: str | None = None

    def covers(self, command: Command) -> bool:
        match command.scope:
            case "all":
                return True
            case "run":
                return command.target == self.run_id
            case "agent_name" | "team" | "environment":
                return bool(command.target == getattr(self, command.scope))
        return False


class Answer(Struct, frozen=True):
    """What to acknowledge."""

    status: AckStatus
    detail: str = ""


class Step(Struct, frozen=True):
    """What to do (nothing: None), and what to acknowledge at once."""

    effect: Action | None = None
    answer: Answer | None = None


IGNORE = Step()
RECEIVED = Answer("received")


class _Seen(Struct):
    sources: set[Source]
    answer: Answer


class Obedience:
    """One run's. Not for several threads."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.killed: Command | None = None
        self.ended = False
        self._failed = False
        self._epochs: dict[str, int] = {}
        self._pauses: dict[str, tuple[Command, float | None]] = {}
        self._lifted: dict[str, Command] = {}
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    @property
    def paused_by(self) -> Command | None:
        """The first pause in force."""
        return next((command for command, _ in self._pauses.values()), None)

    def receive(self, command: Command, source: Source, now: float, deadline: float | None) -> Step:
        """``now`` and ``deadline`` (None: never) are Unix seconds by one clock, the broker's."""
        if not self.identity.covers(command):
            return IGNORE
        if (seen := self._seen.get(command.id)) is not None:
            return self._again(command, seen, source)
        step = self._decide(command, now, deadline)
        if step.answer is not None:
            self._remember(command, source, step.answer)
            # Every start reads the standing orders: one that is of no use any more is no news to anybody.
            if source == "standing" and step.answer.status == "refused":
                return IGNORE
        return step

    def finished(self, command: Command, detail: str, failed: bool = False) -> Answer:
        """The callback of an effect returned (or raised: ``failed``): what to acknowledge."""
        if failed:
            answer = Answer("failed", detail)
            self._failed |= command.action == "kill"
        elif command.action == "kill":
            self._failed = False
            answer = Answer("stopped", detail)
        elif self.killed is not None:
            answer = Answer("refused", f"overtaken by kill {self.killed.id}")
        else:
            answer = Answer("paused" if command.action == "pause" else "resumed", detail)
        if (seen := self._seen.get(command.id)) is not None:
            seen.answer = answer
        return answer

    def answer_to(self, command: Command) -> Answer | None:
        """The last answer to a command, unless it was never seen or is forgotten."""
        seen = self._seen.get(command.id)
        return None if seen is None else seen.answer

    def lifted(self, standing_key: str) -> Step:
        """A tombstone: the standing order of this target is no more."""
        held = self._pauses.pop(standing_key, None)
        if held is not None:
            self._lifted[standing_key] = held[0]
        if held is None or self._pauses or self.killed is not None or self.ended:
            return IGNORE
        return Step("resume")

    def expire(self, now: float) -> tuple[Command, Step] | None:
        """The first pause whose time is over, and what follows."""
        for key, (command, deadline) in self._pauses.items():
            if deadline is not None and deadline <= now:
                return command, self.lifted(key)
        return None

    def hold(self, order: Command) -> Step:
        """The lease ran out: ``order`` is the run's own, a pause or a kill."""
        if self.killed is not None or self.ended:
            return IGNORE
        if order.action == "kill":
            return Step(self._kill(order).effect)
        held = self.paused_by is not None
        self._pauses[LEASE] = (order, None)
        return IGNORE if held else Step("pause")

    def release(self) -> Step:
        """The lease is renewed."""
        held = self._pauses.pop(LEASE, None)
        return IGNORE if held is None or self._pauses or self.ended else Step("resume")

    def end(self) -> None:
        """The run is over: commands are answered, not obeyed."""
        self.ended = True

    def _again(self, command: Command, seen: _Seen, source: Source) -> Step:
        if seen.answer.status == "failed" and not self.ended and command.action == "kill":
            seen.sources.add(source)
            seen.answer = RECEIVED
            return self._kill(command)
        if source not in seen.sources:  # the other copy of the same command
            seen.sources.add(source)
            return IGNORE
        return IGNORE if source == "standing" else Step(None, Answer("ended") if self.ended else seen.answer)

    def _decide(self, command: Command, now: float, deadline: float | None) -> Step:
        if self.ended:
            return Step(None, Answer("ended", "the run had ended"))
        key = command.standing_key
        highest = self._epochs.get(key, command.epoch)
        if command.epoch < highest:
            return _refuse(f"stale: epoch {command.epoch} is lower than {highest}, which {key} has had")
        self._epochs[key] = command.epoch
        if self.killed is not None:
            return self._after_kill(command)
        final = command.action == "kill" and command.scope == "run"
        if deadline is not None and deadline <= now and not final:
            return _refuse(f"expired {now - deadline:.0f} s ago")
        match command.action:
            case "kill":
                return self._kill(command)
            case "pause":
                return self._pause(command, key, deadline)
            case "resume":
                return self._resume(key)
            case "notice":
                return Step("notice", RECEIVED)

    def _kill(self, command: Command) -> Step:
        self.killed, self._failed = command, False
        self._pauses.clear()
        return Step("kill", RECEIVED)

    def _after_kill(self, command: Command) -> Step:
        assert self.killed is not None
        by = f"killed by command {self.killed.id}"
        if command.action != "kill":
            return _refuse(f"{by}, and a kill is final" if command.action == "resume" else by)
        if self._failed:
            return self._kill(command)
        first = self._seen.get(self.killed.id)
        status = first.answer.status if first is not None else "received"
        return Step(None, Answer(status, f"already {by}"))

    def _pause(self, command: Command, key: str, deadline: float | None) -> Step:
        by = self.paused_by
        self._pauses[key] = (command, deadline)
        self._lifted.pop(key, None)
        if by is not None:
            return Step(None, Answer("paused", f"already paused by command {by.id}"))
        return Step("pause", RECEIVED)

    def _resume(self, key: str) -> Step:
        held, lifted = self._pauses.pop(key, None), self._lifted.pop(key, None)
        held = self._pauses.pop(LEASE, None) or held
        if (by := self.paused_by) is not None:
            return Step(None, Answer("paused", f"still paused by command {by.id} for {by.standing_key}: resume that"))
        if held is not None:
            return Step("resume", RECEIVED)
        # The tombstone of a pause's standing order is on another topic than its resume, and may come first.
        was = "was not paused" if lifted is None else f"pause {lifted.id} was already lifted"
        return Step(None, Answer("resumed", was))

    def _remember(self, command: Command, source: Source, answer: Answer) -> None:
        self._seen[command.id] = _Seen({source}, answer)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def _refuse(why: str) -> Step:
    return Step(None, Answer("refused", why))
