"""What a worker counts, for Prometheus. Names and units follow its conventions; no id is ever a label.

Children of labelled metrics are bound before the first event, so a count costs about 0.5 µs and every series starts
at zero: Prometheus cannot see the first increase of a series that is born with it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from detectors.detector import Mode, Severity
from detectors.event import KINDS
from monitor.engine.canary import canary_alert, canary_command
from monitor.messages import Ack, AckStatus, Action, Alert, Command
from monitor.policy import Policy
from monitor.policy.catalogue import rules

Reload = Literal["taken", "refused"]

# Seconds. Fine around the aims: 25 and 100 ms from event to command, 400 ms to a proven stop.
_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1.0, 2.5, 10.0, 60.0)
_WORK = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """The metrics of one worker, in a registry of their own. Safe to call from any thread."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        # A second series for each counter, which process_start_time_seconds makes needless.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(registry=self.registry)
        self._consumed()
        self._judged()
        self._answered()
        self._worked()

    def _consumed(self) -> None:
        kinds = self._counter("killcord_events", "Events judged.", ["kind"])
        self._events = {struct.kind: kinds.labels(struct.kind) for struct in KINDS}
        self._unknown = self._counter("killcord_unknown_kinds", "Events of a kind that this version does not know.")
        self._undecodable = self._counter("killcord_undecodable", "Messages sent to the dead-letter topic.")
        self._duplicates = self._counter("killcord_duplicates", "Events dropped since they had been judged before.")
        self._lag = self._gauge("killcord_lag_events", "Messages of an assigned partition not yet read.", ["partition"])
        self._behind = self._gauge(
            "killcord_lag_seconds", "Age of the event being judged in a partition; 0: none waits.", ["partition"]
        )
        self._age = self._gauge("killcord_event_age_seconds", "Age by the broker's stamp of the event last judged.")
        self._assigned = self._gauge("killcord_assigned_partitions", "Partitions of the event topic this worker has.")
        self._lag_partitions: set[int] = set()

    def _judged(self) -> None:
        self._findings = self._counter("killcord_findings", "What detectors found, before the policy.", ["rule"])
        self._alerts = self._counter(
            "killcord_alerts", "Alerts opened; later revisions are not counted.", ["rule", "severity", "mode"]
        )
        self._let_go_on = self._counter(
            "killcord_let_go_on", "Pauses that a person ended: what people think of a rule.", ["rule"]
        )
        self._runs = self._gauge("killcord_runs", "Runs whose state this worker holds.")
        self._policy = Info("killcord_policy", "The policy in force.", registry=self.registry)
        reloads = self._counter("killcord_policy_reloads", "Changed policy files, by what became of them.", ["outcome"])
        self._reloads = {outcome: reloads.labels(outcome) for outcome in get_args(Reload)}
        self._policy_refused = self._gauge(
            "killcord_policy_refused", "1 while the policy file is invalid and an older policy is in force."
        )

    def _answered(self) -> None:
        commands = self._counter("killcord_commands", "Commands issued by this worker.", ["action"])
        self._commands = {action: commands.labels(action) for action in get_args(Action)}
        acks = self._counter("killcord_acks", "Acknowledgements of kill-switches.", ["status"])
        self._acks = {status: acks.labels(status) for status in get_args(AckStatus)}
        self._pending = self._gauge("killcord_commands_pending", "Kills and pauses not yet acknowledged as done.")
        self._escalations = self._counter("killcord_escalations", "Commands that a watching kill-switch did not obey.")
        self._governed = self._counter("killcord_governed", "Kills that the governor turned into pauses.")
        self._to_command = self._histogram(
            "killcord_event_to_command_seconds",
            "From the broker's stamp of an event to its command in Kafka.",
            _LATENCY,
        )
        self._to_stop = self._histogram(
            "killcord_command_to_stop_seconds", "From a command to the acknowledgement that it is done.", _LATENCY
        )

    def _worked(self) -> None:
        self._ready = self._gauge("killcord_ready", "1 while events are being judged, as /readyz says.")
        self._process = self._histogram("killcord_process_seconds", "Decoding and judging one fetched batch.", _WORK)
        self._checkpoint = self._histogram("killcord_checkpoint_seconds", "One checkpoint, acknowledged.", _WORK)
        self._fenced = self._counter(
            "killcord_fenced", "Partitions whose states another worker had taken over, found at a checkpoint."
        )
        self._corrupt = self._counter("killcord_corrupt_states", "States set aside since they could not be read.")
        self._recovery = self._gauge("killcord_recovery_seconds", "Of the last recovery of states, by this worker.")
        build = Info("killcord_build", "The version that runs.", registry=self.registry)
        build.info({"version": version("killcord"), "python": platform.python_version()})

    # What is consumed.

    def event(self, kind: str, n: int = 1) -> None:
        """``n`` events of one kind were judged. A kind that is none counts as unknown."""
        counter = self._events.get(kind)
        (self._unknown if counter is None else counter).inc(n)

    def events(self, counts: Mapping[str, int]) -> None:
        """The same for a whole batch."""
        for kind, n in counts.items():
            self.event(kind, n)

    def unknown_kinds(self, n: int = 1) -> None:
        self._unknown.inc(n)

    def undecodable(self, n: int = 1) -> None:
        self._undecodable.inc(n)

    def duplicates(self, n: int = 1) -> None:
        self._duplicates.inc(n)

    def lag(self, partition: int, events: int) -> None:
        """``events`` of an assigned partition wait to be read. For partitions that were taken away: nothing."""
        if partition in self._lag_partitions:
            self._lag.labels(partition).set(events)

    def behind(self, partition: int, seconds: float) -> None:
        """The event being judged is so old. For partitions that were taken away: nothing."""
        if partition in self._lag_partitions:
            self._behind.labels(partition).set(seconds)

    def event_age(self, seconds: float) -> None:
        self._age.set(max(0.0, seconds))

    def assigned(self, partitions: Iterable[int]) -> None:
        """These partitions of the event topic are this worker's now. Series of all others end."""
        now = set(partitions)
        for partition in self._lag_partitions - now:
            self._lag.remove(partition)
            self._behind.remove(partition)
        for partition in now - self._lag_partitions:
            self._lag.labels(partition).set(0)
            self._behind.labels(partition).set(0)
        self._lag_partitions = now
        self._assigned.set(len(now))

    # What is judged.

    def finding(self, rule: str, n: int = 1) -> None:
        self._findings.labels(rule).inc(n)

    def alert(self, alert: Alert) -> None:
        """An alert was published. Counts once, however often it is revised; one about a canary does not. Only a resume
        resolves the alert of a pause."""
        if alert.revision <= 1 and not canary_alert(alert):
            self._alerts.labels(alert.rule, alert.severity, alert.mode).inc()
        if alert.status == "resolved" and alert.mode == "pause" and not canary_alert(alert):
            self._let_go_on.labels(alert.rule).inc()

    def runs(self, n: int) -> None:
        self._runs.set(n)

    def in_force(self, policy: Policy) -> None:
        """This policy is in force now; its rules' series start at zero, as they answer outside any narrower scope."""
        declared = rules()
        answers: list[tuple[str, Severity, Mode]] = []
        for entry in policy.effective()["rules"]:
            rule = entry["id"]
            mode, severity = entry.get("mode") or declared[rule].mode, entry.get("severity") or declared[rule].severity
            if mode != "off":
                # What a finding is capped to, and what the governor makes of a kill.
                modes = {mode, "alert", *(("pause",) if mode == "kill" else ())}
                answers += [(rule, severity, each) for each in sorted(modes)]
        self.policy(policy.digest, answers)

    def policy(self, digest: str, answers: Iterable[tuple[str, Severity, Mode]] = ()) -> None:
        """The same by digest. ``answers``: rules with a severity and a mode that their alerts may have."""
        self._policy.info({"digest": digest})
        for rule, severity, mode in answers:
            self._findings.labels(rule)
            self._alerts.labels(rule, severity, mode)
            if mode == "pause":
                self._let_go_on.labels(rule)

    def policy_reload(self, outcome: Reload) -> None:
        self._reloads[outcome].inc()
        self._policy_refused.set(outcome == "refused")

    # What is answered.

    def command(self, command: Command, seconds: float | None = None) -> None:
        """A command was acknowledged by Kafka, ``seconds`` after the broker's stamp of its event (None: no event).
        One about a canary does not count."""
        if canary_command(command):
            return
        self._commands[command.action].inc()
        if seconds is not None:
            self._to_command.observe(max(0.0, seconds))

    def ack(self, ack: Ack, seconds: float | None = None) -> None:
        """A kill-switch acknowledged. ``seconds`` since the command's ``issued_at``: only for one that is done."""
        self._acks[ack.status].inc()
        if seconds is not None and ack.status in ("stopped", "paused"):
            self._to_stop.observe(max(0.0, seconds))

    def pending(self, n: int) -> None:
        """Kills and pauses that wait for their acknowledgement."""
        self._pending.set(n)

    def escalated(self) -> None:
        self._escalations.inc()

    def governed(self) -> None:
        self._governed.inc()

    # What it costs.

    def ready_when(self, ready: Callable[[], str | None]) -> None:
        """``ready`` is asked at each scrape; None: ready."""
        self._ready.set_function(lambda: float(ready() is None))

    def batch(self, seconds: float) -> None:
        """One fetched batch was decoded and judged: once a batch, since once an event would cost more than decoding."""
        self._process.observe(seconds)

    def corrupt_state(self) -> None:
        self._corrupt.inc()

    def recovered(self, seconds: float) -> None:
        """The states of newly assigned partitions are here."""
        self._recovery.set(seconds)

    def fenced(self) -> None:
        """A checkpoint found that a partition was another worker's."""
        self._fenced.inc()

    def checkpoint(self, seconds: float) -> None:
        self._checkpoint.observe(seconds)

    def _counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(name, text, tuple(labels), registry=self.registry)

    def _gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(name, text, tuple(labels), registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, buckets=buckets, registry=self.registry)
