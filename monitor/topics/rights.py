"""What this client may do with a topic, as the cluster says.

aiokafka asks with version 5 of Kafka's metadata request; the rights came with version 8 (Kafka 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

# Kafka's codes of operations: bit numbers of what it answers.
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
_NOT_SAID = -(2**31)


class _Response(Response):
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8")))),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _RequestStruct(RequestStruct):
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
    )


class _Request(Request[_RequestStruct]):
    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def build(self, request_struct_class: type[_RequestStruct]) -> _RequestStruct:
        return request_struct_class(self._names, False, False, True)


async def rights(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, frozenset[str]]:
    """The operations that this client may do with each topic; topics of which the cluster does not say are left out."""
    try:
        answer = (await client._send_request(_Request(names))).to_object()
    except (IncompatibleBrokerVersion, NotImplementedError):  # a broker before 2.3
        return {}
    return {
        entry["topic"]: frozenset(name for name, bit in OPERATIONS.items() if entry["operations"] & (1 << bit))
        for entry in answer["topics"]
        if entry["error_code"] == 0 and entry["operations"] != _NOT_SAID
    }
