"""What a worker's counters show, in Prometheus's own text format."""

import re
import timeit

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from detectors.event import KINDS
from monitor.messages import Ack, Alert, Command
from monitor.metrics import Metrics
from monitor.policy import Policy

# A count, a unit, or what is counted by a gauge.
NAME = re.compile(r"killcord_([a-z_]+_)?(total|seconds|info|events|runs|partitions|pending|refused|ready)$")
ALLOWED = {
    "kind", "partition", "rule", "severity", "mode", "action", "status", "outcome", "digest", "version", "python", "le",
}  # fmt: skip


@pytest.fixture
def metrics():
    return Metrics()


def samples(metrics):
    """Every sample as {(name, labels as a sorted tuple): value}, parsed from what /metrics would say."""
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics, name, **labels):
    return samples(metrics)[name, tuple(sorted(labels.items()))]


def alert(**changes):
    fields = dict.fromkeys(Alert.__struct_fields__)
    fields |= {"id": "a", "revision": 1, "rule": "destructive.wide", "severity": "critical", "mode": "kill"}
    return Alert(**fields | changes)


def command(action="kill"):
    return Command(**dict.fromkeys(Command.__struct_fields__) | {"id": "c", "action": action})


def ack(status):
    return Ack(**dict.fromkeys(Ack.__struct_fields__) | {"run_id": "r", "status": status})


STORIES = [  # what happens, metric, labels, value
    (lambda m: m.event("tool.call", 3), "killcord_events_total", {"kind": "tool.call"}, 3),
    (lambda m: m.events({"heartbeat": 2}), "killcord_events_total", {"kind": "heartbeat"}, 2),
    (lambda m: m.event("run-1234.made.up"), "killcord_unknown_kinds_total", {}, 1),
    (lambda m: m.unknown_kinds(2), "killcord_unknown_kinds_total", {}, 2),
    (lambda m: m.undecodable(), "killcord_undecodable_total", {}, 1),
    (lambda m: m.duplicates(4), "killcord_duplicates_total", {}, 4),
    (lambda m: m.finding("budget.run"), "killcord_findings_total", {"rule": "budget.run"}, 1),
    (lambda m: m.command(command(), 0.02), "killcord_commands_total", {"action": "kill"}, 1),
    (lambda m: m.command(command(), 0.02), "killcord_event_to_command_seconds_count", {}, 1),
    (lambda m: m.command(command("pause")), "killcord_event_to_command_seconds_count", {}, 0),
    (lambda m: m.command(command(), -1.0), "killcord_event_to_command_seconds_sum", {}, 0),
    (lambda m: m.ack(ack("stopped"), 0.1), "killcord_acks_total", {"status": "stopped"}, 1),
    (lambda m: m.ack(ack("stopped"), 0.1), "killcord_command_to_stop_seconds_sum", {}, 0.1),
    (lambda m: m.ack(ack("received"), 0.1), "killcord_command_to_stop_seconds_count", {}, 0),
    (lambda m: m.escalated(), "killcord_escalations_total", {}, 1),
    (lambda m: m.governed(), "killcord_governed_total", {}, 1),
    (lambda m: m.pending(2), "killcord_commands_pending", {}, 2),
    (lambda m: m.batch(0.01), "killcord_process_seconds_count", {}, 1),
    (lambda m: m.checkpoint(0.01), "killcord_checkpoint_seconds_count", {}, 1),
    (lambda m: m.event_age(1.5), "killcord_event_age_seconds", {}, 1.5),
    (lambda m: m.runs(7), "killcord_runs", {}, 7),
    (lambda m: m.policy_reload("refused"), "killcord_policy_reloads_total", {"outcome": "refused"}, 1),
    (lambda m: m.policy_reload("refused"), "killcord_policy_refused", {}, 1),
]


@pytest.mark.parametrize(("happens", "name", "labels", "expected"), STORIES)
def test_what_happens_is_counted(metrics, happens, name, labels, expected):
    happens(metrics)
    assert value(metrics, name, **labels) == expected


def test_an_alert_counts_once_however_often_it_is_revised(metrics):
    for revision in (1, 2, 3):
        metrics.alert(alert(revision=revision))
    labels = {"rule": "destructive.wide", "severity": "critical", "mode": "kill"}
    assert value(metrics, "killcord_alerts_total", **labels) == 1


def test_a_policy_that_is_taken_after_a_refusal_clears_the_alarm(metrics):
    metrics.policy_reload("refused")
    metrics.policy_reload("taken")
    assert value(metrics, "killcord_policy_refused") == 0


def test_one_policy_is_in_force(metrics):
    metrics.policy("digest-1")
    metrics.policy("digest-2")
    found = [key for key in samples(metrics) if key[0] == "killcord_policy_info"]
    assert found == [("killcord_policy_info", (("digest", "digest-2"),))]


def test_series_are_there_before_anything_happened(metrics):
    off = Policy.read(b"rules: [{id: loops.cycle, mode: off}]", "test.yaml")
    metrics.in_force(off)
    found = samples(metrics)
    for struct in KINDS:
        assert found["killcord_events_total", (("kind", struct.kind),)] == 0
    modes = {dict(labels)["mode"] for name, labels in found if name == "killcord_alerts_total" and
             dict(labels)["rule"] == "budget.run"}  # fmt: skip
    assert modes == {"kill", "pause", "alert"}
    assert value(metrics, "killcord_policy_info", digest=off.digest) == 1
    ruled = {dict(labels)["rule"] for name, labels in found if name == "killcord_findings_total"}
    assert "loops.cycle" not in ruled
    assert "budget.run" in ruled


def test_a_partition_taken_away_has_no_lag_any_more(metrics):
    metrics.assigned([0, 1])
    metrics.lag(0, 5)
    metrics.assigned([1, 2])
    metrics.lag(0, 9)  # a late figure of the partition that is gone
    found = {key[1]: lag for key, lag in samples(metrics).items() if key[0] == "killcord_lag_events"}
    assert found == {(("partition", "1"),): 0, (("partition", "2"),): 0}
    assert value(metrics, "killcord_assigned_partitions") == 2


def test_names_have_units_and_no_label_holds_an_id(metrics):
    metrics.assigned([0])
    metrics.policy("d", [("budget.run", "warning", "kill")])
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        if not family.name.startswith("killcord_") or family.name.endswith("_created"):
            continue
        exported = {sample.name for sample in family.samples}
        assert all(NAME.match(re.sub(r"_(bucket|sum|count)$", "", name)) for name in exported), exported
        assert {label for sample in family.samples for label in sample.labels} <= ALLOWED


def test_the_process_and_the_build_are_shown(metrics):
    names = {name for name, _ in samples(metrics)}
    assert {"process_resident_memory_bytes", "process_start_time_seconds", "killcord_build_info"} <= names


def test_two_workers_in_one_process_do_not_meet():
    one, two = Metrics(), Metrics()
    one.escalated()
    assert value(two, "killcord_escalations_total") == 0


def test_a_batch_of_counts_is_cheap(metrics):
    """A bound child each: not the label look-up, which alone would take as long. Printed, and bounded loosely."""
    seconds = min(timeit.repeat(lambda: metrics.event("tool.call", 100), number=1_000, repeat=5)) / 1_000
    print(f"one count: {seconds * 1e6:.2f} µs")
    assert seconds < 100e-6
