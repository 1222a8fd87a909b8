"""``python -m local.network_watcher``: write flow logs into a storage account, or as files."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

from local.interrupts import raise_interrupts
from local.network_watcher.blob_stores import BlobStore, Folder, StorageAccount
from local.network_watcher.fleet import fleet
from local.network_watcher.records import Oddities
from local.network_watcher.writer import NetworkWatcher, Written, write_backlog


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = _make_parser().parse_args(arguments)
    raise_interrupts()
    try:
        if options.out:
            _write(Folder(options.out), options)
        else:
            with BlobServiceClient.from_connection_string(options.connection_string) as client:
                _write(StorageAccount(client), options)
    except (AzureError, OSError, ValueError) as error:
        print(f"network_watcher: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


def _write(store: BlobStore, options: argparse.Namespace) -> None:
    """Write what the command line asks for, and print each minute's and all minutes' totals."""
    first_minute = int(options.start.timestamp()) // 60
    interfaces = fleet(options.interfaces, options.seed)
    if options.backlog_mib:
        print(write_backlog(store, interfaces[0], first_minute, options.backlog_mib * 2**20, options.seed))
        return
    oddities = Oddities(forms=options.oddities, hostile=options.hostile)
    watcher = NetworkWatcher(
        store,
        interfaces,
        first_minute=first_minute,
        per_minute=options.flows_per_minute,
        seed=options.seed,
        oddities=oddities,
    )
    total = Written()

    def report(written: Written) -> None:
        nonlocal total
        minute = datetime.fromtimestamp((first_minute + total.minutes) * 60, UTC)
        total += written
        print(f"{minute:%Y-%m-%dT%H:%M}Z {_sum_up(written)}", flush=True)

    try:
        watcher.run(minutes=options.minutes, interval=options.interval, report=report)
    except KeyboardInterrupt:
        print()
    print(f"{total.minutes} minutes: {_sum_up(total)}")


def _sum_up(written: Written) -> str:
    return (
        f"{written.appends} appends, {written.flows} flows, {written.bad_records} bad records, "
        f"{written.size / 2**20:.2f} MiB"
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.network_watcher",
        description="Writes NSG and virtual network flow logs as Azure Network Watcher does. Ctrl-C ends it.",
        epilog="""examples:
  python -m local.network_watcher --connection-string "$FlowLogStorage" --interval 2
      five interfaces, each 200 flows a simulated minute, a minute every two seconds
  python -m local.network_watcher --out /tmp/logs --interfaces 2 --minutes 90 --start 2026-11-20T22:00Z --seed 7
      90 minutes of two interfaces as files, the same ones every time
  python -m local.network_watcher --out /tmp/logs --hostile --oddities --minutes 60
      with tuples and records that must go to quarantine, and with rare but documented forms
  python -m local.network_watcher --connection-string "$FlowLogStorage" --backlog-mib 1024
      one blob of 1 GiB
""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--connection-string", metavar="TEXT", help="of the storage account, or of Azurite")
    target.add_argument("--out", metavar="DIR", type=Path, help="write plain files there, at container/name")
    parser.add_argument("--interfaces", metavar="N", type=_read_count, default=5, help="how many (default: 5)")
    parser.add_argument(
        "--flows-per-minute", metavar="N", type=_read_count, default=200, help="of each interface (default: 200)"
    )
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=float,
        default=0.0,
        help="from one simulated minute to the next (default: 0)",
    )
    parser.add_argument("--minutes", metavar="N", type=_read_count, help="simulated minutes to write (default: no end)")
    parser.add_argument(
        "--start",
        metavar="TIME",
        type=_read_time,
        default=datetime.now(UTC),
        help="first minute, in UTC (default: now)",
    )
    parser.add_argument("--seed", default="1", help="the same seed and start write the same bytes (default: 1)")
    parser.add_argument("--oddities", action="store_true", help="mix in rare but documented forms")
    parser.add_argument("--hostile", action="store_true", help="mix in what must go to quarantine")
    parser.add_argument("--backlog-mib", metavar="N", type=_read_count, help="write one blob of this size and end")
    return parser


def _read_count(text: str) -> int:
    """Read an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _read_time(text: str) -> datetime:
    """Read an ISO 8601 time; one without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
