"""``killcord kill|pause|resume|approve|raise``: an operator's orders, straight to Kafka."""

from __future__ import annotations

import asyncio
import difflib
import re
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Literal, cast

import click
import msgspec
from aiokafka.errors import KafkaConnectionError

from monitor.cli.options import RunId, kafka_options
from monitor.cli.records import was_seen
from monitor.client.connection import UNREACHABLE
from monitor.client.orders import DONE, FinalError, Issued, Operator
from monitor.counted import counted
from monitor.messages import Ack, OperatorDecision, Scope
from monitor.settings import Settings

Verb = Literal["kill", "pause", "resume"]
EXPIRES_S = {"wide": 3600.0, "run": 86_400.0}
NOT_PROVEN, UNGUARDED = 1, 4
STATUSES = (
    "Exit status: 0 all that answered have done it, or the run had ended; 1 one has not, the order was refused, or "
    "Kafka does not answer; 2 wrong usage; 4 UNGUARDED: no kill-switch watches what was named."
)
DURATION = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Duration(click.ParamType):
    """Seconds, or with a unit: 90, 90s, 15m, 1h, 2d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        number, unit = (value[:-1], value[-1]) if value[-1:] in DURATION else (value, "s")
        try:
            seconds = float(number) * DURATION[unit]
        except ValueError:
            self.fail(f"{value!r} is no duration: give seconds, or 90s, 15m, 1h, 2d", param, ctx)
        if not 0 < seconds < 1e9:
            self.fail(f"{value!r}: a duration is more than 0", param, ctx)
        return seconds


def run_async(work: Coroutine[Any, Any, int]) -> None:
    """Ends the process with the status that ``work`` returns; a broker that is away is told in one line."""
    try:
        status = asyncio.run(work)
    except BrokenPipeError:  # the reader of a pipe has had enough; `main` knows
        raise
    except UNREACHABLE as error:
        text = str(error) or type(error).__name__
        if isinstance(error, KafkaConnectionError):
            asked = ", ".join(f"{host}:{port}" for host, port in re.findall(r"\('([^']+)', (\d+)", text))
            text = f"no Kafka broker answered{asked and ' at '}{asked}"
        raise click.ClickException(f"{text}. KILLCORD_BROKERS or --brokers says where Kafka is.") from error
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _order(verb: Verb, text: str) -> click.Command:
    @click.command(verb, help=f"{text}\n\n{STATUSES}")
    @click.argument("run", required=False, type=RunId())
    @click.option("--agent-name", help="All runs of this deployment.")
    @click.option("--team", help="All runs of this team.")
    @click.option("--environment", help="All runs in this environment.")
    @click.option("--all", "everything", is_flag=True, help="Every run there is.")
    @click.option("--yes", is_flag=True, help="Do not ask back for --all.")
    @click.option("--reason", default="", help="Why; the agent's log and the alert show it.")
    @click.option("--by", help="Who orders it; else user@host.")
    @_expires(verb)
    @click.option("--timeout", type=click.FloatRange(min=0), default=5.0, show_default=True, metavar="SECONDS",
                  help="How long to wait for acknowledgements.")
    @click.option("--no-wait", is_flag=True, help="Do not wait for them.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
    @kafka_options
    def order(run: str | None, agent_name: str | None, team: str | None, environment: str | None, everything: bool,
              yes: bool, settings: Settings, **options: Any) -> None:
        scope, target = _target(run, agent_name, team, environment, everything)
        if verb == "kill" and scope == "run" and options.get("expires") is not None:
            raise click.UsageError(
                "a run's kill is final, so it takes no --expires: leave it out, or `killcord pause` the run"
            )
        if everything and not yes:
            click.confirm(f"{verb} every run there is?", abort=True, err=True)
        run_async(_issue(settings, verb, scope, target, **options))

    return order  # fmt: skip


def _expires(verb: Verb) -> Callable[[Any], Any]:
    """A resume has no such option: it has nothing that could expire."""
    if verb == "resume":
        return lambda command: command
    text = {
        "kill": "For how long it holds (15m, 2h): default 1h. Not for a run: its kill is final.",
        "pause": "For how long it holds (15m, 2h): default 1h, for a run 1d.",
    }[verb]
    return click.option("--expires", type=Duration(), metavar="DURATION", help=text)


def _target(run: str | None, agent_name: str | None, team: str | None, environment: str | None,
            everything: bool) -> tuple[Scope, str]:  # fmt: skip
    given = {"run": run, "agent_name": agent_name, "team": team, "environment": environment,
             "all": "all" if everything else None}  # fmt: skip
    named = [(scope, target) for scope, target in given.items() if target]
    if len(named) != 1:
        raise click.UsageError("name one of: RUN, --agent-name X, --team X, --environment X, --all")
    return cast(Scope, named[0][0]), named[0][1]


async def _issue(settings: Settings, verb: Verb, scope: Scope, target: str, *, reason: str, by: str | None,
                 timeout: float, no_wait: bool, as_json: bool, expires: float | None = None) -> int:  # noqa: ASYNC109
    if verb != "resume" and not (verb == "kill" and scope == "run"):
        expires = expires if expires is not None else EXPIRES_S["run" if scope == "run" else "wide"]
    else:
        expires = None
    say = _json_lines if as_json else _lines
    async with Operator(settings, by) as operator:
        began = time.monotonic()
        try:
            issued = await operator.issue(verb, scope, target, reason=reason, expires_in_s=expires)
        except FinalError as error:
            click.echo(f"refused: {error}", err=True)
            return NOT_PROVEN
        say("command", issued.command, began)
        if no_wait:
            return 0
        last: dict[str, Ack] = {}
        async for ack in operator.acks(issued, timeout):
            last[ack.run_id] = ack
            say("ack", ack, began)
    status = _verdict(verb, issued, last, timeout, click.echo if not as_json else _nothing)
    if status == UNGUARDED and scope == "run":
        await _hint(settings, target)
    return status


async def _hint(settings: Settings, run: str) -> None:
    """After the order, which waits for nothing: whether the id may be mistyped."""
    try:
        if not await was_seen(settings, run):
            click.echo("no event and no kill-switch of this run was seen lately: check the id", err=True)
    except UNREACHABLE as error:
        click.echo(f"could not look whether run {run} was ever seen: {error}", err=True)


def _verdict(verb: Verb, issued: Issued, last: dict[str, Ack], timeout: float, tell: Callable[[str], None]) -> int:
    done = [ack for ack in last.values() if ack.status in DONE[verb]]
    if not last:
        if issued.ended:
            tell(f"run {issued.command.target} had ended: nothing to {verb}.")
            return 0
        if issued.stopped:
            tell(f"run {issued.command.target} was stopped before, and proven so: nothing to {verb}.")
            return 0
        if issued.watched is False and verb == "resume":
            tell(f"UNGUARDED: no kill-switch watches run {issued.command.target}: nothing was paused. No pause stands.")
            return UNGUARDED
        if issued.watched is False:
            tell(f"UNGUARDED: no kill-switch watches run {issued.command.target}. The {verb} stands, and a switch that "
                 "starts later obeys it; whatever runs now has to be stopped by hand.")  # fmt: skip
            return UNGUARDED
        if issued.watched is None:
            tell(f"nobody acknowledged within {timeout:g} s: no kill-switch watches such a run.")
            return UNGUARDED
        tell(f"NOT ACKNOWLEDGED within {timeout:g} s, though a kill-switch registered: look at its machine. "
             f"The {verb} stands.")  # fmt: skip
        return NOT_PROVEN
    counts = Counter(ack.status for ack in last.values())
    tell(f"{len(done)} of {len(last)} {'run' if len(last) == 1 else 'runs'} done: "
         + ", ".join(f"{count} {status}" for status, count in counts.items()))  # fmt: skip
    return 0 if len(done) == len(last) else NOT_PROVEN


def _json_lines(kind: str, message: Any, began: float) -> None:
    click.echo(msgspec.json.encode({"type": kind, **msgspec.to_builtins(message)}).decode())


def _lines(kind: str, message: Any, began: float) -> None:
    after = f"{time.monotonic() - began:6.3f} s"
    if kind == "command":
        until = ""
        if message.expires_at is not None:
            until = f", until {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(message.expires_at))}"
        target = "all runs" if message.scope == "all" else f"{message.scope} {message.target}"
        click.echo(f"{after}  {message.action} {target}: command {message.id}, epoch {message.epoch}{until}")
        return
    after_it = message.actions_after
    counts = "" if after_it is None else f", {counted(after_it, 'action')} after the event"
    detail = f": {message.detail}" if message.detail else ""
    click.echo(f"{after}  {message.run_id} {message.status}{detail}{counts}")


def _nothing(text: str) -> None:
    pass


kill = _order("kill", "Stop a run for good, or all runs of a deployment, a team, an environment, or everywhere.")
pause = _order("pause", "Pause a run, or all runs of a deployment, a team, an environment, or everywhere.")
resume = _order("resume", "Lift the pause (or the kill of what is wider than a run) of this same target.")


def _known_rule(context: click.Context, param: click.Parameter, value: str) -> str:
    from monitor.policy.catalogue import rules

    rule = value.partition(":")[0]
    if rule not in rules():
        near = difflib.get_close_matches(rule, rules(), n=3, cutoff=0.0)
        raise click.BadParameter(
            f"no rule is called {rule!r}. The nearest: {', '.join(near)}. `killcord policy show` lists all.",
            context, param,
        )  # fmt: skip
    return value


@click.command()
@click.argument("run", type=RunId())
@click.argument("rule", callback=_known_rule)
@click.option("--reason", required=True, help="Why it is right.")
@click.option("--by", help="Who approves it; else user@host.")
@kafka_options
def approve(run: str, rule: str, reason: str, by: str | None, settings: Settings) -> None:
    """Let findings of RULE (family.name, or family.name:key) through for RUN.

    Exit status: 0 Kafka has it; 1 Kafka does not answer; 2 wrong usage, such as a rule that is not there.
    """
    run_async(_decide(settings, by, run, decision="approve", rule=rule, reason=reason))


@click.command("raise")
@click.argument("run", type=RunId())
@click.option("--usd", type=click.FloatRange(min=0), help="US dollars.")
@click.option("--tokens", type=click.FloatRange(min=0), help="Tokens of all model calls.")
@click.option("--tool-calls", type=click.FloatRange(min=0), help="Calls of tools.")
@click.option("--writes", type=click.FloatRange(min=0), help="Calls that write.")
@click.option("--wall-time", "wall_time_s", type=Duration(), help="Such as 2h.")
@click.option("--reason", default="", help="Why.")
@click.option("--by", help="Who raises it; else user@host.")
@kafka_options
def raise_(run: str, reason: str, by: str | None, settings: Settings, **limits: float | None) -> None:
    """Raise a run's budget to these limits, in place of lower ones.

    Exit status: 0 Kafka has it; 1 Kafka does not answer; 2 wrong usage.
    """
    given = {name: value for name, value in limits.items() if value is not None}
    if not given:
        raise click.UsageError("give at least one limit, such as --usd 20")
    run_async(_decide(settings, by, run, decision="raise_budget", limits=given, reason=reason))


async def _decide(settings: Settings, by: str | None, run: str, **fields: Any) -> int:
    async with Operator(settings, by) as operator:
        decision = OperatorDecision(
            id=uuid.uuid4().hex, scope="run", target=run, time=time.time(), by=operator.by, **fields
        )
        await operator.decide(decision)
    told = decision.rule or ", ".join(f"{name} {value:g}" for name, value in decision.limits.items())
    click.echo(f"{decision.decision} {run}: {told} (by {decision.by}); the worker takes it over within a second")
    return 0


