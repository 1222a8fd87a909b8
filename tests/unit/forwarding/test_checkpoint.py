"""A checkpoint comes back from its metadata as it was, or not at all; and it knows a blob that was rewritten."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.errors import CheckpointUnreadableError
from flowlog_core.forwarding.checkpoint import Checkpoint, fingerprint_of

NOW = datetime(2026, 11, 20, 23, 59, 59, 123000, tzinfo=UTC)
NUMBERS = st.integers(0, 2**63)
CHECKPOINTS = st.builds(
    Checkpoint,
    offset=NUMBERS,
    range_end=NUMBERS,
    pending_quarantined=NUMBERS,
    fingerprint=st.binary(max_size=512).map(fingerprint_of),
    generation=NUMBERS,
    etag=st.text(),
    length=NUMBERS,
    complete=st.booleans(),
    records=NUMBERS,
    flows=NUMBERS,
    events=NUMBERS,
    quarantined=NUMBERS,
    time=st.none()
    | st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 # hypothesis adds the time zone
        lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
    ),
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
    time=NOW,
)


@given(CHECKPOINTS)
def test_metadata_gives_back_the_same_checkpoint(checkpoint: Checkpoint) -> None:
    assert Checkpoint.from_metadata(checkpoint.to_metadata()) == checkpoint


@given(CHECKPOINTS)
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
        "time": "2026-11-20T23:59:59.123+00:00",
    }


def test_every_part_of_a_checkpoint_is_in_its_metadata() -> None:
    blank = Checkpoint().to_metadata()
    for field in fields(Checkpoint):
        changed = replace(Checkpoint(), **{field.name: getattr(SOME, field.name)})
        assert changed.to_metadata() != blank, field.name
        assert Checkpoint.from_metadata(changed.to_metadata()) == changed


def test_a_time_of_another_zone_is_the_same_time() -> None:
    there = replace(SOME, time=NOW.astimezone(timezone(timedelta(hours=2))))
    assert Checkpoint.from_metadata(there.to_metadata()).time == NOW


def test_no_metadata_is_a_checkpoint_at_the_start() -> None:
    checkpoint = Checkpoint.from_metadata({})
    assert checkpoint == Checkpoint()
    assert (checkpoint.offset, checkpoint.range_end, checkpoint.generation, checkpoint.complete) == (0, 0, 0, False)


@pytest.mark.parametrize("name", [name for name in SOME.to_metadata() if name not in {"fingerprint", "etag", "time"}])
def test_a_checkpoint_that_lacks_a_part_is_refused(name: str) -> None:
    metadata = SOME.to_metadata()
    del metadata[name]
    with pytest.raises(CheckpointUnreadableError):
        Checkpoint.from_metadata(metadata)


NUMBER_NAMES = ["offset", "rangeend", "pendingquarantined", "generation", "length", "records", "flows", "events"]


@pytest.mark.parametrize("value", ["", "x", "1.0", "0x10", "-1", "+1", "1_000", " 1", "\N{FULLWIDTH DIGIT ONE}"])
@pytest.mark.parametrize("name", [*NUMBER_NAMES, "quarantined"])
def test_a_checkpoint_with_something_else_for_a_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(CheckpointUnreadableError):
        Checkpoint.from_metadata(SOME.to_metadata() | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", ""),
        ("schema", "0"),
        ("schema", "2"),
        ("schema", "1.0"),
        ("complete", ""),
        ("complete", "True"),
        ("complete", "yes"),
        ("complete", "1"),
        ("time", "yesterday"),
    ],
)
def test_a_checkpoint_of_another_version_or_writer_is_refused(name: str, value: str) -> None:
    with pytest.raises(CheckpointUnreadableError):
        Checkpoint.from_metadata(SOME.to_metadata() | {name: value})


def test_what_is_empty_is_left_out_as_storage_loses_empty_values() -> None:
    metadata = Checkpoint().to_metadata()
    assert set(SOME.to_metadata()) - set(metadata) == {"fingerprint", "etag", "time"}
    assert all(metadata.values())


def test_metadata_of_a_later_version_may_say_more() -> None:
    assert Checkpoint.from_metadata(SOME.to_metadata() | {"another": "thing"}) == SOME


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
