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
    return Scope(**read_globs(node, Scope.__struct_fields__, f"{where} scope", report))


def read_globs(node: Node, names: tuple[str, ...], where: str, report: Report) -> dict[str, tuple[str, ...]]:
    """Globs by name, of which only ``names`` are known."""
    given: dict[str, tuple[str, ...]] = {}
    for key, value in pairs(node, where, report):
        if key.text in names:
            given[key.text] = globs_of(value, f"{where}.{key.text}", report)
        else:
            unknown(key, names, where, report)
    return given


def globs_of(node: Node, where: str, report: Report) -> tuple[str, ...]:
    """A glob or a list of them, sorted."""
    if isinstance(node, Sequence) and not node.items:
        report.add(node.line, "[]", f"{where} names nothing, so the entry never holds",
                   f"Name one, or leave {where.replace(' ', '.').rpartition('.')[2]} out.")  # fmt: skip
    globs = [glob for glob in (node.items if isinstance(node, Sequence) else [node]) if _is_glob(glob, where, report)]
    return tuple(sorted({glob.text for glob in globs if isinstance(glob, Scalar)}))


def _is_glob(node: Node, where: str, report: Report) -> bool:
    if isinstance(node, Scalar) and not node.is_null:
        return True
    came = "keys and values" if isinstance(node, Mapping) else "a list" if isinstance(node, Sequence) else "nothing"
    report.add(node.line, str(node), f"{where} takes a name or a list of names, not {came}",
               'Write a name or a glob, such as payments or "infra-*".')  # fmt: skip
    return False
