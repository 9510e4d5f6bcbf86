"""Where an action happens: what the analysers are told about the run, and the places they know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from msgspec import Struct

PRODUCTION = re.compile(r"(?<![a-z0-9])(prod|production|prd|live)(?![a-z0-9])")
NOWHERE = "/~/parent/work"  # the workspace of a run that did not name one
NO_HOME = "/home/~"
_HOME = re.compile(r"(/home/[^/]+|/Users/[^/]+|/root)(?=/|$)")


class Context(Struct, frozen=True, cache_hash=True, dict=True):
    """workspace: absolute path or None. environment: as the run's events name it. cwd: the tool's own, if it has one.

    All of it is an agent's word: it can raise a verdict, and never makes a system folder or a home less than it is.
    """

    workspace: str | None = None
    environment: str | None = None
    cwd: str | None = None

    @cached_property
    def root(self) -> str:
        workspace = self.workspace
        return workspace.rstrip("/") if workspace and workspace.startswith("/") and workspace != "/" else NOWHERE

    @cached_property
    def home(self) -> str:
        found = _HOME.match(self.workspace or "")
        return found.group(1) if found else NO_HOME

    @cached_property
    def production(self) -> bool:
        return names_production(self.environment)


_STAGES = frozenset({"environment", "env", "stage", "tier", "deployment"})


def environment_of(environment: str | None, labels: Mapping[str, Any] | None) -> str | None:
    """What a run says of where it is, in its environment or its labels. A label can raise a verdict only."""
    for name, value in labels.items() if labels else ():
        word = name.lower()
        if (word in _STAGES and names_production(value if isinstance(value, str) else None)) or (
            value is True and word in ("production", "prod", "prd")
        ):
            return "production"
    return environment


_TESTS = re.compile(
    r"(?<![a-z0-9])(?:tests?|testing|test(?:db|data|s?\d+)|ci|tmp|temp|temporary|scratch|e2e|sandbox|throwaway|ephemeral"
    r"|playground|dummy|integrationtests?|unittests?)(?![a-z0-9])"
)


def names_tests(text: str) -> bool:
    """Whether a name says that it is for tests or trials: ``shop_test``, ``ci-3``; not ``latest`` or ``contest``."""
    return _TESTS.search(text.lower()) is not None


@lru_cache(maxsize=1024)
def context_of(workspace: str | None, environment: str | None) -> Context:
    """One context for all calls of a run, which works out its folders once."""
    return Context(workspace, environment)


def names_production(text: str | None) -> bool:
    """Whether a name has production as one of its words: ``eu-prod-1``, ``production``; not ``product``."""
    return bool(text) and PRODUCTION.search(text.lower()) is not None  # type: ignore[union-attr]
