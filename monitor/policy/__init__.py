"""What a finding leads to: rules with modes, thresholds and scopes, in YAML. Loads nothing of the monitor extra."""

from monitor.policy.layer import Governor
from monitor.policy.policy import Answer, Policy, Resolved, Row
from monitor.policy.problem import PolicyError, Problem

__all__ = ["Answer", "Governor", "Policy", "PolicyError", "Problem", "Resolved", "Row"]
