"""The Dockerfile and the Compose file, read as data."""

import json
import os
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]


class Image(NamedTuple):
    """What the Dockerfile says. ``steps``: (instruction, words) in order; the rest is the last stage's."""

    steps: list[tuple[str, str]]
    env: dict[str, str]
    entrypoint: list[str]
    command: list[str]
    healthcheck: list[str]
    user: str


def _last(steps, name):
    return [text for instruction, text in steps if instruction == name][-1]


@pytest.fixture(scope="session")
def image():
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    steps = [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]
    env = dict(part.split("=", 1) for part in shlex.split(_last(steps, "ENV")))
    healthcheck = json.loads(_last(steps, "HEALTHCHECK").split("CMD", 1)[1])
    entrypoint, command = json.loads(_last(steps, "ENTRYPOINT")), json.loads(_last(steps, "CMD"))
    return Image(steps, env, entrypoint, command, healthcheck, _last(steps, "USER"))


@pytest.fixture(scope="session")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture
def clean_env():
    """This process's environment without any of Killcord's own variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
