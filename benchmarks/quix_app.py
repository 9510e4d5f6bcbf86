"""What a worker is compared with: quixstreams, with the same decoding and at-least-once commits. No state.

    python -m benchmarks.quix_app BROKERS TOPIC GROUP

Runs in an environment of its own, which `make bench` installs: it wants other versions than Killcord.
"""

from __future__ import annotations

import sys

from quixstreams import Application

from monitor.decode import decode


def main(brokers: str, topic: str, group: str) -> None:
    app = Application(
        broker_address=brokers,
        consumer_group=group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_interval=0.3,
        loglevel="WARNING",
        processing_guarantee="at-least-once",
    )
    source = app.topic(topic, key_deserializer="bytes", value_deserializer="bytes")
    frame = app.dataframe(source)
    frame.update(decode)  # what it returns is not looked at
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:4])
