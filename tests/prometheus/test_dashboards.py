"""The dashboards and rules as files: up to date, complete, in Grafana's form, asking only for what is exported."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dashboards.overview import OVERVIEW
from dashboards.rules import RULES
from tests.prometheus.promql import asked, exported, missing

ROOT = Path(__file__).parents[2]
QUERIES = [*OVERVIEW.queries(), *(rule.expr for rule in RULES)]


ASKED = [  # expression, metrics, labels
    ('sum by (kind) (rate(a_total{job=~"$job"}[5m]))', {"a_total"}, {"kind", "job"}),
    ("histogram_quantile(0.99, sum by (le) (rate(b_bucket[15m]))) > 2", {"b_bucket"}, {"le"}),
    ("a > 5 and on (instance) sum(b) == 1e3", {"a", "b"}, {"instance"}),
    ('absent(up{job="killcord"})', {"up"}, {"job"}),
    ("max_over_time(c[1m])", {"c"}, set()),
]


@pytest.mark.parametrize(("expr", "metrics", "labels"), ASKED)
def test_the_reading_of_promql(expr, metrics, labels):
    assert asked(expr) == (metrics, labels)


MISSING = [  # expression, what no worker exports of it
    ("sum(killcord_event_total)", {"killcord_event_total"}),
    ("sum by (run_id) (killcord_events_total)", {"run_id"}),
    ("1 + 1", {"any metric"}),
]


@pytest.mark.parametrize(("expr", "what"), MISSING)
def test_a_query_for_what_is_not_exported_is_found(exposition, expr, what):
    assert missing(expr, exported(exposition)) == what


@pytest.mark.parametrize("expr", QUERIES)
def test_every_query_asks_for_what_a_worker_exports(exposition, expr):
    assert not missing(expr, exported(exposition))


def test_every_metric_is_on_the_dashboard_or_in_a_rule(exposition):
    used = set().union(*(asked(expr)[0] for expr in QUERIES))
    for family in text_string_to_metric_families(exposition):
        if family.name.startswith("killcord_") and not family.name.endswith(("_created", "_build_info")):
            assert used & {sample.name for sample in family.samples}, family.name


def test_the_files_are_up_to_date():
    done = subprocess.run([sys.executable, "-m", "dashboards", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def board():
    return json.loads((ROOT / "dashboards" / "grafana" / "overview.json").read_text())


def test_panels_fill_the_grid_without_overlap(board):
    covered = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = set(
            itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))
        )
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not covered & cells, panel["title"]
        covered |= cells
    assert len(covered) == 24 * (max(y for _, y in covered) + 1)


def test_panels_have_ids_words_and_the_chosen_data_source(board):
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        if panel["type"] != "row":
            assert panel["description"].endswith("."), panel["title"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
def test_a_rule_tells_what_to_do(rule):
    assert rule.alert.startswith("Killcord")
    assert rule.summary.endswith(".")
    assert len(rule.runbook.split()) >= 12


def test_a_runbook_names_only_commands_that_exist():
    from monitor.cli.main import COMMANDS

    for rule in RULES:
        named = re.findall(r"`killcord (\w+)", rule.runbook + rule.summary)
        assert set(named) <= set(COMMANDS), rule.alert
