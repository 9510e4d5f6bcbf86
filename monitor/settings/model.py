"""Every setting of Killcord: its type, its default and one line on what it does.

A setting ``brokers`` is read from ``--config FILE`` (YAML) as ``brokers`` and from the environment as
``KILLCORD_BROKERS``. Units are in the name: ``_s`` seconds, ``_bytes`` bytes.
"""

from __future__ import annotations

import typing
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
# Kafka's rule for the names of topics, which start with the prefix.
PREFIX = r"^[a-zA-Z0-9._-]{1,200}$"


def _says(description: str, **constraints: Any) -> Meta:
    secret = constraints.pop("secret", False)
    return Meta(description=description, extra={"secret": secret}, **constraints)


class Settings(Struct, frozen=True, kw_only=True):
    """What one Killcord process was told. Made by `monitor.settings.load`, which also says where each value is from."""

    brokers: Annotated[tuple[str, ...], _says("Kafka's bootstrap servers, host:port, with commas.", min_length=1)] = (
        "127.0.0.1:9092",
    )
    ephemeral: Annotated[bool, _says("The brokers are the embedded broker: nothing is kept.")] = False
    client_id: Annotated[str, _says("The name that Kafka's logs and quotas show.")] = "killcord"
    topic_prefix: Annotated[str, _says("What the names of all topics start with.", pattern=PREFIX)] = "killcord"
    worker_group: Annotated[str, _says("Faust's app id and consumer group. Empty: <topic_prefix>-worker.")] = ""
    worker_instance_id: Annotated[
        str, _says("A worker's own constant name: it comes back from a restart without a rebalance. Empty: none.")
    ] = ""
    partitions: Annotated[int, _says("Partitions of topics that Killcord creates.", ge=1, le=10_000)] = 8
    replication_factor: Annotated[int, _says("Copies of each topic that it creates; -1: the broker's.", ge=-1)] = -1

    security_protocol: Annotated[SecurityProtocol, _says("How to talk to the brokers.")] = "PLAINTEXT"
    ssl_cafile: Annotated[str, _says("PEM file of the authorities to trust. Empty: the system's.")] = ""
    ssl_certfile: Annotated[str, _says("PEM file of this client's certificate, for mutual TLS.")] = ""
    ssl_keyfile: Annotated[str, _says("PEM file of its key, if not in ssl_certfile.")] = ""
    ssl_check_hostname: Annotated[bool, _says("Refuse a broker whose certificate names another host.")] = True
    sasl_mechanism: Annotated[SaslMechanism, _says("How to log in, with SASL_PLAINTEXT or SASL_SSL.")] = "SCRAM-SHA-512"
    sasl_username: Annotated[str, _says("User for PLAIN and SCRAM.")] = ""
    sasl_password: Annotated[str, _says("Password for PLAIN and SCRAM.", secret=True)] = ""
    sasl_oauth_token: Annotated[str, _says("A bearer token for OAUTHBEARER that does not change.", secret=True)] = ""
    sasl_oauth_token_file: Annotated[str, _says("File with the bearer token, read anew at each login.")] = ""
    sasl_oauth_token_endpoint: Annotated[str, _says("URL that gives tokens for client credentials.")] = ""
    sasl_oauth_client_id: Annotated[str, _says("Client id for the token endpoint.")] = ""
    sasl_oauth_client_secret: Annotated[str, _says("Client secret for the token endpoint.", secret=True)] = ""
    sasl_oauth_scope: Annotated[str, _says("Scope to ask the token endpoint for.")] = ""

    broker_wait_s: Annotated[float, _says("How long a start waits for a broker that does not answer.", ge=0)] = 30.0
    request_timeout_s: Annotated[float, _says("How long one request to Kafka may take.", gt=0)] = 20.0
    session_timeout_s: Annotated[
        float, _says("A worker silent for this long loses its partitions. Kafka's own minimum is 6.", gt=0)
    ] = 6.0
    heartbeat_interval_s: Annotated[float, _says("How often a worker tells Kafka that it lives.", gt=0)] = 0.5
    rebalance_timeout_s: Annotated[float, _says("How long a rebalance waits for the other workers.", gt=0)] = 10.0
    fetch_wait_s: Annotated[
        float, _says("How long a fetch may wait for data; delays what arrives for another partition.", gt=0, le=5)
    ] = 0.1
    commit_interval_s: Annotated[float, _says("How often offsets are committed.", gt=0, le=60)] = 0.3
    checkpoint_interval_s: Annotated[float, _says("How often a worker checkpoints its runs' state.", gt=0, le=60)] = 0.5
    checkpoint_events: Annotated[int, _says("A checkpoint after this many events at the latest.", ge=1)] = 10_000

    max_event_bytes: Annotated[int, _says("Larger events go to the dead-letter topic.", ge=1024, le=2**27)] = 2**20
    run_ttl_s: Annotated[float, _says("A run silent for this long is forgotten.", gt=0)] = 86_400.0
    ack_timeout_s: Annotated[float, _says("A watching kill-switch has this long to acknowledge.", gt=0)] = 2.0
    agent_heartbeat_s: Annotated[
        float, _says("How often an agent's publisher or its guard says that it lives.", gt=0)
    ] = 5.0
    worker_heartbeat_s: Annotated[
        float, _says("How often a worker tells watchdog and kill-switches that it judges.", gt=0, le=60)
    ] = 1.0
    lease_s: Annotated[
        float, _says("How long a kill-switch that should not go on without a monitor waits for a heartbeat.", gt=0)
    ] = 30.0
    canary_interval_s: Annotated[
        float, _says("How often the watchdog sends a canary, to each partition in turn; 0: never.", ge=0)
    ] = 5.0
    canary_timeout_s: Annotated[float, _says("A canary not killed by then is missed.", gt=0)] = 15.0
    coverage_timeout_s: Annotated[
        float, _says("A partition that nobody judges for longer is an alarm; a rebalance takes less.", gt=0)
    ] = 15.0
    policy: Annotated[str, _says("YAML file of what differs from the shipped policy. Empty: nothing.")] = ""
    policy_poll_s: Annotated[float, _says("How often a worker looks for a changed policy file.", gt=0)] = 1.0
    data_dir: Annotated[
        str, _says("A worker's own directory for a copy of its runs' states: it restarts sooner. Empty: none is kept.")
    ] = ""
    standby_replicas: Annotated[
        int, _says("Other workers that keep a copy of a partition's states, to take it over at once.", ge=0, le=10)
    ] = 1
    lane: Annotated[
        Literal["batch", "agents"], _says("How events are read: by the batch, or by a plain Faust agent one at a time.")
    ] = "batch"

    metrics_host: Annotated[str, _says("Address that serves /metrics, /healthz and /readyz.")] = "127.0.0.1"
    metrics_port: Annotated[int, _says("Its port; 0: not served.", ge=0, le=65_535)] = 9464
    watchdog_port: Annotated[int, _says("The watchdog's port for the same; 0: not served.", ge=0, le=65_535)] = 9465
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _says("Least severe log lines shown.")] = "info"
    log_format: Annotated[Literal["json", "console"], _says("Log lines for machines or for people.")] = "json"

    def __repr__(self) -> str:
        """Only what differs from the defaults, secrets masked: this stands in logs and tracebacks."""
        told = ((entry, getattr(self, name)) for name, entry in FIELDS.items())
        return f"Settings({', '.join(f'{e.name}={shown(e, value)!r}' for e, value in told if value != e.default)})"

    @property
    def app_id(self) -> str:
        """Faust's app id, which is also the worker's consumer group and the start of the changelogs' names."""
        return self.worker_group or f"{self.topic_prefix}-worker"

    @property
    def uses_tls(self) -> bool:
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @property
    def max_message_bytes(self) -> int:
        """What producers may send and topics take: an event, with room for a dead letter's headers and the batch."""
        return self.max_event_bytes + 65_536


class Field(Struct, frozen=True):
    """One setting as people see it."""

    name: str
    type: Any
    default: Any
    description: str
    secret: bool

    @property
    def variable(self) -> str:
        return variable(self.name)


def shown(entry: Field, value: Any) -> str:
    """A value as people may see it: secrets as ``***``."""
    return "***" if entry.secret and value else plain(value)


def plain(value: Any) -> str:
    """A value as it is written in the environment."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def variable(name: str) -> str:
    return f"KILLCORD_{name.upper()}"


def _fields() -> dict[str, Field]:
    found = {}
    hints = msgspec.inspect.type_info(Settings)
    assert isinstance(hints, msgspec.inspect.StructType)
    types = typing.get_type_hints(Settings, include_extras=True)
    for entry in hints.fields:
        meta = next(part for part in typing.get_args(types[entry.name])[1:] if isinstance(part, Meta))
        found[entry.name] = Field(
            name=entry.name,
            type=types[entry.name],
            default=entry.default,
            description=meta.description or "",
            secret=bool((meta.extra or {}).get("secret")),
        )
    return found


FIELDS: dict[str, Field] = _fields()
"""Every setting by name, in the order of the declaration."""
