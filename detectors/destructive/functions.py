"""Functions judged by their names and arguments: ``delete_user(all=true)``, ``mcp__crm__purgeRecords``."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from detectors.destructive import function_words as told
from detectors.destructive.context import names_production
from detectors.destructive.effects import Action, Effect, Reversible, Thing, Width
from detectors.destructive.memo import remembered


class Vocabulary(Struct, frozen=True, forbid_unknown_fields=True):
    """The words of ``functions.yaml``."""

    shell_tools: frozenset[str]
    shell_arguments: list[str]
    sql_tools: frozenset[str]
    sql_arguments: list[str]
    python_tools: frozenset[str]
    code_arguments: list[str]
    folder_arguments: list[str]
    file_things: frozenset[str]
    path_arguments: list[str]
    verbs: dict[str, Reversible]
    needs_thing: frozenset[str]
    things: dict[Thing, list[str]]
    trifles: frozenset[str]
    whole: frozenset[str]
    wide_arguments: frozenset[str]
    wide_values: frozenset[str]
    target_arguments: list[str]
    filter_arguments: list[str]
    defusing_arguments: list[str]
    defusing_words: frozenset[str]
    action_arguments: list[str]
    row_holders: frozenset[str]
    store_holders: frozenset[str]
    keepers: frozenset[str]
    changing_verbs: frozenset[str]
    change_arguments: frozenset[str]
    published: frozenset[str]
    sending_verbs: frozenset[str]
    recipients: frozenset[str]
    mass: frozenset[str]
    messages: frozenset[str]
    money_verbs: frozenset[str]
    amounts: frozenset[str]
    counting: frozenset[str]
    guards: frozenset[str]
    off_verbs: frozenset[str]
    naming_arguments: list[str]
    pay_verbs: frozenset[str]
    payments: frozenset[str]
    audiences: frozenset[str]
    ending_verbs: frozenset[str]
    ended: frozenset[str]
    disks: frozenset[str]
    permanent_arguments: list[str]
    holders: frozenset[str]
    tenants: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    source = files("detectors.destructive").joinpath("functions.yaml").read_bytes()
    return msgspec.yaml.decode(source, type=Vocabulary)


@cache
def _nouns() -> dict[str, Thing]:
    return {word: thing for thing, words in vocabulary().things.items() for word in words}


# Said of nothing that is meant to come back, whatever it is said of.
_FOR_GOOD = frozenset({"wipe", "erase", "purge", "destroy", "obliterate", "nuke", "decommission"})
_BARING = frozenset({"drop", "truncate", "purge", "wipe", "empty", "erase"})
_KEPT_WHOLE = frozenset({"purge", "empty", "wipe", "erase", "clear", "flush"})  # what stays is the empty shell of it
_CONTAINING = frozenset({"bucket", "buckets", "database", "databases", "db", "keyspace", "collection", "collections",
                         "table", "tables", "queue", "queues", "sheet", "worksheet", "spreadsheet"})  # fmt: skip
_COINS = frozenset({"currency", "asset", "coin", "iban", "wallet", "network"})
_CHARGED = frozenset({"customer", "customer_id", "card", "payment_method", "source", "user", "user_id", "account"})
_EVERYTHING = frozenset({"all", "everything", "db", "database"})
_MEMORY_STORES = frozenset({"redis", "memcached", "valkey", "keydb", "dragonfly"})
_MACHINES = frozenset({"instance", "instances", "vm", "vms", "droplet", "droplets", "database", "db", "cluster"})
_PARTS = frozenset({"pod", "pods", "deployment", "deployments", "node", "nodes"})  # of a cluster
_TABLES = frozenset({"table", "tables", "collection", "collections"})
_POSTS = frozenset({"post", "posts", "article", "story", "announcement"})
_CAPTURED = frozenset({"order", "orders", "authorization", "transaction", "transactions", "invoice", "invoices"})
_LASTING = frozenset({"permanently", "forever", "irreversibly", "permanent"})
_JOINED = re.compile(
    r"(delete|drop|destroy|purge|truncate|wipe|erase|remove|flush|terminate|revoke)"
    r"(?=[a-z]{2})(all|every)?([a-z]*)"
)
_BLANKING = frozenset({"wipe", "erase", "format", "zero", "shred"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT = re.compile(r"[^A-Za-z0-9]+")


@remembered(entries=1024, characters=256)
def words_of(name: str) -> tuple[str, ...]:
    """``deleteUser`` and ``crm.delete_user`` as words in lower case."""
    return tuple(word.lower() for part in _SPLIT.split(name[:256]) for word in _CAMEL.split(part) if word)


def judge_function(tool: str, arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """What a function that is named like a destruction would do; nothing for any other name."""
    known = vocabulary()
    words = words_of(tool)
    before: tuple[str, ...] = ()
    if tool.startswith("mcp__") or "." in tool:  # the server's name is no verb
        parts = re.split(r"__|\.", tool)
        words = words_of(parts[-1])
        before = words_of(parts[-2]) if not tool.startswith("mcp__") else ()  # ``crm.contacts.delete``
    words = _apart(words, known)
    hints = _hints(arguments)
    paid = (
        _paid(known, words, arguments, excerpt)
        or _ended(known, words, arguments, excerpt)
        or _changed(known, words, arguments, excerpt)
        or _unguarded(known, words, arguments, excerpt)
        or _granted(known, words, arguments, excerpt)
    )
    if paid:
        return paid
    if "factory" in words and "reset" in words:
        words = ("reset", "factory", *words)
    if not any(word in known.verbs for word in words):
        asked = next((value for name in known.action_arguments if isinstance(value := arguments.get(name), str)), "")
        if len(asked) < 40 and any(word in known.verbs for word in words_of(asked)):
            words = (*words_of(asked), *words)  # manage_user(action="delete")
        elif hints.get("destructiveHint") is True and not hints.get("readOnlyHint"):
            return _hinted(tool, arguments, known, words, excerpt)
    verb = next((word for word in words if word in known.verbs), None)
    if verb is None or words.index(verb) > 2 or not known.defusing_words.isdisjoint(words):
        return []
    if _said(arguments, known.defusing_arguments):
        return []
    after = words[words.index(verb) + 1 :] or words[: words.index(verb)] or before
    if after[:1] == ("by",):
        after = ("matching",)  # delete_by_filter(collection="users")
    things = _nouns()
    noun = next((word for word in after if word in things), None)
    if noun is None:
        noun = _held(known, after, arguments)
    if noun is None and verb == "format" and not known.disks.isdisjoint(after):
        noun = "disk"
    if noun is None and verb == "flush" and not _EVERYTHING.isdisjoint(after):
        noun = next((word for word in words if word in _MEMORY_STORES), None)  # redis_flush_all
    if noun is None and (verb in known.needs_thing or not after or not known.trifles.isdisjoint(after)):
        return []
    if noun is not None and known.trifles.intersection(after):
        return []
    thing: Thing = "store" if noun in _MEMORY_STORES else things[noun] if noun else "other"
    if thing in known.whole and noun not in _PARTS and noun != told.head(after):
        thing = "other"  # ``node_modules`` are no nodes
    width = _width(known, words, noun, thing, arguments)
    reversible = known.verbs[verb]
    if verb == "revoke" and thing == "key" and "token" not in (noun or ""):
        reversible = "no"  # another one can be made, and whoever has this one is shut out
    if verb == "format" and thing not in ("cloud", "disk", "host") and known.disks.isdisjoint(after):
        return []  # a text's form
    if verb in _BLANKING and (not known.disks.isdisjoint(after) or any(map(told.device, arguments.values()))):
        thing, width = "disk", "all"
    forced = noun in known.keepers and arguments.get("force") is True
    if noun in _MEMORY_STORES or forced or (thing == "table" and noun in _TABLES and noun == told.head(after)):
        width = "all"
    if noun in ("pod", "pods") or (verb == "stop" and noun in _MACHINES):
        reversible = "yes" if noun in ("pod", "pods") else "no"
    lasting = _said(arguments, known.permanent_arguments) or not _LASTING.isdisjoint(words)
    if lasting:
        reversible = "no"
    if verb in _KEPT_WHOLE and (noun in _CONTAINING or (verb == "empty" and thing in ("cloud", "database", "table"))):
        width = "all"
    if verb == "empty" and noun in ("trash", "recycle_bin"):
        reversible, width = "no", "many"
    if verb == "remove" and noun in known.keepers:
        reversible = "no"
    if (verb in _BARING and thing == "table" and noun is not None and noun.startswith(("table", "coll"))) or (
        verb in known.verbs and noun in known.tenants
    ):
        width = "all" if reversible == "no" else width
    if verb == "reset" and "factory" in words:
        thing, width = "host", "all"
    if noun is None and width != "all" and verb not in _FOR_GOOD:
        reversible = "unknown" if reversible == "no" else reversible
    if reversible == "unknown" and width == "all":
        reversible = "no"
    if thing == "message" and width == "one" and noun not in known.holders and not lasting:
        return []
    if thing == "files" and width == "one" and not told.of_a_drive(arguments):
        return []  # which file is what matters: `calls` looks at the paths
    action: Action = "revoke" if verb == "revoke" else "stop" if reversible == "yes" or verb == "stop" else "delete"
    target = _target(known, arguments)
    return [
        Effect(action=action, thing=thing, target=(target or noun or tool)[:200], width=width, reversible=reversible,
               excerpt=excerpt, entry=f"function.{verb}", keys=(f"{thing}:{target}",) if target else (),
               production=names_production(tool) or names_production(target))
    ]  # fmt: skip


def _unguarded(known: Vocabulary, words: tuple[str, ...], arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """What guards something is turned off, or what serves is scaled to nothing."""
    if told.scaled_to_nothing(words, arguments):
        return [
            Effect(action="stop", thing="cluster", target=_target(known, arguments)[:120], width="one", reversible="no",
                   undo="scaled up again; what ran is interrupted", excerpt=excerpt, entry="function.scale")
        ]  # fmt: skip
    if known.guards.isdisjoint(words) or not (words[0] in known.off_verbs or words[1:2] == ("off",)):
        return []
    if _said(arguments, known.defusing_arguments):
        return []
    return [
        Effect(action="change", thing="firewall", target=_target(known, arguments)[:120], width="one", reversible="no",
               excerpt=excerpt, entry="function.guard")
    ]  # fmt: skip


def _apart(words: tuple[str, ...], known: Vocabulary) -> tuple[str, ...]:
    """``deleteall``, ``dropdatabase``: a verb and what it is done to, written as one word."""
    if len(words) > 2 or any(word in known.verbs for word in words):
        return words
    for at, word in enumerate(words):
        found = _JOINED.fullmatch(word)
        if found is not None and (found.group(2) or found.group(3) in _nouns()):
            return (*words[:at], *(part for part in found.groups() if part), *words[at + 1 :])
    return words


def _held(known: Vocabulary, after: tuple[str, ...], arguments: dict[str, Any]) -> str | None:
    """What it is done to, as the arguments' names tell: ``delete_many(collection=)``, ``crm_delete(customerId=)``."""
    things = _nouns()
    names = [words_of(name) for name in arguments if isinstance(name, str)]
    if any(not known.row_holders.isdisjoint(parts) for parts in names):
        return "rows"
    if any(not known.store_holders.isdisjoint(parts) for parts in names):
        return "blobs" if after and after[-1].endswith("s") else "blob"
    if not known.trifles.isdisjoint(after):
        return None
    for name in known.naming_arguments:
        value = arguments.get(name)
        if isinstance(value, str) and (said := words_of(value)) and said[-1] in things:
            return said[-1]
    for parts in names:
        if len(parts) == 2 and parts[1] in ("id", "ids") and parts[0] in things:
            return "document" if things[parts[0]] == "files" else parts[0]
    return None


def _changed(known: Vocabulary, words: tuple[str, ...], arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """Rows that are given other values, all of them: ``update_record(where={}, set={...})``."""
    if known.changing_verbs.isdisjoint(words) or known.change_arguments.isdisjoint(arguments):
        return []
    chosen = [value for name, value in arguments.items() if name in known.filter_arguments]
    if not chosen or not all(map(told.selects_all, chosen)) or _said(arguments, known.defusing_arguments):
        return []
    return [
        Effect(action="overwrite", thing="rows", target=_target(known, arguments)[:120], width="all", reversible="no",
               excerpt=excerpt, entry="function.update")
    ]  # fmt: skip


def _granted(known: Vocabulary, words: tuple[str, ...], arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """Someone is given all rights: ``grant_admin_role(user=)``, ``set_role(user=, role="owner")``."""
    if not told.makes_ruler(words, arguments) or _said(arguments, known.defusing_arguments):
        return []
    return [
        Effect(action="change", thing="access", target=_target(known, arguments)[:120], width="one", reversible="no",
               undo="taken back; what was done with it meanwhile isn't", excerpt=excerpt, entry="function.grant")
    ]  # fmt: skip


def _hints(arguments: dict[str, Any]) -> dict[str, Any]:
    """A tool's annotations as its server lists them, if whoever asks handed them on with the call.

    They raise a verdict and never lower it: a server may say of itself what it likes.
    """
    for holder in (arguments.get("annotations"), arguments.get("_meta")):
        if isinstance(holder, dict):
            inner = holder.get("annotations", holder)
            if isinstance(inner, dict) and "destructiveHint" in inner:
                return inner
    return {}


def _hinted(
    tool: str, arguments: dict[str, Any], known: Vocabulary, words: tuple[str, ...], excerpt: str
) -> list[Effect]:
    """A tool whose server says that it destroys, under a name that does not tell what."""
    width = _width(known, words, None, "other", arguments)
    target = _target(known, arguments)
    return [
        Effect(action="change", thing="other", target=(target or tool)[:200], width=width, excerpt=excerpt,
               reversible="no" if width in ("all", "many") else "unknown", entry="function.hint",
               production=names_production(tool) or names_production(target))
    ]  # fmt: skip


def _ended(known: Vocabulary, words: tuple[str, ...], arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """What has been agreed with someone, and is over once it is cancelled."""
    if known.ended.isdisjoint(words) or words[0] not in known.ending_verbs:
        return []
    if _said(arguments, known.defusing_arguments):
        return []
    return [
        Effect(action="revoke", thing="account", target=_target(known, arguments)[:120], reversible="no",
               width="all" if "all" in words else "one", excerpt=excerpt, entry="function.end")
    ]  # fmt: skip


def _paid(known: Vocabulary, words: tuple[str, ...], arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """Money that moves, and messages to everyone."""
    verb = next((word for word in words if word in known.pay_verbs or word in known.sending_verbs), None)
    traded = not known.amounts.isdisjoint(arguments) and known.counting.isdisjoint(words) and (
        not known.money_verbs.isdisjoint(words)
        or ("place" in words and "order" in words)
        or ("send" in words and not _COINS.isdisjoint(arguments))
    )
    massed = (not known.mass.isdisjoint(words) or "all" in words) and not (
        known.messages.isdisjoint(words) or known.sending_verbs.isdisjoint(words)
    )
    posted = words[:1] in (("tweet",), ("toot",)) or (verb == "publish" and not _POSTS.isdisjoint(words))
    if not (verb or traded or massed or posted) or not known.defusing_words.isdisjoint(words):
        return []
    if words[0] in known.counting or (words[-1] in known.counting and words[-1] not in known.recipients):
        return []  # calculate_refund
    if _said(arguments, known.defusing_arguments):
        return []
    if verb == "charge" and not traded and _CHARGED.isdisjoint(arguments):
        return []  # a battery
    if traded or not known.payments.isdisjoint(words) or (
        (verb in ("capture", "void") and not _CAPTURED.isdisjoint(words)) or words[-2:] == ("send", "invoice")
    ):
        return [
            Effect(action="pay", thing="other", target=_target(known, arguments)[:120], width="one", reversible="no",
                   excerpt=excerpt, entry="function.pay")
        ]  # fmt: skip
    if verb == "publish" and not known.published.isdisjoint(words):
        return [
            Effect(action="publish", thing="package", target=_target(known, arguments)[:120], width="one",
                   reversible="no", excerpt=excerpt, entry="function.publish")
        ]  # fmt: skip
    everyone = massed or posted or not known.audiences.isdisjoint(words)
    if everyone or (verb in known.sending_verbs and told.to_everyone(known.recipients, arguments)):
        return [
            Effect(action="publish", thing="message", target=_target(known, arguments)[:120], width="many",
                   reversible="no", excerpt=excerpt, entry="function.broadcast")
        ]  # fmt: skip
    return []


def _width(
    known: Vocabulary, words: tuple[str, ...], noun: str | None, thing: Thing, arguments: dict[str, Any]
) -> Width:
    if "all" in words or "everything" in words:
        return "all"
    for name, value in arguments.items():
        if str(name).lower() in known.wide_arguments and _truthy(value):
            return "all"
        if isinstance(value, str) and value.strip().lower() in known.wide_values:
            return "all"
        if str(name).lower() in known.filter_arguments and told.selects_all(value):
            return "all"
        if isinstance(value, list) and len(value) > 1:
            return "many"
    if thing in known.whole and noun not in _PARTS:
        return "all"
    if (
        noun is not None
        and noun.endswith("s")
        and not any(arguments.get(name) not in (None, "", [], {}) for name in known.target_arguments)
    ):
        return "all" if not arguments else "many"
    return "one"


def _target(known: Vocabulary, arguments: dict[str, Any]) -> str:
    for name in known.target_arguments:
        value = arguments.get(name)
        if value not in (None, "", [], {}):
            return str(value)[:120]
    return next((str(value)[:120] for value in arguments.values() if isinstance(value, str) and value), "")


def _said(arguments: dict[str, Any], names: list[str]) -> bool:
    """Whether one of these is true, as ``dry_run`` or as ``dryRun``."""
    return any(_truthy(value) and "_".join(words_of(str(name))) in names for name, value in arguments.items())


def _truthy(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in ("true", "yes", "1", "all")) or value == 1
