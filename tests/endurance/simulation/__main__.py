"""Plays many histories: ``make simulate SEEDS=10000``; one again: ``… -m tests.endurance.simulation --seed 4711``."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.endurance.simulation.history import History, Result

_SHOWN = 10


def play(seed: int) -> Result:
    """Play one history."""
    return History(seed).play()


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and tell; the status is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many histories (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first one's seed (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="play this one alone")
    options = parser.parse_args(arguments)
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = list(_told(pool.map(play, seeds, chunksize=50), len(seeds)))
    wrong = [result for result in results if result.wrong]
    for result in wrong[:_SHOWN]:
        print(f"seed {result.seed}: {'; '.join(result.wrong[:3])}")
    print(
        f"{len(results):,} histories, {sum(each.runs for each in results):,} runs and sweeps, "
        f"{sum(each.calls for each in results):,} port calls, {sum(each.crashes for each in results):,} crashes, "
        f"{sum(each.flows for each in results):,} flows; {len(wrong)} wrong; {time.monotonic() - began:.0f} s"
    )
    return 1 if wrong else 0


def _told(results: Iterable[Result], count: int) -> Iterable[Result]:
    """Pass results on, with progress on a terminal."""
    for number, result in enumerate(results, 1):
        if sys.stderr.isatty() and number % 100 == 0:
            print(f"\r{number:,} of {count:,}", end="\r" if number < count else "\n", file=sys.stderr, flush=True)
        yield result


if __name__ == "__main__":
    sys.exit(main())
