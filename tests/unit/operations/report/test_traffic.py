"""What logs tell of the traffic, over the in-memory adapters."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.errors import NotAFlowLogError
from flowlog_core.forwarding.listing import FlowLogTree, Selection
from flowlog_core.operations.report.report import Coverage, read_blobs
from flowlog_core.operations.report.tally import Key, Total
from flowlog_core.operations.report.traffic import UNFINISHED, Summary, Traffic
from flowlog_core.source.blob import SourceBlob
from local.network_watcher.fleet import fleet
from local.network_watcher.layouts import NSG_1
from local.network_watcher.records import Recorder
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.memory import ManualClock, MemoryBlobs
from tests.support.traffic_logs import BEGIN, CONTINUE, END, nsg_log, path_of, vnet_log

PLACES = (("logs", "nsg"), ("logs", "vnet"))


def summary_of(records: Sequence[bytes], *, top: int = 100, by: tuple[str, ...] = (), held: int = 100) -> Summary:
    with Traffic(by, held=held) as traffic:
        log = traffic.log(VNET)
        log.feed(document(list(records)))
        log.end()
        return traffic.summary(top)


def rows(summary: Summary, name: str) -> dict[Key, Total]:
    return dict(summary.tables[name].rows)


def vnet_tuple(
    source: str = "10.0.0.4", destination: str = "10.1.0.5", port: int = 443, *, counters: str = "0,0,0,0",
    state: str = "E", direction: str = "O", second: int = 0, minute: int = 0,
) -> str:  # fmt: skip
    time = 1795215600000 + (minute * 60 + second) * 1000
    return f"{time},{source},{destination},40000,{port},6,{direction},{state},NX,{counters}"


# Totals.


@pytest.mark.parametrize("held", [1, 100])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_a_conversation_adds_up_to_its_documented_total_wherever_it_began(order: tuple[int, ...], held: int) -> None:
    tuples = [(BEGIN, CONTINUE, END)[index] for index in order]

    summary = summary_of([nsg_log([each]) for each in tuples], held=held)

    ((key, total),) = summary.tables["conversations"].rows
    assert key == ("203.0.113.9", 35370, "10.9.0.7", 443, 6)
    assert (total.packets, total.bytes) == (9125, 5_256_000)
    assert (total.packets_out, total.bytes_out) == (1021 + 52, 588_096 + 29_952)
    assert (total.packets_back, total.bytes_back) == (8005 + 47, 4_610_880 + 27_072)
    assert (total.flows, total.counted) == (3, 2)
    assert (total.first, total.last) == ("2026-11-20T23:05:00.000Z", "2026-11-20T23:05:55.000Z")


def test_a_conversation_of_which_the_beginning_is_not_in_the_logs_adds_up_as_well() -> None:
    ((_, total),) = summary_of([nsg_log([CONTINUE, END])]).tables["conversations"].rows

    assert (total.packets, total.bytes) == (9125, 5_256_000)


def test_sources_and_pairs_are_in_order_of_their_bytes_both_ways() -> None:
    tuples = [
        vnet_tuple("10.0.0.1", "10.1.0.1", counters="1,10,0,0"),
        vnet_tuple("10.0.0.1", "10.1.0.2", counters="1,20,1,5"),
        vnet_tuple("10.0.0.2", "10.1.0.1", counters="0,0,1,30"),
        vnet_tuple("10.0.0.3", "10.1.0.1", counters="1,1,0,0"),
    ]

    summary = summary_of([vnet_log(tuples)], top=3)

    assert [(key, total.bytes) for key, total in summary.tables["sources"].rows] == [
        (("10.0.0.1",), 35),
        (("10.0.0.2",), 30),
        (("10.0.0.3",), 1),
    ]
    assert [key for key, _ in summary.tables["pairs"].rows] == [
        ("10.0.0.2", "10.1.0.1"),
        ("10.0.0.1", "10.1.0.2"),
        ("10.0.0.1", "10.1.0.1"),
    ]
    assert (summary.tables["pairs"].size, summary.tables["sources"].size) == (4, 3)
    assert summary.total is not None
    assert (summary.total.flows, summary.total.bytes) == (4, 66)


def test_denials_are_counted_by_rule_source_and_destination_port() -> None:
    denied = [vnet_tuple(port=22, state="D", direction="I")] * 2 + [vnet_tuple(port=23, state="D", direction="I")]

    summary = summary_of([vnet_log([*denied, vnet_tuple()], rule="deny-all"), vnet_log(denied[:1], rule="other")])

    assert {key: total.flows for key, total in summary.tables["denied"].rows} == {
        ("deny-all", "10.0.0.4", 22): 2,
        ("deny-all", "10.0.0.4", 23): 1,
        ("other", "10.0.0.4", 22): 1,
    }
    assert summary.tables["denied"].rows[0][0] == ("deny-all", "10.0.0.4", 22)
    assert summary.total is not None
    assert (summary.total.flows, summary.total.denied) == (5, 4)


def test_all_minutes_are_given_in_their_order() -> None:
    tuples = [vnet_tuple(minute=minute, counters=f"1,{minute},0,0") for minute in (61, 2, 2, 1)]

    summary = summary_of([vnet_log(tuples)], top=1)

    assert [(key, total.bytes) for key, total in summary.tables["minutes"].rows] == [
        (("2026-11-20T23:01Z",), 1),
        (("2026-11-20T23:02Z",), 4),
        (("2026-11-21T00:01Z",), 61),
    ]


def test_totals_can_be_had_by_other_keys_and_spans() -> None:
    records = [vnet_log([vnet_tuple(minute=minute)], mac=mac) for minute, mac in ((0, "A"), (1, "A"), (60, "B"))]

    summary = summary_of(records, by=("hour", "macAddress", "flowLogType"))
    days = summary_of(records, by=("day",))

    assert {key: total.flows for key, total in summary.tables["by"].rows} == {
        ("2026-11-20T23:00Z", "A", "vnet"): 2,
        ("2026-11-21T00:00Z", "B", "vnet"): 1,
    }
    assert set(rows(days, "by")) == {("2026-11-20",), ("2026-11-21",)}


def test_what_has_no_counters_counts_as_flows_whose_bytes_are_not_known() -> None:
    version_1 = "1795215600,10.0.0.4,10.1.0.5,40000,443,T,O,A"
    begins = "1795215600,10.0.0.8,10.1.0.5,40000,443,U,O,A,B,,,,"
    partly = "1795215600,10.0.0.9,10.1.0.5,40000,443,U,O,A,C,1,100,,"

    summary = summary_of([nsg_log([version_1], version=1), nsg_log([begins, partly])])

    totals = {key[0]: (total.flows, total.counted, total.bytes) for key, total in summary.tables["sources"].rows}
    assert totals == {"10.0.0.4": (1, 0, 0), "10.0.0.8": (1, 0, 0), "10.0.0.9": (1, 1, 100)}
    assert summary.versions == {("nsg", 1): 1, ("nsg", 2): 2}


def test_a_conversation_that_both_of_its_ends_logged_is_told() -> None:
    out = vnet_tuple(counters="1,100,1,50")
    back_in = vnet_tuple(counters="1,100,1,50", direction="I")

    assert summary_of([vnet_log([out, back_in]), vnet_log([vnet_tuple(port=80, counters="1,7,0,0")])]).twice == (1, 300)


def test_counters_that_are_too_large_for_a_database_add_up_exactly() -> None:
    largest = 2**63 - 1
    tuples = [vnet_tuple(counters=f"{largest},{largest},{largest},{largest}")] * 3

    ((_, total),) = summary_of([vnet_log(tuples)], held=1).tables["conversations"].rows

    assert total.bytes == 6 * largest


def test_what_cannot_be_decoded_is_counted_by_its_reason() -> None:
    bad = [vnet_log([vnet_tuple(), "rubbish", "rubbish"]), vnet_record(1).replace(b'Version":4', b'Version":5')]
    with Traffic() as traffic:
        log = traffic.log(VNET)
        log.feed(document(bad)[:-2] + b',{"time":1')
        log.end()
        summary = traffic.summary(10)

    assert summary.undecoded == {
        "1 columns where vnet version 4 has 13": 2,
        "VNet flow log version 5 is not known": 1,
        UNFINISHED: 1,
    }
    assert summary.total is not None
    assert summary.total.flows == 1


def test_what_is_no_log_is_refused() -> None:
    with Traffic() as traffic, pytest.raises(NotAFlowLogError):
        traffic.log(VNET).feed(b" " * 70_000)


def test_logs_without_flows_give_an_empty_summary() -> None:
    summary = summary_of([vnet_log([])])

    assert (summary.total, summary.versions, summary.twice) == (None, {}, (0, 0))
    assert all(not table.rows for table in summary.tables.values())


ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1"])
TUPLES = st.builds(
    vnet_tuple,
    ADDRESSES,
    ADDRESSES,
    st.sampled_from([22, 443]),
    counters=st.sampled_from([",,,", "0,0,0,0", "3,400,5,6000", "9223372036854775807,1,2,3"]),
    state=st.sampled_from(["B", "C", "E", "D"]),
    direction=st.sampled_from(["I", "O"]),
    second=st.integers(0, 200),
)


@given(tuples=st.lists(TUPLES, max_size=40), held=st.integers(1, 6))
def test_totals_that_outgrow_memory_are_those_that_do_not(tuples: list[str], held: int) -> None:
    records = [vnet_log(tuples[start : start + 7]) for start in range(0, len(tuples), 7)]

    assert summary_of(records, held=held, by=("destPort",)) == summary_of(records, held=1000, by=("destPort",))


# Blobs.


def blob_of(kind: str, **more: Any) -> SourceBlob:
    return SourceBlob("logs", "nsg" if kind == "resourceId" else "vnet", path_of(kind, **more))


def report(
    blobs: MemoryBlobs, *, since: int = 20, until: int = 24, prefix: str = "", read_bytes: int = 700
) -> tuple[Summary, Coverage]:
    selection = Selection(PLACES, datetime(2026, 11, since, tzinfo=UTC), datetime(2026, 11, until, tzinfo=UTC), prefix)
    with Traffic() as traffic:
        coverage = read_blobs(
            traffic,
            source=blobs,
            tree=FlowLogTree(blobs),
            selection=selection,
            tell=lambda _: None,
            read_bytes=read_bytes,
        )
        return traffic.summary(10), coverage


NSG_FLOW = "1795215600,10.0.0.1,10.1.0.5,40000,443,T,O,A,E,1,10,1,10"
VNET_FLOW = vnet_tuple("10.0.0.2", counters="1,10,1,10")


def test_where_both_logs_tell_of_an_interface_and_hour_only_the_vnets_count() -> None:
    blobs = MemoryBlobs(ManualClock())
    nsg, vnet = document([nsg_log([NSG_FLOW])]), document([vnet_log([VNET_FLOW])])
    for hour in (22, 23):
        blobs.put(blob_of("resourceId", hour=hour), nsg)
    blobs.put(blob_of("resourceId", mac="00155D000009"), nsg)
    blobs.put(blob_of("resourceId", day=21), nsg)
    blobs.put(blob_of("flowLogResourceID", mac="00155d123456"), vnet)

    summary, coverage = report(blobs)

    assert {key[0]: total.flows for key, total in summary.tables["sources"].rows} == {"10.0.0.1": 3, "10.0.0.2": 1}
    assert coverage == Coverage(logs=4, bytes=3 * len(nsg) + len(vnet), left_out=1, left_out_bytes=len(nsg))


def test_an_nsgs_log_counts_where_the_vnets_is_not_asked_for_or_cannot_be_read() -> None:
    blobs = MemoryBlobs(ManualClock())
    blobs.put(blob_of("resourceId"), document([nsg_log([NSG_FLOW])]))
    blobs.put(blob_of("flowLogResourceID"), document([vnet_log([VNET_FLOW])]))

    only_nsg, _ = report(blobs, prefix="resourceId=")
    blobs.archive(blob_of("flowLogResourceID"))
    archived, coverage = report(blobs)

    assert [key for key, _ in only_nsg.tables["sources"].rows] == [("10.0.0.1",)]
    assert [key for key, _ in archived.tables["sources"].rows] == [("10.0.0.1",)]
    assert (coverage.logs, coverage.archived, coverage.left_out) == (1, 1, 0)


def test_only_the_hours_asked_for_are_read() -> None:
    blobs = MemoryBlobs(ManualClock())
    for day in (19, 20, 23, 24):
        blobs.put(blob_of("flowLogResourceID", day=day, hour=0), document([vnet_log([VNET_FLOW])]))

    summary, coverage = report(blobs)

    assert coverage.logs == 2
    assert summary.total is not None
    assert summary.total.flows == 2


def test_a_day_is_read_before_the_next_one_is_listed() -> None:
    blobs = Watched(ManualClock())
    for day in (20, 21):
        blobs.put(blob_of("flowLogResourceID", day=day), document([vnet_log([VNET_FLOW])]))

    report(blobs, until=22, read_bytes=1_000_000)

    assert blobs.calls == ["list y=2026/m=11/d=20/", "read", "list y=2026/m=11/d=21/", "read"]


class Watched(MemoryBlobs):
    """Blobs that remember how they were listed and read."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.calls: list[str] = []
        self.before_read = lambda: self.calls.append("read")

    def blobs(self, account: str, container: str, under: str) -> Any:
        self.calls.append(f"list {under.removeprefix('flowLogResourceID=/NET/')}")
        return super().blobs(account, container, under)


@pytest.mark.parametrize(("read_bytes", "grown"), [(100, 6), (700, 6), (1_000_000, 3)])
def test_a_blob_that_grows_while_it_is_read_is_counted_once(read_bytes: int, grown: int) -> None:
    blobs = MemoryBlobs(ManualClock())
    blob = blob_of("flowLogResourceID")
    records = [vnet_log([vnet_tuple(port=port, counters="1,1,0,0")] * 2) for port in range(6)]
    blobs.put(blob, document(records[:3]))
    appended = iter([document(records[:4]), document(records)])

    def append() -> None:
        if len(blobs.reads) in {2, 9} and (data := next(appended, None)):
            blobs.put(blob, data)

    blobs.before_read = append
    summary, coverage = report(blobs, read_bytes=read_bytes)

    assert next(appended, None) is None or grown == 3
    assert {key[3]: total.flows for key, total in summary.tables["conversations"].rows} == dict.fromkeys(
        range(grown), 2
    )
    assert (coverage.bytes, summary.undecoded) == (len(document(records[:grown])), {})


def test_a_blob_that_is_gone_or_no_log_does_not_stop_the_others() -> None:
    blobs = MemoryBlobs(ManualClock())
    gone, odd, sound = (blob_of("flowLogResourceID", hour=hour) for hour in (1, 2, 3))
    blobs.put(gone, b"")
    blobs.put(odd, b'{"rows":[]}')
    blobs.put(sound, document([vnet_log([VNET_FLOW])]))

    def delete() -> None:
        blobs.delete(gone)
        blobs.before_read = lambda: None

    blobs.before_read = delete
    _, coverage = report(blobs)

    assert (coverage.logs, coverage.gone, coverage.no_logs) == (1, 1, 1)


# Against the model behind simulated logs, which shares no code with the app.


def test_totals_are_those_of_the_traffic_that_was_simulated() -> None:
    expected: dict[Key, list[int]] = {}
    records = []
    for interface in fleet(5, "report"):
        recorder = Recorder(interface, first_minute=29_920_000, per_minute=60, seed="report")
        for record in (record for _ in range(15) for record in recorder.minute()):
            records.append(record.text)
            for seen in record.tuples:
                talk = seen.conversation
                key = (talk.src_ip, talk.src_port, talk.dest_ip, talk.dest_port, talk.protocol)
                total = expected.setdefault(key, [0, 0, 0])
                total[0] += 1
                if seen.counters is not None and record.style.version != NSG_1:
                    total[1] += seen.counters.packets_out + seen.counters.packets_back
                    total[2] += seen.counters.bytes_out + seen.counters.bytes_back

    summary = summary_of(records, top=100_000, held=50)

    found = rows(summary, "conversations")
    assert {key: [total.flows, total.packets, total.bytes] for key, total in found.items()} == expected
    assert summary.undecoded == {}
    assert sum(total[2] for total in expected.values()) > 1_000_000
