"""A run for each test of the engine."""

from __future__ import annotations

import pytest

from tests.engine.story import Story


@pytest.fixture
def story() -> Story:
    return Story()
