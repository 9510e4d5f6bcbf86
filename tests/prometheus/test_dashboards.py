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

ROOT = Path(__file__).parents[2]
QUERIES = [*OVERVIEW.queries(), *(rule.expr for rule in RULES)]
# What Prometheus itself adds to what it scrapes.
OWN_METRICS = {"up"}
OWN_LABELS = {"job", "instance"}
WORDS = {"by", "on", "and", "or", "unless", "without", "ignoring", "group_left", "group_right", "bool"}
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def asked(expr):
    """The metrics and labels that a PromQL expression names.

    Labels are in matchers and in by (...), on (...); a metric is any other word that is no function.
    """
    labels = {name for part in re.findall(r"\{(.*?)\}", expr) for name in re.findall(r"(\w+)\s*[=!]", part)}
    rest = re.sub(r"\{.*?\}|\[.*?\]", "", expr)
    grouping = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
    labels |= {name for part in grouping.findall(rest) for name in NAME.findall(part)}
    rest = re.sub(r"\b[a-z_]+\s*\((?=)", "(", grouping.sub("", rest))
    rest = re.sub(r"\b\d[\w.]*", "", rest)
    return {name for name in NAME.findall(rest) if name not in WORDS}, labels


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


@pytest.mark.parametrize("expr", QUERIES)
def test_every_query_asks_for_what_a_worker_exports(exposition, expr):
    exported = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            exported.setdefault(sample.name, set()).update(sample.labels)
    metrics, labels = asked(expr)
    assert metrics <= exported.keys() | OWN_METRICS
    assert metrics, "a query asks for something"
    assert labels <= set().union(OWN_LABELS, *(exported.get(metric, set()) for metric in metrics))


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
