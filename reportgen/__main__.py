"""`python -m reportgen` is the command `reportgen`."""

from __future__ import annotations

import sys

from reportgen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
