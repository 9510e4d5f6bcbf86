"""What the stories about loops are made of."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from detectors.detector import Finding
from detectors.event import Event
from detectors.loops import Loops
from detectors.testing import Stream, watch

LETTERS = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma",
]  # fmt: skip
MAKE = ("make", "no rule to make target", 2)
REFUSED = "curl: (7) Failed to connect to db:5432: Connection refused"


def loops(events: Iterable[Event]) -> list[Finding]:
    return watch(Loops(), events)


def strongest(findings: list[Finding]) -> dict[str, str]:
    """The strongest answer to each rule: the last finding is."""
    return {finding.rule: finding.cap or "pause" for finding in findings}


def run(*pairs: tuple[str, str] | tuple[str, str, int | None], took: float = 0.0, times: int = 1) -> list[Event]:
    return Stream().steps(*(pairs * times), took=took)


def uuid(number: int) -> str:
    return str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))
