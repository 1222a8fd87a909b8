"""What a document of the simulation asks for, as a value."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Truth:
    """What a document asks for.

    Attributes:
        flows: Id to what of the flow is checked.
        document: Its bytes up to the end of its last record.
        bad: Start to end of each record that belongs in quarantine.
        tuples: Offset just after each of its records to what it counts for; one that can't be read is one.
    """

    flows: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    document: bytes = b""
    bad: dict[int, int] = field(default_factory=dict)
    tuples: dict[int, int] = field(default_factory=lambda: {0: 0})
