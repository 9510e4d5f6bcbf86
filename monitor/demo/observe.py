"""What the demo sees of each run: read off the topics, as any consumer could."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import Struct

from monitor.client.reader import consumer, partitions_of
from monitor.demo.fleet import Cast
from monitor.messages import Ack, Alert, Command
from monitor.settings import Settings
from monitor.topics import Names


class Seen(Struct):
    """One run's alerts (highest revision by id), commands by id, and acknowledgements.

    caught: the alert, as it first led to the expected command, or for a deployment says that it drifts.
    """

    cast: Cast
    alerts: dict[str, Alert] = {}
    commands: dict[str, Command] = {}
    acks: list[Ack] = []
    caught: Alert | None = None
    exit_status: int | None = None
    resumed: bool = False

    def alert(self, alert: Alert) -> None:
        known = self.alerts.get(alert.id)
        if known is None or alert.revision > known.revision:
            self.alerts[alert.id] = alert
        if alert.rule in self.cast.rules and (self.cast.action is None or alert.mode == self.cast.action):
            self.caught = self.caught or alert

    @property
    def command(self) -> Command | None:
        caught = self.caught
        return None if caught is None else self.commands.get(caught.command_id or "")

    @property
    def proof(self) -> Ack | None:
        """The first acknowledgement that proves the command."""
        return next(iter(self._proofs()), None)

    @property
    def actions_after(self) -> int | None:
        """Tool calls that got through; a guard says so a moment after its proof."""
        return next((ack.actions_after for ack in self._proofs() if ack.actions_after is not None), None)

    def _proofs(self) -> list[Ack]:
        command = self.command
        if command is None:
            return []
        return [ack for ack in self.acks if ack.command_id == command.id and ack.status == self.cast.proof]

    @property
    def escalated(self) -> bool:
        return any(alert.operational for alert in self.alerts.values())

    @property
    def seconds(self) -> float | None:
        """From the event to the proven stop."""
        caught, proof = self.caught, self.proof
        return None if caught is None or proof is None else max(0.0, proof.time - caught.time)

    def missing(self) -> str | None:
        """What has not been seen yet of what must be, or None."""
        cast = self.cast
        if not cast.rules:
            if self.commands or self.alerts:
                what = ", ".join(alert.rule for alert in self.alerts.values())
                return f"it must be left alone, and was not: {what}"
            return None if self.exit_status == 0 else "has not finished"
        if self.caught is None:
            return f"not caught by {' or '.join(sorted(cast.rules))}"
        if cast.action is not None and self.command is None:
            return f"no {cast.action}"
        if cast.proof is not None and self.proof is None:
            return f"no proof: {cast.proof}"
        if cast.proof == "stopped" and self.actions_after is None:
            return "not said what got through"
        if cast.escalated and not self.escalated:
            return "not escalated"
        if cast.resumed and not (self.resumed and any(ack.status == "resumed" for ack in self.acks)):
            return "not resumed"
        if (cast.resumed or cast.action is None) and self.exit_status != 0:
            return "has not finished"
        return None


class Observer:
    """Tails alerts, control and acks from their beginning; ``changed`` is set at each message."""

    def __init__(self, settings: Settings, fleet: dict[str, Seen]) -> None:
        self._settings = settings
        self._names = Names.of(settings.topic_prefix)
        self._fleet = fleet
        self._deployments = {seen.cast.agent_name: seen for seen in fleet.values()}
        self.log: list[tuple[str, Alert | Command | Ack]] = []
        self.changed = asyncio.Event()

    async def run(self) -> None:
        types = {self._names.alerts: Alert, self._names.control: Command, self._names.acks: Ack}
        async with consumer(self._settings) as reader:
            reader.assign(await partitions_of(reader, types))
            while True:
                for place, records in (await reader.getmany(timeout_ms=100)).items():
                    for record in records:
                        if record.value is not None:
                            self._saw(msgspec.json.decode(record.value, type=types[place.topic]))

    def _saw(self, message: Alert | Command | Ack) -> None:
        seen = self._fleet.get(message.run_id or "")
        if seen is None and isinstance(message, Alert) and message.run_id is None:
            seen = self._deployments.get(message.agent_name or "")
        if seen is None:
            return
        match message:
            case Alert():
                seen.alert(message)
            case Command():
                seen.commands[message.id] = message
            case Ack():
                seen.acks.append(message)
        self.log.append((seen.cast.run_id, message))
        self.changed.set()
