"""Every command has help, and an agent's installation has all commands that it needs and says what it leaves out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from monitor.cli.main import COMMANDS, killcord

# As `pip install killcord` leaves it: nothing of the monitor extra is there to import.
LEAN = """
import sys
LEFT_OUT = {"faust", "mode", "river", "numpy", "scipy", "confluent_kafka", "prometheus_client"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in LEFT_OUT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
from monitor.cli.main import main
main()
"""


def lean(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LEAN, *arguments], capture_output=True, text=True, timeout=60, check=False, input=given
    )


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The names of all commands, and those below them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(killcord)), ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(killcord, [*path, "--help"])
    assert done.exit_code == 0, done.output
    usage, _, rest = done.output.partition("\n\n")
    assert "Usage:" in usage
    assert rest.strip() and not rest.strip().startswith("Options:"), f"{' '.join(path)} does not say what it does"


@pytest.mark.parametrize("path", [(), *commands(killcord)], ids=lambda path: " ".join(path) or "killcord")
def test_help_fits_on_a_terminal(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(killcord, [*path, "--help"], terminal_width=80).output
    assert [line for line in shown.splitlines() if len(line) > 80] == []


STATUSES = [  # command, the exit statuses that a script has to know
    (("guard",), ("69", "125", "126", "127", "137")),
    *(((verb,), ("0", "1", "2", "4")) for verb in ("kill", "pause", "resume")),
    (("approve",), ("0", "1", "2")),
    (("raise",), ("0", "1", "2")),
    (("show",), ("0", "1", "2")),
    (("replay",), ("0", "3")),
    (("watchdog",), ("0", "3", "69")),
    (("demo",), ("0",)),
    (("config",), ("1",)),
    (("policy", "check"), ("1",)),
    (("topics", "create"), ("1",)),
    (("topics", "check"), ("1",)),
    (("deadletter", "replay"), ("1",)),
]


@pytest.mark.parametrize(("path", "statuses"), STATUSES, ids=[" ".join(row[0]) for row in STATUSES])
def test_help_tells_the_exit_statuses(path: tuple[str, ...], statuses: tuple[str, ...]) -> None:
    told = CliRunner().invoke(killcord, [*path, "--help"]).output.partition("Options:")[0].lower()
    words = re.split(r"exits?\s+(?:status|with)", told, maxsplit=1)
    assert len(words) == 2, f"{' '.join(path)} tells no exit status"
    assert set(statuses) <= set(re.findall(r"\d+", words[1])), words[1]


def test_the_list_of_commands_tells_what_each_does() -> None:
    shown = CliRunner().invoke(killcord, ["--help"]).output
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("name", [name for name, (_, _, extra, _) in COMMANDS.items() if not extra])
def test_an_agent_s_installation_has(name: str) -> None:
    done = lean(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: killcord" in done.stdout


AGENT = [  # what is run there, exit status, what it says
    (("config",), 0, "brokers = "),
    (("policy", "show"), 0, "digest "),
    (("topics", "check", "--brokers", "127.0.0.1:9", "--wait", "0"), 1, "no Kafka broker answered"),
    (("deadletter", "list", "--brokers", "127.0.0.1:9"), 1, "KILLCORD_BROKERS"),
    (("runs", "--brokers", "127.0.0.1:9"), 1, "KILLCORD_BROKERS"),
    (("kill", "r", "--brokers", "127.0.0.1:9"), 1, "KILLCORD_BROKERS"),
]


@pytest.mark.parametrize(("arguments", "status", "words"), AGENT, ids=[" ".join(row[0][:2]) for row in AGENT])
def test_and_they_run_there(arguments: tuple[str, ...], status: int, words: str) -> None:
    done = lean(*arguments)
    assert done.returncode == status, done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


NEEDS_THE_REST = [("worker", "--brokers", "127.0.0.1:9"), ("watchdog", "--once"), ("demo",)]


@pytest.mark.parametrize("arguments", NEEDS_THE_REST, ids=" ".join)
def test_what_needs_the_rest_says_so_with_the_remedy(arguments: tuple[str, ...]) -> None:
    done = lean(*arguments)
    assert done.returncode == 1
    assert "pip install 'killcord[monitor]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_said() -> None:
    done = lean("stop")
    assert (done.returncode, "No such command 'stop'" in done.stderr) == (2, True)
