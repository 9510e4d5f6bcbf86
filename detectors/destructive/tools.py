"""Tools that are neither shells nor databases, read as what does the same: requests, browsers, programs, other code.

``http_request(method, url)`` is curl, ``git_push(force=true)`` is ``git push --force``, ``run_javascript(code)`` is
read as JavaScript. What is left is judged by its name (`functions`).
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from detectors.destructive.catalogue import shipped
from detectors.destructive.effects import Effect
from detectors.destructive.functions import Vocabulary
from detectors.destructive.values import clean

MAX_ARGUMENTS = 16
_URLS = ("url", "uri", "endpoint", "path", "href")
_BODIES = ("body", "data", "json", "payload", "query")
_SETTINGS = ("init", "options", "request", "config", "request_options", "params")
_METHODS = frozenset({"DELETE", "POST", "PUT", "PATCH"})
_LANGUAGES = {
    "javascript": "javascript", "js": "javascript", "node": "javascript", "nodejs": "javascript", "deno": "javascript",
    "bun": "javascript", "typescript": "javascript", "ruby": "ruby", "rails": "ruby", "php": "php", "perl": "perl",
    "lua": "javascript", "powershell": "powershell", "pwsh": "powershell", "cypher": "cypher", "neo4j": "cypher",
    "mongosh": "javascript", "mongo": "javascript", "mongodb": "javascript", "evaluate": "javascript",
}  # fmt: skip
# Programs after which tools are named, with the name under which the catalogue knows each.
_PROGRAMS = {
    "git": "git", "kubectl": "kubectl", "kubernetes": "kubectl", "k8s": "kubectl", "aws": "aws", "gcloud": "gcloud",
    "az": "az", "azure": "az", "docker": "docker", "podman": "podman", "terraform": "terraform", "helm": "helm",
    "gh": "gh", "redis": "redis-cli", "pulumi": "pulumi", "systemctl": "systemctl", "heroku": "heroku", "npm": "npm",
    "rclone": "rclone", "vault": "vault", "consul": "consul", "argocd": "argocd", "velero": "velero",
    "supabase": "supabase", "vercel": "vercel", "stripe": "stripe", "gsutil": "gsutil", "glab": "glab",
}  # fmt: skip
ACTIONS = ("action", "operation", "op", "subcommand", "verb")
_READS = frozenset({"plan", "get", "list", "show", "describe", "status", "validate", "preview"})
_FORGES = frozenset({"git", "github", "gitlab", "gitea", "bitbucket", "forge", "branch", "repo"})
_REFS = frozenset({"branch", "ref", "refspec", "remote"})
_ACTED = frozenset({"terraform", "pulumi", "helm", "kubectl"})
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_GIVEN = ("cli_command", "command", "cmd", "args", "arguments")
_CONTAINERS = frozenset({"docker", "podman", "kubectl", "heroku"})
_INSIDE = frozenset({"exec", "run", "shell", "bash", "ssh"})
_SHELLS = frozenset({"bash", "shell", "sh", "zsh", "terminal", "console", "process"})
_CHOICES = ("mode", "type", "strategy", "scope")
_CLICKS = frozenset({"click", "press", "tap", "submit", "doubleclick", "check", "confirm"})
_GOES = frozenset({"navigate", "goto", "visit", "open"})
_QUOTED = re.compile(r"""['"`]([^'"`]{3,80})['"`]""")
_DOES_IT = re.compile(
    r"/(?:delete|destroy|purge|terminate|deactivate|remove|wipe)(?:/[\w-]*)?\?(?:\S*&)?(?:confirm\w*|force|yes|sure)=(?!0|no|false)"
    r"|[?&]action=(?:delete|destroy|purge)\b",
    re.IGNORECASE,
)
_LABELS = ("element", "text", "name", "label", "description", "selector", "target", "button", "ref", "title")
_DANGEROUS = re.compile(
    r"\b(?:delete|destroy|erase|wipe|terminate|close|deactivate|remove|reset|purge|drop)\b[^.]{0,24}\b"
    r"(account|repositor(?:y|ies)|project|workspace|organi[sz]ation|database|cluster|instance|bucket|server|domain|"
    r"environment|backups?|everything|all|permanently|forever|subscription|users?|production|site|app|team|data)\b"
    r"|\b(permanently)\s+(?:delete|remove|erase)\b|\b(empty\s+(?:trash|bin))\b|\b(factory\s+reset)\b",
    re.IGNORECASE,
)


def as_command(words: tuple[str, ...], arguments: dict[str, Any]) -> str | None:
    """The shell command that does what this tool would do, or None."""
    if not _SHELLS.isdisjoint(words):
        return None
    return _request(arguments) or _program(words, arguments)


def code_of(known: Vocabulary, words: tuple[str, ...], arguments: dict[str, Any]) -> tuple[str, str] | None:
    """Language and code of a tool that runs one which is not Python, shell or SQL."""
    language = next((_LANGUAGES[word] for word in words if word in _LANGUAGES), None)
    if language is None:
        return None
    names = [*known.code_arguments, "function", "expression", "js", "command", "query", "input"]
    code = next((value for name in names if isinstance(value := arguments.get(name), str) and value), None)
    return (language, code) if code is not None else None


def clicked(words: tuple[str, ...], arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """A click on what says that it deletes something of weight."""
    if not _GOES.isdisjoint(words):
        return _visited(arguments, excerpt)
    if _CLICKS.isdisjoint(words):
        return []
    label = " ".join(str(arguments[name])[:200] for name in _LABELS if isinstance(arguments.get(name), str))
    found = _DANGEROUS.search(label)
    if found is None:
        return []
    return [
        Effect(action="delete", thing="other", target=clean(found.group())[:120], width="unknown", reversible="no",
               certainty="likely", excerpt=excerpt, entry="browser.click")
    ]  # fmt: skip


def clicked_by(code: str, excerpt: str) -> list[Effect]:
    """The same by a page's own language: ``document.querySelector('#delete-account').click()``."""
    if not code.isascii() or (".click(" not in code and ".submit(" not in code):
        return []
    labels = " ; ".join(_QUOTED.findall(code[:4000])).replace("-", " ").replace("_", " ")
    return clicked(("click",), {"text": labels[:200]}, excerpt)


def _visited(arguments: dict[str, Any], excerpt: str) -> list[Effect]:
    """A page whose address does it, and says that this is meant."""
    url = arguments.get("url", arguments.get("uri"))
    if not isinstance(url, str) or _DOES_IT.search(url[:2000]) is None:
        return []
    return [
        Effect(action="delete", thing="other", target=clean(url)[:120], width="unknown", reversible="no",
               certainty="likely", excerpt=excerpt, entry="browser.visit")
    ]  # fmt: skip


def _request(arguments: dict[str, Any]) -> str | None:
    method = arguments.get("method", arguments.get("http_method", arguments.get("verb")))
    if method is None:  # fetch(url, init={method})
        inner = next((value for name in _SETTINGS if isinstance(value := arguments.get(name), dict)), {})
        method = inner.get("method")
        arguments = {**inner, **arguments} if method is not None else arguments
    url = next((value for name in _URLS if isinstance(value := arguments.get(name), str) and value), None)
    if not isinstance(method, str) or method.upper() not in _METHODS or url is None:
        return None
    body = next((arguments[name] for name in _BODIES if arguments.get(name)), None)
    text = body if isinstance(body, str) or body is None else json.dumps(body, default=str)
    given = ["curl", "-X", method.upper(), url if "://" in url else f"https://host.invalid/{url.lstrip('/')}"]
    return shlex.join([*given, "-d", text[:4000]] if text else given)


def _program(words: tuple[str, ...], arguments: dict[str, Any]) -> str | None:
    forced = "push" in words and (arguments.get("force") is True or "force" in words)
    if forced and (not _FORGES.isdisjoint(words) or not _REFS.isdisjoint(arguments)):  # whatever forge's tool it is
        branch = arguments.get("branch", arguments.get("ref"))
        return shlex.join(["git", "push", "--force", "origin", str(branch or "HEAD")[:200]])
    if "kind" in arguments and ("apiVersion" in arguments or "api_version" in arguments) and "delete" in words:
        named = [str(arguments[name])[:200] for name in ("kind", "name") if arguments.get(name)]
        return shlex.join(["kubectl", "delete", *named]).lower()
    at = next((i for i, word in enumerate(words) if word in _PROGRAMS), None)
    if at is None:
        return None
    while at + 1 < len(words) and words[at + 1] in _PROGRAMS:  # the server's name, then the program's
        at += 1
    program = _PROGRAMS[words[at]]
    if program in _CONTAINERS and not _INSIDE.isdisjoint(words):
        return None  # the command is for the container
    given = next((arguments[name] for name in _GIVEN if arguments.get(name)), None)
    if isinstance(given, list):
        given = shlex.join(str(item) for item in given[:64])
    if isinstance(given, str) and given.strip():
        if given != arguments.get("args") and isinstance(rest := arguments.get("args"), list):
            given = f"{given} {shlex.join(str(item) for item in rest[:64])}"
        return given if given.split(None, 1)[0].rpartition("/")[2] in (program, *words) else f"{program} {given}"
    subcommands = [word for word in words[at + 1 :] if word not in ("cli", "tool", "run", "mcp", "execute")]
    asked = next((name for name in ACTIONS if isinstance(value := arguments.get(name), str) and value.isascii()), None)
    if asked is not None and _READS.isdisjoint(subcommands):  # terraform_apply(action="destroy")
        acts = [word.lower() for word in _WORDS.findall(str(arguments[asked])[:60])]
        arguments = {name: value for name, value in arguments.items() if name != asked}
        subcommands = acts if program not in shipped().programs or not subcommands or program in _ACTED else subcommands
    if not subcommands or program not in shipped().programs:
        return None
    argv = [program, *subcommands]
    for name, value in list(arguments.items())[:MAX_ARGUMENTS]:
        flag = "--" + str(name).replace("_", "-")
        if value is True:
            argv.append(flag)
        elif isinstance(value, str | int) and value not in (False, "", None):
            argv.append(str(value)[:500])
            if name in _CHOICES and str(value).isalpha():
                argv.append(f"--{value}")
        elif isinstance(value, list):
            argv.extend(str(item)[:200] for item in value[:MAX_ARGUMENTS])
    return shlex.join(argv)
