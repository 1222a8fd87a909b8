"""What sixteen threads take of memory that meet a hostile record each, all at once."""

import json
import subprocess
import sys

import pytest

from tests.endurance.large_records import TUPLES

MOST_BYTES = 400 * 1024 * 1024
THREADS = 16


@pytest.mark.parametrize(
    ("tuples", "rule_bytes"), [(TUPLES, 100_000), (65_000, 10)], ids=["a long rule", "as long as a record may be"]
)
def test_sixteen_runs_that_meet_a_large_record_at_once_fit_into_an_instance(tuples: int, rule_bytes: int) -> None:
    arguments = [str(THREADS), str(tuples), str(rule_bytes)]
    ran = subprocess.run(  # noqa: S603 # fixed arguments
        [sys.executable, "-m", "tests.endurance.large_records", *arguments], capture_output=True, check=True, text=True
    )
    report = json.loads(ran.stdout)

    assert report["outcomes"] == ["complete"]
    assert report["flows"] + report["quarantined"] == THREADS * (tuples + 2)  # and a good tuple before and after it
    assert report["sentBytes"] > THREADS * 40 * 1024 * 1024
    assert report["peakBytes"] < MOST_BYTES
