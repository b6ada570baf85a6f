"""`python -m roialign_cli` is `roialign`."""

from roialign_cli.cli.main import start

start()
