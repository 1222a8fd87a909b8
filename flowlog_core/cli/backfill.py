"""The command ``backfill``: forward what was never forwarded, or replay what was."""

import argparse
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from logging import INFO
from types import FrameType
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
from flowlog_core.cli.interrupts import interrupts_call, interrupts_end_at_once
from flowlog_core.cli.output.progress import progress
from flowlog_core.cli.output.rows import utc
from flowlog_core.cli.output.streams import ERR, OUT, complain
from flowlog_core.cli.output.terminal import console, lasting, sized
from flowlog_core.errors import UsageError
from flowlog_core.events.event_properties import QUARANTINE_REPLAY
from flowlog_core.forwarding.listing import HOUR, Selection, hour_of
from flowlog_core.operations.backfill.backfill import (
    GRACE_SECONDS,
    Backfill,
    BackfillOptions,
)
from flowlog_core.operations.backfill.report import BackfillReport, Ending, Survey
from flowlog_core.settings import Settings
from flowlog_core.wiring import Services, connect

ALL_WHOLE: Final = 0
SOME_NOT_WHOLE: Final = 1
NOT_DONE: Final = 2

_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_MOST_WORKERS: Final = 8  # the storage client keeps 10 connections (requests, HTTPAdapter), and listing needs one
_MOST_DAYS: Final = 36_500
_SILENT_SECONDS: Final = 60.0  # between two lines that say why runs try again: they all meet the same trouble
_REMEDIES: Final[Mapping[Ending, str]] = {
    Ending.ARCHIVED: "archived blobs: rehydrate them (az storage blob set-tier --tier Hot; it takes hours), then run "
    "the same command",
    Ending.HELD: "blobs that another run holds: it will forward them, or the same command will later",
    Ending.FAILED: "blobs that met a fault: see to its cause, then run the same command; it goes on where it was",
}
_STOPPING: Final = (
    f"ending the blobs under way; where the hub is busy, that takes up to {GRACE_SECONDS:.0f} seconds, or until Ctrl-C",
    "giving up; one more Ctrl-C ends at once, and what is not committed yet will come again",
)
_HELP: Final = """\
examples:
  flowlog backfill --since '2d ago' --dry-run
  flowlog backfill --since 2026-11-01 --until 2026-11-08 --workers 8
  flowlog backfill --since 2026-11-19 --until 2026-11-20 --replay audit-7

Forwards the blobs of these hours that were never forwarded or are not complete, those before
FLOWLOG_START included. It shares leases and checkpoints with the running app, so the two can work
side by side. Ended by Ctrl-C, SIGTERM or a fault, the same command goes on where it was.

--replay forwards the blobs from their start, whatever was forwarded before: the same flows with the
same ids, in events whose property `replay` has the label. Its progress is kept apart: the same label
goes on where it was, and forwards nothing once all is complete; a new label begins anew.

--checkpoint-days: checkpoints are deleted some days after their last change (deployed: 7 more than
sourceRetentionDays, which is 30; 0 if that is 0: never). Of hours longer ago, what was forwarded
can't be told from what was not, and only --replay takes them.

--workers: decoding is done in Python, one thread at a time, and events leave one batch after the
other, so more workers only fill the time in which others wait for storage or for the hub. With
large blobs 4 keep a processor core busy; with small ones distance counts (storage 20 ms away: 1
worker forwarded 5 a second, 4 forwarded 16, 8 forwarded 27). To use more cores, run several
commands with different --source, --container or --prefix.

exit status: 0 all is complete; 1 some blobs are not (they are named); 2 it could not be done, or not
gone on with; 130 interrupted
"""


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "backfill",
        summary="forward what was never forwarded, or replay what was",
        description="Forward the flow logs of a span of time, whatever their age.",
        epilog=_HELP,
    )
    parser.set_defaults(run=_backfill)
    add_settings(parser)
    add_span(parser)
    parser.add_argument(
        "--replay", type=_label, metavar="LABEL", help="forward again from the start, marked by this label"
    )
    parser.add_argument("--dry-run", action="store_true", help="only count what would be forwarded; write nothing")
    parser.add_argument(
        "--workers",
        type=number(1, _MOST_WORKERS),
        default=4,
        metavar="N",
        help=f"blobs forwarded at once, up to {_MOST_WORKERS} (default: 4)",
    )
    parser.add_argument(
        "--checkpoint-days",
        type=number(0, _MOST_DAYS),
        default=37,
        metavar="N",
        help="how long checkpoints are kept (default: 37, as deployed; 0: for ever)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")


def _backfill(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    chosen = selection(options, settings)
    if options.replay is None and options.checkpoint_days:
        _refuse_what_cannot_be_told(chosen.since, options.checkpoint_days, datetime.now(UTC))
    log = _Log(verbose=options.verbose)
    services = connect(settings, log)
    # Left from the inside out: first the threads end, then the connection that they send by.
    with closing(services.sink), ThreadPoolExecutor(options.workers, "backfill") as executor:
        backfill = _prepared(services, settings, chosen, executor, options)
        survey = _survey(backfill)
        if options.dry_run:
            _print_survey(survey, options)
            return SOME_NOT_WHOLE if survey.archived else ALL_WHOLE
        if survey.blobs:
            services.sink.max_event_bytes()  # so that a hub that can't be reached is told at once
        report = _run(backfill, survey, log)
    return _conclude(report, chosen, options)


def _refuse_what_cannot_be_told(since: datetime, days: int, now: datetime) -> None:
    if since < now - timedelta(days=days):
        earliest = hour_of(now - timedelta(days=days)) + HOUR
        raise UsageError(
            f"--since is before {earliest:%Y-%m-%dT%H:%M}: checkpoints are kept for {days} days (--checkpoint-days), "
            "so of hours before that nobody can tell what was forwarded; begin there, or forward all of it (again) "
            "with --replay LABEL"
        )


def _prepared(
    services: Services, settings: Settings, chosen: Selection, executor: ThreadPoolExecutor, options: argparse.Namespace
) -> Backfill:
    return Backfill(
        services.forward_ports,
        listing=services.listing,
        checkpoints=services.checkpoints.of_replay(options.replay) if options.replay else services.checkpoints,
        executor=executor,
        options=BackfillOptions(chosen, settings.forward, options.replay, options.workers),
    )


def _survey(backfill: Backfill) -> Survey:
    with progress() as tell:
        return backfill.survey(
            lambda survey: tell(f"{survey.blobs + survey.complete + survey.archived:,} blobs listed")
        )


def _run(backfill: Backfill, survey: Survey, log: "_Log") -> BackfillReport:
    """Run it; Ctrl-C and SIGTERM stop it instead of raising, and at last end the process."""
    told = 0

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 # what a handler is called with
        backfill.stop()
        if backfill.stops >= len(_STOPPING):
            interrupts_end_at_once()

    def show(report: BackfillReport) -> None:
        nonlocal told
        while told < min(backfill.stops, len(_STOPPING)):
            complain(_STOPPING[told])
            told += 1
            if told == len(_STOPPING):  # which need not have come by a signal
                interrupts_end_at_once()
        draw(report)

    with interrupts_call(stop), _drawn(survey, log) as draw:
        return backfill.run(show)


@contextmanager
def _drawn(survey: Survey, log: "_Log") -> Iterator[Callable[[BackfillReport], None]]:
    """Give what shows how far it has come: a bar on a terminal, a line now and then elsewhere."""
    if not ERR.is_terminal:
        with progress() as tell:
            yield lambda report: tell(f"{log.doing}: {_so_far(report, survey)}")
        return
    from rich import progress as rich  # noqa: PLC0415 # the app is deployed without it

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.DownloadColumn(),
        rich.TextColumn("{task.fields[flows]:,} flows"),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=console(stderr=True)) as bar:
        task = bar.add_task(log.doing, total=survey.length, flows=0)
        yield lambda report: bar.update(task, description=log.doing, completed=report.bytes, flows=report.flows)


def _so_far(report: BackfillReport, survey: Survey) -> str:
    rate = report.bytes / report.seconds if report.seconds else 0
    left = f", {lasting(max(survey.length - report.bytes, 0) / rate)} left" if rate else ""
    return (
        f"{report.endings[Ending.COMPLETE]:,} of {survey.blobs:,} blobs, "
        f"{sized(report.bytes)} of {sized(survey.length)}, {report.flows:,} flows, {sized(rate)}/s{left}"
    )


def _print_survey(survey: Survey, options: argparse.Namespace) -> None:
    if options.json:
        figures = {
            "dryRun": True,
            "replay": options.replay,
            "blobs": survey.blobs,
            "bytes": survey.length,
            "wholeAlready": survey.complete,
            "archived": survey.archived,
        }
        OUT.write_json(figures)
    else:
        OUT.write(
            f"blobs: {survey.blobs:,} to forward ({sized(survey.length)}), {survey.complete:,} complete already, "
            f"{survey.archived:,} archived\n"
        )


def _conclude(report: BackfillReport, chosen: Selection, options: argparse.Namespace) -> int:
    """Tell what was done and what is not complete, and give the exit status."""
    if options.json:
        OUT.write_json(_document(report, chosen, options))
    else:
        OUT.write_line(_summary(report, options.replay))
    for fault in report.faults:
        complain(f"{fault.blob}: {fault.reason}")
    if report.at_fault > len(report.faults):
        complain(f"and {report.at_fault - len(report.faults):,} more")
    for ending, remedy in _REMEDIES.items():
        if report.endings[ending]:
            complain(remedy)
    if report.stopped:
        complain("interrupted; the same command goes on where it was")
        raise KeyboardInterrupt
    if report.broken_off is not None:
        complain(f"{report.broken_off}; the same command goes on where it was")
        return NOT_DONE
    return SOME_NOT_WHOLE if report.at_fault else ALL_WHOLE


def _summary(report: BackfillReport, replay: str | None) -> str:
    name = f"replay {replay}: " if replay else ""
    if not report.endings and not report.stopped and report.broken_off is None:
        found = f"blobs: {report.already:,} complete already" if report.already else "there are no flow logs"
        return f"{name}nothing to forward; {found}"
    others = {
        "gone meanwhile": report.endings[Ending.GONE],
        "begun": report.endings[Ending.STOPPED],
        "not complete": report.at_fault,
    }
    blobs = "".join(f", {count:,} {what}" for what, count in others.items() if count)
    seconds = max(report.seconds, 0.001)
    return (
        f"{name}blobs: {report.endings[Ending.COMPLETE]:,} forwarded, {report.already:,} complete already{blobs}; "
        f"{sized(report.bytes)}, flows: {report.flows:,}, events: {report.events:,}, quarantined: "
        f"{report.quarantined:,}; {_took(report.seconds)}, {sized(report.bytes / seconds)}/s, "
        f"{report.flows / seconds:,.0f} flows/s"
    )


def _took(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 60 else lasting(seconds)  # noqa: PLR2004 # from a minute on, tenths tell nothing


def _document(report: BackfillReport, chosen: Selection, options: argparse.Namespace) -> dict[str, object]:
    return {
        "dryRun": False,
        "replay": options.replay,
        "since": utc(chosen.since),
        "until": utc(chosen.until),
        "wholeAlready": report.already,
        "blobs": {ending.value: report.endings[ending] for ending in Ending},
        "bytes": report.bytes,
        "flows": report.flows,
        "events": report.events,
        "quarantined": report.quarantined,
        "seconds": round(report.seconds, 3),
        "interrupted": report.stopped,
        "brokenOff": report.broken_off,
        "faults": [
            {"blob": fault.blob.path, "ending": fault.ending.value, "reason": fault.reason} for fault in report.faults
        ],
    }


class _Log:
    """Takes the runs' log events: tells what makes them wait, or all of it with ``--verbose``."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._waiting = 0.0  # until then
        self._for = ""
        self._silent = 0.0  # until then

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = INFO) -> None:  # noqa: ARG002 # see `ports.Log`
        """See `ports.Log`."""
        if event == "flowlog.throttled":
            now = time.monotonic()
            self._waiting = now + float(str(fields["waitSeconds"]))
            self._for = "the hub is busy" if fields["busy"] else "trying again"
            if not fields["busy"] and now >= self._silent:
                self._silent = now + _SILENT_SECONDS
                complain(f"{fields['reason']}; trying again")
        if self._verbose:
            ERR.write_json_line({"event": event, **fields})

    @property
    def doing(self) -> str:
        """What is going on."""
        return self._for if time.monotonic() < self._waiting else "forwarding"


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise argparse.ArgumentTypeError(f"takes letters, digits, - and _, up to 40, not {text!r}")
    if text == QUARANTINE_REPLAY:
        raise argparse.ArgumentTypeError(f"can't be {text!r}: so events are marked that come from quarantine")
    return text
