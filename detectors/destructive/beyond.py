"""What lies beyond the limits of the parser, looked at in one pass: commands by their names, each judged by itself.

Padding must not soften a verdict. So of a script that is too long, too deep or no shell at all, every piece that
begins with the name of a program which may do harm is read as a command; what it would do counts as if the script did
it. A megabyte takes some 30 ms, whatever is in it.
"""

from __future__ import annotations

from functools import cache

from detectors.destructive.catalogue import shipped

MAX_PIECES = 40
MAX_WORDS = 24  # of one piece
MAX_PIECE = 400  # characters
MAX_SCANNED = 2 * 1024 * 1024
_PROGRAMS = """
    rm dd mkfs mkfs.ext4 mkfs.ext3 mkfs.xfs mkfs.btrfs mkfs.vfat mke2fs shred wipefs truncate find chmod chown mv kill
    killall pkill git kubectl helm terraform tofu aws gcloud az docker podman psql mysql mariadb sqlite3 dropdb dropuser
    redis-cli mongo mongosh crontab userdel systemctl iptables nft parted sgdisk zfs zpool lvremove vgremove curl wget
    bash sh zsh python python3 perl ruby node eval xargs rsync npm gh pulumi reboot shutdown halt poweroff
"""
_NAMES = _PROGRAMS.split()
HEADS = frozenset(
    [*_NAMES, *(f"{folder}/{name}" for folder in ("/bin", "/usr/bin", "/sbin", "/usr/sbin") for name in _NAMES),
     "DROP", "TRUNCATE", "DELETE"]
)  # fmt: skip
_ENDS = str.maketrans({**dict.fromkeys(";&|(){}`", "\n"), **dict.fromkeys("'\"", " ")})


@cache
def _known() -> frozenset[str]:
    """With all programs of the catalogue, which count where a command begins: many have names that are words too."""
    known = shipped()
    return HEADS | (frozenset({*known.programs, *known.interpreters}) - {"*"})


def pieces(text: str) -> list[str]:
    """The different pieces of ``text`` that begin like commands, in order: the first ones and the last ones.

    >>> pieces("x" * 9 + "; (ls; rm -rf / ) & sh -c 'rm -rf /'")
    ['rm -rf /', 'sh -c rm -rf /']
    """
    plain = text[:MAX_SCANNED].translate(_ENDS)
    known = _known()
    if known.isdisjoint(plain.split()):
        return []
    found: dict[str, None] = {}
    for line in dict.fromkeys(plain.split("\n")):
        words = line.split()
        if known.isdisjoint(words):
            continue
        for at, word in enumerate(words):
            if word in HEADS or (at == 0 and word in known):
                found.setdefault(" ".join(words[at : at + MAX_WORDS])[:MAX_PIECE], None)
                if len(found) > 100 * MAX_PIECES:
                    break
    listed = list(found)
    return listed if len(listed) <= MAX_PIECES else listed[: MAX_PIECES // 2] + listed[-MAX_PIECES // 2 :]
