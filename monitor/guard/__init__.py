"""Runs any program so that all of it can be paused, killed, and proven dead. Linux; the standard library only."""
