"""A process keeps nothing of the blobs that it was called for. The module `announcements` does it with 20,000."""

import pytest

from tests.endurance.announcements import announce


@pytest.mark.slow
def test_a_process_keeps_nothing_of_the_blobs_that_it_was_called_for_but_a_few_checkpoints_and_clients() -> None:
    held, events = announce(400, parts=2, kept=50)

    assert events == 400
    warm, last = held
    # A blob's name that is kept takes three blocks: the object and its two texts.
    assert (last.blocks - warm.blocks) / (last.announced - warm.announced) < 3
