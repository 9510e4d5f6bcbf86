"""Where one call happens, as whoever asks for a verdict knows it: beside the tool and its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, structs

from detectors.destructive.functions import vocabulary, words_of
from detectors.detector import Run

Arguments: TypeAlias = Mapping[str, Any] | str | None
MOST_TEXT = 512  # characters of a workspace's path; a longer one is not believed
MOST_LABELS = 16
HINTS = ("destructiveHint", "readOnlyHint", "idempotentHint", "openWorldHint")


class Circumstances(Struct, frozen=True, kw_only=True):
    """All of it optional. run_id: the steps before of the same run count; without one, a call is judged by itself.
    cwd: where the tool starts. labels: names and values (or a list of words), of which those that say production make a
    verdict graver. annotations: of the tool, as its MCP server lists them. time: Unix seconds; now, if it is left out.
    """

    run_id: str | None = None
    agent_name: str | None = None
    team: str | None = None
    environment: str | None = None
    workspace: str | None = None
    cwd: str | None = None
    labels: dict[str, Any] | list[str] | None = None
    annotations: dict[str, Any] | None = None
    time: float | None = None

    @property
    def named_labels(self) -> dict[str, Any] | None:
        """The labels by name; a word alone is true."""
        if not self.labels:
            return None
        if isinstance(self.labels, dict):
            return dict(list(self.labels.items())[:MOST_LABELS])
        pairs = (label.replace("=", ":", 1).partition(":") for label in self.labels[:MOST_LABELS])
        return {name.strip(): value.strip() or True for name, _, value in pairs}


ALONE = Circumstances()
_AS_IT_IS: AbstractContextManager[None] = nullcontext()


def circumstances(given: Circumstances | Mapping[str, Any] | None) -> Circumstances:
    """Raises ValueError for a value that is none of what it says."""
    if given is None:
        return ALONE
    if isinstance(given, Circumstances):
        return given
    try:
        return msgspec.convert(given, Circumstances)
    except msgspec.ValidationError as error:
        known = ", ".join(Circumstances.__struct_fields__)
        raise ValueError(f"context: {error}. It takes {known}.") from error


def over(context: Circumstances, given: Circumstances) -> Circumstances:
    """What ``context`` says, and ``given`` where it says nothing."""
    said = {name: value for name, value in structs.asdict(context).items() if value is not None}
    return structs.replace(given, **said) if said else given


def with_context(tool: str, arguments: Arguments, where: Circumstances) -> dict[str, Any] | str | None:
    """The arguments with the tool's folder and annotations among them, where they do not say so themselves."""
    hints = {name: where.annotations[name] for name in HINTS if name in where.annotations} if where.annotations else {}
    if where.cwd is None and not hints:
        return dict(arguments) if isinstance(arguments, Mapping) else arguments
    if isinstance(arguments, str):
        known, words = vocabulary(), words_of(tool)
        sql, shell = not known.sql_tools.isdisjoint(words), not known.shell_tools.isdisjoint(words)
        given: dict[str, Any] = {"query" if sql else "command" if shell else "text": arguments}
    else:
        given = dict(arguments or {})
    if where.cwd is not None and not isinstance(given.get("cwd"), str):
        given["cwd"] = where.cwd
    if hints:
        said = given.get("annotations")
        given["annotations"] = {**(said if isinstance(said, dict) else {}), **hints}
    return given


def applied(run: Run, where: Circumstances) -> AbstractContextManager[None]:
    """Within it the run is where this call says. What the run has not named yet, it keeps."""
    return _AS_IT_IS if where is ALONE else _applied(run, where)


@contextmanager
def _applied(run: Run, where: Circumstances) -> Iterator[None]:
    before: dict[str, Any] = {}
    for name, value in (
        ("agent_name", where.agent_name), ("team", where.team), ("environment", where.environment),
        ("workspace", _path(where.workspace)), ("labels", where.named_labels),
    ):  # fmt: skip
        if value is not None and value != getattr(run, name):
            before[name] = getattr(run, name)
            setattr(run, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is not None:
                setattr(run, name, value)


def _path(workspace: str | None) -> str | None:
    return workspace if workspace is not None and len(workspace) <= MOST_TEXT else None
