"""The figures of record: those of `python -m bench` that docs/performance.md shows or derives its tables from."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

FILE: Final = Path(__file__).with_name("measured.json")

_RATIOS: Final = {"times_reference": "times reference", "times_floor": "times floor"}
_DIGITS: Final = 4  # more of them would mean nothing


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, and on what.

    Attributes:
        dates: Days of the runs, as 2026-11-28.
        cores: Of the machine.
        processor: Its name.
        loads: How many processes of others wanted a core before each run.
        versions: Of Python and of packages.
        figures: By section, subject, figure and clock, in the bench's units; a rate's ratios have names of their own.

    """

    dates: tuple[str, ...]
    cores: int
    processor: str
    loads: tuple[float, ...]
    versions: Mapping[str, str]
    figures: Mapping[str, float]

    @classmethod
    def of_record(cls, file: Path = FILE) -> Self:
        """Read the figures of record."""
        content = json.loads(file.read_text())
        return cls(**content | {"dates": tuple(content["dates"]), "loads": tuple(content["loads"])})

    @classmethod
    def read(cls, texts: Sequence[str], needed: Collection[str], optional: Collection[str] = ()) -> Self:
        """Read figures from the JSON of one run of the bench or more; of a figure of several runs the last counts.

        Args:
            texts: The JSON of each run.
            needed: Names of figures.
            optional: The same, of figures that a run has only where it was asked for them.

        Raises:
            ValueError: It is no JSON of a bench, some figures aren't there, or the runs are of different machines or
                versions.

        """
        documents = [_document(text) for text in texts]
        found = {name: value for document in documents for row in document["rows"] for name, value in _named(row)}
        if missing := set(needed) - found.keys():
            raise ValueError(f"it lacks {'; '.join(sorted(missing))}")
        first = documents[0]
        machines = {(each["machine"]["processor"], str(each["versions"])) for each in documents}
        if len(machines) > 1:
            raise ValueError("the runs are of different machines or versions")
        return cls(
            dates=tuple(sorted({each["date"][:10] for each in documents})),
            cores=first["machine"]["cores"],
            processor=first["machine"]["processor"],
            loads=tuple(each["machine"]["loadBefore"] for each in documents),
            versions=first["versions"],
            figures={name: found[name] for name in sorted({*needed, *optional}) if name in found},
        )

    def write(self, file: Path = FILE) -> None:
        """Make these the figures of record."""
        file.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


def _document(text: str) -> dict[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict) or "rows" not in document:
        raise ValueError("make bench did not write this")
    return document


def _named(row: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Name a row's figures."""
    name = " · ".join(filter(None, (row["section"], row["subject"], row["figure"], row["clock"])))
    ratios = [(f"{name} · {told}", row[key]) for key, told in _RATIOS.items() if row.get(key) is not None]
    return [(each, float(f"{value:.{_DIGITS}g}")) for each, value in ((name, row["value"]), *ratios)]
