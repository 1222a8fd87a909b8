"""What a flow looks like, as data: a tree of JSON whose leaves name values of the tuple, of its group or of its record.

`flow.compiled_tree` makes a function of it that writes lines. A schema is one module that builds a tree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

type Json = str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None
"""A JSON value."""

type Node = Object | Value | Table | Fixed
"""A part of a flow."""

type Word = str | int | None
"""A value that one of a few letters in a tuple stands for."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A leaf that is the same in every flow."""

    value: Json


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf that is a value of the flow, written as in ``flow/1``.

    Attributes:
        name: The value's key in ``flow/1``.

    """

    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """A leaf for which words of the tuple are looked up.

    Attributes:
        names: Keys in ``flow/1`` of the values that decide. Each has only a few words, such as `decision`.
        values: Those words, in that order, to the leaf's value; words that are not here have null. A word is None where
            the layout doesn't have the value.

    """

    names: tuple[str, ...]
    values: Mapping[tuple[Word, ...], Json]


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object: its keys in order."""

    members: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Schema:
    """A kind of output.

    Attributes:
        tree: What a flow looks like.
        nulls: Whether a member without a value is written as null; otherwise it is left out, and the first member of
            each object must be one that always has a value.

    """

    tree: Object
    nulls: bool = True
