"""Entry of ``python -m flowlog_core``."""

import sys

from flowlog_core.cli import main

sys.exit(main())
