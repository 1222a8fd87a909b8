"""The fuzzer's corpus: inputs that broke something, or that reach what is hard to reach, break no invariant."""

import tracemalloc
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, lowered

CORPUS = Path(__file__).resolve().parent / "corpus"
INPUTS = sorted(path.relative_to(CORPUS) for path in CORPUS.glob("*/*"))
MOST_MEMORY = 16 * 1024 * 1024


@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_an_input_of_the_corpus_breaks_no_invariant_and_takes_little_memory(path: Path) -> None:
    data = (CORPUS / path).read_bytes()
    with lowered():
        TARGETS[path.parent.name](data)  # once beforehand, for what is made at the first call
        tracemalloc.start()
        try:
            TARGETS[path.parent.name](data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak < MOST_MEMORY


def test_every_target_has_inputs() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
