"""Takes a changed policy file over while the worker runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from monitor.policy.policy import Policy, read_file
from monitor.policy.problem import PolicyError


class PolicyFile:
    """A policy file that people edit in place, replace by rename, or mount from a Kubernetes ConfigMap.

    ``policy``: the last good one, or None before the first `poll`. ``error``: what is wrong with the file as it is
    now, or None. ``path`` None: the shipped default, which never changes.

    The content is compared, not the time and size of the file, which two edits within one tick share; a policy is
    small. A change is taken over at the second poll that sees it: an editor that truncates and then writes leaves an
    empty file for a moment, which is a valid policy without the user's rules, or half of one, or none.

    >>> PolicyFile(None).poll().digest == Policy.load(None).digest
    True
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = Path(path) if path is not None else None
        self.policy: Policy | None = None
        self.error: PolicyError | None = None
        self._first = True
        self._seen = self._known = ""

    def poll(self) -> Policy | PolicyError | None:
        """The new policy, or what is wrong with it, once for each change; None: nothing changed. Never raises it.

        A file that is good again gives its policy, even if that is the one in force.
        """
        if self.path is None:
            return self._take(b"") if self._end_first() else None
        try:
            data, error = read_file(self.path), None
        except PolicyError as unreadable:
            data, error = b"", unreadable
        content = str(error) if error else hashlib.sha256(data).hexdigest()
        settled = content == self._seen or self._end_first()
        self._seen = content
        if not settled or content == self._known:
            return None
        self._known = content
        if error is not None:
            self.error = error
            return error
        return self._take(data)

    def _end_first(self) -> bool:
        first, self._first = self._first, False
        return first

    def _take(self, data: bytes) -> Policy | PolicyError:
        try:
            self.policy = Policy.read(data, str(self.path)) if self.path is not None else Policy.load()
        except PolicyError as error:
            self.error = error
            return error
        self.error = None
        return self.policy
