"""An environment that notes which settings are asked for."""

from collections.abc import Iterator, Mapping


class RecordingEnvironment(Mapping[str, str]):
    """Settings by name.

    Attributes:
        asked: Names that were asked for, set or not.

    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.asked: set[str] = set()
        self._values = values

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
