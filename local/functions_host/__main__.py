"""``python -m local.functions_host``: see `local.functions_host.host`."""

import sys

from local.functions_host.host import main

if __name__ == "__main__":
    sys.exit(main())
