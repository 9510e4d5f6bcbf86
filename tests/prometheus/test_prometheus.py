"""The rules and every query of the dashboards on a real Prometheus."""

import json
import math
from pathlib import Path

import pytest

from dashboards.overview import OVERVIEW
from dashboards.rules import RULES

ROOT = Path(__file__).parents[2]
RULE_FILE = ROOT / "dashboards" / "prometheus" / "killcord.rules.yml"
# What Grafana fills in.
FILLED = {"$job": ".+", "$__rate_interval": "1m", "$__range": "1h"}
KILLCORD = 'job="killcord",instance="worker:9464"'
WATCHDOG = 'job="killcord-watchdog",instance="watchdog:9465"'


def filled(expr):
    for name, value in FILLED.items():
        expr = expr.replace(name, value)
    return expr


def test_promtool_accepts_the_rules(promtool):
    done = promtool("check", "rules", RULE_FILE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


def test_promtool_accepts_the_scrape_configuration(promtool, tmp_path):
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    # In the container the rules are mounted at another place.
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus/rules/*.yml", str(RULE_FILE)))
    done = promtool("check", "config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@pytest.mark.parametrize("expr", OVERVIEW.queries())
def test_every_panel_shows_something(prometheus, expr):
    result = prometheus.query(filled(expr))
    assert result
    assert not any(math.isnan(float(series["value"][1])) for series in result)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
def test_every_rule_is_evaluated_without_error(prometheus, rule):
    prometheus.query(rule.expr)
    [group] = prometheus.get("/api/v1/rules")["data"]["groups"]
    [found] = [entry for entry in group["rules"] if entry["name"] == rule.alert]
    assert found["health"] in ("ok", "unknown")  # unknown: not evaluated yet
    assert not found.get("lastError")


# Series in promtool's notation: start, then +step for each further minute.
FIRING = {
    "KillcordWorkerDown": {f"up{{{KILLCORD}}}": "0x5"},
    "KillcordNoWorker": {'up{job="other"}': "1x5"},
    "KillcordNotReady": {f"killcord_ready{{{KILLCORD}}}": "0x5"},
    "KillcordLagGrowing": {f'killcord_lag_events{{partition="0",{KILLCORD}}}': "20000+1000x20"},
    "KillcordJudgesLate": {f'killcord_lag_seconds{{partition="0",{KILLCORD}}}': "9x20"},
    "KillcordBlind": {f'killcord_watchdog_alarm{{rule="blindness.canary",{WATCHDOG}}}': "0 0 0 1x20"},
    "KillcordUnwatched": {f"up{{{WATCHDOG}}}": "0x20"},
    "KillcordCanariesSlow": {
        f'killcord_canary_seconds_bucket{{le="1.0",{WATCHDOG}}}': "0+0x40",
        f'killcord_canary_seconds_bucket{{le="2.5",{WATCHDOG}}}': "0+10x40",
        f'killcord_canary_seconds_bucket{{le="+Inf",{WATCHDOG}}}': "0+10x40",
    },
    "KillcordKillNotObeyed": {f"killcord_escalations_total{{{KILLCORD}}}": "0 0 0 1x20"},
    "KillcordNotAcknowledged": {f"killcord_commands_pending{{{KILLCORD}}}": "1x20"},
    "KillcordGoverned": {f"killcord_governed_total{{{KILLCORD}}}": "0 0 0 1x20"},
    "KillcordSlowToStop": {
        f'killcord_command_to_stop_seconds_bucket{{le="2.5",{KILLCORD}}}': "0+0x40",
        f'killcord_command_to_stop_seconds_bucket{{le="10.0",{KILLCORD}}}': "0+10x40",
        f'killcord_command_to_stop_seconds_bucket{{le="+Inf",{KILLCORD}}}': "0+10x40",
    },
    "KillcordDeadLetters": {
        f"killcord_undecodable_total{{{KILLCORD}}}": "0+2x20",
        f'killcord_events_total{{kind="tool.call",{KILLCORD}}}': "0+100x20",
    },
    "KillcordUnknownKinds": {f"killcord_unknown_kinds_total{{{KILLCORD}}}": "0 0 0 1x20"},
    "KillcordPolicyRefused": {f"killcord_policy_refused{{{KILLCORD}}}": "1x20"},
    "KillcordPoliciesDiffer": {
        f'killcord_policy_info{{digest="a",{KILLCORD}}}': "1x20",
        'killcord_policy_info{digest="b",job="killcord",instance="other:9464"}': "1x20",
    },
    "KillcordNoEvents": {f'killcord_events_total{{kind="tool.call",{KILLCORD}}}': "7x40"},
}
WELL = {
    f"up{{{KILLCORD}}}": "1x40",
    f"killcord_ready{{{KILLCORD}}}": "1x40",
    f'killcord_lag_events{{partition="0",{KILLCORD}}}': "50x40",
    f'killcord_lag_seconds{{partition="0",{KILLCORD}}}': "0.01x40",
    f"up{{{WATCHDOG}}}": "1x40",
    f'killcord_watchdog_alarm{{rule="blindness.canary",{WATCHDOG}}}': "0x40",
    f'killcord_canary_seconds_bucket{{le="0.1",{WATCHDOG}}}': "0+10x40",
    f'killcord_canary_seconds_bucket{{le="+Inf",{WATCHDOG}}}': "0+10x40",
    f'killcord_events_total{{kind="tool.call",{KILLCORD}}}': "0+6000x40",
    f"killcord_escalations_total{{{KILLCORD}}}": "3x40",
    f"killcord_governed_total{{{KILLCORD}}}": "2x40",
    f"killcord_commands_pending{{{KILLCORD}}}": "0x10 1x0 0x28",
    f'killcord_command_to_stop_seconds_bucket{{le="0.1",{KILLCORD}}}': "0+10x40",
    f'killcord_command_to_stop_seconds_bucket{{le="+Inf",{KILLCORD}}}': "0+10x40",
    f"killcord_undecodable_total{{{KILLCORD}}}": "0+1x40",
    f"killcord_unknown_kinds_total{{{KILLCORD}}}": "0x40",
    f"killcord_policy_refused{{{KILLCORD}}}": "0x40",
    f'killcord_policy_info{{digest="a",{KILLCORD}}}': "1x40",
}


def firing_at(promtool, tmp_path, series, alert, minute):
    """Whether ``alert`` fires after ``minute`` minutes of ``series``, by promtool's unit test of rules."""
    story = {
        "rule_files": [str(RULE_FILE)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}],
            }
        ],
    }
    path = tmp_path / f"{alert}-{minute}.yml"
    path.write_text(json.dumps(story))
    done = promtool("test", "rules", path)
    if done.returncode == 0:
        return False
    assert "exp:[" in done.stdout + done.stderr, done.stdout + done.stderr
    return True


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
def test_every_rule_fires_when_it_should(promtool, tmp_path, rule):
    series = FIRING[rule.alert]
    assert any(firing_at(promtool, tmp_path, series, rule.alert, minute) for minute in (4, 12, 25))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
def test_no_rule_fires_when_all_is_well(promtool, tmp_path, rule):
    assert not any(firing_at(promtool, tmp_path, WELL, rule.alert, minute) for minute in (4, 11, 25, 40))
