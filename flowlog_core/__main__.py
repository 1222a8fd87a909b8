"""Entry of ``python -m flowlog_core``."""

import sys

try:
    from flowlog_core.cli import main

    status = main()
except KeyboardInterrupt:  # while the commands were being imported
    status = 130
sys.exit(status)
