"""A flow in any schema in, its values by their keys in ``flow/1`` out: the way back through a schema's tree.

A table whose leaves differ is read backwards; of other tables, and of what is fixed, it is checked only that the
schema writes such a leaf.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flowlog_core.flow.tree import Distinct, Fixed, Form, Json, Node, Object, Schema, Table, Value, Where

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
            return _object_reader(members)
        case Fixed(value):
            return _word_reader([(value, {})])
        case Table(names, values) if _can_be_read(node):
            return _word_reader([(leaf, dict(zip(names, words, strict=True))) for words, leaf in values.items()])
        case Table(_, values):
            return _word_reader([(leaf, {}) for leaf in values.values()])
        case Where(_, _, Value(name, form)) | Value(name, form):
            return _value_reader(name, form)
        case Distinct():
            return lambda _, __: None


def _object_reader(members: Mapping[str, Node]) -> _Read:
    as_they_are = {key: node.name for key, node in members.items() if isinstance(node, Value) and node.form == "plain"}
    readers = {key: _reader(node) for key, node in members.items() if key not in as_they_are}

    def read(written: _Written, values: _Flow) -> None:
        for key, value in written.items():
            if key in as_they_are:
                values[as_they_are[key]] = value
            else:
                readers[key](value, values)

    return read


def _word_reader(words: Iterable[tuple[Json, _Flow]]) -> _Read:
    known = {_word(leaf): (type(leaf), of_leaf) for leaf, of_leaf in words}

    def read(written: _Written, values: _Flow) -> None:
        kind, of_leaf = known[tuple(written) if isinstance(written, list) else written]
        if type(written) is not kind:  # to Python, 1 and true are equal
            raise ValueError("no word of its table")
        values.update(of_leaf)

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
        case Table(names) if _can_be_read(node):
            return set(names)
        case Where(_, _, Value(name)) | Value(name):
            return {name}
        case _:
            return set()


def _can_be_read(table: Table) -> bool:
    """Whether each leaf stands for one choice of words."""
    return len({_word(leaf) for leaf in table.values.values()}) == len(table.values)


def _word(leaf: Json) -> Hashable:
    return tuple(leaf) if isinstance(leaf, list) else leaf
