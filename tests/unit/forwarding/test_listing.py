"""Which blobs a selection of hours finds."""

from datetime import UTC, datetime, timedelta

from flowlog_core.forwarding.listing import FlowLogTree, Selection, prefixes_between
from flowlog_core.source.blob import SourceBlob
from tests.support.memory import ManualClock, MemoryBlobs

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
PLACE = ("account", "container")


def blob(resource: str, hour: datetime, file: str = "PT1H.json") -> SourceBlob:
    return SourceBlob(*PLACE, f"{resource}{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress=00155D000001/{file}")


def names(tree: FlowLogTree, since: datetime, until: datetime, prefix: str = "") -> list[str]:
    found = tree.select(Selection((PLACE,), since, until, prefix))
    return [each.blob.name for listed in found for each in listed.blobs]


def tree_of(*blobs: SourceBlob) -> FlowLogTree:
    store = MemoryBlobs(ManualClock())
    for each in blobs:
        store.put(each, b"")
    return FlowLogTree(store)


def test_whole_days_are_one_listing_and_the_hours_around_them_one_each() -> None:
    found = list(prefixes_between(MIDNIGHT - 2 * HOUR, MIDNIGHT + 25 * HOUR))

    assert found == ["y=2026/m=11/d=19/h=22/", "y=2026/m=11/d=19/h=23/", "y=2026/m=11/d=20/", "y=2026/m=11/d=21/h=00/"]


def test_a_selection_has_the_hours_from_since_on_and_before_until() -> None:
    blobs = [blob("net=/", MIDNIGHT + number * HOUR) for number in range(-3, 30)]
    tree = tree_of(*blobs)

    assert names(tree, MIDNIGHT - HOUR, MIDNIGHT + 26 * HOUR) == [each.name for each in blobs[2:29]]
    assert names(tree, MIDNIGHT, MIDNIGHT + HOUR / 2) == [blobs[3].name]


def test_a_prefix_may_end_anywhere_in_the_name() -> None:
    one, two = blob("net=/one/", MIDNIGHT), blob("net=/two/", MIDNIGHT)
    tree = tree_of(one, two)

    for length in range(len("net=/o"), len(one.name) + 1):
        assert names(tree, MIDNIGHT, MIDNIGHT + HOUR, one.name[:length]) == [one.name]
    assert names(tree, MIDNIGHT, MIDNIGHT + HOUR, "net=/") == [one.name, two.name]
    assert names(tree, MIDNIGHT, MIDNIGHT + HOUR, "net=/three") == []


def test_resources_below_a_resource_are_found_again_and_again() -> None:
    above, below = blob("net=/", MIDNIGHT), blob("net=/subnet/", MIDNIGHT)
    tree = tree_of(above, below)

    for _ in range(2):
        assert names(tree, MIDNIGHT, MIDNIGHT + HOUR) == [above.name, below.name]


def test_what_is_no_flow_log_is_left_out() -> None:
    assert names(tree_of(blob("net=/", MIDNIGHT, "other.json")), MIDNIGHT, MIDNIGHT + HOUR) == []
