"""A connection to the cluster, waited for within bounds, and why there is none."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from monitor.settings import Settings, aiokafka_options
from monitor.settings.oauth import TokenError

_PAUSE_S = 0.25
_LOGIN = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


class BrokerError(RuntimeError):
    """No broker to work with. Says which was tried, why it failed, and the remedy."""


class Unreachable(BrokerError):
    """No broker answered within the time to wait."""


class Refused(BrokerError):
    """A broker answered and would not have us: wrong certificate, user or password. Waiting does not help."""


@asynccontextmanager
async def admin_client(settings: Settings, wait_s: float | None = None) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client of a cluster that answers. ``wait_s``: in place of the setting broker_wait_s.

    Raises Unreachable after that time, and Refused at once.
    """
    await reachable(settings, wait_s)
    client = AIOKafkaAdminClient(**aiokafka_options(settings))
    try:
        await client.start()
    except KafkaConnectionError as error:
        await client.close()
        raise Unreachable(f"brokers = {','.join(settings.brokers)}: {error}") from error
    try:
        yield client
    finally:
        await client.close()


async def reachable(settings: Settings, wait_s: float | None = None) -> str:
    """The first broker, host:port, that lets us in. Raises Unreachable after ``wait_s``, and Refused at once."""
    wait = settings.broker_wait_s if wait_s is None else wait_s
    end = time.monotonic() + wait
    while True:
        failures = []
        for broker in settings.brokers:
            failure = await _try(broker, settings, max(1.0, end - time.monotonic()))
            if failure is None:
                return broker
            failures.append(f"{broker}: {failure}")
        if time.monotonic() + _PAUSE_S > end:
            raise Unreachable(
                f"no Kafka broker answered within {wait:g} s ({'; '.join(failures)})."
                " Start Kafka, or set KILLCORD_BROKERS to where it is."
            )
        await asyncio.sleep(_PAUSE_S)


async def _try(broker: str, settings: Settings, within_s: float) -> str | None:
    """None if the broker let us in, else why not, if waiting may help. Raises Refused if it cannot."""
    options = aiokafka_options(settings)
    del options["bootstrap_servers"]
    options["request_timeout_ms"] = min(options["request_timeout_ms"], round(within_s * 1000))
    host, port = broker.rsplit(":", 1)
    # aiokafka's own clients log why a broker refused them and then raise only that none could be reached.
    connection = AIOKafkaConnection(host.strip("[]"), int(port), **options)
    try:
        await connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            f"{broker}: its certificate is not trusted: {error.verify_message}. {_trust(settings)}"
        ) from error
    except ssl.SSLError as error:
        why = f"{broker}: no TLS connection: {error.reason or error}"
        raise Refused(f"{why}. Is this a TLS listener, and does it want a client's certificate?") from error
    except TokenError as error:
        raise Refused(f"{broker}: {error}") from error
    except _LOGIN as error:
        who = f"user {settings.sasl_username!r}" if settings.sasl_username else "the bearer token"
        why = f"{broker}: {who} was refused with {settings.sasl_mechanism}: {error}"
        raise Refused(f"{why}. Check KILLCORD_SASL_MECHANISM, KILLCORD_SASL_USERNAME and its password.") from error
    except (TimeoutError, OSError, KafkaError) as error:
        return _reason(error, settings)
    finally:
        closed = connection.close(reason=CloseReason.SHUTDOWN)
        if connection._protocol is not None:
            # A TLS connection needs the broker's goodbye to close; not for ever.
            await asyncio.wait([closed], timeout=_PAUSE_S)
    return None


def _trust(settings: Settings) -> str:
    return f"KILLCORD_SSL_CAFILE ({settings.ssl_cafile or 'not set'}) must hold the authority that signed it"


def _reason(error: Exception, settings: Settings) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer"
    text = getattr(error, "strerror", None) or str(error) or repr(error)
    if not settings.uses_tls and "closed" in text.lower():
        return f"{text} (does it want TLS? KILLCORD_SECURITY_PROTOCOL is {settings.security_protocol})"
    return text
