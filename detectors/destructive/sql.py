"""SQL, read by sqlglot: what a text of one or more statements would do to rows, tables and databases."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from itertools import islice
from typing import Any

from detectors.destructive.bounds import MAX_ROWS, TooMuch, check_nesting, rows_of_the_same
from detectors.destructive.context import names_production
from detectors.destructive.effects import Action, Certainty, Effect, Reversible, Thing, Width
from detectors.destructive.memo import remembered
from detectors.destructive.sql_conditions import always_true
from detectors.destructive.sql_words import STATEMENTS, STRINGS

MAX_SQL = 64 * 1024
MAX_PARSED = 4 * 1024  # sqlglot takes up to 12 µs a character; longer texts are dumps, and are read by their words
_WORTH = re.compile(
    r"drop|truncate|delete|update|alter|merge|replace|create|overwrite|revoke|grant|shutdown|purge|reset|terminate"
    r"|lo_unlink|restore|exec|/\*",
    re.IGNORECASE,
)
_EXECUTABLE = re.compile(r"/\*!\d*(.*?)(?:\*/|\Z)", re.DOTALL)
_PREFIX = re.compile(
    r"^\s*explain\s+(?:analy[sz]e\s+(?:verbose\s+)?|\([^)]{0,200}\banaly[sz]e\b(?!\s*(?:false|off|0))"
    r"[^)]{0,200}\)\s*)",
    re.IGNORECASE,
)
_SPLIT_WORD = re.compile(r"(?<=[A-Za-z])/\*.{0,80}?\*/(?=[A-Za-z])", re.DOTALL)
_DYNAMIC = re.compile(r"\b(?:execute(?:\s+immediate)?|exec|sp_executesql)\s*+\(?\s*+N?'((?:[^']|'')++)'", re.IGNORECASE)
_BLOCK = re.compile(r"\bdo\s++(?:language\s++\w++\s++)?(\$\w{0,40}\$)", re.IGNORECASE)
_BETWEEN = re.compile(r"\b(?:begin|declare|then|else|loop)\b", re.IGNORECASE)
_MAX_BLOCKS = 64
_MAX_LINES = 200  # beyond what is read
MAX_SCANNED = 1024 * 1024
_ALTER_ROWS = re.compile(
    r"\balter\s+table\s+(\S+)(?:\s+on\s+cluster\s+\S+)?\s+(delete\s+where|update\s)", re.IGNORECASE
)
_BEGINS = re.compile(r"\bstart\s+transaction\b[^;]*", re.IGNORECASE)
_TOP = re.compile(r"\bdelete\s++top\s*+\(?\s*+\d++\s*+\)?(\s*+percent)?", re.IGNORECASE)
# Statements that sqlglot takes for expressions, or keeps as text.
_SPECIAL = re.compile(
    r"(?:^|;)\s*(?:shutdown|reset\s|purge\s|restore\s|grant\s|revoke\s|alter\s+(?:role|user|login|database)\s)"
    r"|pg_terminate_backend|lo_unlink|pg_drop_replication",
    re.IGNORECASE,
)
_DOT_COMMAND = re.compile(r"^[.\\][a-z!].*$", re.MULTILINE)
_FOR_TESTS = re.compile(r"test|test_.*|.*_test|.*_testing|test\d+", re.IGNORECASE)
_TEMPORARY = re.compile(r"^(#|pg_temp|tmp_|temp_)|(_tmp|_temp)$", re.IGNORECASE)
# what sqlglot raises on texts it was never meant to read
_BROKEN = (RecursionError, ValueError, AttributeError, TypeError, IndexError, KeyError)
_BACKUP = "only from a backup"


def analyse_sql(text: str, excerpt: str = "", dialect: str | None = None) -> list[Effect]:
    """The effects of an SQL text, creations included. Never raises.

    What is rolled back at the end does not count. A text that does not parse is read by its words.
    """
    out: list[Effect] = []
    if _WORTH.search(text, 0, MAX_SQL):
        out.extend(_analyse(text[:MAX_SQL], excerpt or text[:200], dialect))
    if len(text) > MAX_SQL:
        out.extend(_beyond(text[MAX_SQL:MAX_SCANNED], excerpt or text[:200]))
        out.append(
            Effect(action="execute_unknown", thing="code", width="unknown", reversible="unknown", certainty="possible",
                   target=f"a command that could not be read whole: SQL longer than {MAX_SQL // 1024} KiB",
                   excerpt=excerpt or text[:120], entry="sql.cut")
        )  # fmt: skip
    return out


@remembered(entries=512, characters=4096)
def _analyse(text: str, excerpt: str, dialect: str | None) -> tuple[Effect, ...]:
    import sqlglot  # here, because loading it takes longer than everything else an agent loads
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of each statement that it keeps as text

    text = _EXECUTABLE.sub(r" \1 ", text)
    text = _DOT_COMMAND.sub("", _PREFIX.sub("", text))
    if dialect is None and "`" in text:
        text = text.replace("`", '"')  # names, as MySQL and BigQuery quote them
    out: list[Effect] = []
    if "/*" in text and (joined := _SPLIT_WORD.sub("", text)) != text:
        out.extend(_by_words(joined, excerpt))
    text = _BEGINS.sub("begin", text)
    text = _ALTER_ROWS.sub(_as_statement, text)
    text = _TOP.sub(lambda found: "delete" if found.group(1) else "select", text)
    for block in islice(_BLOCK.finditer(text), _MAX_BLOCKS):
        end = text.find(block.group(1), block.end())
        if end >= 0:
            out.extend(_by_words(_BETWEEN.sub(";", text[block.end() : end]), excerpt))
    for found in _DYNAMIC.finditer(text):
        out.extend(_by_words(found.group(1).replace("''", "'"), excerpt))
    temporary: set[str] = set()
    if not _to_parse(text):
        return (*out, *_by_words(text, excerpt))
    if _SPECIAL.search(text):
        out.extend(_by_words(text, excerpt, _SPECIAL))
    try:
        statements = sqlglot.parse(text, dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, *_BROKEN):
        return tuple(dict.fromkeys((*out, *_by_words(text, excerpt))))
    pending: int | None = None
    for statement in statements:
        if statement is None:
            continue
        kind = statement.key
        if kind == "transaction":
            pending = len(out)
        elif kind == "rollback" and pending is not None:
            del out[pending:]
            pending = None
        elif kind == "commit":
            pending = None
        try:
            out.extend(_statement(statement, excerpt, temporary))
        except _BROKEN:
            out.extend(_by_words(text, excerpt))
            break
    return tuple(out)


def _beyond(text: str, excerpt: str) -> list[Effect]:
    """Statements behind what is read, by their words: padding must not soften a verdict."""
    telling = list(dict.fromkeys(line[:2000] for line in text.split("\n") if _WORTH.search(line[:400]) is not None))
    if len(telling) > _MAX_LINES:
        telling = telling[: _MAX_LINES // 2] + telling[-_MAX_LINES // 2 :]
    return _by_words(";".join(telling), excerpt)[-_MAX_BLOCKS:]


def _to_parse(text: str) -> bool:
    """Whether sqlglot is to read it: not what is long, nested deep, or the same again and again."""
    if len(text) <= MAX_ROWS:
        return True
    try:
        check_nesting(text)
    except TooMuch:
        return False
    return len(text) <= MAX_PARSED and not rows_of_the_same(text)


def _as_statement(found: re.Match[str]) -> str:
    """``ALTER TABLE t DELETE WHERE`` as ``DELETE FROM t WHERE``: ClickHouse's way."""
    return f"delete from {found[1]} where" if found[2].lower().startswith("delete") else f"update {found[1]} set "


def shell_of_sql(text: str) -> list[str]:
    """The shell commands that a client or the server would run: ``\\! rm``, ``.shell``, ``COPY … TO PROGRAM``."""
    return [next(part for part in found.groups() if part) for found in _SHELL.finditer(text[:MAX_SQL])][:16]


_SHELL = re.compile(
    r"^[^\S\n]*+(?:\\!|\.shell|\.system|system|!)[^\S\n]++(\S.*)$|\b(?:to|from)\s++program\s++'((?:[^']|'')+)'"
    r"|\bxp_cmdshell\s++N?'((?:[^']|'')+)'",
    re.IGNORECASE | re.MULTILINE,
)


def _effect(
    action: Action, thing: Thing, target: str, width: Width, excerpt: str, entry: str,
    reversible: Reversible = "no", undo: str = _BACKUP, certainty: Certainty = "certain", own: bool = False,
) -> Effect:  # fmt: skip
    return Effect(
        action=action, thing=thing, target=target, width=width, reversible=reversible, undo=undo, certainty=certainty,
        place="own" if own or _TEMPORARY.search(target.rsplit(".", 1)[-1]) else "", keys=(f"table:{target.lower()}",),
        excerpt=excerpt, entry=entry, production=names_production(target),
    )  # fmt: skip


def _statement(node: Any, excerpt: str, temporary: set[str]) -> list[Effect]:
    kind = node.key
    out: list[Effect] = []
    for inner in node.find_all(_types("Delete", "Update")) if kind in ("select", "with", "insert", "union") else ():
        out.extend(_statement(inner, excerpt, temporary))
    if kind == "drop":
        out.extend(_drop(node, excerpt, temporary))
    elif kind == "truncatetable":
        for table in node.expressions:
            name = _name(table)
            out.append(_effect("delete", "rows", name, "all", excerpt, "sql.truncate", own=name.lower() in temporary))
    elif kind == "merge" and always_true(node.args.get("on"), ""):
        if any(str(branch.args.get("then")).upper() == "DELETE" for branch in node.find_all(_types("When"))):
            out.append(_effect("delete", "rows", _name(node.this), "all", excerpt, "sql.merge-delete"))
    elif kind in ("delete", "update"):
        out.extend(_rows(node, kind, excerpt, temporary))
    elif kind == "alter":
        for action in node.args.get("actions") or ():
            if action.key == "drop":
                column = (action.args.get("kind") or "").upper()
                entry = "sql.drop-column" if column in ("COLUMN", "") else "sql.drop-part"
                reversible: Reversible = "no" if entry == "sql.drop-column" else "unknown"
                name = f"{_name(node.this)}.{_name(next(iter(_dropped(action)), None))}"
                out.append(_effect("delete", "schema", name, "one", excerpt, entry, reversible))
            elif action.key == "command":
                text = f"alter table {_name(node.this)} {action.this} {action.expression or ''}"
                out.extend(_by_words(text, excerpt))
            elif action.key == "droppartition":
                out.append(_effect("delete", "rows", _name(node.this), "many", excerpt, "sql.drop-partition"))
    elif kind == "create":
        name = _name(node.this.this if node.this is not None and node.this.key == "schema" else node.this)
        if any(item.key == "temporaryproperty" for item in node.find_all(_types("TemporaryProperty"))):
            temporary.add(name.lower())
        if (node.args.get("kind") or "").upper() in ("TABLE", "DATABASE", "SCHEMA") and not node.args.get("replace"):
            thing: Thing = "database" if node.args["kind"].upper() == "DATABASE" else "table"
            keys = () if node.args.get("exists") else (f"table:{name.lower()}",)
            out.append(
                Effect(action="create", thing=thing, target=name, width="one", reversible="yes", keys=keys,
                       excerpt=excerpt, entry="sql.create")
            )  # fmt: skip
        if node.args.get("replace") and (node.args.get("kind") or "").upper() == "TABLE":
            out.append(_effect("overwrite", "table", name, "all", excerpt, "sql.replace-table"))
    elif kind == "insert" and node.args.get("overwrite"):
        out.append(_effect("overwrite", "rows", _name(node.this), "all", excerpt, "sql.insert-overwrite"))
    elif kind == "command" and not _SPECIAL.search(f"{node.this} "):
        out.extend(_by_words(f"{node.this} {node.expression or ''}", excerpt))
    return out


def _drop(node: Any, excerpt: str, temporary: set[str]) -> list[Effect]:
    kind = (node.args.get("kind") or "").upper()
    names = [_name(item) for item in _dropped(node)]
    out = []
    for name in names or ["?"]:
        own = name.lower() in temporary or bool(node.args.get("temporary"))
        if kind in ("DATABASE", "SCHEMA", "CATALOG", "KEYSPACE"):
            out.append(_effect("delete", "database", name, "all", excerpt, "sql.drop-database",
                               own=own or _FOR_TESTS.fullmatch(name) is not None))  # fmt: skip
        elif kind in ("TABLE", "MATERIALIZED VIEW", "STREAM", "STAGE"):
            out.append(_effect("delete", "table", name, "all", excerpt, "sql.drop-table", own=own))
        elif kind in ("USER", "ROLE", "LOGIN"):
            whole = bool(node.args.get("cascade"))  # Oracle's takes all that the user owns along
            out.append(_effect("delete", "account", name, "all" if whole else "one", excerpt, "sql.drop-user"))
        elif kind == "WAREHOUSE":
            out.append(_effect("delete", "cloud", name, "one", excerpt, "sql.drop-code", undo="create it again"))
        elif kind not in ("VIEW", "INDEX", "CONSTRAINT", ""):
            out.append(_effect("delete", "schema", name, "one", excerpt, "sql.drop-code", undo="create it again"))
        else:
            out.append(_effect("delete", "schema", name, "one", excerpt, "sql.drop-object", "yes", "create it again"))
    return out


def _dropped(node: Any) -> list[Any]:
    """sqlglot 30 has a list of tables, earlier versions one thing and more expressions."""
    listed = node.args.get("tables")
    return list(listed) if listed else [item for item in (node.args.get("this"),) if item is not None]


def _rows(node: Any, kind: str, excerpt: str, temporary: set[str]) -> list[Effect]:
    where = node.args.get("where")
    name = _name(node.this)
    action: Action = "delete" if kind == "delete" else "overwrite"
    own = name.lower() in temporary
    limit = node.args.get("limit")
    if limit is not None and not (limit.expression is not None and len(str(limit.expression)) > 6):
        return []
    if where is None and kind == "delete" and (node.args.get("tables") or node.args.get("using")):
        several = node.args.get("tables") and not node.args.get("using")
        width: Width = "unknown" if several else "all"
        return [
            _effect(action, "rows", name, width, excerpt, "sql.delete-join", "unknown" if several else "no", own=own)
        ]
    if where is None and kind == "update" and (node.args.get("from_") or node.args.get("from")):
        return []
    if where is None or always_true(where.this, name):
        return [_effect(action, "rows", name, "all", excerpt, f"sql.{kind}-all", own=own)]
    return []


def _name(node: Any) -> str:
    if node is None:
        return "?"
    if node.key in ("table", "column"):
        return ".".join(part.name for part in node.parts if part.name) or "?"
    inner = node.args.get("this")
    return _name(inner) if hasattr(inner, "key") and node.key in ("schema", "alias") else node.name or str(node)[:60]


@lru_cache(maxsize=8)
def _types(*names: str) -> Any:
    from sqlglot import exp

    found = tuple(getattr(exp, name) for name in names)
    return found[0] if len(found) == 1 else found


def _by_words(text: str, excerpt: str, only: re.Pattern[str] = _WORTH) -> list[Effect]:
    """For what sqlglot cannot read: statements by their first words, without strings and comments."""
    out = []
    for statement in STRINGS.sub(" ", text).split(";"):
        stripped = statement.strip()
        if not only.search(stripped[:2000]):
            continue
        for pattern, action, thing, width, entry in STATEMENTS:
            found = pattern.match(stripped[:2000])
            if found:
                name = found.group(1).strip('"`[]();')
                out.append(_effect(action, thing, name[:80], width, excerpt, f"sql.{entry}", certainty="likely"))
                break
    return out
