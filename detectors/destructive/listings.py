"""What programs list: everything of a kind, as one pattern, or what they were asked to choose.

``helm ls -q | xargs helm uninstall`` takes everything; after a filter, or with a selector, it is some that nobody
knows. A choice that a container engine made by a name is taken as that name.
"""

from __future__ import annotations

from detectors.destructive.scope import Scope
from detectors.destructive.values import GLOB, UNKNOWN, is_unknown, literal

_CHOOSING = (
    "-l", "--selector", "--field-selector", "--filter", "-f", "--merged", "--no-merged", "--contains", "--query",
    "--tags", "--points-at", "--pattern", "--max-items", "--limit",
)  # fmt: skip
# Programs, and the words after which they name everything of a kind.
_LISTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "kubectl": (("get",),), "oc": (("get",),), "helm": (("ls",), ("list",)),
    "docker": (("ps",), ("images",), ("volume", "ls"), ("container", "ls"), ("image", "ls"), ("network", "ls")),
    "git": (("for-each-ref",), ("branch",), ("tag",), ("ls-remote",)),
    "getent": (("passwd",), ("group",)), "aws": (("s3", "ls"),), "gsutil": (("ls",),),
    "heroku": (("apps",),),
    "fly": (("apps", "list"),), "redis-cli": (("keys",), ("KEYS",)), "virsh": (("list",),), "lxc": (("list",),),
    "zfs": (("list",),), "ps": ((),),
}  # fmt: skip
_SAME = {"podman": "docker", "nerdctl": "docker", "k": "kubectl", "helm3": "helm", "incus": "lxc", "flyctl": "fly"}
NAMES = frozenset({*_LISTS, *_SAME})
_FLAGGED = {
    "-n",
    "--namespace",
    "-o",
    "--output",
    "--context",
    "--format",
    "--sort",
    "-h",
    "-p",
    "--region",
    "-a",
    "--sort-by",
}


def process(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """pgrep and pidof: the process that they look for."""
    names = [word for word in argv[1:] if not word.startswith("-") and not is_unknown(word)]
    return "pid-of-" + literal(names[-1]).rpartition("/")[2][:60] if names else UNKNOWN


def listing(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """Everything, where nothing was chosen."""
    name = argv[0].rpartition("/")[2]
    words = [word for at, word in enumerate(argv[1:], 1) if not word.startswith("-") and argv[at - 1] not in _FLAGGED]
    starts = _LISTS.get(_SAME.get(name, name), ())
    start = next((start for start in starts if tuple(words[: len(start)]) == start), None)
    if start is None:
        return UNKNOWN
    chosen = next((word for word in argv[1:] if word.partition("=")[0] in _CHOOSING), None)
    if chosen is not None:
        value = argv[argv.index(chosen) + 1] if "=" not in chosen and argv[-1] != chosen else chosen
        engine = _SAME.get(name, name) == "docker" and not is_unknown(value)
        return literal(value).rpartition("=")[2] if engine else UNKNOWN
    rest = words[len(start) :]
    if name in ("kubectl", "oc", "k"):
        if len(rest) != 1 or "," in rest[0]:
            return UNKNOWN
        return f"{rest[0]}/{GLOB}" if "name" in argv else GLOB
    if name == "redis-cli":
        return GLOB if rest and rest[0].strip("*" + GLOB) == "" else UNKNOWN
    if name == "ps":
        return UNKNOWN if any("p" in word[:2] or word in ("-C", "-u", "-U", "-t") for word in argv[1:]) else GLOB
    whole = not rest or (name == "git" and all(word.startswith("refs/") for word in rest))
    return GLOB if whole else UNKNOWN
