"""Settings that are each well-formed but do not go together, or name what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from monitor.settings.model import Settings

_BROKER = re.compile(r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$")
BROKERS_EXPECTED = "expected host:port, such as kafka-1.example.com:9092; several with commas"
_FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "sasl_oauth_token_file", "policy")


def conflicts(settings: Settings, origins: Mapping[str, str], refused: Set[str] = frozenset()) -> list[str]:
    """One sentence for each problem: setting, value, where it is from, remedy.

    ``refused``: settings whose value was no good and is the default's now; nothing is said of them a second time.
    """
    told = [*_brokers(settings), *_files(settings), *_timing(settings)]
    if not refused & {"security_protocol", "sasl_mechanism"}:
        told += _security(settings, origins)
    return [f"{name} = {value} ({origins[name]}): {why}" for name, value, why in told if name not in refused]


def _brokers(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for broker in settings.brokers:
        match = _BROKER.match(broker)
        if not match or not 0 < int(match[2]) < 65_536:
            yield "brokers", repr(broker), f"{BROKERS_EXPECTED}."


def _files(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for name in _FILES:
        path = getattr(settings, name)
        if not path:
            continue
        try:
            with Path(path).open("rb"):
                pass
        except OSError as error:
            yield name, repr(path), f"cannot be read: {error.strerror}. Give a file that this user may read."


def _security(settings: Settings, origins: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    protocol = settings.security_protocol
    given = [name for name, origin in origins.items() if origin != "default"]
    for name in given:
        if name.startswith("ssl_") and not settings.uses_tls:
            yield name, "given", f"security_protocol is {protocol}: choose SSL or SASL_SSL, or leave {name} out."
        if name.startswith("sasl_") and not settings.uses_sasl:
            yield name, "given", f"security_protocol is {protocol}: choose SASL_SSL, or leave {name} out."
    if settings.ssl_keyfile and not settings.ssl_certfile:
        yield "ssl_keyfile", repr(settings.ssl_keyfile), "a key needs its certificate: set ssl_certfile."
    if not settings.uses_sasl:
        return
    if settings.sasl_mechanism == "OAUTHBEARER":
        yield from _oauth(settings)
        return
    for name in ("sasl_username", "sasl_password"):
        if not getattr(settings, name):
            yield name, "''", f"{protocol} with {settings.sasl_mechanism} needs it: set KILLCORD_{name.upper()}."


def _oauth(settings: Settings) -> Iterator[tuple[str, str, str]]:
    sources = [
        name
        for name in ("sasl_oauth_token", "sasl_oauth_token_file", "sasl_oauth_token_endpoint")
        if getattr(settings, name)
    ]
    if len(sources) != 1:
        found = " and ".join(sources) or "none"
        why = f"OAUTHBEARER takes one of sasl_oauth_token, _token_file and _token_endpoint; given: {found}."
        yield "sasl_mechanism", "OAUTHBEARER", why
    endpoint = settings.sasl_oauth_token_endpoint
    if not endpoint:
        return
    if not endpoint.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        yield "sasl_oauth_token_endpoint", repr(endpoint), "the client secret would travel openly: use https://."
    for name in ("sasl_oauth_client_id", "sasl_oauth_client_secret"):
        if not getattr(settings, name):
            yield name, "''", f"the token endpoint needs it: set KILLCORD_{name.upper()}."


def _timing(settings: Settings) -> Iterator[tuple[str, str, str]]:
    session, beat, request = settings.session_timeout_s, settings.heartbeat_interval_s, settings.request_timeout_s
    if beat > session / 3:
        yield "heartbeat_interval_s", f"{beat:g}", f"at most a third of session_timeout_s ({session:g})."
    if request <= session:
        yield "request_timeout_s", f"{request:g}", f"must be more than session_timeout_s ({session:g})."
