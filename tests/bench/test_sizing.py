"""Sizes follow from measured figures by arithmetic, done here by hand."""

from dataclasses import replace

import pytest

from bench.sizing.loads import Load, Runs, Swept, Unit, WayIn, served, unit
from bench.sizing.measured import Measured

FIGURES = {
    **Measured.of_record().figures,
    "appends · VNet v4 · run · processor": 12.0,
    "appends · VNet v4 · flows a run, mean": 200.0,
    "announced · VNet v4 · one batch, of a run each · processor": 90.0,
    "sweeps · 1,000 interfaces · all complete, first sweep · processor": 1_000.0,
    "sweeps · 1,000 interfaces · all appended to · processor": 100.0,
    "stages · VNet v4, quiet · bytes to events, none · processor": 500_000.0,
    "stages · VNet v4, quiet · bytes to events, gzip · processor": 400_000.0,
    "services · VNet v4 · send, none · processor": 1_000_000.0,
    "services · VNet v4 · send, gzip · processor": 10_000_000.0,
    "services · VNet v4 · read · processor": 2_000_000.0,
    "backlog · VNet v4, gzip · forwarded · processor": 250_000.0,
}
UNIT = Unit(run_ms=10, batch_ms=8, swept_ms=9, listed_ms=1, flow_us=4, flow_bytes=1000, event_bytes=250_000)
COMPRESSED = replace(UNIT, flow_bytes=40)
LOAD = Load(6000, 300, busy=False)


def test_a_run_without_its_flows_costs_what_the_stages_leave() -> None:
    none, gzip = unit(FIGURES, "none", busy=False), unit(FIGURES, "gzip", busy=False)

    assert none.flow_us == pytest.approx(2 + 1 + 0.5)
    assert gzip.flow_us == pytest.approx(2.5 + 0.1 + 0.5)
    assert none.run_ms == gzip.run_ms == pytest.approx(12 - 200 * 0.0035)
    assert none.batch_ms == gzip.batch_ms == pytest.approx(0.9 * 12 - 200 * 0.0035)
    assert unit(FIGURES, "gzip, 8 keys", busy=True).flow_us == pytest.approx(4)  # of the complete app, on a backlog


def test_the_sweeps_that_were_measured_have_their_part_of_the_listings_in_them() -> None:
    each = unit(FIGURES, "none", busy=False)

    assert each.swept_ms == pytest.approx(10 - 200 * 0.0035)
    assert each.listed_ms == pytest.approx(1)


def test_load_and_hub() -> None:
    runs = Runs(LOAD, UNIT)

    assert (runs.runs_a_second, runs.flows_a_second, runs.megabytes_a_second) == (100, 30_000, 30)
    assert runs.events == 2  # of 300,000 bytes
    assert (runs.units, runs.namespaces, runs.partitions) == (45, 2, 32)


def test_many_small_events_need_units_for_their_number() -> None:
    runs = Runs(Load(240_000, 1, busy=False), UNIT)

    assert runs.megabytes_a_second == 4
    assert (runs.units, runs.partitions) == (6, 32)  # for 4,000 events a second, as for 4 MB
    assert Runs(Load(240_000, 1, busy=False), replace(UNIT, flow_bytes=10)).units == 6
    assert Runs(Load(1, 1, busy=False), UNIT).units == 1


@pytest.mark.parametrize(("way_in", "fixed_ms"), [("EventGrid", 10), ("StorageQueue", 10), ("EventHub", 8)])
def test_a_way_in_needs_cores_and_connections_and_the_sweep_beside_it(way_in: WayIn, fixed_ms: float) -> None:
    runs = Runs(LOAD, UNIT, way_in)

    # The sweep lists 6,000 interfaces in five minutes, for a millisecond each.
    assert runs.cores == pytest.approx((100 * fixed_ms / 1000 + 30_000 * 0.000004 + 6000 * 0.001 / 300) / 0.6)
    assert runs.connections == pytest.approx(100 * 0.025 / 0.6)
    assert runs.instances == 5


def test_a_sweep_takes_as_long_as_the_slowest_of_core_connection_and_hub() -> None:
    # Five minutes of an interface are 1,500 flows: 1.5 MB, two batches, 6 ms of processor time.
    swept = Swept(Runs(LOAD, UNIT, "Sweep"))
    assert swept.seconds == pytest.approx(6000 * 2 * 0.025 / 0.6)
    assert (swept.bound, swept.deployments) == ("connection", 3)
    slow = Swept(Runs(LOAD, replace(COMPRESSED, swept_ms=100), "Sweep"))
    assert slow.seconds == pytest.approx(6000 * (0.100 + 0.006) / 0.6)
    assert slow.bound == "core"
    few = Swept(Runs(Load(100, 300, busy=False), UNIT, "Sweep"))
    assert few.runs.units == 1
    assert few.seconds == pytest.approx(150)  # of 150 MB, through one unit
    assert (few.bound, few.deployments) == ("units", 1)


def test_one_instance_serves_as_many_interfaces_as_its_core_and_its_connection_can() -> None:
    # 200 flows a minute: a run takes 10.8 ms, and a five-minute sweep has 4 + 9 ms and 240 s of time.
    assert served(UNIT, "EventGrid") == {
        "core": int(0.6 / (0.0108 / 60 + 0.001 / 300)),
        "connection": int(0.6 * 60 / 0.025),
    }
    assert served(UNIT, "Sweep") == {"core": int(240 * 0.6 / 0.013), "connection": int(240 * 0.6 / 0.025)}
