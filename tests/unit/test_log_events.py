"""Log events are read as they were written, and lines of anybody else are not taken for them."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core import __version__
from flowlog_core.cli.output.command_log import CommandLog
from flowlog_core.log_events import LOGGER_NAME, JsonLog, LogEvent

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | FLOATS | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
FIELDS = st.dictionaries(TEXTS.filter(lambda key: key not in {"event", "version"}), VALUES, max_size=4)
EVENTS = st.builds(LogEvent, TEXTS, FIELDS, TEXTS)


@given(EVENTS)
def test_a_log_event_is_read_as_it_was_written(event: LogEvent) -> None:
    line = event.write()

    assert "\n" not in line
    assert LogEvent.read(line) == event


def test_a_line_begins_with_the_event_and_has_the_products_version() -> None:
    line = LogEvent("flowlog.gone", {"blob": "account/container/name"}).write()

    assert line.startswith('{"event":"flowlog.gone",')
    assert json.loads(line) == {"event": "flowlog.gone", "blob": "account/container/name", "version": __version__}


def test_the_log_writes_events_to_its_logger(caplog: pytest.LogCaptureFixture) -> None:
    JsonLog()("flowlog.throttled", {"busy": True}, level=logging.WARNING)

    (record,) = caplog.records
    assert (record.name, record.levelno) == (LOGGER_NAME, logging.WARNING)
    assert LogEvent.read(record.getMessage()) == LogEvent("flowlog.throttled", {"busy": True})


@pytest.mark.parametrize("client", ["azure.core", "azure.eventhub", "azure.identity", "azure.storage"])
def test_the_requests_of_the_azure_clients_are_not_logged(client: str) -> None:
    JsonLog()

    assert not logging.getLogger(f"{client}.some.module").isEnabledFor(logging.INFO)


def test_the_workers_own_lines_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("azure"), "level", logging.NOTSET)  # a command silences it

    JsonLog()

    assert logging.getLogger("azure").level == logging.getLogger("azure.functions").level == logging.NOTSET


def test_a_command_that_is_to_be_verbose_writes_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    CommandLog(verbose=True)("flowlog.throttled", {"busy": True})

    (line,) = capsys.readouterr().err.splitlines()
    assert LogEvent.read(line) == LogEvent("flowlog.throttled", {"busy": True})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Executing 'forward_queued'",
        "{",
        "[]",
        "{}",
        '{"event":"x"}',
        '{"version":"0.1.0"}',
        '{"event":1,"version":"0.1.0"}',
        '{"event":"x","version":1}',
    ],
)
def test_any_other_line_is_none(line: str) -> None:
    assert LogEvent.read(line) is None
