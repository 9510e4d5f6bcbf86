"""An external watchdog of the monitor: shares nothing with the workers but Kafka. Loads no Faust."""
