"""Tool calls of every kind: which argument is looked at, and what a function's name says."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.destructive.calls import effects_of_call
from detectors.destructive.context import Context
from detectors.destructive.effects import NARROW, ORDER, REVERSIBLE, WIDE, verdict

RULES = {"W": WIDE, "N": NARROW, "R": REVERSIBLE, None: None}
CASES: list[tuple[str, Any, str | None, str]] = [
    ("Bash", {"command": "rm -rf /etc"}, "W", "a shell"),
    ("bash", "rm -rf /etc", "W", "one text"),
    ("run_command", {"cmd": "rm -rf /etc"}, "W", "cmd"),
    ("shell", {"command": ["rm", "-rf", "/etc"]}, "W", "an argument vector"),
    ("shell", {"command": ["bash", "-lc", "rm -rf /etc"]}, "W", "a shell in a vector"),
    ("shell", {"command": ["echo", "rm -rf /etc"]}, None, "one argument of a vector"),
    ("exec", {"command": "rm", "args": ["-rf", "/etc"]}, "W", "program and arguments"),
    ("terminal", {"commands": ["ls", "rm -rf /etc"]}, "W", "several"),
    ("execute", {"script": "cd /\nrm -rf *"}, "W", "a script"),
    ("mcp__host__execute_command", {"command": "rm -rf /etc"}, "W", "over MCP"),
    ("Bash", {"command": "rm -rf *", "cwd": "/tmp/x"}, None, "the tool's folder"),
    ("Bash", {"command": "ls", "description": "rm -rf /etc"}, None, "a description"),
    ("some_tool", {"command": "rm -rf /etc"}, "W", "any tool with a command"),
    ("write_note", {"text": "rm -rf /etc"}, None, "text"),
    ("search", {"query": "DROP TABLE users"}, None, "a search"),
    ("query_database", {"query": "DROP TABLE users"}, "W", "SQL"),
    ("postgres", {"sql": "DELETE FROM users"}, "W", "SQL"),
    ("execute_sql", "TRUNCATE users", "W", "one text"),
    ("anything", {"sql": "DROP TABLE users"}, "W", "an argument called sql"),
    ("postgres", {"sql": "SELECT 1"}, None, "read"),
    ("run_python", {"code": "import shutil\nshutil.rmtree('/etc')"}, "W", "Python"),
    ("jupyter", {"code": "!rm -rf /etc"}, "W", "a shell line in a notebook"),
    ("run_python", {"code": "print('rm -rf /')"}, None, "text"),
    ("delete_file", {"path": "a.txt"}, None, "one file of the workspace"),
    ("delete_file", {"path": "/etc/passwd"}, "W", "one file of the system"),
    ("delete_directory", {"path": "/home/me"}, "W", "a home"),
    ("removeFolder", {"path": "src"}, "N", "a folder"),
    ("delete_directory", {"path": "build"}, None, "built again"),
    ("write_file", {"path": "a.txt", "content": "rm -rf /"}, None, "text"),
    ("write_file", {"path": "/etc/passwd", "content": "x"}, "W", "a file of the system"),
    ("write_file", {"path": "app.db", "content": ""}, "N", "emptied"),
    ("edit_file", {"path": "a.py", "new": "os.remove('/')"}, None, "an edit"),
    ("read_file", {"path": "/etc/passwd"}, None, "read"),
    ("delete_user", {"user_id": 3}, "N", "one user"),
    ("delete_user", {"all": True}, "W", "all"),
    ("deleteAllUsers", {}, "W", "all, by its name"),
    ("delete_users", {}, "W", "no filter"),
    ("delete_users", {"ids": [1, 2]}, "N", "two"),
    ("delete_records", {"filter": {}}, "W", "an empty filter"),
    ("delete_records", {"filter": {"id": 3}}, "N", "a filter"),
    ("drop_database", {"name": "shop"}, "W", "a database"),
    ("mcp__crm__purge_records", {"where": "*"}, "W", "a star"),
    ("terminate_instances", {"instance_id": "i-1"}, "N", "an instance"),
    ("destroyEnvironment", {"environment": "staging"}, "W", "an environment"),
    ("delete_user", {"user_id": 3, "dry_run": True}, None, "dry"),
    ("delete_user", {"user_id": 3, "dry_run": False}, "N", "not dry"),
    ("disable_user", {"user_id": 3}, "R", "enabled again"),
    ("stop_instance", {"id": "i-1"}, "N", "what it served meanwhile is lost"),
    ("undelete_user", {"user_id": 3}, None, "the opposite"),
    ("get_deleted_users", {}, None, "read"),
    ("list_users", {"all": True}, None, "read"),
    ("delete_cell", {"index": 3}, None, "a trifle"),
    ("remove_label", {"id": 3}, None, "a trifle"),
    ("clear_cache", {}, None, "a trifle"),
    ("delete_temp_files", {"path": "/tmp/x"}, None, "scratch"),
    ("delete_message", {"id": 3}, None, "one message"),
    ("delete_all_emails", {}, "W", "all of them"),
    ("dropdown_select", {"option": "all"}, None, "another word"),
    ("format_code", {"path": "a.py"}, None, "no disk"),
    ("reset_form", {}, None, "no thing of worth"),
    ("delete_user", None, "N", "no arguments"),
    ("", {}, None, "no name"),
    ("Bash", {}, None, "no command"),
    ("Bash", {"command": None}, None, "no command"),
    ("Bash", {"command": 3}, None, "a number"),
    ("Bash", {"command": [None, {"a": 1}]}, None, "odd things"),
    ("sql", {"query": ["SELECT 1", "DROP TABLE users"]}, "W", "a list of statements"),
]


@pytest.mark.parametrize(("tool", "arguments", "expected", "why"), CASES, ids=[f"{c[0]} {c[1]}"[:60] for c in CASES])
def test_case(tool: str, arguments: Any, expected: str | None, why: str) -> None:
    effects = effects_of_call(tool, arguments, Context(workspace="/home/me/shop"))
    broken = {verdict(effect) for effect in effects}
    assert next((rule for rule in ORDER if rule in broken), None) == RULES[expected], why
