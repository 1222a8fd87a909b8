"""What quarantine has in an overflow item is counted by the audit, which notices what is taken out of it."""

from dataclasses import replace

from flowlog_core.decode.overflow import OverflowLimits
from flowlog_core.forwarding.options import QuarantineLimits
from flowlog_core.operations.audit.report import Kind
from tests.support.flow_logs import vnet_record
from tests.unit.operations.audit.site import Site, found, only

UNKNOWN = vnet_record(2, number=9).replace(b'"flowLogVersion":4', b'"flowLogVersion":5')


def mixed(number: int) -> bytes:
    """A record of whose three tuples one is none."""
    return vnet_record(3, number=number).replace(f",{1024 + number},443,6,".encode(), b",x,443,6,", 1)


def flooded(limits: QuarantineLimits) -> Site:
    site = Site()
    site.forwarder = site.new_forwarder(replace(site.options, quarantine=limits))
    records = [mixed(number) for number in range(6)]
    site.put(*records[:3], UNKNOWN, UNKNOWN, *records[3:], vnet_record(1, number=8))
    site.forward()
    return site


def test_a_blob_with_more_than_its_most_items_is_proven() -> None:
    for entries in (1, 2, 100):
        site = flooded(QuarantineLimits(items=2, overflow=OverflowLimits(entries=entries)))
        assert len(site.quarantine.overflows()) == 1
        report = site.audit(source=site.blobs)
        assert found(report) == []
        assert report.total.complete == 1


def test_an_overflow_item_that_was_taken_out_is_missed() -> None:
    site = flooded(QuarantineLimits(items=2))
    (stored,) = site.quarantine.overflows()
    site.quarantine.delete_overflow(stored.name, stored.etag)

    finding = only(site.audit())

    assert finding.kind is Kind.NOT_PROVABLE
    assert finding.text.startswith("records and tuples put in quarantine: 8, and still there: 2;")


def test_an_overflow_item_with_the_content_of_another_one_counts_for_nothing() -> None:
    site = flooded(QuarantineLimits(items=2))
    (stored,) = site.quarantine.overflows()
    other = stored.name.replace("/0-", "/7-")
    site.quarantine.documents[other] = site.quarantine.documents.pop(stored.name)
    site.quarantine.etags[other] = site.quarantine.etags.pop(stored.name)

    assert only(site.audit()).kind is Kind.NOT_PROVABLE
