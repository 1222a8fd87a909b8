"""The command ``report``: what the logs tell of the traffic."""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from flowlog_core.cli.input.arguments import (
    Subparsers,
    add_command,
    add_settings,
    add_span,
    number,
    read_settings,
    selection,
)
from flowlog_core.cli.output.command_log import CommandLog
from flowlog_core.cli.output.plain_text import safe_line
from flowlog_core.cli.output.progress import progress
from flowlog_core.cli.output.rows import none_found, utc
from flowlog_core.cli.output.streams import OUT, complain
from flowlog_core.cli.output.terminal import console, lasting, show, sized, table
from flowlog_core.cli.report.chart import bars, drawn
from flowlog_core.cli.report.files import read_files
from flowlog_core.cli.report.page import check_plotly, page
from flowlog_core.cli.report.words import UNKNOWN, document, headline, notes, written
from flowlog_core.errors import UsageError
from flowlog_core.forwarding.listing import FlowLogTree, Selection
from flowlog_core.operations.report.report import Coverage, read_blobs
from flowlog_core.operations.report.traffic import BY_KEYS, Summary, Table, Traffic
from flowlog_core.settings import Settings
from flowlog_core.wiring import connect

ALL_COUNTED: Final = 0
SOME_LEFT: Final = 1
NOT_DONE: Final = 2

_MOST_ROWS: Final = 10_000

_EXAMPLES: Final = f"""\
examples:
  flowlog report PT1H.json
  flowlog report --since '2h ago' --top 20 --html report.html
  flowlog report --since 2026-11-20 --until 2026-11-21 --by hour,macAddress --json

Counters are the packets and bytes since a flow's tuple before, so their sum is a conversation's true
total in these hours, wherever it began. SENT is from source to destination, RECEIVED the way back; {UNKNOWN}
stands where the logs do not tell. Where an interface has both an NSG and a VNet flow log for an hour,
only the latter counts. --since and --until take whole hours of logs.

--by KEYS: one more table, by {", ".join(BY_KEYS[:3])} and keys of a flow.

exit status: 0 all was counted; 1 something could not be decoded or read; 2 a file is no flow log or
can't be read, no flow log was found, or the work could not be done
"""


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "report",
        summary="tell who talks to whom, what was denied, and when",
        description="Report on the traffic that flow logs tell of: those in storage, or files.",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(run=_report)
    parser.add_argument("files", nargs="*", metavar="FILE", help="a PT1H.json, instead of blobs; none is counted twice")
    add_settings(parser)
    add_span(parser, required=False)
    parser.add_argument(
        "--top", type=number(1, _MOST_ROWS), default=10, metavar="N", help="rows of each table (default: 10)"
    )
    parser.add_argument("--by", type=_keys, default=(), metavar="KEYS", help="one more table, by these keys")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots that opens offline, too")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")


def _report(options: argparse.Namespace) -> int:
    if bool(options.files) == bool(options.since):
        raise UsageError("say which logs: either files, or --since TIME for those in storage")
    if "-" in options.files:
        raise UsageError("files are looked at twice, so standard input can't be one of them")
    if options.html is not None:
        check_plotly()
        if not options.html.absolute().parent.is_dir():
            raise UsageError(f"--html {options.html}: there is no such folder")
    with Traffic(options.by) as traffic:
        chosen = None
        if options.files:
            coverage = read_files(traffic, options.files)
        else:
            settings = read_settings(options)
            chosen = selection(options, settings)
            coverage = _read_blobs(traffic, settings, chosen, options)
        summary = traffic.summary(options.top)
    if options.json:
        OUT.write_json(document(summary, coverage))
    else:
        _print(summary, coverage)
    if options.html is not None:
        _write(options.html, page(summary, coverage, utc(datetime.now(UTC))))
    if chosen is not None and coverage.found_none:
        complain(none_found(chosen))
        return NOT_DONE
    if options.files and coverage.no_logs:
        return NOT_DONE
    return SOME_LEFT if summary.undecoded or coverage.archived or coverage.no_logs else ALL_COUNTED


def _read_blobs(traffic: Traffic, settings: Settings, chosen: Selection, options: argparse.Namespace) -> Coverage:
    services = connect(settings, CommandLog(verbose=options.verbose))
    with progress() as tell:
        return read_blobs(
            traffic,
            source=services.source,
            tree=FlowLogTree(services.listing),
            selection=chosen,
            tell=lambda so_far: tell(f"{so_far.logs:,} blobs, {sized(so_far.bytes)}, {traffic.flows:,} flows"),
        )


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html {file}: {error.strerror or error}") from error


def _print(summary: Summary, coverage: Coverage) -> None:
    out = console()
    lines = [headline(summary, coverage), *notes(summary, coverage)]
    out.print("\n".join(safe_line(line) for line in lines), soft_wrap=True)
    _print_chart(summary.tables["minutes"], "\N{FULL BLOCK}" if out.is_terminal else "#")
    for name, each in summary.tables.items():
        if name == "minutes" or not each.rows:
            continue
        text = written(name, each)
        made = table(text.columns)
        for row in text.rows:
            made.add_row(*map(safe_line, row))
        out.print(f"\n{text.title}")
        show(out, made)
        if text.more:
            out.print(f"and {text.more:,} more")


def _print_chart(minutes: Table, character: str) -> None:
    step, made = bars(minutes)
    if not made:
        return
    out = console()
    chart = table((("time", "left"), ("flows", "right"), ("denied", "right"), ("bytes", "right"), ("", "left")))
    for bar, line in zip(made, drawn(made, character), strict=True):
        size = f"{bar.bytes:,}" if bar.counted else UNKNOWN
        chart.add_row(f"{bar.time:%Y-%m-%dT%H:%MZ}", f"{bar.flows:,}", f"{bar.denied:,}", size, line)
    out.print(f"\nTraffic by {'minute' if step == timedelta(minutes=1) else lasting(step.total_seconds())}")
    out.print(chart)


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(key.strip() for key in text.split(",")))
    unknown = [key for key in keys if key not in BY_KEYS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(BY_KEYS)}")
    return keys
