"""The watchdog with the rights that its help names, and no others, on a Kafka with ACLs."""

from __future__ import annotations

import json
import uuid

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from msgspec.structs import replace

from monitor.topics.admin import create
from monitor.topics.connect import admin_client
from tests.kafka.conftest import ADMIN_PASSWORD, SecureKafka
from tests.watchdog.beating import beating
from tests.worker.harness import killcord

R, W = AclOperation.READ, AclOperation.WRITE
RIGHTS = {"health": (R,), "control": (R,), "alerts": (R, W), "events": (W, AclOperation.DESCRIBE), "operator": (W,)}


def grant(kafka: SecureKafka, user: str, kind: ResourceType, name: str, *operations: AclOperation) -> None:
    admin = AdminClient(
        {
            "bootstrap.servers": ",".join(kafka.admin.brokers), "security.protocol": "SASL_SSL",
            "ssl.ca.location": kafka.admin.ssl_cafile, "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "admin",
            "sasl.password": ADMIN_PASSWORD,
        }
    )  # fmt: skip
    bindings = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
        for operation in operations
    ]
    for future in admin.create_acls(bindings).values():
        future.result(timeout=20)


@pytest.mark.parametrize("may", [True, False], ids=["with its rights", "without them"])
async def test_the_rights_that_it_needs(secure_kafka: SecureKafka, may: bool) -> None:
    prefix = f"t{uuid.uuid4().hex[:10]}"
    admin = replace(secure_kafka.admin, topic_prefix=prefix, worker_heartbeat_s=0.5, canary_timeout_s=1.0)
    async with admin_client(admin) as client:
        assert (await create(client, admin)).problems == ()
    mine = replace(admin, sasl_username="nobody", sasl_password="nobody-secret")
    if may:
        for topic, operations in RIGHTS.items():
            grant(secure_kafka, "nobody", ResourceType.TOPIC, f"{prefix}.{topic}", *operations)
        grant(secure_kafka, "nobody", ResourceType.GROUP, mine.app_id, AclOperation.DESCRIBE)
    async with beating(admin):
        status, said, errors = await killcord(mine, "watchdog", "--once", "--json")
    found = json.loads(said)
    if may:  # heard and asked; no worker is there, so the canary is missed
        assert (status, len(found["workers"])) == (3, 1), errors
        assert {alarm["rule"] for alarm in found["alarms"]} <= {"blindness.canary", "blindness.coverage"}
    else:
        assert (status, found["reached"]) == (69, False), errors
