"""What Killcord costs and how quick it is, measured side by side in one run: ``python -m benchmarks --help``."""
