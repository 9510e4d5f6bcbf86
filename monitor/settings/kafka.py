"""The settings in aiokafka's words: one dict for its producer, consumer and admin client."""

from __future__ import annotations

import ssl
from typing import Any

from monitor.settings.model import Settings
from monitor.settings.oauth import token_provider


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that AIOKafkaProducer, AIOKafkaConsumer and AIOKafkaAdminClient all take."""
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.brokers),
        "client_id": settings.client_id,
        "request_timeout_ms": round(settings.request_timeout_s * 1000),
        "security_protocol": settings.security_protocol,
    }
    if settings.uses_tls:
        options["ssl_context"] = ssl_context(settings)
    if settings.uses_sasl:
        options["sasl_mechanism"] = settings.sasl_mechanism
        if settings.sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = token_provider(settings)
        else:
            options["sasl_plain_username"] = settings.sasl_username
            options["sasl_plain_password"] = settings.sasl_password
    return options


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or newer, the broker's certificate always verified. Raises ssl.SSLError for files that are no PEM."""
    context = ssl.create_default_context(cafile=settings.ssl_cafile or None)
    context.check_hostname = settings.ssl_check_hostname
    if settings.ssl_certfile:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
    return context
