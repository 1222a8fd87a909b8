"""Upgrade and rollback: this version goes on where release 0.1.0 ended, and that release where this one did.

`tests/golden/releases/0.1.0.json` has some blobs, and what the release left of them. Where the repository's history is
there, the release's own code leaves the same again, and reads what this version left.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowlog_core.decode.quarantine import StoredItem
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.options import ForwardOptions, QuarantineLimits
from flowlog_core.forwarding.outcome import Outcome
from tests.support.first_release import FirstRelease, Job, Played
from tests.support.flow_logs import CLOSER, VNET, document, nsg_record
from tests.support.forwarding import Setup

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "releases" / "0.1.0.json"
RECORD: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_bytes())
HISTORIES = {name: [content.encode() for content in fields.pop("contents")] for name, fields in RECORD.items()}
"""The blobs of the record, state after state."""

LEFT = {name: Played(**fields) for name, fields in RECORD.items()}
"""What the release left of each."""

SOUND = HISTORIES["a complete blob"][-1]
GOOD = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"
SECOND = SOUND.rindex(b'{"time"')  # where its second record begins


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> FirstRelease:
    if not FirstRelease.is_in_history():
        missing = "the repository's history is not there"
        if "history" in os.environ.get("REQUIRE", "").split(","):
            pytest.fail(f"{missing}, and REQUIRE names it")
        pytest.skip(missing)
    return FirstRelease(tmp_path_factory.mktemp("release-0.1.0"))


def ids(setup: Setup) -> list[str]:
    return [str(flow["id"]) for flow in setup.flows()]


def offset_of(flow: str) -> int:
    return int(flow.split("-")[1])


def forwarded(*contents: bytes, metadata: Mapping[str, str] | None = None) -> Setup:
    """Forward a blob with this version, in each of its states, from a checkpoint on or from the start."""
    setup = Setup()
    if metadata is not None:
        setup.checkpoints.write(VNET, metadata)
        for _ in range(3):
            setup.blobs.put(VNET, b"")  # so that its ETags are none that the checkpoint has
    for content in contents:
        setup.blobs.put(VNET, content)
        setup.forwarder.forward(VNET)
    return setup


# Upgrade: what release 0.1.0 left.


@pytest.mark.parametrize("name", HISTORIES)
def test_a_checkpoint_of_the_first_release_is_read_and_means_the_same(name: str) -> None:
    metadata = LEFT[name].metadata

    assert Checkpoint.from_metadata(metadata).to_metadata().items() >= metadata.items()


@pytest.mark.parametrize("name", HISTORIES)
def test_a_quarantine_document_of_the_first_release_is_read(name: str) -> None:
    for item_name, text in LEFT[name].documents.items():
        stored = StoredItem.read(item_name, text.encode())

        assert stored.item.name == item_name
        written, fields = json.loads(stored.item.document(stored.time)), json.loads(text)
        pairs = zip(written.pop("tuples"), fields.pop("tuples"), strict=True)
        assert all(ours.items() >= theirs.items() for ours, theirs in pairs)
        assert written.items() >= fields.items()


@pytest.mark.parametrize("name", HISTORIES)
def test_this_version_goes_on_where_the_first_release_ended(name: str) -> None:
    left = LEFT[name].metadata
    last = SOUND if name == "a blob that ends inside a record" else HISTORIES[name][-1]
    grown = last.removesuffix(CLOSER) + b"," + SOUND[SECOND:]
    offset = int(left["offset"])

    setup = forwarded(grown, metadata=left)

    expected = [flow for flow in ids(forwarded(grown)) if offset_of(flow) >= offset]
    assert ids(setup) == expected
    assert setup.log.of("flowlog.rewritten") == []
    assert setup.checkpoints.stored(VNET).generation == int(left["generation"])


def test_a_blob_that_the_first_release_completed_is_not_sent_again() -> None:
    setup = Setup()
    setup.checkpoints.write(VNET, LEFT["a complete blob"].metadata)
    setup.blobs.put(VNET, SOUND)  # with the ETag that the release saw

    assert setup.forwarder.forward(VNET).outcome is Outcome.COMPLETE
    assert setup.sink.sends == 0


# The record is what the release writes.


def test_the_record_is_what_the_first_release_leaves(release: FirstRelease) -> None:
    played = release.play(*(Job(VNET, contents) for contents in HISTORIES.values()))

    assert dict(zip(HISTORIES, played, strict=True)) == LEFT


# Rollback: what this version leaves.


def test_the_first_release_goes_on_where_this_version_ended_and_this_one_after_it(release: FirstRelease) -> None:
    third = SOUND.removesuffix(CLOSER) + b"," + SOUND[SECOND:]
    fourth = third.removesuffix(CLOSER) + b"," + SOUND[SECOND:]
    ours = [forwarded(SOUND[:cut]) for cut in (SECOND - 1, SECOND + 100, len(SOUND))]

    theirs = release.play(*(Job(VNET, [SOUND, third], setup.checkpoints.metadata(VNET)) for setup in ours))

    expected = ids(forwarded(fourth))
    assert len(set(expected)) == len(expected)
    for begun, went_on in zip(ours, theirs, strict=True):
        assert went_on.error is None
        ended = forwarded(fourth, metadata=went_on.metadata)
        assert [*ids(begun), *went_on.ids, *ids(ended)] == expected


def test_the_first_release_reads_every_checkpoint_of_this_version(release: FirstRelease) -> None:
    left = {name: forwarded(*contents).checkpoints.metadata(VNET) for name, contents in HISTORIES.items()}

    theirs = release.play(*(Job(VNET, [HISTORIES[name][-1]], metadata) for name, metadata in left.items()))

    assert [(played.error, played.ids) for played in theirs] == [(None, [])] * len(HISTORIES)


def test_the_first_release_stops_at_a_checkpoint_of_schema_2_and_leaves_it_alone(release: FirstRelease) -> None:
    metadata = dict(LEFT["two appends"].metadata) | {"schema": "2"}

    assert release.play(Job(VNET, [SOUND], metadata)) == [Played(metadata, [], {}, "CheckpointUnreadableError")]


def test_the_first_release_goes_on_after_a_full_quarantine_and_drops_its_count(release: FirstRelease) -> None:
    options = ForwardOptions(start="all", quarantine=QuarantineLimits(items=1))
    bad = [nsg_record([GOOD, f"rubbish {number}"]) for number in range(3)]
    ours, grown = Setup(options), document([*bad, nsg_record([GOOD])])
    ours.blobs.put(VNET, document(bad))
    ours.forward()
    left = ours.checkpoints.metadata(VNET)
    assert (left["items"], left["overflow"]) == ("1", str(ours.quarantine.overflows()[0].overflow.offset))

    (theirs,) = release.play(Job(VNET, [document(bad), grown], left))

    assert (theirs.error, len(theirs.ids)) == (None, 1)
    assert not {"items", "overflow"} & set(theirs.metadata)
    again = forwarded(document([*bad, nsg_record([GOOD]), bad[0]]), metadata=theirs.metadata)
    assert len(ids(again)) == 1
    assert (again.checkpoints.stored(VNET).items, again.checkpoints.stored(VNET).overflow) == (1, None)
