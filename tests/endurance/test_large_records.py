"""Records that grow far beyond their bytes, forwarded by many threads of one process: it is a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.endurance.large_records import TUPLES

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024


def test_sixteen_runs_that_meet_a_record_of_gigabytes_at_once_stay_within_512_mib_and_what_is_good_flows() -> None:
    command = [sys.executable, "-m", "tests.endurance.large_records", "16"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 # a fixed command

    report = json.loads(done.stdout)
    assert report["outcomes"] == ["complete"]
    assert report["flows"] + report["quarantined"] == 16 * (TUPLES + 2)
    assert 16 * 60 * MIB < report["sentBytes"] < 16 * 66 * MIB
    assert report["peakBytes"] < 512 * MIB
