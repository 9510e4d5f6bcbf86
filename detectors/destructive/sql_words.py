"""SQL statements told by their first words: for what sqlglot cannot read, and for what it does not model."""

from __future__ import annotations

import re

from detectors.destructive.effects import Action, Thing, Width

STRINGS = re.compile(r"'(?:[^'\\]|''|\\.)*+(?:'|\Z)|--[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NAME = r"(?:\s+if\s+exists)?\s+(\S+)"
_TO_ALL = r".{1,160}\bto\s+(?:public|anonymous|'%'|\w+@'%')"
STATEMENTS: tuple[tuple[re.Pattern[str], Action, Thing, Width, str], ...] = (
    (re.compile(rf"^drop\s+(?:database|schema|keyspace)\b{_NAME}", re.I), "delete", "database", "all", "drop-database"),
    (re.compile(rf"^drop\s+table\b{_NAME}", re.I), "delete", "table", "all", "drop-table"),
    (re.compile(rf"^drop\s+(?:user|role|login)\b{_NAME}", re.I), "delete", "account", "one", "drop-user"),
    (re.compile(rf"^drop\s+user\b{_NAME}\s+cascade", re.I), "delete", "account", "all", "drop-user"),
    (re.compile(r"^drop\s+(?:measurement|series|shard|stream|catalog|dataset)\b\s+(\S+)", re.I),
     "delete", "table", "all", "drop-table"),
    (re.compile(rf"^drop\s+(?:warehouse|function|procedure|trigger|type|sequence|extension|tablespace|policy|server"
                rf"|publication|subscription|task|pipe|share|integration|stage|aggregate|operator|event|resource)\b{_NAME}",
                re.I), "delete", "schema", "one", "drop-code"),
    (re.compile(r"^revoke\s+(.{1,80})", re.I | re.S), "revoke", "access", "one", "revoke"),
    (re.compile(rf"^grant\s+((?:all\b.{{0,40}}\bon\s+(?:\*\.\*|all\s+\w+).{{0,120}}|{_TO_ALL}"
                r"|(?:superuser|sysadmin|accountadmin|dba)\b.{0,80}))", re.I | re.S),
     "change", "access", "many", "grant"),
    (re.compile(r"^alter\s+(?:role|user|login)\s+(\S+)\s+(?:with\s+)?"
                r"(?:.{0,80}\bnologin|account\s+lock|disable|set\s+disabled\s*=\s*true)", re.I),
     "revoke", "account", "one", "lock-user"),
    (re.compile(r"^alter\s+table\s+(\S+)\s+disable\s+(?:row\s+level|trigger\s+all)", re.I),
     "change", "access", "one", "security-off"),
    (re.compile(r"^alter\s+database\s+(\S+)\s+set\s+(?:offline|emergency|single_user)", re.I),
     "stop", "database", "many", "offline"),
    (re.compile(r"^alter\s+table\s+(\S+)\s+(?:discard\s+tablespace|modify\s+ttl|.*\bdrop\s+column\b"
                r"|drop\s+(?!constraint|index|key|primary|foreign|partition|check|default|not\b)\w+\s*(?:,|$))",
                re.I | re.S), "delete", "schema", "one", "drop-column"),
    (re.compile(r"^(shutdown)\b(?!\w)", re.I), "stop", "database", "many", "shutdown"),
    (re.compile(r"^(reset\s+(?:master|slave|replica)|purge\s+(?:binary|master)\s+logs?)", re.I),
     "delete", "backup", "many", "logs"),
    (re.compile(r"^select\s+.*\b(pg_terminate_backend|lo_unlink|pg_drop_replication_slot)\s*\(.*\bfrom\b", re.I | re.S),
     "stop", "database", "many", "terminate"),
    (re.compile(r"^restore\s+database\s+(\S+)\s+.*\breplace\b", re.I | re.S),
     "overwrite", "database", "all", "restore"),
    (re.compile(r"^drop\s+owned\s+by\s+(\S+)", re.I), "delete", "database", "all", "drop-owned"),
    (re.compile(r"^truncate\s+(?:table\s+)?(\S+)", re.I), "delete", "rows", "all", "truncate"),
    (re.compile(r"^delete\s+from\s+(\S+)\s*$", re.I), "delete", "rows", "all", "delete-all"),
    (re.compile(r"^update\s+(\S+)\s+set\s+(?!.*\bwhere\b)", re.I | re.S), "overwrite", "rows", "all", "update-all"),
    (re.compile(r"^alter\s+table\s+(\S+)\s+(?:drop|truncate)\s+partition\b", re.I),
     "delete", "rows", "many", "drop-partition"),
)  # fmt: skip

_WRITES = re.compile(r"['\"]\s*(?:drop|truncate|delete)\s", re.IGNORECASE)
_LITERAL = re.compile(r"'((?:[^']|'')*+)'|\"([^\"]*+)\"")
_FILLED = re.compile(r"%[ILs]")
MAX_GENERATED = 4_096  # characters


def generated_sql(text: str) -> str:
    """The statement that a query writes for each of its rows: ``SELECT 'DROP TABLE ' || name``; empty for others.

    >>> generated_sql("SELECT 'DROP TABLE ' || tablename || ' CASCADE;' FROM pg_tables")
    'DROP TABLE x CASCADE;'
    """
    if _WRITES.search(text, 0, MAX_GENERATED) is None:
        return ""
    pieces = [one.replace("''", "'") or other for one, other in _LITERAL.findall(text[:MAX_GENERATED])]
    first = next((at for at, piece in enumerate(pieces) if _WRITES.match("'" + piece) is not None), 0)
    return _FILLED.sub("x", "x".join(pieces[first : first + 4]))
