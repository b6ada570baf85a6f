"""`python -m roialign_cli` is `roialign`."""

import sys

from roialign_cli.cli.main import main

sys.exit(main())
