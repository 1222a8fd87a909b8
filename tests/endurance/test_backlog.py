"""Memory does not grow with the blob. `make backlog` does it with 1 GiB."""

from tests.endurance.backlog import MEBIBYTE, forward_backlog


def test_a_large_blob_is_forwarded_completely_in_bounded_memory() -> None:
    outcome = forward_backlog(40)

    assert outcome.blob_bytes >= 40 * MEBIBYTE
    assert outcome.forwarded == outcome.flows > 100_000
    assert outcome.peak_bytes - outcome.start_bytes < 200_000_000
