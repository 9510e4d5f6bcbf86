"""``python -m monitor`` is the ``killcord`` command."""

from monitor.cli.main import main

main()
