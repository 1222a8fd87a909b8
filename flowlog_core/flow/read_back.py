"""A flow in any schema in, its values by their keys in ``flow/1`` out: the way back through a schema's tree.

A table whose leaves differ is read backwards; of other tables, and of what is fixed, it is checked only that the
schema writes such a leaf.
"""

from collections.abc import Callable, Hashable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flowlog_core.flow.tree import Distinct, Fixed, Form, Node, Object, Schema, Table, Value, Where

type _Flow = dict[str, Any]
type _Written = Any  # JSON, of which nothing is known
type _Read = Callable[[_Written, _Flow], None]
"""Takes a part of a flow, and puts its values to those that are known."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_SEPARATORS: Final = str.maketrans("", "", ":-")


class FlowReader:
    """Reads flows of one schema.

    Attributes:
        names: Keys of ``flow/1`` that flows of the schema may have a value for.

    """

    def __init__(self, schema: Schema) -> None:
        """Take the schema."""
        self._name = schema.name
        self._read = _reader(schema.tree)
        self.names = frozenset(_names(schema.tree))

    def read(self, flow: _Flow) -> _Flow:
        """Return a flow's values by their keys; a value that it does not have has none.

        Raises:
            ValueError: The schema writes no such flow.

        """
        values: _Flow = {}
        try:
            self._read(flow, values)
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"not a flow of the schema {self._name}") from error
        return values


def _reader(node: Node) -> _Read:
    match node:
        case Object(members):
            return _object_reader({key: _reader(member) for key, member in members.items()})
        case Fixed(value):
            return _check_member({_word(value)})
        case Table(names, values):
            return _table_reader(names, {_word(value): words for words, value in values.items()}, len(values))
        case Where(_, _, Value(name, form)) | Value(name, form):
            return _value_reader(name, form)
        case Distinct():
            return lambda _, __: None


def _object_reader(readers: Mapping[str, _Read]) -> _Read:
    def read(written: _Written, values: _Flow) -> None:
        for key, value in written.items():
            readers[key](value, values)

    return read


def _check_member(words: AbstractSet[Hashable]) -> _Read:
    def read(written: _Written, _: _Flow) -> None:
        if _word(written) not in words:
            raise ValueError("no word of its table")

    return read


def _table_reader(names: tuple[str, ...], words: Mapping[Hashable, tuple[Any, ...]], count: int) -> _Read:
    if len(words) < count:  # two words have one leaf
        return _check_member(set(words))

    def read(written: _Written, values: _Flow) -> None:
        values.update(zip(names, words[_word(written)], strict=True))

    return read


def _value_reader(name: str, form: Form) -> _Read:
    write = _WAYS_BACK[form]

    def read(written: _Written, values: _Flow) -> None:
        values[name] = write(written)

    return read


def _time(milliseconds: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_WAYS_BACK: Final[Mapping[Form, Callable[[Any], Any]]] = {
    "plain": lambda written: written,
    "text": int,
    "time": lambda written: written,
    "milliseconds": _time,
    "mac with colons": lambda written: written.translate(_SEPARATORS),
    "mac with hyphens": lambda written: written.translate(_SEPARATORS),
}


def _names(node: Node) -> set[str]:
    match node:
        case Object(members):
            return set().union(*map(_names, members.values()))
        case Table(names, values) if len({_word(value) for value in values.values()}) == len(values):
            return set(names)
        case Where(_, _, Value(name)) | Value(name):
            return {name}
        case _:
            return set()


def _word(value: _Written) -> Hashable:
    """Return what is equal where JSON is: to Python, 1 and true are."""
    return type(value), tuple(value) if isinstance(value, list) else value
