"""Runs any program so that all of it can be paused, killed, and proven dead. Linux.

The standard library only, except for `monitor.guard.switch`, which obeys commands from Kafka.
"""
