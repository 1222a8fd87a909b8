"""Names of our own are read as they were written, fit storage, and stay apart, however long a source blob's name is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import (
    NAME_LIMIT,
    CheckpointNames,
    ItemName,
    ItemsUnder,
    is_item_of,
    item_name,
    overflow_name,
)

TEXTS = st.text("ab~/0.é東", min_size=1, max_size=30)
NAMES = TEXTS | st.builds(lambda text, length: (text * length)[:length], TEXTS, st.integers(900, NAME_LIMIT))
BLOBS = st.builds(SourceBlob, st.text("a0", min_size=3, max_size=24), st.text("a-0", min_size=3, max_size=63), NAMES)
LENGTHS = st.just(NAME_LIMIT) | st.integers(0, NAME_LIMIT)
"""Of what a listing asks for: often all of a name."""

OFFSETS = st.integers(0, 2**63 - 1)
CRCS = st.integers(0, 2**32 - 1)
DESTINATIONS = st.sampled_from(["bus.servicebus.windows.net/flowlogs", "localhost/flowlogs", f"{'b' * 50}/{'h' * 256}"])


def blob(name: str) -> SourceBlob:
    return SourceBlob("account", "container", name)


def fits(name: str, path: str, ending: str, key: str) -> bool:
    """Whether a name is path and ending, or exactly as long as storage takes, with the key before the ending."""
    if len(path + ending) <= NAME_LIMIT:
        return name == path + ending
    mark = f"~{key}{ending}"
    return len(name) == NAME_LIMIT and name == path[: NAME_LIMIT - len(mark)] + mark


# Items in quarantine


@given(blob=BLOBS, offset=OFFSETS, crc=CRCS)
def test_an_items_name_is_read_as_it_was_written(blob: SourceBlob, offset: int, crc: int) -> None:
    ending = f"/{offset}-{crc:08x}.json"
    is_cut = len(blob.path + ending) > NAME_LIMIT
    name = item_name(blob, offset, crc)

    assert fits(name, blob.path, ending, blob.key)
    assert ItemName.read(name) == ItemName(None if is_cut else blob, offset, crc)
    assert is_item_of(name, blob)


@given(blob=BLOBS, other=BLOBS, offset=OFFSETS, crc=CRCS)
def test_an_item_is_of_no_other_blob(blob: SourceBlob, other: SourceBlob, offset: int, crc: int) -> None:
    assert is_item_of(item_name(blob, offset, crc), other) == (blob == other)


@given(blob=BLOBS, offset=OFFSETS, crc=CRCS, length=LENGTHS)
def test_an_item_is_found_under_any_beginning_of_its_blobs_name(
    blob: SourceBlob, offset: int, crc: int, length: int
) -> None:
    under = ItemsUnder(blob.account, blob.container, blob.name[:length])
    name = item_name(blob, offset, crc)

    assert name.startswith(under.prefix)
    assert name in under


@given(blob=BLOBS, generation=st.integers(0, 2**62), offset=st.integers(0, 2**62), length=LENGTHS)
def test_an_overflow_item_is_named_after_its_blob_generation_and_offset(
    blob: SourceBlob, generation: int, offset: int, length: int
) -> None:
    name = overflow_name(blob, generation, offset)

    assert fits(name, blob.path, f"/{generation}-{offset}-overflow.json", blob.key)
    is_cut = name != f"{blob.path}/{generation}-{offset}-overflow.json"
    assert ItemName.read(name) == ItemName(None if is_cut else blob, offset, None, generation)
    assert is_item_of(name, blob)
    assert name in ItemsUnder(blob.account, blob.container, blob.name[:length])


def test_an_item_of_another_blob_is_not_under_a_prefix_though_both_are_long() -> None:
    long = "a" * 960  # longer than what a listing can ask for, and not cut
    under, other = ItemsUnder("account", "container", f"{long}b"), item_name(blob(f"{long}c"), 12, 0xABC)

    assert other.startswith(under.prefix)
    assert other not in under


@pytest.mark.parametrize(
    "name",
    [
        "account/container/a/PT1H.json",
        "README/12-00000abc.json",
        "account/container/a/012-00000abc.json",
        "account/container/a/12-00000ABC.json",
        "account/container/a/12-abc.json",
        "account/container/a/-1-00000abc.json",
        "account/container/a/0-12-00000abc.json",
        "account/container/a/12-overflow.json",
        "account/container/a/00-12-overflow.json",
        "account/container/a/12-00000abc.json\n",
        "",
    ],
)
def test_what_is_no_items_name_is_not_read(name: str) -> None:
    assert ItemName.read(name) is None
    assert not is_item_of(name, blob("a"))


# Checkpoints


@given(destination=DESTINATIONS, blob=BLOBS, length=LENGTHS)
def test_a_checkpoint_is_named_after_destination_and_blob(destination: str, blob: SourceBlob, length: int) -> None:
    names = CheckpointNames(destination)
    name = names.of(blob)

    assert fits(name, f"{destination}/{blob.path}", "", blob.key)
    assert name.startswith(names.beginning(blob.account, blob.container, blob.name[:length]))


@given(destination=DESTINATIONS, one=BLOBS, other=BLOBS, ending=st.sampled_from(["x", "y"]))
def test_checkpoints_of_different_blobs_stay_apart(
    destination: str, one: SourceBlob, other: SourceBlob, ending: str
) -> None:
    names = CheckpointNames(destination)
    neighbour = SourceBlob(one.account, one.container, one.name[:-1] + ending)

    assert (names.of(one) == names.of(other)) == (one == other)
    assert (names.of(one) == names.of(neighbour)) == (one == neighbour)


@given(destination=DESTINATIONS, blob=BLOBS)
def test_what_is_kept_of_a_destination_and_of_its_replays_stays_apart(destination: str, blob: SourceBlob) -> None:
    names = CheckpointNames(destination)
    kept = [names.of(blob), names.first_run, names.last_sweep, *(names.of_replay(label).of(blob) for label in "ab")]

    assert len(set(kept)) == len(kept)
    assert all(name.startswith(f"{destination}/") for name in kept)


def test_the_names_are_the_contracts() -> None:
    names = CheckpointNames("bus/flowlogs")

    assert names.of(blob("x/y.json")) == "bus/flowlogs/account/container/x/y.json"
    assert names.of_replay("audit-7").of(blob("x")) == "bus/flowlogs/replay=audit-7/account/container/x"
    assert (names.first_run, names.last_sweep) == ("bus/flowlogs/first-run", "bus/flowlogs/last-sweep")
    assert item_name(blob("x/y.json"), 12, 0xABC) == "account/container/x/y.json/12-00000abc.json"
    assert overflow_name(blob("x/y.json"), 3, 12) == "account/container/x/y.json/3-12-overflow.json"
