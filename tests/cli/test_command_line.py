"""What all commands share: usage, settings, faults."""

import json
from pathlib import Path

import pytest

from flowlog_core.cli.arguments import point_in_time
from tests.cli.site import Site


def test_without_a_command_it_says_which_there_are(site: Site) -> None:
    ran = site.run()

    assert ran.status == 2
    assert "COMMAND" in ran.err


def test_a_relative_time_is_read_as_well_as_an_absolute_one() -> None:
    assert (point_in_time("now") - point_in_time("2h ago")).total_seconds() == pytest.approx(7200, abs=5)
    assert point_in_time("2026-11-20T23:00").isoformat() == "2026-11-20T23:00:00+00:00"
    assert point_in_time("2026-11-20T23:00+02:00").isoformat() == "2026-11-20T21:00:00+00:00"


def test_a_file_that_is_no_log_is_told_in_one_line(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "PT1H.json"
    file.write_text(json.dumps({"rows": []}))

    ran = site.run("decode", str(file))

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert "not a flow log" in ran.err
