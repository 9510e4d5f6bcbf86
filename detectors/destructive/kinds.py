"""What a tool takes, where the policy says so: a shell's commands under a name that no vocabulary knows."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal

from detectors.destructive.functions import vocabulary

Kind = Literal["shell", "python", "sql", "javascript", "ruby", "perl", "php", "powershell", "text"]
Kinds = tuple[tuple[Kind, str], ...]
Arguments = dict[str, Any] | str | None
# The tool and the argument as which it is judged. Text does nothing, whatever it says.
_SAME: dict[Kind, tuple[str, str]] = {"shell": ("bash", "command"), "sql": ("sql", "query")}


def as_kind(tool: str, arguments: Arguments, kinds: Kinds) -> tuple[str, Arguments]:
    """The call under a name by which it is judged as what the policy says it is; as it came, if it says nothing."""
    kind = _kind(tool[:256], kinds)
    if kind is None:
        return tool, arguments
    if kind == "text":
        return "text", None
    name, key = _SAME.get(kind, (kind, "code"))
    if isinstance(arguments, str):
        return name, {key: arguments}
    given = arguments or {}
    known = vocabulary()
    usual = {"shell": known.shell_arguments, "sql": known.sql_arguments}.get(kind, known.code_arguments)
    if any(given.get(argument) for argument in usual):
        return name, given
    texts = [value for argument, value in given.items()
             if isinstance(value, str) and argument not in known.folder_arguments]  # fmt: skip
    return name, {**given, key: "\n".join(texts)}


@lru_cache(maxsize=1024)
def _kind(tool: str, kinds: Kinds) -> Kind | None:
    """Of the first name or glob that fits, in any case of letters."""
    return next((kind for kind, glob in kinds if fnmatchcase(tool.lower(), glob.lower())), None)
