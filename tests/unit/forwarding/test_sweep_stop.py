"""A sweep that is asked to stop ends soon, keeps how far it came, and the next one goes on from there."""

from flowlog_core.forwarding.sweep import Sweeper
from tests.unit.forwarding.sweeping import Listing, Sweeping


def next_sweeper(sweeping: Sweeping) -> Sweeper:
    """Return the sweeper of a process that nobody asked to stop."""
    fresh = Sweeping()
    return sweeping.sweeper(forward=sweeping.new_forwarder(stop=fresh.stop).forward, stop=fresh.stop)


def test_a_stop_while_blobs_are_forwarded_leaves_the_others_to_the_next_sweep() -> None:
    sweeping = Sweeping()
    blobs = {sweeping.put(1, resource=f"net{number}") for number in range(5)}
    sweeping.sink.after_send = sweeping.stop.request

    report = sweeping.sweeper(page_resources=1).sweep()

    assert (report.complete, report.caught, len(sweeping.arrived())) == (False, 1, 1)
    assert next_sweeper(sweeping).sweep().complete
    assert set(sweeping.arrived()) == blobs
    assert len(sweeping.flows()) == 2 * len(blobs)


def test_a_stop_while_blobs_are_listed_ends_the_listing_and_keeps_the_position() -> None:
    sweeping = Sweeping()
    for number in range(5):
        sweeping.put(1, resource=f"net{number}")
    listed: list[str] = []

    def stop_at_the_third(kind: str, container: str, under: str) -> None:
        if kind == "blobs":
            listed.append(under)
            if len(listed) == 3:
                sweeping.stop.request()

    report = sweeping.sweeper(listing=Listing(sweeping.blobs, stop_at_the_third), page_resources=1).sweep()

    assert (report.complete, len(listed)) == (False, 3)
    assert sweeping.kept.position is not None


def test_a_sweep_that_begins_after_a_stop_lists_and_forwards_nothing() -> None:
    sweeping = Sweeping()
    sweeping.put(1)
    sweeping.stop.request()
    listed: list[str] = []

    report = sweeping.sweeper(listing=Listing(sweeping.blobs, lambda kind, *_: listed.append(kind))).sweep()

    assert (report.complete, report.seen, sweeping.arrived()) == (False, 0, [])
    assert "blobs" not in listed
