"""A changed file is taken over; a broken, half-written or missing one leaves the last good policy in force."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.policy import Policy, PolicyError
from monitor.policy.watch import PolicyFile

PAUSE = "rules: [{id: budget.run, mode: pause}]\n"
ALERT = "rules: [{id: budget.run, mode: alert}]\n"
BROKEN = "rules: [{id: budget.run, mode: al}]\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(PAUSE)
    return tmp_path / "p.yaml"


def mode(polled: object) -> str:
    assert isinstance(polled, Policy), polled
    return polled.resolve().answer("budget.run").mode


def settle(file: PolicyFile) -> Policy | PolicyError | None:
    """A change is said at the second poll that sees it."""
    assert file.poll() is None
    return file.poll()


def test_the_first_poll_loads(path: Path) -> None:
    file = PolicyFile(path)
    assert mode(file.poll()) == "pause"
    assert file.poll() is None


def test_a_change_of_the_same_size_and_time_is_seen(path: Path) -> None:
    file = PolicyFile(path)
    file.poll()
    before = path.stat()
    path.write_text(ALERT)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert mode(settle(file)) == "alert"
    assert file.poll() is None


def test_a_broken_file_is_said_once_and_the_last_good_one_stays(path: Path) -> None:
    file = PolicyFile(path)
    good = file.poll()
    path.write_text(BROKEN)
    error = settle(file)
    assert isinstance(error, PolicyError)
    assert f"{path}:1: al" in str(error)
    assert file.poll() is None
    assert (file.policy, file.error) == (good, error)


def test_a_file_that_is_good_again_is_said(path: Path) -> None:
    file = PolicyFile(path)
    file.poll()
    path.write_text(BROKEN)
    settle(file)
    path.write_text(PAUSE)
    assert mode(settle(file)) == "pause"
    assert file.error is None


def test_a_half_written_file_is_never_in_force(path: Path) -> None:
    file = PolicyFile(path)
    file.poll()
    for half in ("", ALERT[:10], "rules: []\n"):
        path.write_text(half)
        assert file.poll() is None
    path.write_text(ALERT)
    assert mode(settle(file)) == "alert"


def test_missing_for_a_moment_is_not_said_missing_for_longer_is(path: Path) -> None:
    file = PolicyFile(path)
    good = file.poll()
    path.unlink()
    assert file.poll() is None
    path.write_text(PAUSE)
    assert settle(file) is None
    path.unlink()
    error = settle(file)
    assert isinstance(error, PolicyError)
    assert "No such file" in str(error)
    assert file.policy is good


def test_missing_at_the_start_is_said_at_once(tmp_path: Path) -> None:
    assert isinstance(PolicyFile(tmp_path / "absent.yaml").poll(), PolicyError)


def test_a_rename_over_it_is_seen(path: Path) -> None:
    file = PolicyFile(path)
    file.poll()
    (path.parent / "new").write_text(ALERT)
    (path.parent / "new").replace(path)
    assert mode(settle(file)) == "alert"


def test_a_kubernetes_config_map_is_seen(tmp_path: Path) -> None:
    """p.yaml -> ..data/p.yaml, and ..data -> a directory that is swapped by a rename."""
    for version, content in (("v1", PAUSE), ("v2", ALERT)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "p.yaml").write_text(content)
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "p.yaml").symlink_to("..data/p.yaml")
    file = PolicyFile(tmp_path / "p.yaml")
    assert mode(file.poll()) == "pause"
    (tmp_path / "..data_tmp").symlink_to("v2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert mode(settle(file)) == "alert"


def test_without_a_file_the_default_is_in_force_for_good() -> None:
    file = PolicyFile(None)
    first = file.poll()
    assert isinstance(first, Policy)
    assert first.digest == Policy.load(None).digest
    assert file.poll() is None
