"""Where a policy's entry holds: globs on the deployment, the team and the environment."""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct

from monitor.policy.document import Mapping, Node, Scalar, Sequence
from monitor.policy.problem import Report
from monitor.policy.typed import pairs, unknown


class Scope(Struct, frozen=True):
    """Each field is any of its globs, case-sensitive; empty: everything. All three must fit.

    A run that gives no name has the empty one: ``*`` fits it, ``prod*`` does not.
    """

    agent_name: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    def matches(self, agent_name: str, team: str, environment: str) -> bool:
        return (
            _fits(self.agent_name, agent_name) and _fits(self.team, team) and _fits(self.environment, environment)
        )  # fmt: skip

    def __bool__(self) -> bool:
        return bool(self.agent_name or self.team or self.environment)

    def __str__(self) -> str:
        return " ".join(f"{name}={'|'.join(globs)}" for name, globs in self.as_dict().items())

    def as_dict(self) -> dict[str, list[str]]:
        given = {name: list(getattr(self, name)) for name in self.__struct_fields__}
        return {name: globs for name, globs in given.items() if globs}


def _fits(globs: tuple[str, ...], name: str) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def read_scope(node: Node, where: str, report: Report) -> Scope:
    """What is wrong in it goes to ``report``, and the rest is returned."""
    given: dict[str, tuple[str, ...]] = {}
    for key, value in pairs(node, f"{where} scope", report):
        if key.text not in Scope.__struct_fields__:
            unknown(key, Scope.__struct_fields__, f"{where} scope", report)
            continue
        globs = [glob for glob in (value.items if isinstance(value, Sequence) else [value])
                 if _is_glob(glob, f"{where} scope.{key.text}", report)]  # fmt: skip
        given[key.text] = tuple(sorted({glob.text for glob in globs if isinstance(glob, Scalar)}))
        if isinstance(value, Sequence) and not value.items:
            report.add(value.line, "[]", f"{where} scope.{key.text} names nothing, so the entry never holds",
                       f"Name one, or leave {key.text} out.")  # fmt: skip
    return Scope(**given)


def _is_glob(node: Node, where: str, report: Report) -> bool:
    if isinstance(node, Scalar) and not node.is_null:
        return True
    came = "keys and values" if isinstance(node, Mapping) else "a list" if isinstance(node, Sequence) else "nothing"
    report.add(node.line, str(node), f"{where} takes a name or a list of names, not {came}",
               'Write a name or a glob, such as payments or "infra-*".')  # fmt: skip
    return False
