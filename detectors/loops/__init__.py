"""Runs in which nothing moves any more."""

from detectors.loops.detector import Loops

__all__ = ["Loops"]
