"""Fuzz the decoder and the reading of events, guided by coverage: ``make fuzz``. What breaks an invariant is kept.

Each target runs in a process of its own, from the committed corpus on; inputs that reach new code are added to a corpus
in `.fuzz`, which later runs go on with.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = Path(__file__).resolve().parent / "corpus"
LEARNED: Final = ROOT / ".fuzz"
NAMES: Final = ("decode", "events")


def main() -> int:
    """Fuzz for some seconds, or some executions; return 1 where an invariant broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="in all (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=-1, help="executions of each target at most (default: no limit)")
    parser.add_argument("--target", choices=NAMES, action="append", help="only this one")
    options = parser.parse_args()
    names = options.target or NAMES
    running = [
        (name, subprocess.Popen(_command(name, options.seconds, options.runs), cwd=ROOT))  # noqa: S603 # fixed
        for name in names
    ]
    broken = [name for name, process in running if process.wait()]
    for name in broken:
        print(f"fuzz: {name} breaks: its input is in {LEARNED.name}/{name}-*; add it to tests/fuzz/corpus/{name}")
    return 1 if broken else 0


def _command(name: str, seconds: int, runs: int) -> list[str]:
    """Make the command of one target; both run at the same time."""
    learned = LEARNED / name
    learned.mkdir(parents=True, exist_ok=True)
    return [
        *(sys.executable, "-m", "tests.fuzz.one_target", name),
        *("-verbosity=0", "-print_final_stats=1", f"-dict={CORPUS.parent / 'words.dict'}"),
        *(f"-max_total_time={seconds}", f"-atheris_runs={runs}"),
        *("-max_len=700", "-timeout=20", "-rss_limit_mb=1024"),
        *(f"-artifact_prefix={LEARNED / name}-", str(learned), str(CORPUS / name)),
    ]


if __name__ == "__main__":
    sys.exit(main())
