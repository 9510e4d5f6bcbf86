"""Effects in words that a person at three in the morning understands."""

from __future__ import annotations

from detectors.destructive.effects import Effect, Thing
from detectors.detector import shorten

_TARGET = 160

SPANS: dict[str, str] = {
    "root": "every file on the machine, starting at",
    "core": "the system's own files in",
    "wide": "everything under",
    "device": "the whole disk",
    "workspace root": "the whole workspace",
    "repository": "the repository and its history in",
    "system": "files of the system:",
    "protected": "what is hard to replace:",
}
NOUNS: dict[Thing, tuple[str, str, str]] = {  # one, many, all
    "files": ("the file", "files in", "all files in"),
    "disk": ("the disk", "a part of the disk", "the whole disk"),
    "database": ("a part of the database", "parts of the database", "the whole database"),
    "table": ("the table", "tables", "the whole table"),
    "rows": ("a row of", "rows of", "every row of"),
    "schema": ("a part of the schema,", "parts of the schema,", "the whole schema"),
    "store": ("an object in the store", "objects in the store", "everything in the store"),
    "cloud": ("the cloud resource", "cloud resources", "the cloud resource and all that it holds,"),
    "cluster": ("an object of the cluster:", "objects of the cluster:", "all that the cluster holds under"),
    "container": ("the container or volume", "containers, images or volumes", "all data volumes"),
    "environment": ("a part of the environment", "a large part of the environment", "the whole environment"),
    "repository": ("saved work in the repository", "history of the repository", "the repository with its history"),
    "branch": ("the branch or tag", "history of the branch", "every branch"),
    "process": ("the process", "all processes of", "every process"),
    "service": ("the service", "services", "every service"),
    "host": ("a part of the machine", "parts of the machine", "the whole machine"),
    "account": ("the account", "the account with its files,", "every account:"),
    "access": ("an access right", "access rights", "the protection of the whole machine"),
    "firewall": ("a firewall rule", "firewall rules", "every firewall rule"),
    "schedule": ("a scheduled job", "all scheduled jobs of a user", "every scheduled job"),
    "package": ("the package", "the package with its versions,", "every package:"),
    "backup": ("a backup", "backups", "every backup"),
    "key": ("the key or secret", "keys or secrets", "every key or secret"),
    "message": ("the message", "messages", "every message:"),
    "code": ("code", "code", "code"),
    "other": ("the resource", "several resources:", "every resource:"),
}
VERBS = {"execute_unknown": "run"}


def describe(effect: Effect) -> str:
    """The effect as the middle of a sentence: ``delete every file on the machine, starting at /``."""
    if effect.action == "execute_unknown":
        whole = effect.target.startswith("a command ")
        return f"run {effect.target}" if whole else f"run code that nobody has seen ({effect.target})"
    verb = VERBS.get(effect.action, effect.action)
    span = SPANS.get(effect.place, "")
    one, many, every = NOUNS[effect.thing]
    noun = span or {"one": one, "many": many, "all": every}.get(effect.width, many)
    if effect.thing == "files" and not effect.target:
        return f"{verb} files of the working folder"
    if effect.target == "…":
        return f"{verb} files whose names are not known beforehand"
    return f"{verb} {noun} {shorten(effect.target, _TARGET)}".rstrip(" :,")


def outlook(effect: Effect) -> str:
    """Whether it can be undone, as the end of a sentence."""
    more = f" ({effect.undo})" if effect.undo else ""
    if effect.action == "execute_unknown":
        return "and what it does cannot be told beforehand"
    if effect.reversible == "no":
        return f"which cannot be undone{more}"
    if effect.reversible == "yes":
        return f"which can be undone{more}"
    return f"and it is not known whether that can be undone{more}"


def certainty(effect: Effect) -> str:
    """How sure that is, as a sentence of its own, or nothing."""
    if effect.action == "execute_unknown" or effect.certainty == "certain":
        return ""
    if effect.certainty == "likely":
        return " Variables that nobody set are taken as empty." if effect.thing == "files" else ""
    return " What it hits is not known for certain."
