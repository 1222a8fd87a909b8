"""Sizes follow from measured figures by arithmetic, done here by hand; the document tells what the program prints."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.row import Row
from bench.sizing import MEASURED, NOT_READ, PRINTED, Load, Runs, Unit, main, page, read_measured, unit

PROJECT = Path(__file__).resolve().parents[2]
MADE_UP = {
    **MEASURED,
    "appends · VNet v4 · run · processor": 12.0,
    "appends · VNet v4 · flows a run, mean": 200.0,
    "stages · VNet v4, quiet · bytes to events, none · processor": 500_000.0,
    "stages · VNet v4, quiet · bytes to events, gzip · processor": 400_000.0,
    "services · VNet v4 · send, none · processor": 1_000_000.0,
    "services · VNet v4 · send, gzip · processor": 10_000_000.0,
    "services · VNet v4 · read · processor": 2_000_000.0,
    "backlog · VNet v4, gzip · forwarded · processor": 250_000.0,
}
UNIT = Unit(fixed_ms=10, flow_us=4, flow_bytes=1000, event_bytes=250_000)
LOAD = Load(6000, 300, busy=False)


def test_the_document_has_exactly_what_the_program_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == PRINTED

    printed = capsys.readouterr().out
    assert printed == page(MEASURED)
    assert f"\n\n{printed}\n" in (PROJECT / "docs/performance.md").read_text()


def test_a_run_without_its_flows_costs_what_the_stages_leave() -> None:
    none, gzip = unit(MADE_UP, "none", busy=False), unit(MADE_UP, "gzip", busy=False)

    assert none.flow_us == pytest.approx(2 + 1 + 0.5)
    assert gzip.flow_us == pytest.approx(2.5 + 0.1 + 0.5)
    assert none.fixed_ms == gzip.fixed_ms == pytest.approx(12 - 200 * 0.0035)
    assert unit(MADE_UP, "gzip, 8 keys", busy=True).flow_us == pytest.approx(4)  # of the whole app, on a backlog


def test_load_and_hub() -> None:
    runs = Runs(LOAD, UNIT)

    assert (runs.runs_a_second, runs.flows_a_second, runs.megabytes_a_second) == (100, 30_000, 30)
    assert runs.events == 2  # of 300,000 bytes
    assert (runs.units, runs.namespaces, runs.partitions) == (45, 2, 32)
    # 262.8 million appends, each with two events of three steps: 1,576.8 million.
    assert runs.hub_dollars == pytest.approx(45 * 21.90 + 1576.8 * 0.028)


def test_many_small_events_need_units_for_their_number() -> None:
    runs = Runs(Load(240_000, 1, busy=False), UNIT)

    assert runs.megabytes_a_second == 4
    assert (runs.units, runs.partitions) == (6, 32)  # for 4,000 events a second, as for 4 MB
    assert Runs(Load(240_000, 1, busy=False), Unit(10, 4, 10, 250_000)).units == 6
    assert Runs(Load(1, 1, busy=False), UNIT).units == 1


def test_the_trigger_needs_cores_and_connections() -> None:
    runs = Runs(LOAD, UNIT)

    assert runs.cores == pytest.approx((100 * 0.010 + 30_000 * 0.000004) / 0.6)
    assert runs.connections == pytest.approx(100 * 0.025 / 0.6)
    assert runs.instances == 5
    # 262.8 million appends; a second for each, 16 at once, is more than the time of 4.2 connections.
    assert runs.triggered_dollars == pytest.approx(262.8 * 8.8 + 262.8e6 / 16 * 2 * 0.000026)


@pytest.mark.parametrize(("interfaces", "dollars"), [(10, 2.66), (100, 0.53)])
def test_an_interface_costs_what_the_page_of_costs_says(interfaces: int, dollars: float) -> None:
    runs = Runs(Load(interfaces, 200, busy=False), unit(MEASURED, "none", busy=False))

    assert round(runs.triggered_dollars / interfaces, 2) == dollars
    assert f" = {dollars:.2f} |" in (PROJECT / "docs/costs.md").read_text()


def test_a_sweep_takes_as_long_as_the_slowest_of_core_connection_and_hub() -> None:
    # Five minutes of an interface are 1,500 flows: 1.5 MB, two batches, 6 ms of processor time; listings take 1 ms.
    assert Runs(LOAD, UNIT, 5).swept_seconds == pytest.approx(6000 * 2 * 0.025 / 0.6)
    assert Runs(LOAD, UNIT, 5).deployments == 3
    compressed = Runs(LOAD, Unit(fixed_ms=10, flow_us=4, flow_bytes=40, event_bytes=250_000), 5)
    assert compressed.swept_seconds == pytest.approx(6000 * 0.025 / 0.6)
    slow = Runs(LOAD, Unit(fixed_ms=100, flow_us=4, flow_bytes=40, event_bytes=250_000), 5)
    assert slow.swept_seconds == pytest.approx(6000 * (0.100 + 0.006 + 0.010) / 0.6)
    few = Runs(Load(100, 300, busy=False), UNIT, 5)
    assert few.units == 1
    assert few.swept_seconds == pytest.approx(150)  # of 150 MB, through one unit
    assert few.deployments == 1


def test_a_month_of_sweeps() -> None:
    sweep = 500 * 2 * 0.000026 + 6000 * (4 * 0.44 + 0.6 * 5.00 + 1.25 * 2.30) / 1e6

    assert Runs(LOAD, UNIT, 5).swept_dollars == pytest.approx(8760 * sweep)


def test_figures_are_read_from_what_a_bench_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.json"
    sections = ("stages", "events", "services", "appends")
    command = [sys.executable, "-m", "bench", "--quick", "--repeats", "1", "--only", *sections, "--json", str(file)]
    subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=120, check=True)  # noqa: S603 # our own program

    # The backlog, which takes long, is all that it lacks.
    assert main(["--measured", str(file)]) == NOT_READ
    lacks = "; ".join(f"backlog · VNet v4, {way} · forwarded · processor" for way in ("gzip", "none"))
    assert capsys.readouterr().err == f"bench.sizing: {file}: it lacks {lacks}\n"

    content = json.loads(file.read_text())
    for way in ("none", "gzip"):
        row = Row("backlog", f"VNet v4, {way}", "forwarded", 123_456.7, "flows/s", "processor")
        content["rows"].append(asdict(row))
    file.write_text(json.dumps(content))
    measured = read_measured(file.read_text())
    assert measured.keys() == MEASURED.keys()
    assert measured["backlog · VNet v4, none · forwarded · processor"] == 123_500
    assert min(measured.values()) > 0
    assert main(["--measured", str(file)]) == PRINTED
    assert capsys.readouterr().out == page(measured)


def test_figures_are_written_as_the_module_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--constants"]) == PRINTED

    assert f"= {{\n{capsys.readouterr().out}}}\n" in (PROJECT / "bench/sizing.py").read_text()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        ("no JSON", "Expecting value"),
        ("[]", "make bench did not write this"),
        ('{"rows": []}', "it lacks appends · VNet v4 · flows a run, mean; appends · VNet v4 · run · processor; "),
    ],
)
def test_what_is_no_bench_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    file = tmp_path / "bench.json"
    if content is not None:
        file.write_text(content)

    assert main(["--measured", str(file)]) == NOT_READ
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"bench.sizing: {file}: ")
    assert told in output.err
