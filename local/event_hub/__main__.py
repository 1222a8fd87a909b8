"""``python -m local.event_hub``: a local hub until Ctrl-C; the first line that it prints is its connection string."""

import argparse
import sys
import threading
from collections.abc import Sequence

from local.event_hub.server import EventHub
from local.interrupts import raise_interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a hub until Ctrl-C or SIGTERM; return the exit status."""
    options = _make_parser().parse_args(arguments)
    hub = EventHub(options.name, port=options.port, partitions=options.partitions, retain_bytes=options.retain_bytes)
    try:
        hub.start()
    except OSError as error:
        sys.exit(f"event_hub: can't listen on port {options.port}: {error.strerror}")
    raise_interrupts()
    try:
        print(hub.connection_string, flush=True)
        print(f"Hub '{options.name}', {options.partitions} partitions. Ctrl-C ends it.", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        hub.stop()
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.event_hub",
        description="Run a stand-in for an Event Hubs namespace with one hub, on this machine, until Ctrl-C.",
        epilog="Example: python -m local.event_hub --port 5672 --name flowlogs --partitions 4",
    )
    parser.add_argument("--name", default="flowlogs", help="the hub's name (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5672, help="TCP port; 0 takes a free one (default: %(default)s)")
    parser.add_argument("--partitions", type=int, default=4, help="number of partitions (default: %(default)s)")
    parser.add_argument("--retain-bytes", type=int, help="most bytes to keep in a partition (default: everything)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
