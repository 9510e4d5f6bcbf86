"""Things that are kept for tests, or for one's own trials: told by their names, and by the environment they are of.

Only what the command itself goes to counts: the name of its target, the database or namespace that it connects to, and
the variables that say which one a framework takes. What the agent says about the run lowers nothing, and neither does
a name beside one of production.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from detectors.destructive.context import names_production, names_tests
from detectors.destructive.effects import Effect, Thing
from detectors.destructive.scope import Scope
from detectors.destructive.values import is_unknown

_WORD = r"(?<![a-z0-9])(?:{})(?![a-z0-9])"
_DEV = re.compile(_WORD.format(r"dev|devel|development|local|minikube|kind|k3d"))
_STORES: frozenset[Thing] = frozenset({"database", "table", "rows", "schema", "container", "cluster"})
_VARIABLES = (
    "RAILS_ENV", "RACK_ENV", "NODE_ENV", "APP_ENV", "MIX_ENV", "FLASK_ENV", "ENV", "ENVIRONMENT", "HANAMI_ENV",
    "DJANGO_SETTINGS_MODULE", "SYMFONY_ENV", "ASPNETCORE_ENVIRONMENT", "DATABASE_URL", "PGDATABASE",
    "TEST_DATABASE_URL",
)  # fmt: skip
_FLAGS = frozenset({
    "--env", "--environment", "-e", "-E", "--settings", "-n", "--namespace", "--context", "--kube-context", "-d", "-D",
    "--dbname", "--database", "--db", "--stage", "--connection", "-p", "--project-name", "--project",
})  # fmt: skip
_ARGUMENTS = ("database", "db", "db_name", "dbName", "environment", "env", "namespace", "schema", "keyspace")
_CLIENTS = frozenset({"psql", "mysql", "mariadb", "mongosh", "mongo", "pgcli", "mycli", "cockroach", "pg_restore"})
_VALUED = frozenset(
    {"-h", "-U", "-u", "-p", "-P", "-c", "-f", "-e", "--eval", "--host", "--port", "--user", "--username"}
)
# What is gone with the whole thing, and is put back as it was from files that are kept.
_DEPLOYED = frozenset({"helm.uninstall", "kubectl.delete", "kubectl.scale-zero", "docker.swarm", "helm.upgrade-force"})
_OTHER = re.compile(r"drop\s+(?:database|keyspace)|getSiblingDB", re.IGNORECASE)
_URL = re.compile(r"[a-z0-9+]+://[^/\s]*/([^?\s/]+)")


def lowered(effects: list[Effect], argv: list[str], scope: Scope, start: int = 0) -> None:
    """Takes the weight from those of ``effects`` from ``start`` on that hit nothing but what is for tests.

    What is for development stays a loss, but is less than everything.
    """
    if all(effect.thing not in _STORES for effect in effects[start:]) or scope.context.production:
        return
    names = _names(argv, scope)
    if any(names_production(name) for name in (*names, *argv[1:])):
        return
    for at in range(start, len(effects)):
        effect = effects[at]
        if effect.thing in _STORES and effect.action not in ("create", "execute_unknown") and not effect.production:
            effects[at] = _lower(effect, names, argv[0].rpartition("/")[2] in _CLIENTS)


def lowered_call(effects: list[Effect], arguments: dict[str, Any], production: bool) -> list[Effect]:
    """The same for a function's effects, by the database or environment that its arguments name."""
    names = [value for name in _ARGUMENTS if isinstance(value := arguments.get(name), str) and len(value) < 200]
    if production or any(names_production(str(value)[:200]) for value in arguments.values()):
        return effects
    return [
        _lower(effect, names, False) if effect.thing in _STORES and not effect.production else effect
        for effect in effects
    ]


def _lower(effect: Effect, names: list[str], client: bool) -> Effect:
    targets = effect.target.split()
    other = effect.thing == "database" and _OTHER.search(effect.excerpt) is not None
    named_in = effect.entry.startswith("sql.") and "." in effect.target.removeprefix("public.")
    elsewhere = client and (other or named_in)  # than the database that the client is connected to
    named = bool(targets) and effect.thing in ("database", "container", "cluster") and all(map(_tests, targets))
    if named or (not elsewhere and any(map(_tests, names))):
        return replace(effect, place="scratch", undo="it is for tests")
    if any(_DEV.search(name.lower()) for name in (*(() if elsewhere else names), *targets)):
        if effect.entry in _DEPLOYED:
            return replace(effect, width="one", reversible="unknown")
        return replace(effect, width="many") if effect.width == "all" else effect
    return effect


def _tests(name: str) -> bool:
    return not is_unknown(name) and names_tests(name)


def _names(argv: list[str], scope: Scope) -> list[str]:
    """Of the environments, databases and namespaces that a command line goes to."""
    found = [value for name in _VARIABLES if (value := scope.variables.get(name))]
    for at, word in enumerate(argv[1:], 1):
        flag, equals, value = word.partition("=")
        if flag in _FLAGS:
            found.append(value if equals else argv[at + 1] if at + 1 < len(argv) else "")
    if argv[0].rpartition("/")[2] in _CLIENTS:
        found += [
            word
            for at, word in enumerate(argv[1:], 1)
            if not word.startswith("-") and argv[at - 1] not in _VALUED and " " not in word
        ][:1]
    return [(_URL.fullmatch(name) or [name, name])[1] for name in found if name and " " not in name]
