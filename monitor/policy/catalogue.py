"""Every rule that a policy may name: of the detectors of a run, of those of a deployment, and of the engine."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType

from detectors import DETECTORS
from detectors.detector import Rule
from detectors.fleet_rules import FLEET_RULES
from detectors.loops.fork_bomb_rule import FORK_BOMB
from detectors.loops.heartbeat_rule import HEARTBEAT
from monitor.engine.rules import ENGINE_RULES


@functools.cache
def rules() -> Mapping[str, Rule]:
    """By id, in the order of ids."""
    found = [rule for detector in DETECTORS for rule in detector.rules]
    found += [*FLEET_RULES, HEARTBEAT, FORK_BOMB, *ENGINE_RULES]
    return MappingProxyType({rule.id: rule for rule in sorted(found, key=lambda rule: rule.id)})
