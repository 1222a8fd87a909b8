"""A checkpoint comes back from its metadata as it was, or not at all; and it knows a blob that was rewritten."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.errors import CheckpointUnreadableError
from flowlog_core.forwarding.checkpoint import Checkpoint, fingerprint_of
from flowlog_core.forwarding.metadata import MOST

NOW = datetime(2026, 11, 20, 23, 59, 59, 123000, tzinfo=UTC)
NUMBERS = st.integers(0, MOST)
UNKNOWN = st.dictionaries(st.sampled_from(["pendingbytes", "filtered", "x"]), st.text(), max_size=3)


@st.composite
def checkpoints(draw: st.DrawFn) -> Checkpoint:
    """Any that a run may commit."""
    range_end, offset, length = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    pending, quarantined = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    time = draw(st.none() | st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 # it is added
    return Checkpoint(
        offset=offset,
        range_end=range_end,
        pending_quarantined=pending,
        fingerprint=fingerprint_of(draw(st.binary(max_size=512))) if offset else "",
        generation=draw(NUMBERS),
        etag=draw(st.text()),
        length=length,
        complete=draw(st.booleans()),
        records=draw(NUMBERS),
        flows=draw(NUMBERS),
        events=draw(NUMBERS),
        quarantined=quarantined,
        items=draw(NUMBERS),
        overflow=draw(st.none() | NUMBERS),
        time=time and time.replace(microsecond=time.microsecond // 1000 * 1000),
        unknown=tuple(sorted(draw(UNKNOWN).items())),
    )


SOME = Checkpoint(
    offset=5000,
    range_end=4000,
    pending_quarantined=2,
    fingerprint=fingerprint_of(b"x" * 512),
    generation=1,
    etag='"0x8DD"',
    length=6000,
    complete=True,
    records=3,
    flows=4,
    events=5,
    quarantined=6,
    items=4,
    overflow=700,
    time=NOW,
)
OTHER = Checkpoint(
    offset=5500,
    range_end=4500,
    pending_quarantined=1,
    fingerprint=fingerprint_of(b"y" * 512),
    generation=2,
    etag="other",
    length=7000,
    complete=False,
    records=13,
    flows=14,
    events=15,
    quarantined=16,
    items=14,
    overflow=None,
    time=NOW + timedelta(hours=1),
    unknown=(("filtered", "7"),),
)


@given(checkpoints())
def test_metadata_gives_back_the_same_checkpoint(checkpoint: Checkpoint) -> None:
    assert Checkpoint.from_metadata(checkpoint.to_metadata()) == checkpoint


@given(checkpoints().map(lambda checkpoint: replace(checkpoint, unknown=())))
def test_metadata_is_what_http_headers_take(checkpoint: Checkpoint) -> None:
    """Names are C# identifiers, and both go out as headers: learn.microsoft.com, "Set Blob Metadata"."""
    for name, value in checkpoint.to_metadata().items():
        assert name.isidentifier()
        assert name == name.lower(), "storage may give names back in any case"
        assert (name + value).isascii()
        assert value.isprintable()
        assert value == value.strip()


def test_metadata_holds_what_the_contract_lists() -> None:
    assert SOME.to_metadata() == {
        "schema": "1",
        "offset": "5000",
        "rangeend": "4000",
        "pendingquarantined": "2",
        "fingerprint": blake2b(b"x" * 512, digest_size=16).hexdigest(),
        "generation": "1",
        "etag": "%220x8DD%22",
        "length": "6000",
        "complete": "true",
        "records": "3",
        "flows": "4",
        "events": "5",
        "quarantined": "6",
        "items": "4",
        "overflow": "700",
        "time": "2026-11-20T23:59:59.123+00:00",
    }


def test_every_part_of_a_checkpoint_is_in_its_metadata() -> None:
    for field in fields(Checkpoint):
        changed = replace(SOME, **{field.name: getattr(OTHER, field.name)})
        assert changed.to_metadata() != SOME.to_metadata(), field.name
        assert Checkpoint.from_metadata(changed.to_metadata()) == changed


def test_a_time_of_another_zone_is_the_same_time() -> None:
    there = replace(SOME, time=NOW.astimezone(timezone(timedelta(hours=2))))
    assert Checkpoint.from_metadata(there.to_metadata()).time == NOW


def test_no_metadata_is_a_checkpoint_at_the_start() -> None:
    checkpoint = Checkpoint.from_metadata({})
    assert checkpoint == Checkpoint()
    assert (checkpoint.offset, checkpoint.range_end, checkpoint.generation, checkpoint.complete) == (0, 0, 0, False)


@pytest.mark.parametrize("name", sorted(set(SOME.to_metadata()) - {"fingerprint", "etag", "items", "overflow", "time"}))
def test_a_checkpoint_that_lacks_a_part_is_refused(name: str) -> None:
    metadata = SOME.to_metadata()
    del metadata[name]
    with pytest.raises(CheckpointUnreadableError):
        Checkpoint.from_metadata(metadata)


def refused(**metadata: str) -> str:
    """Return why a checkpoint is refused that has these texts instead of its own."""
    with pytest.raises(CheckpointUnreadableError) as raised:
        Checkpoint.from_metadata(SOME.to_metadata() | metadata)
    return str(raised.value)


NUMBER_NAMES = ["offset", "rangeend", "pendingquarantined", "generation", "length", "records", "flows", "events"]
NO_NUMBERS = ["", "x", "1.0", "0x10", "-1", "+1", "1_000", " 1", "01", "\N{FULLWIDTH DIGIT ONE}", "\u0661", "1e3"]


@pytest.mark.parametrize("value", [*NO_NUMBERS, str(MOST + 1), str(2**63), str(2**64), "9" * 8000])
@pytest.mark.parametrize("name", [*NUMBER_NAMES, "quarantined", "items", "overflow"])
def test_a_checkpoint_with_something_else_for_a_number_is_refused(name: str, value: str) -> None:
    assert refused(**{name: value}).startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("complete", ""),
        ("complete", "True"),
        ("complete", "yes"),
        ("complete", "1"),
        ("time", "yesterday"),
        ("time", ""),
        ("time", "2026-11-20"),
        ("time", "2026-11-20T23:59:59"),
        ("time", "2026-11-31T23:59:59Z"),
        ("time", "2026-11-20T23:59:5\N{FULLWIDTH DIGIT NINE}Z"),
        ("time", "0001-01-01T00:00:00+14:00"),
        ("time", "2026-11-20T23:59:59Z" + " " * 8000),
        ("etag", "%"),
        ("etag", "%zz"),
        ("etag", "%ff"),
        ("etag", "%2"),
        ("etag", '"0x8DD"'),
        ("etag", "é"),
        ("fingerprint", ""),
        ("fingerprint", "0" * 31),
        ("fingerprint", "0" * 33),
        ("fingerprint", "g" * 32),
        ("fingerprint", "\u0661" * 32),
    ],
)
def test_a_checkpoint_with_a_malformed_text_is_refused(name: str, value: str) -> None:
    assert refused(**{name: value}).startswith(f"{name} is ")


@pytest.mark.parametrize(
    "impossible",
    [
        {"rangeend": "5001"},
        {"offset": "6001"},
        {"length": "4999"},
        {"pendingquarantined": "7"},
        {"quarantined": "1"},
        {"offset": "0"},
        {"offset": "0", "rangeend": "0", "fingerprint": "x"},
    ],
)
def test_a_checkpoint_whose_parts_cannot_belong_together_is_refused(impossible: dict[str, str]) -> None:
    refused(**impossible)


def test_a_checkpoint_that_is_refused_says_what_is_wrong_and_what_to_do_in_one_short_line() -> None:
    later = "a later version wrote it (schema {}, where this one reads 1); deploy that version again, or "
    reasons = {
        refused(flows="9" * 8000): f"flows is '{'9' * 40}'…, no whole number from 0 to {MOST}; ",
        refused(time="\x1b[2J"): "time is '\\x1b[2J', no time with a time zone; ",
        refused(schema=""): "something else wrote it, as it has no known schema; ",
        refused(schema="1.0"): "something else wrote it, as it has no known schema; ",
        refused(schema="2" * 8000): "something else wrote it, as it has no known schema; ",
        refused(schema="0"): "something else wrote it, as it has no known schema; ",
        refused(schema="2"): later.format(2),
        refused(schema="17"): later.format(17),
    }
    for reason, beginning in reasons.items():
        assert reason.startswith(beginning)
        assert reason.endswith("delete it to forward the blob from its start: its flows come again, with the same ids")
        assert reason.isprintable()
        assert len(reason) < 300


KEYS = st.sampled_from([*SOME.to_metadata(), "Offset", "pendingbytes"]) | st.text(max_size=5)
VALUES = st.text() | st.sampled_from([*SOME.to_metadata().values(), *NO_NUMBERS, "0", str(2**63), "%", "true"])


@given(st.dictionaries(KEYS, VALUES) | st.dictionaries(KEYS, VALUES).map(lambda changed: SOME.to_metadata() | changed))
def test_any_metadata_gives_a_sound_checkpoint_or_the_one_error(metadata: dict[str, str]) -> None:
    try:
        checkpoint = Checkpoint.from_metadata(metadata)
    except CheckpointUnreadableError:
        return
    numbers = [getattr(checkpoint, each.name) for each in fields(Checkpoint) if each.type is int]
    assert len(numbers) == len(NUMBER_NAMES) + len(["quarantined", "items"])
    assert all(0 <= number <= MOST for number in numbers)
    assert checkpoint.range_end <= checkpoint.offset <= checkpoint.length
    assert checkpoint.pending_quarantined <= checkpoint.quarantined
    assert checkpoint.time is None or checkpoint.time.tzinfo is UTC
    assert Checkpoint.from_metadata(checkpoint.to_metadata()) == checkpoint


def test_what_is_empty_is_left_out_as_storage_loses_empty_values() -> None:
    metadata = Checkpoint().to_metadata()
    assert set(SOME.to_metadata()) - set(metadata) == {"fingerprint", "etag", "items", "overflow", "time"}
    assert all(metadata.values())


# What a later version wrote beside it.


def test_what_this_version_does_not_know_is_kept_through_commits_and_generations() -> None:
    metadata = SOME.to_metadata() | {"filtered": "7", "aggregated": "a%20b"}

    checkpoint = Checkpoint.from_metadata(metadata)

    assert checkpoint.to_metadata() == metadata
    assert replace(checkpoint, offset=5001).to_metadata() == metadata | {"offset": "5001"}
    assert checkpoint.next_generation().to_metadata().items() >= {("filtered", "7"), ("aggregated", "a%20b")}


def test_names_are_read_in_any_case_and_never_written_twice() -> None:
    metadata = {name.title(): value for name, value in (SOME.to_metadata() | {"filtered": "7"}).items()}

    assert Checkpoint.from_metadata(metadata).to_metadata() == SOME.to_metadata() | {"filtered": "7"}


# Rewritten


def blob_of(length: int) -> bytes:
    return bytes(number % 251 for number in range(length))


def at(offset: int) -> Checkpoint:
    blob = blob_of(offset)
    return Checkpoint(offset=offset, fingerprint=fingerprint_of(blob[-512:] if offset else b""))


@pytest.mark.parametrize("offset", [0, 1, 511, 512, 513, 5000])
def test_a_blob_that_grew_or_stayed_is_not_rewritten(offset: int) -> None:
    checkpoint = at(offset)
    assert checkpoint.verify_from == max(0, offset - 512)
    for length in (offset, offset + 1, offset + 100_000):
        assert checkpoint.rewritten(length, blob_of(length)[checkpoint.verify_from : offset]) is None


@pytest.mark.parametrize("offset", [1, 511, 512, 513, 5000])
def test_a_blob_with_another_byte_before_the_offset_is_rewritten(offset: int) -> None:
    checkpoint = at(offset)
    preceding = blob_of(offset)[checkpoint.verify_from :]
    for place in {0, len(preceding) // 2, len(preceding) - 1}:
        changed = bytearray(preceding)
        changed[place] ^= 1
        reason = checkpoint.rewritten(offset, bytes(changed))
        assert reason == f"its bytes before offset {offset} are others"


@pytest.mark.parametrize("length", [0, 1, 4999])
def test_a_blob_that_is_shorter_than_what_was_forwarded_is_rewritten(length: int) -> None:
    checkpoint = at(5000)
    reason = checkpoint.rewritten(length, blob_of(length)[checkpoint.verify_from : 5000])
    assert reason == f"it has {length} bytes, and 5000 were forwarded"


def test_nothing_forwarded_is_never_rewritten() -> None:
    assert Checkpoint().rewritten(0, b"") is None
    assert Checkpoint(length=9999, generation=2).rewritten(5, b"") is None


def test_a_new_generation_begins_at_the_start_and_counts_anew() -> None:
    assert SOME.next_generation() == Checkpoint(generation=2)
    assert SOME.next_generation().next_generation().generation == 3
