"""What a PromQL expression asks for, and whether a worker's metrics have it."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

# What Prometheus itself adds to what it scrapes.
OWN_METRICS = {"up"}
OWN_LABELS = {"job", "instance"}
WORDS = {"by", "on", "and", "or", "unless", "without", "ignoring", "group_left", "group_right", "bool"}
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


def asked(expr: str) -> tuple[set[str], set[str]]:
    """The metrics and the labels that an expression names.

    Labels are in matchers and in by (...), on (...); a metric is any other word that is no function.
    """
    labels = {name for part in re.findall(r"\{(.*?)\}", expr) for name in re.findall(r"(\w+)\s*[=!]", part)}
    rest = re.sub(r"\{.*?\}|\[.*?\]", "", expr)
    labels |= {name for part in GROUPING.findall(rest) for name in NAME.findall(part)}
    rest = re.sub(r"\b[a-z_]+\s*\(", "(", GROUPING.sub("", rest))
    rest = re.sub(r"\b\d[\w.]*", "", rest)
    return {name for name in NAME.findall(rest) if name not in WORDS}, labels


def exported(exposition: str) -> dict[str, set[str]]:
    """The labels of each metric in the text of a scrape. One whose labels have no value yet has its header alone."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def missing(expr: str, metrics: dict[str, set[str]]) -> set[str]:
    """What ``expr`` asks for and nobody exports."""
    names, labels = asked(expr)
    if not names:
        return {"any metric"}
    known = OWN_LABELS.union(*(metrics.get(name, set()) for name in names))
    return (names - metrics.keys() - OWN_METRICS) | (labels - known)
