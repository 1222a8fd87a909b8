"""Which logs tell of the same traffic."""

from datetime import UTC, datetime

import pytest

from flowlog_core.operations.report.twice_logged import LoggedHour, VnetHours
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import document
from tests.support.traffic_logs import END, nsg_log, path_of, vnet_log

MAC = "00155D123456"
HOUR = datetime(2026, 11, 20, 23, tzinfo=UTC)
NOTHING = LoggedHour(None, None, None)


def of_path(path: str) -> LoggedHour:
    return LoggedHour.of_path(SourceBlob.outside(path))


def of_log(data: bytes, step: int = 100) -> LoggedHour:
    return LoggedHour.of_log(data[start : start + step] for start in range(0, len(data), step))


def test_a_path_tells_kind_interface_and_hour() -> None:
    assert of_path(path_of("resourceId")) == LoggedHour("nsg", MAC, HOUR)
    assert of_path(path_of("flowLogResourceID", mac="00-15-5d-12-34-56")) == LoggedHour("vnet", MAC, HOUR)
    assert of_path(f"/copies/insights/{path_of('resourceId')}") == LoggedHour("nsg", MAC, HOUR)


def test_a_path_tells_no_more_than_it_has() -> None:
    assert of_path("PT1H.json") == NOTHING
    assert of_path(path_of("resourceId").replace("resourceId=", "")) == LoggedHour(None, MAC, HOUR)
    assert of_path(path_of("myResourceId")).kind is None


def test_the_first_record_tells_what_a_path_does_not() -> None:
    assert of_log(document([vnet_log([], mac="00155d123456")])) == LoggedHour("vnet", MAC, HOUR)
    assert of_log(document([b"{}", nsg_log([END], time="2026-11-20T23:59:59.9999999Z")])) == LoggedHour(
        "nsg", MAC, HOUR
    )


@pytest.mark.parametrize("data", [b"", b'{"rows":[]}', b" " * 70_000, document([b"{}"]), document([])])
def test_what_has_no_record_tells_nothing(data: bytes) -> None:
    assert of_log(data) == NOTHING


def test_a_record_with_an_odd_time_tells_the_rest() -> None:
    assert of_log(document([vnet_log([], time="yesterday")])) == LoggedHour("vnet", MAC, None)


def test_what_is_known_is_not_filled_in() -> None:
    known = LoggedHour("nsg", None, HOUR)

    assert known.or_else(LoggedHour("vnet", MAC, None)) == LoggedHour("nsg", MAC, HOUR)
    assert not known.known


def test_an_nsgs_log_is_twice_where_a_vnets_has_the_same_interface_and_hour() -> None:
    later = HOUR.replace(hour=22)
    vnet = VnetHours([LoggedHour("vnet", MAC, HOUR), LoggedHour("nsg", MAC, later), LoggedHour("vnet", None, later)])

    assert vnet.have(LoggedHour("nsg", MAC, HOUR))
    assert not vnet.have(LoggedHour("vnet", MAC, HOUR))
    assert not vnet.have(LoggedHour(None, MAC, HOUR))
    assert not vnet.have(LoggedHour("nsg", MAC, later))
    assert not vnet.have(LoggedHour("nsg", None, later))
    assert not vnet.have(LoggedHour("nsg", "00155D000009", HOUR))
