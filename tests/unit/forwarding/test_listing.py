"""Which blobs a selection of hours finds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from flowlog_core.forwarding.listing import FlowLogTree, Selection, hour_prefix, hours_prefix, prefixes_between
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


# Resources, by name.


class Shuffled(MemoryBlobs):
    """Storage that lists the levels in no order, and what was listed of them."""

    def __init__(self, *blobs: SourceBlob) -> None:
        super().__init__(ManualClock())
        for each in blobs:
            self.put(each, b"")
        self.listed: list[str] = []

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        self.listed.append(under)
        return iter(sorted(super().prefixes(account, container, under), key=lambda name: name[::-1]))


RESOURCES = ["net/", "net/a/", "net/a/b/", "net/b/", "net0/", "other/deep/er/", "z=/", "é/"]


def shuffled() -> Shuffled:
    return Shuffled(*(blob(resource, MIDNIGHT) for resource in reversed(RESOURCES)))


def test_resources_come_by_name_in_whatever_order_storage_lists_them() -> None:
    assert list(FlowLogTree(shuffled()).resources(*PLACE)) == RESOURCES == sorted(RESOURCES)


@pytest.mark.parametrize("after", [*RESOURCES, "", "a", "net/a", "net/a/z", "other/", "other/deep/er", "ÿ"])
def test_a_walk_from_any_resource_on_finds_those_that_come_after_it(after: str) -> None:
    tree = FlowLogTree(shuffled())

    for _ in range(2):  # also where they are remembered
        assert list(tree.resources(*PLACE, after=after)) == [each for each in RESOURCES if each > after]


def test_levels_that_were_passed_are_not_listed_again() -> None:
    store = shuffled()

    list(FlowLogTree(store).resources(*PLACE, after="net0/"))

    assert store.listed == ["", "net0/", "other/", "other/deep/", "other/deep/er/", "z=/", "é/"]


def test_hours_of_a_day_with_the_same_tens_digit_begin_alike_and_no_others_do() -> None:
    hours = [MIDNIGHT + number * HOUR for number in range(-24, 48)]

    for hour in hours:
        alike = [each for each in hours if hour_prefix(each).startswith(hours_prefix(hour))]
        assert alike == [each for each in hours if (each.date(), each.hour // 10) == (hour.date(), hour.hour // 10)]
