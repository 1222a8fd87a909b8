"""``python -m local.network_watcher``: see `local.network_watcher.writer`."""

import sys

from local.network_watcher.writer import main

if __name__ == "__main__":
    sys.exit(main())
