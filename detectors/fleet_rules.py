"""What the second stage can find: rules over a deployment's rollups. Data only, so that a policy is checked quickly.

The defaults say nothing before 30 runs of a deployment, want 5 runs of the new behaviour, and accept about one false
alarm of each rule in 100,000 runs that do not change (see `detectors.drift` for how the limit follows from that).
A change must also be large enough to matter to people, which is each rule's last threshold.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.detector import Rule, Thresholds

Runs = Annotated[int, Meta(ge=2, le=100_000)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Ratio = Annotated[float, Meta(gt=1.0, le=1000.0)]


class DriftThresholds(Thresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What all drift rules share.

    min_runs: runs of the deployment's past before anything is said. min_changed_runs: runs that must show the new
    behaviour. false_alarm_every: runs without a change in which one false alarm of this rule is accepted.
    """

    min_runs: Runs = 30
    min_changed_runs: Runs = 5
    false_alarm_every: Annotated[int, Meta(ge=100, le=10**9)] = 100_000


class ErrorRateThresholds(DriftThresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """min_change: of the share of tool results that are errors; 0.1: from 5 % to 15 % or to nothing below."""

    min_change: Share = 0.1


class ToolMixThresholds(DriftThresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """min_share: of the tool calls that went to other tools than before (total variation distance)."""

    min_share: Share = 0.2


class CostThresholds(DriftThresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """min_ratio: between the geometric means of US dollars a step, whichever is larger; 1.5: half as much again."""

    min_ratio: Ratio = 1.5


class LatencyThresholds(DriftThresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """min_ratio: between the geometric means of seconds a tool result, whichever is larger; 1.5: half as slow again."""

    min_ratio: Ratio = 1.5


class StepsThresholds(DriftThresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """min_ratio: between the geometric means of tool calls a run, whichever is larger; 1.5: half as much again."""

    min_ratio: Ratio = 1.5


ERROR_RATE = Rule(
    id="drift.error_rate",
    title="The deployment's error rate changed",
    severity="warning",
    mode="alert",
    description="The share of tool results that are errors is not what it was in this deployment's past.",
    thresholds=ErrorRateThresholds,
)
TOOL_MIX = Rule(
    id="drift.tool_mix",
    title="The deployment uses other tools than before",
    severity="warning",
    mode="alert",
    description="Tool calls are spread over the tools in another way than in this deployment's past.",
    thresholds=ToolMixThresholds,
)
COST = Rule(
    id="drift.cost",
    title="The deployment's cost per step changed",
    severity="warning",
    mode="alert",
    description="US dollars for each tool call (or model call, where no tools are used) are not what they were.",
    thresholds=CostThresholds,
)
STEPS = Rule(
    id="drift.steps",
    title="The deployment's runs changed in length",
    severity="warning",
    mode="alert",
    description="Tool calls of a finished run are not as many as they were in this deployment's past.",
    thresholds=StepsThresholds,
)
LATENCY = Rule(
    id="drift.latency",
    title="The deployment's tools became slower or quicker",
    severity="warning",
    mode="alert",
    description="Seconds until a tool answers are not what they were in this deployment's past, whichever tools it "
    "uses: slower tools and a turn to slower tools look alike, unless drift.tool_mix says something too.",
    thresholds=LatencyThresholds,
)

FLEET_RULES: tuple[Rule, ...] = (ERROR_RATE, TOOL_MIX, COST, STEPS, LATENCY)
