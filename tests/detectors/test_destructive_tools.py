"""Tools that are not shells: requests, browsers, tools named after programs, other languages, hints of MCP servers."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.destructive.calls import effects_of_call
from detectors.destructive.context import Context
from detectors.destructive.effects import NARROW, ORDER, REVERSIBLE, WIDE, verdict

RULES = {"W": WIDE, "N": NARROW, "R": REVERSIBLE, None: None}
Case = tuple[str, dict[str, Any], str | None, str]
HINT = {"annotations": {"destructiveHint": True}}
CASES: list[Case] = [  # tool, arguments, rule, why
    ("http_request", {"method": "DELETE", "url": "https://api.example.org/v1/users/3"}, "N", "one"),
    ("http_request", {"method": "DELETE", "url": "https://api.github.com/repos/me/shop"}, "W", "a repository"),
    ("http_request", {"method": "GET", "url": "https://api.example.org/v1/users/3"}, None, "read"),
    ("fetch", {"url": "https://example.org"}, None, "read"),
    ("http_request", {"method": "DELETE", "url": "http://localhost:3000/todos/1"}, None, "what the run builds"),
    ("api_call", {"method": "post", "url": "https://es.example.org:9200/a/_delete_by_query"}, "N", "many"),
    ("git_push", {"force": True, "branch": "main"}, "N", "as git"),
    ("git_push", {"branch": "main"}, None, "as git"),
    ("git_reset", {"mode": "hard"}, "N", "as git"),
    ("git_reset", {"mode": "soft"}, None, "as git"),
    ("git_status", {}, None, "read"),
    ("delete_user", {"user_id": "u", "dryRun": True}, None, "a dry run in another spelling"),
    ("delete_user", {"user_id": "u", "dryRun": False}, "N", "no dry run"),
    ("remove_member", {"user": "bob"}, "R", "can be added again"),
    ("remove_member", {"user": "bob", "permanent": True}, "N", "said to be for good"),
    ("cancel_subscription", {"id": "s1"}, "N", "is over once it is cancelled"),
    ("cancel_download", {"id": "s1"}, None, "nothing that was agreed"),
    ("revoke_api_key", {"key_id": "k"}, "N", "whoever has it is shut out"),
    ("wipe", {"device": "/dev/sda"}, None, "nothing says what"),
    ("wipe_disk", {"device": "/dev/sda"}, "W", "a disk"),
    ("factory_reset", {"device": "router-1"}, "W", "everything on it"),
    ("drop_table", {"name": "orders"}, "W", "as in SQL"),
    ("delete_channel", {"channel": "general"}, "N", "with its messages"),
    ("delete_message", {"id": 1}, None, "one message"),
    ("delete_organization", {"org": "acme"}, "W", "with all that is its own"),
    ("kubectl", {"command": "delete namespace prod"}, "W", "as kubectl"),
    ("kubectl_delete", {"resource_type": "namespace", "name": "prod"}, "W", "as kubectl"),
    ("kubectl_get", {"resource_type": "namespace"}, None, "read"),
    ("mcp__redis__execute", {"command": "FLUSHALL"}, "W", "as redis-cli"),
    ("terraform_destroy", {}, "W", "as terraform"),
    ("terraform_plan", {"destroy": True}, None, "a plan"),
    ("aws_cli", {"command": "aws s3 rb s3://shop --force"}, "W", "as aws"),
    ("run_javascript", {"code": "require('fs').rmSync('/home', {recursive: true})"}, "W", "code"),
    ("browser_evaluate", {"function": "() => document.title"}, None, "code"),
    ("browser_evaluate", {"function": "() => fetch('https://a.example.org/x/1', {method: 'DELETE'})"}, "N", "code"),
    ("powershell", {"command": "Remove-Item -Recurse -Force C:\\Users"}, "W", "its own language"),
    ("powershell", {"command": "Get-ChildItem C:\\Users"}, None, "read"),
    ("neo4j_query", {"query": "MATCH (n) DETACH DELETE n"}, "W", "a graph"),
    ("neo4j_query", {"query": "MATCH (n) RETURN n"}, None, "read"),
    ("browser_click", {"element": "Delete this repository button"}, "N", "says what it does"),
    ("browser_click", {"element": "Permanently delete"}, "N", "says what it does"),
    ("browser_click", {"element": "Search button"}, None, "harmless"),
    ("browser_click", {"element": "Delete draft"}, None, "a trifle"),
    ("manage_user", {"action": "delete", "user_id": 3}, "N", "the verb is an argument"),
    ("manage_user", {"action": "create", "user_id": 3}, None, "the verb is an argument"),
    ("manage_database", {"operation": "drop", "database": "shop"}, "W", "the verb is an argument"),
    ("mongodb__delete_many", {"collection": "users", "filter": {}}, "W", "no condition"),
    ("delete_user", {"all": True}, "W", "all of them"),
    ("delete_user", {"id": 3}, "N", "one"),
    ("delete_user", {"id": 3, "dry_run": True}, None, "defused"),
    ("list_deleted_users", {}, None, "read"),
    ("create_refund", {"charge": "ch_1"}, "N", "money"),
    ("list_refunds", {}, None, "read"),
    ("get_payment", {"id": 1}, None, "read"),
    ("send_payment", {"to": "bob", "amount": 5, "dry_run": True}, None, "defused"),
    ("send_broadcast", {"text": "hi"}, "N", "everyone"),
    ("send_message", {"to": "bob", "text": "hi"}, None, "one"),
    ("mcp__crm__sync", {**HINT, "all": True}, "W", "its server says so, and all"),
    ("mcp__crm__sync", {**HINT, "id": 3}, "R", "its server says so"),
    ("mcp__crm__delete_account", {"annotations": {"readOnlyHint": True, "destructiveHint": False}, "id": 1}, "N",
     "a hint never lowers"),
    ("docker_exec", {"container": "web", "command": "rm -rf /"}, "W", "inside"),
    ("docker_exec", {"container": "web", "command": "ls"}, None, "inside"),
    ("write_file", {"path": "/etc/passwd", "content": ""}, "W", "emptied"),
    ("write_file", {"path": "src/a.py", "content": "x"}, None, "new"),
    ("delete_file", {"path": "/etc/passwd"}, "W", "protected"),
    ("delete_file", {"path": "a.txt"}, None, "one of the workspace"),
    ("delete_directory", {"path": "/home"}, "W", "everything"),
    ("move_file", {"source": "a.txt", "destination": "b.txt"}, None, "moved"),
    ("move_file", {"source": "x", "destination": "/etc/passwd"}, "W", "over what is protected"),
    ("rename_file", {"old_path": "src", "new_path": "/dev/null"}, "N", "to nowhere"),
    ("wipe_device", {"id": "7"}, "N", "nothing that is wiped comes back, whatever it is"),
    ("delete_device", {"id": "7"}, "R", "who knows"),
    ("revoke_all_api_keys", {}, "W", "nobody gets in any more"),
    ("revoke_token", {"id": "t"}, "R", "one, which can be given again"),
    ("mongo_query", {"query": "db.users.deleteMany({})"}, "W", "as mongosh"),
    ("mongo_query", {"query": "db.users.find({})"}, None, "read"),
    ("bash", {"command": {"line": "rm -rf /"}}, "W", "a shell's command by another name"),
    ("bash", {"command": "", "cmd": "rm -rf /"}, "W", "the second name"),
    ("bash", {"steps": [{"run": "rm -rf /"}]}, "W", "deeper"),
    ("bash", {"command": [["rm", "-rf", "/"]]}, "W", "a list in a list"),
    ("bash", {"command": [*["ls"] * 300, "&&", "rm", "-rf", "/home"]}, None, "one program with many words"),
    ("bash", {"restart": True}, None, "no command"),
    ("delete_file", {"path": "/"}, "W", "a folder all the same"),
    ("fs_delete", {"paths": ["/home", "/etc"]}, "W", "a file system's"),
    ("search_files", {"pattern": "delete"}, None, "read"),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "arguments", "expected", "why"), CASES, ids=[f"{c[0]}-{c[3]}" for c in CASES])
def test_case(tool: str, arguments: dict[str, Any], expected: str | None, why: str) -> None:
    broken = {verdict(effect) for effect in effects_of_call(tool, arguments, Context("/home/dev/app"))}
    assert next((rule for rule in ORDER if rule in broken), None) == RULES[expected], why
