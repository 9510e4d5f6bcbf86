"""Prometheus's alerts about Killcord itself: what a person must do when the watcher does not watch.

What agents did is told by Killcord's own alerts on its topic; these say when that can no longer be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Rule:
    """One alert. ``lasts``: Prometheus's duration for which ``expr`` must hold before anyone is told.

    summary and runbook are for the person who is woken: what is wrong, and what to do about it.
    """

    alert: str
    expr: str
    lasts: str
    severity: Literal["warning", "critical"]
    summary: str
    runbook: str

    def data(self) -> dict[str, Any]:
        return {
            "alert": self.alert,
            "expr": self.expr,
            "for": self.lasts,
            "labels": {"severity": self.severity, "service": "killcord"},
            "annotations": {"summary": self.summary, "description": self.runbook},
        }


RULES = (
    Rule(
        "KillcordWorkerDown",
        'up{job="killcord"} == 0',
        "1m",
        "critical",
        "Killcord worker {{ $labels.instance }} does not answer.",
        "Its partitions go to the other workers; with none left, no agent is watched. Look at the worker's last log "
        "lines, start it again, and see that /readyz answers 200. `killcord kill RUN` works without any worker.",
    ),
    Rule(
        "KillcordNoWorker",
        'absent(up{job="killcord"})',
        "2m",
        "critical",
        "Prometheus knows no Killcord worker: no agent is watched.",
        "Start `killcord worker`, or correct the job `killcord` in Prometheus's scrape configuration. "
        "`killcord kill RUN` works without any worker.",
    ),
    Rule(
        "KillcordNotReady",
        "killcord_ready == 0",
        "1m",
        "critical",
        "Killcord worker {{ $labels.instance }} runs, but judges no events.",
        "Ask it why: curl http://{{ $labels.instance }}/readyz. Usual reasons: the broker is away (it is waited for), "
        "a topic is missing or not assigned (`killcord topics check`), state is still being recovered.",
    ),
    Rule(
        "KillcordLagGrowing",
        "sum(killcord_lag_events) > 10000 and sum(deriv(killcord_lag_events[5m])) > 0",
        "3m",
        "warning",
        "Killcord falls behind: {{ $value | humanize }} messages are waiting, and they become more.",
        "Kills come later by as much. Start more workers, up to the number of partitions; if one partition alone "
        "lags, see which run floods it (`killcord runs`) and whether it should be killed.",
    ),
    Rule(
        "KillcordJudgesLate",
        "killcord_lag_seconds > 5",
        "1m",
        "critical",
        "Events of partition {{ $labels.partition }} are {{ $value | humanizeDuration }} old when "
        "{{ $labels.instance }} judges them.",
        "An agent can act for that long before it is stopped. Look at the lag and at the worker's processor time on "
        "the dashboard; start more workers. Let agents be gated in process where that is too late.",
    ),
    Rule(
        "KillcordBlind",
        "killcord_watchdog_alarm == 1",
        "0m",
        "critical",
        "The watchdog's alarm {{ $labels.rule }} is open: agents are not watched as they should be.",
        "`killcord alerts` and the watchdog's log say what it saw: no heartbeat of a worker, a partition that nobody "
        "judges, a canary that did not come back killed, or Kafka away. `killcord watchdog --once` looks again. "
        "`killcord kill RUN` works without any worker.",
    ),
    Rule(
        "KillcordUnwatched",
        'absent(up{job="killcord-watchdog"} == 1)',
        "2m",
        "warning",
        "No watchdog runs, or Prometheus does not reach it: nobody watches the monitor from outside.",
        "Start `killcord watchdog`, on another machine than the workers; its port is watchdog_port. Correct the job "
        "`killcord-watchdog` in Prometheus's scrape configuration if it runs.",
    ),
    Rule(
        "KillcordCanariesSlow",
        "histogram_quantile(0.99, sum by (le) (rate(killcord_canary_seconds_bucket[10m]))) > 1",
        "5m",
        "warning",
        "From a destructive call to its kill it takes {{ $value | humanizeDuration }} for one canary in a hundred.",
        "Agents wait as long for theirs. Look at the lag by partition, the workers' processor time and the brokers; "
        "a rebalance (deploying workers) explains seconds, and then ends.",
    ),
    Rule(
        "KillcordKillNotObeyed",
        "increase(killcord_escalations_total[10m]) > 0",
        "0m",
        "critical",
        "A kill-switch is watching and did not obey a command.",
        "The agent may still be acting. `killcord alerts` names the run, `killcord show RUN` its kill-switch; stop "
        "the process by hand where that runs, then take away its credentials.",
    ),
    Rule(
        "KillcordNotAcknowledged",
        "sum(killcord_commands_pending) > 0",
        "1m",
        "warning",
        "{{ $value }} kills or pauses have not been acknowledged for a minute.",
        "`killcord runs` shows which. A switch that is slow says `received` first; one that is silent is escalated. "
        "See whether the switch can reach Kafka and may write to the topic of acknowledgements.",
    ),
    Rule(
        "KillcordGoverned",
        "increase(killcord_governed_total[10m]) > 0",
        "0m",
        "critical",
        "Killcord wanted to kill more runs than its governor allows, and paused them in place of that.",
        "Either many agents went wrong at once or a rule is wrong. `killcord alerts` shows which rule; if it is the "
        "rule, set its mode to alert in the policy and `killcord resume` the runs; else `killcord kill` them.",
    ),
    Rule(
        "KillcordSlowToStop",
        "histogram_quantile(0.99, sum by (le) (rate(killcord_command_to_stop_seconds_bucket[15m]))) > 2",
        "5m",
        "warning",
        "One stop in a hundred takes longer than {{ $value | humanizeDuration }}.",
        "The acknowledgements' `detail` names the method: one that walks processes is slower than a cgroup. See "
        "whether the machines of the slow ones are overloaded.",
    ),
    Rule(
        "KillcordDeadLetters",
        "sum(rate(killcord_undecodable_total[10m])) > 0.01 * sum(rate(killcord_events_total[10m]))",
        "5m",
        "warning",
        "More than one message in a hundred cannot be decoded; what those agents do is not seen.",
        "`killcord deadletter list` gives the reasons, each with its field. Correct the producer, then put the "
        "messages back with `killcord deadletter replay`.",
    ),
    Rule(
        "KillcordUnknownKinds",
        "sum(increase(killcord_unknown_kinds_total[1h])) > 0",
        "0m",
        "warning",
        "Agents publish kinds of events that this version does not know; they are not judged.",
        "A misspelt `kind`, or a publisher newer than the worker: update the worker.",
    ),
    Rule(
        "KillcordPolicyRefused",
        "max by (instance) (killcord_policy_refused) == 1",
        "1m",
        "warning",
        "{{ $labels.instance }} refused its policy file and goes on with the last good policy.",
        "Run `killcord policy check FILE` on the file: it names line, value and remedy. A worker takes a corrected "
        "file over within seconds.",
    ),
    Rule(
        "KillcordPoliciesDiffer",
        "count(count by (digest) (killcord_policy_info)) > 1",
        "5m",
        "warning",
        "Workers have {{ $value }} different policies in force: which one a run is judged by is chance.",
        "Give all workers the same file; `killcord_policy_info` shows which worker has which digest.",
    ),
    Rule(
        "KillcordNoEvents",
        "sum(rate(killcord_events_total[5m])) == 0",
        "15m",
        "warning",
        "No agent has published anything for a quarter of an hour.",
        "At a quiet hour that is right: silence this alert for it. Else agents have lost Kafka, or write to another "
        "topic or prefix: `killcord config` on both sides shows brokers and topic_prefix.",
    ),
)


def data() -> dict[str, Any]:
    """The content of a Prometheus rule file."""
    return {"groups": [{"name": "killcord", "rules": [rule.data() for rule in RULES]}]}
