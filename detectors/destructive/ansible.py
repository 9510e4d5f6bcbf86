"""``ansible HOSTS -m MODULE -a ARGUMENTS``: what a module does, as the command that does the same."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from detectors.destructive.context import NOWHERE
from detectors.destructive.scope import Scope
from detectors.destructive.values import UNKNOWN, literal

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

MAX_ARGUMENTS = 4096
_SHELLS = frozenset({"", "command", "shell", "raw", "script", "win_command", "win_shell", "expect"})
_GONE = frozenset({"absent", "removed", "purged", "stopped", "disabled", "killed", "deleted", "dead"})
_NAMES = ("name", "path", "dest", "db", "src", "vg", "dev", "alias", "repo", "bucket", "instance_ids", "chain", "src")
# Modules by their last name, and the command that takes away what they are told to have no more.
_REMOVES: dict[str, str] = {
    "file": "rm -rf -- {}",
    "win_file": "rm -rf -- {}",
    "user": "userdel -r {}",
    "group": "groupdel {}",
    "service": "systemctl stop {}",
    "systemd": "systemctl stop {}",
    "systemd_service": "systemctl stop {}",
    "mysql_db": "mysqladmin drop {}",
    "postgresql_db": "dropdb {}",
    "mongodb_user": "userdel {}",
    "postgresql_user": "dropuser {}",
    "mysql_user": "dropuser {}",
    "apt": "apt-get purge -y {}",
    "yum": "yum remove -y {}",
    "dnf": "dnf remove -y {}",
    "package": "apt-get remove -y {}",
    "cron": "crontab -r",
    "docker_volume": "docker volume rm {}",
    "docker_container": "docker rm -f {}",
    "lvol": "lvremove -f {}",
    "lvg": "vgremove {}",
    "k8s": "kubectl delete {}",
    "helm": "helm uninstall {}",
    "ufw": "ufw disable",
    "s3_bucket": "aws s3 rb --force s3://{}",
    "ec2_instance": "aws ec2 terminate-instances --instance-ids {}",
    "rds_instance": "aws rds delete-db-instance --db-instance-identifier {}",
    "authorized_key": "rm -f ~/.ssh/authorized_keys",
    "github_repo": "gh repo delete {} --yes",
    "zfs": "zfs destroy -r {}",
}
_FIELD = re.compile(r"(\w+)=((?:\"[^\"]*\")|(?:'[^']*')|\S*)")


def ansible(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
    """An ad-hoc command; None where the arguments are a command themselves, or say nothing that is known here."""
    module, text = "", ""
    for at, word in enumerate(argv[1:], 1):
        flag, equals, value = literal(word).partition("=")
        if flag in ("-m", "--module-name"):
            module = value if equals else literal(argv[at + 1]) if at + 1 < len(argv) else ""
        elif flag in ("-a", "--args"):
            text = value if equals else literal(argv[at + 1]) if at + 1 < len(argv) else ""
        elif flag in ("-C", "--check", "--syntax-check", "--list-hosts"):
            return ""
    module = module.rpartition(".")[2]
    if module in _SHELLS:
        return None
    inner = scope.fork()
    inner.cwd = NOWHERE
    for command in _commands(module, text[:MAX_ARGUMENTS]):
        programs.code("shell", command, inner, excerpt)
    return UNKNOWN


def _commands(module: str, text: str) -> list[str]:
    given = {name: value.strip("\"'") for name, value in _FIELD.findall(text)}
    name = next((given[key] for key in _NAMES if given.get(key)), "")
    kind = given.get("kind", "")
    if module == "reboot":
        return ["reboot"]
    if module == "filesystem":
        return [f"mkfs {shlex.quote(name)}"] if given.get("force", "no") in ("yes", "true", "True") else []
    if module == "iptables":
        return ["iptables -F"] if given.get("flush") in ("yes", "true", "True") else []
    if module == "copy":
        return [f": > {shlex.quote(given.get('dest', ''))}"] if given.get("content") == "" else []
    if given.get("state", "") not in _GONE or module not in _REMOVES:
        return []
    return [_REMOVES[module].format(shlex.quote(name) if not kind else f"{shlex.quote(kind)} {shlex.quote(name)}")]
