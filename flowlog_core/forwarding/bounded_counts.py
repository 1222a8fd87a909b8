"""Counts by text, in bounded memory however many texts there are, and however long."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

OTHERS: Final = "(others)"
"""What all texts are counted under that came when there were enough; no rule has brackets in its name."""

_LONGEST: Final = 257  # characters: one more than a log line has of a text from outside, so that it shows the cut


@dataclass(slots=True)
class BoundedCounts:
    """Counts of the texts that came first, and of all others together.

    Attributes:
        most: How many texts are counted on their own.

    """

    most: int = 1000
    _counts: Counter[str] = field(default_factory=Counter)
    _others: int = 0

    def update(self, counts: Mapping[str, int]) -> None:
        """Count on, also what `largest` returned; of a long text its beginning counts."""
        for text, count in counts.items():
            key = text[:_LONGEST]
            if key != OTHERS and (key in self._counts or len(self._counts) < self.most):
                self._counts[key] += count
            else:
                self._others += count

    def largest(self, number: int) -> dict[str, int]:
        """Return the largest counts, in their order; then that of all others, where there are any."""
        largest = dict(self._counts.most_common(number))
        return largest | {OTHERS: self._others} if self._others else largest
