"""The catalogue on the command line, and its page, which has to be the one that is made from it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from detectors.destructive.catalogue_page import page
from monitor.cli.main import killcord

PAGE = Path(__file__).parents[2] / "docs" / "catalogue.md"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(killcord, ["catalogue", *arguments])


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run `make catalogue`"


def test_list_finds_by_program() -> None:
    shown = run("list", "terraform").output
    assert "terraform.destroy" in shown and "kubectl.delete" not in shown


def test_list_as_json() -> None:
    listed = msgspec.json.decode(run("list", "--json").output)
    assert len(listed) > 400
    assert {"id", "kind", "file", "programs"} <= set(listed[0])


def test_list_of_nothing_fails() -> None:
    assert run("list", "no-such-program").exit_code == 1


def test_show_prints_the_cases() -> None:
    shown = run("show", "terraform.destroy").output
    assert "fires  terraform destroy" in shown and "quiet  terraform plan -destroy" in shown


def test_show_of_what_is_not_there_says_where_to_look() -> None:
    done = run("show", "nothing")
    assert done.exit_code == 1 and "catalogue list" in done.output


def test_a_file_of_ones_own_is_tried(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "programs: [{names: [acme], entries: [{id: acme.burn, when: [burn], fires: [acme burn x, acme boil x],"
        ' does: {action: delete, thing: cloud, width: all, reversible: "no"}}]}]'
    )
    done = run("test", str(file))
    assert done.exit_code == 1
    assert "acme.burn: should fire: acme boil x" in done.output and "2 cases, 1 failed" in done.output


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("programs: [{names: 3, entries: []}]")
    done = run("test", str(file))
    assert done.exit_code == 1 and "mine.yaml" in done.output


def test_the_shipped_cases_hold() -> None:
    done = run("test", "--json")
    assert done.exit_code == 0, done.output
    assert msgspec.json.decode(done.output)["failed"] == []
