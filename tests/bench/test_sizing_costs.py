"""A month's dollars, by hand, and as docs/costs.md says."""

from pathlib import Path

import pytest

from bench.sizing.costs import app_dollars, app_dollars_before, hub_dollars
from bench.sizing.loads import Load, Runs, Unit, WayIn, unit
from bench.sizing.measured import Measured

COSTS = (Path(__file__).resolve().parents[2] / "docs/costs.md").read_text()
UNIT = Unit(run_ms=10, batch_ms=8, swept_ms=9, listed_ms=1, flow_us=4, flow_bytes=1000, event_bytes=250_000)
LOAD = Load(6000, 300, busy=False)  # 100 appends a second, 262.8 million a month
EACH = 262.8e6
SECOND = 2 * 0.000026
BEFORE: tuple[WayIn, ...] = ("EventGrid", "StorageQueue")


def test_a_month_of_the_hub_is_units_and_steps() -> None:
    # Each append has two events of three steps: 1,576.8 million.
    assert hub_dollars(Runs(LOAD, UNIT)) == pytest.approx(45 * 21.90 + 1576.8 * 0.028)


@pytest.mark.parametrize(
    ("way_in", "million"),
    [("EventGrid", 7 * 0.44 + 2.4 + 0.4 + 1.25 * 2.30), ("StorageQueue", 4 * 0.44 + 2.4 + 0.4 + 1.25 * 2.30)],
)
def test_an_execution_for_each_append_is_paid_for_a_second_and_sixteen_overlap(way_in: WayIn, million: float) -> None:
    # A second for each, 16 at once, is more than the time of 4.2 connections.
    expected = 262.8 * million + EACH / 16 * SECOND

    assert app_dollars(Runs(LOAD, UNIT, way_in)) == pytest.approx(expected)


def test_a_batch_of_announcements_is_paid_for_as_long_as_it_takes() -> None:
    million = 4 * 0.44 + 1.2 + 0.028 + 1.25 * 2.30 + 0.4 / 128
    connections = 100 * 0.025 / 0.6

    assert app_dollars(Runs(LOAD, UNIT, "EventHub")) == pytest.approx(262.8 * million + 2.628e6 * connections * SECOND)


def test_a_month_of_sweeps() -> None:
    seconds = 500  # as the connection needs
    sweep = seconds * SECOND + 0.4e-6 + 4.1e-6 * 2.30 + 6000 * (4 * 0.44 + 0.6 * 5.00 + 1.25 * 2.30) / 1e6

    assert app_dollars(Runs(LOAD, UNIT, "Sweep")) == pytest.approx(8760 * sweep)


@pytest.mark.parametrize(
    ("interfaces", "way_in", "dollars"),
    [
        (10, "EventGrid", 2.66),
        (100, "EventGrid", 0.53),
        (10, "StorageQueue", 2.60),
        (100, "StorageQueue", 0.47),
    ],
)
def test_an_interface_costs_what_the_page_of_costs_says(interfaces: int, way_in: WayIn, dollars: float) -> None:
    runs = Runs(Load(interfaces, 200, busy=False), unit(Measured.of_record().figures, "none", busy=False), way_in)

    assert round(app_dollars(runs) / interfaces, 2) == dollars
    assert f" = {dollars:.2f} |" in COSTS


def test_version_0_1_0_cost_two_requests_and_its_telemetry_more() -> None:
    more = {way: app_dollars_before(Runs(LOAD, UNIT, way)) - app_dollars(Runs(LOAD, UNIT, way)) for way in BEFORE}

    assert more["EventGrid"] == pytest.approx(262.8 * (2 * 0.44 + (49.5 - 1.25) * 2.30))
    assert more["StorageQueue"] == pytest.approx(262.8 * (2 * 0.44 + (18.8 - 1.25) * 2.30))
