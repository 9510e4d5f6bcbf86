"""What an action would do, and how bad that is: the one model behind shell commands, SQL, file tools and functions.

`verdict` is the only place where an effect turns into a rule. It never sees the command, only the effect, so the same
loss gets the same answer whatever the tool.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Action = Literal[
    "create", "delete", "overwrite", "change", "stop", "revoke", "publish", "pay", "execute_unknown",
]  # fmt: skip
Thing = Literal[
    "files", "disk", "database", "table", "rows", "schema", "store", "cloud", "cluster", "container", "environment",
    "repository", "branch", "process", "service", "host", "account", "access", "firewall", "schedule", "package",
    "backup", "key", "message", "code", "other",
]  # fmt: skip
Width = Literal["one", "many", "all", "unknown"]
Reversible = Literal["yes", "no", "unknown"]
Certainty = Literal["certain", "likely", "possible"]
Place = Literal[
    "", "root", "core", "wide", "device", "workspace root", "repository", "system", "protected", "elsewhere", "unknown",
    "workspace", "rebuildable", "scratch", "own", "nothing",
]  # fmt: skip

WIDE = "destructive.wide"
NARROW = "destructive.narrow"
REVERSIBLE = "destructive.reversible"
UNSEEN = "destructive.unknown"
REBUILD = "destructive.rebuild"

HARMLESS: frozenset[str] = frozenset({"scratch", "rebuildable", "own", "nothing"})
ORDER = (WIDE, NARROW, REBUILD, UNSEEN, REVERSIBLE)


class Effect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that an action would do.

    target: as people would name it. width: ``all`` is everything of its scope (a machine, a home, a workspace, a
    database, a namespace), ``many`` a part of it. undo: how it can be undone or rebuilt, if it can.
    certainty: ``likely`` when it hangs on a variable nobody set, ``possible`` when on a value nobody knows.
    place: where a file target lies. keys: what this effect creates or takes away, for telling a run's own things.
    excerpt: the part of the command. entry: the catalogue's id, or the analyser's own.
    """

    action: Action
    thing: Thing
    target: str
    width: Width
    reversible: Reversible
    undo: str = ""
    certainty: Certainty = "certain"
    place: Place = ""
    keys: tuple[str, ...] = ()
    excerpt: str = ""
    entry: str = ""
    production: bool = False


def verdict(effect: Effect, production: bool = False) -> str | None:
    """The rule that this effect breaks, or None for what happens all day.

    production: the run's environment is production. It raises, and nothing here is lowered by what an agent says.
    """
    production = production or effect.production
    if effect.action == "create" or effect.place in HARMLESS:
        return None
    if effect.action == "execute_unknown":
        return UNSEEN
    if effect.place == "workspace" and effect.width == "one" and effect.action != "overwrite":
        return None
    if effect.reversible == "yes":
        return REVERSIBLE
    if effect.reversible == "unknown":
        return NARROW if production and effect.width in ("many", "all") else REVERSIBLE
    wide = effect.width == "all" or (production and effect.width == "many")
    return WIDE if wide and effect.certainty != "possible" else NARROW
