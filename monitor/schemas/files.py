"""The documents as files, and whether those on disk are what the types say now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from monitor.schemas.asyncapi import asyncapi
from monitor.schemas.json_schemas import json_schemas

HEAD = "# Made from the types by `make schemas`: change those, not this.\n"


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice twice: readers of YAML for people know no aliases. Long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)


def files() -> dict[str, str]:
    """path below ``docs``: content."""
    schemas = {f"schemas/{name}.json": json.dumps(schema, indent=2) + "\n" for name, schema in json_schemas().items()}
    document = yaml.dump(asyncapi(), Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)
    return {**schemas, "asyncapi.yaml": HEAD + document}


def write(directory: Path) -> list[str]:
    """Brings ``directory`` up to date. Returns the paths that changed."""
    changed = stale(directory)
    wanted = files()
    for path in changed:
        if path not in wanted:
            (directory / path).unlink()
            continue
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(wanted[path], encoding="utf-8")
    return changed


def stale(directory: Path) -> list[str]:
    """The paths whose content is missing, old, or of a message that is no more."""
    wanted = files()
    there = {f"schemas/{path.name}" for path in (directory / "schemas").glob("*.json")}
    return sorted(
        path
        for path in wanted.keys() | there
        if path not in wanted
        or not (directory / path).is_file()
        or (directory / path).read_text(encoding="utf-8") != wanted[path]
    )
