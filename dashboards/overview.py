"""The first dashboard: is Killcord working, what do the agents do, what was found, were they stopped."""

from __future__ import annotations

from dashboards.panel import Dashboard, Panel, Query, Row

J = '{job=~"$job"}'


def _rate(metric: str, by: str = "") -> str:
    """Events a second over the scrape interval that Grafana knows."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{J}[$__rate_interval]))"


def _increase(metric: str) -> str:
    """What was counted in the time that the dashboard shows."""
    return f"sum (increase({metric}{J}[$__range]))"


def _quantile(q: float, metric: str) -> str:
    return f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket{J}[$__rate_interval])))"


def _mean(metric: str) -> str:
    return f"sum (rate({metric}_sum{J}[$__rate_interval])) / sum (rate({metric}_count{J}[$__rate_interval]))"


def _latency(title: str, description: str, metric: str, width: int = 8) -> Panel:
    queries = (Query(_quantile(0.5, metric), "p50"), Query(_quantile(0.99, metric), "p99"))
    return Panel(title, description, queries, unit="s", width=width)


STATE = Row(
    "Is it working",
    (
        Panel(
            "Workers ready",
            "Workers that judge events. /readyz of one that does not says why.",
            (Query(f"sum (killcord_ready{J})"),),
            kind="stat", width=4, height=4, red_below=1,
        ),
        Panel(
            "Lag",
            "Messages not yet read, over all partitions. A kill cannot come sooner than its event is read.",
            (Query(f"sum (killcord_lag_events{J})"),),
            kind="stat", width=4, height=4, red_above=10_000,
        ),
        Panel(
            "Not acknowledged",
            "Kills and pauses whose kill-switch is watching and has not said that they are done.",
            (Query(f"sum (killcord_commands_pending{J})"),),
            kind="stat", width=4, height=4, red_above=1,
        ),
        Panel(
            "Escalated",
            "Commands that a watching kill-switch did not obey, in the time shown. Stop these runs by hand.",
            (Query(_increase("killcord_escalations_total")),),
            kind="stat", width=4, height=4, red_above=1,
        ),
        Panel(
            "Governed",
            "Kills that became pauses since there were too many, in the time shown.",
            (Query(_increase("killcord_governed_total")),),
            kind="stat", width=4, height=4, red_above=1,
        ),
        Panel(
            "Policy refused",
            "Workers whose policy file is invalid: the last good one stays in force. Their log says what is wrong.",
            (Query(f"sum (killcord_policy_refused{J})"),),
            kind="stat", width=4, height=4, red_above=1,
        ),
    ),
)  # fmt: skip

AGENTS = Row(
    "What agents do",
    (
        Panel(
            "Events",
            "Judged a second, by kind.",
            (Query(_rate("killcord_events_total", "kind"), "{{kind}}"),),
            unit="eps", stacked=True,
        ),
        Panel(
            "Lag by partition",
            "Messages not yet read. One partition alone: one busy run, or a worker that is stuck.",
            (Query(f"max by (partition) (killcord_lag_events{J})", "partition {{partition}}"),),
        ),
        Panel(
            "Runs",
            "Runs whose state a worker holds. One that is silent for run_ttl_s is forgotten.",
            (Query(f"sum by (instance) (killcord_runs{J})", "{{instance}}"),),
            stacked=True,
        ),
        Panel(
            "Not judged",
            "Messages a second that went to the dead-letter topic (`killcord deadletter list` says why), "
            "kinds that this version does not know, and repeats that were dropped.",
            (
                Query(_rate("killcord_undecodable_total"), "dead letters"),
                Query(_rate("killcord_unknown_kinds_total"), "unknown kinds"),
                Query(_rate("killcord_duplicates_total"), "repeats"),
            ),
            unit="eps",
        ),
        Panel(
            "Age of events when judged",
            "By the broker's stamp. What a kill is late by at least.",
            (Query(f"max by (instance) (killcord_event_age_seconds{J})", "{{instance}}"),),
            unit="s",
        ),
        Panel(
            "Partitions",
            "Of the event topic, by worker. The sum must be the topic's.",
            (Query(f"sum by (instance) (killcord_assigned_partitions{J})", "{{instance}}"),),
            stacked=True,
        ),
    ),
)  # fmt: skip

BLIND = Row(
    "Is it blind",
    (
        Panel(
            "Alarms of the watchdog",
            "1 while it is open. The watchdog's log and `killcord alerts` say what it saw.",
            (Query("max by (rule) (killcord_watchdog_alarm)", "{{rule}}"),),
            width=6,
        ),
        Panel(
            "Canary to kill",
            "The watchdog's own destructive run, end to end: what an agent and its kill-switch would have.",
            (
                Query("histogram_quantile(0.5, sum by (le) (rate(killcord_canary_seconds_bucket[5m])))", "p50"),
                Query("histogram_quantile(0.99, sum by (le) (rate(killcord_canary_seconds_bucket[5m])))", "p99"),
            ),
            unit="s", width=6,
        ),
        Panel(
            "Canaries",
            "In the time shown: killed, and missed. Each missed one is a kill that an agent would not have got.",
            (Query("sum by (outcome) (increase(killcord_canaries_total[$__range]))"),),
            kind="table", width=6,
        ),
        Panel(
            "Heartbeats",
            "Since the latest of any worker, as the watchdog hears them: three that are missing are its alarm.",
            (
                Query("max (killcord_heartbeat_age_seconds)", "silence"),
                Query("max (killcord_behind_seconds)", "the oldest event being judged"),
            ),
            unit="s", width=6,
        ),
        Panel(
            "Age of the event being judged",
            "By partition and the broker's stamp; 0 where none waits.",
            (Query(f"max by (partition) (killcord_lag_seconds{J})", "partition {{partition}}"),),
            unit="s",
        ),
        Panel(
            "Workers and partitions",
            "Workers that the watchdog hears, and partitions that nobody judges.",
            (
                Query("max (killcord_workers)", "workers"),
                Query("max (killcord_uncovered_partitions)", "partitions without one"),
            ),
        ),
        Panel(
            "Takeovers",
            "Partitions that a late worker found taken, states that could not be read, in the time shown; and how long "
            "the latest recovery of states took, in seconds.",
            (
                Query(_increase("killcord_fenced_total"), "found taken"),
                Query(_increase("killcord_corrupt_states_total"), "states set aside"),
                Query(f"max (killcord_recovery_seconds{J})", "latest recovery"),
            ),
        ),
    ),
)  # fmt: skip

FOUND = Row(
    "What was found",
    (
        Panel(
            "Findings by rule",
            "A second, before the policy decides what follows.",
            (Query(_rate("killcord_findings_total", "rule"), "{{rule}}"),),
            unit="eps", stacked=True,
        ),
        Panel(
            "Alerts by rule",
            "A second; revisions of an alert are not counted again.",
            (Query(_rate("killcord_alerts_total", "rule, severity"), "{{rule}} ({{severity}})"),),
            unit="eps", stacked=True,
        ),
        Panel(
            "Alerts by mode",
            "In the time shown: what the policy made of them.",
            (Query(f"sum by (mode) (increase(killcord_alerts_total{J}[$__range]))"),),
            kind="table",
        ),
        Panel(
            "Policy in force",
            "By digest, as it stands in each alert. More than one: workers disagree.",
            (Query(f"count by (digest) (killcord_policy_info{J})"),),
            kind="table", width=12, height=6,
        ),
        Panel(
            "Policy files taken over and refused",
            "In the time shown.",
            (Query(f"sum by (outcome) (increase(killcord_policy_reloads_total{J}[$__range]))"),),
            kind="table", width=12, height=6,
        ),
    ),
)  # fmt: skip

STOPPED = Row(
    "Were they stopped",
    (
        Panel(
            "Commands",
            "A second, by action.",
            (Query(_rate("killcord_commands_total", "action"), "{{action}}"),),
            unit="eps", stacked=True,
        ),
        _latency(
            "Event to command",
            "From the broker's stamp of the event to the command in Kafka.",
            "killcord_event_to_command_seconds",
        ),
        _latency(
            "Command to stop",
            "From the command to the kill-switch's proof that it is done.",
            "killcord_command_to_stop_seconds",
        ),
        Panel(
            "Acknowledgements",
            "A second, by what kill-switches say.",
            (Query(_rate("killcord_acks_total", "status"), "{{status}}"),),
            unit="eps", width=12, stacked=True,
        ),
        Panel(
            "Not acknowledged and escalated",
            "Commands that wait, and those that were escalated a second.",
            (
                Query(f"sum (killcord_commands_pending{J})", "waiting"),
                Query(_rate("killcord_escalations_total"), "escalated a second"),
                Query(_rate("killcord_governed_total"), "governed a second"),
            ),
            width=12,
        ),
        Panel(
            "Pauses that a person ended",
            "A second, by rule: what people think of it.",
            (Query(_rate("killcord_let_go_on_total", "rule"), "{{rule}}"),),
            width=24,
        ),
    ),
)  # fmt: skip

COST = Row(
    "What it costs",
    (
        Panel(
            "Judging an event",
            "Mean time to decode and judge one event.",
            (
                Query(
                    f"sum (rate(killcord_process_seconds_sum{J}[$__rate_interval]))"
                    f" / sum (rate(killcord_events_total{J}[$__rate_interval]))",
                    "an event",
                ),
            ),
            unit="s", width=6,
        ),
        Panel(
            "Checkpoints",
            "Time until outputs, states and offsets are safe in Kafka.",
            (
                Query(_quantile(0.99, "killcord_checkpoint_seconds"), "p99"),
                Query(_mean("killcord_checkpoint_seconds"), "mean"),
            ),
            unit="s", width=6,
        ),
        Panel(
            "Processor",
            "Cores in use, by worker. A worker uses one at most.",
            (Query(f"rate(process_cpu_seconds_total{J}[$__rate_interval])", "{{instance}}"),),
            width=6,
        ),
        Panel(
            "Memory",
            "Resident, by worker.",
            (Query(f"process_resident_memory_bytes{J}", "{{instance}}"),),
            unit="bytes", width=6,
        ),
    ),
)  # fmt: skip

OVERVIEW = Dashboard(
    uid="killcord-overview",
    title="Killcord: overview",
    description="Is Killcord working, what do the agents do, what was found, were they stopped.",
    rows=(STATE, BLIND, AGENTS, FOUND, STOPPED, COST),
)
