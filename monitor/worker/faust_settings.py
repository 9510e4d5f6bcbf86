"""Killcord's settings in Faust's words, with quick and secure values in place of Faust's defaults."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import faust
from faust.types.auth import CredentialsT
from yarl import URL

from monitor.settings import Settings
from monitor.settings.kafka import ssl_context
from monitor.settings.oauth import token_provider

MOST_RECORDS = 2_000  # of one fetch that are handed over at once: what comes in on other topics waits no longer


def faust_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of ``faust.App``, its id among them."""

    def brokers(scheme: str) -> list[URL]:
        return [URL(f"{scheme}://{broker}") for broker in settings.brokers]

    return {
        "id": settings.app_id,
        # Faust lets variables such as APP_VERSION, TIMEZONE or BROKER_URL of whatever runs it win over what it is told.
        "env": {},
        "broker": brokers("kafka"),
        "broker_consumer": brokers("killcord"),  # monitor.worker.transport
        "broker_max_poll_records": MOST_RECORDS,
        "broker_client_id": settings.client_id,
        "broker_credentials": credentials(settings),
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": settings.heartbeat_interval_s,
        "broker_rebalance_timeout": settings.rebalance_timeout_s,
        "broker_request_timeout": settings.request_timeout_s,
        "broker_commit_interval": settings.commit_interval_s,
        "consumer_group_instance_id": settings.worker_instance_id or None,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": max(settings.max_message_bytes, 1024**2),
        "producer_acks": -1,
        "producer_linger": 0.0,
        "producer_request_timeout": settings.request_timeout_s,
        "producer_max_request_size": settings.max_message_bytes,
        # JSON and bytes only: Faust's pickle codec runs what a message says.
        "key_serializer": "raw",
        "value_serializer": "raw",
        "store": "killcord://",  # monitor.worker.store
        # A store that has read beyond its changelog starts anew (monitor.worker.transport); Faust would end the worker.
        "recovery_consistency_check": False,
        "stream_recovery_delay": 0.0,
        "datadir": data_dir(settings),
        "topic_partitions": settings.partitions,
        # Created and checked before the app starts, so a worker never takes a topic for missing and stays deaf.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "table_standby_replicas": settings.standby_replicas,
        "processing_guarantee": "at_least_once",
        "stream_wait_empty": False,
        "web_enabled": False,
        "autodiscover": False,
        "worker_redirect_stdouts": False,
    }


def credentials(settings: Settings) -> CredentialsT | None:
    """How Faust logs in; None for PLAINTEXT."""
    context = ssl_context(settings) if settings.uses_tls else None
    if settings.uses_sasl:
        if settings.sasl_mechanism == "OAUTHBEARER":
            return faust.auth.OAuthCredentials(oauth_cb=token_provider(settings), ssl_context=context)
        return faust.auth.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            ssl_context=context,
            mechanism=settings.sasl_mechanism,
        )
    return faust.auth.SSLCredentials(context) if context else None


def data_dir(settings: Settings) -> Path:
    """Where Faust keeps files: with tables in memory it only wants a directory that it may write to."""
    if settings.data_dir:
        return Path(settings.data_dir)
    return Path(tempfile.gettempdir()) / f"{settings.app_id}-data"
