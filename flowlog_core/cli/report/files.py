"""Files as the input of a report."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowlog_core.cli.input.flow_inputs import file_bytes
from flowlog_core.cli.output.streams import complain
from flowlog_core.errors import NotAFlowLogError
from flowlog_core.operations.report.report import Coverage
from flowlog_core.operations.report.traffic import Traffic
from flowlog_core.operations.report.twice_logged import LoggedHour, VnetHours
from flowlog_core.source.blob import SourceBlob


def read_files(traffic: Traffic, files: Iterable[str]) -> Coverage:
    """Add up the flows of files, each once; one that can't be read, or is no flow log, is complained of, and counted.

    Raises:
        TallyError: The disk is full, or can't be written.

    """
    coverage = Coverage()
    hours: dict[str, LoggedHour] = {}
    for file in files:
        with _complaining(file, coverage):
            hours[file] = _hour_of(file)
    both = VnetHours(hours.values())
    for file, hour in hours.items():
        with _complaining(file, coverage):
            size = Path(file).stat().st_size
            if both.have(hour):
                coverage.left_out += 1
                coverage.left_out_bytes += size
            else:
                _read(file, traffic)
                coverage.logs += 1
                coverage.bytes += size
    return coverage


def _hour_of(file: str) -> LoggedHour:
    """Find out what a file is about: by its path, else by its first record."""
    named = LoggedHour.of_path(SourceBlob.outside(file))
    return named if named.known else named.or_else(LoggedHour.of_log(file_bytes(file)))


def _read(file: str, traffic: Traffic) -> None:
    log = traffic.log(SourceBlob.outside(file))
    for chunk in file_bytes(file):
        log.feed(chunk)
    log.end()


@contextmanager
def _complaining(file: str, coverage: Coverage) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        complain(f"{file}: {error.strerror or error}")
        coverage.no_logs += 1
    except NotAFlowLogError as error:
        complain(f"{file}: not a flow log: {error}")
        coverage.no_logs += 1
