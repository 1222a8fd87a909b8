"""What a flow looks like, as data: a tree of JSON whose leaves name values of the tuple, of its group or of its record.

`flow.compiled_tree` makes a function of it that writes lines, `flow.read_back` one that reads them. A schema is one
module of `flow.schemas` that builds a tree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

type Json = str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None
"""A JSON value."""

type Node = Object | Value | Table | Fixed | Distinct | Where
"""A part of a flow."""

type Word = str | int | None
"""A value that one of a few letters in a tuple stands for."""

Form = Literal["plain", "text", "time", "milliseconds", "mac with colons", "mac with hyphens"]
"""How a value is written.

``plain``: as in ``flow/1``. ``text``: a number as a string. ``time``: as it is, where it is an ISO 8601 time with at
most nine digits of a second and an offset of at most 18 hours. ``milliseconds``: a time as a number, since 1970 in UTC.
``mac with …``: six pairs of upper-case hexadecimal digits, where the address has so many. What can't be written so is
null.
"""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A leaf that is the same in every flow."""

    value: Json


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf that is a value of the flow.

    Attributes:
        name: The value's key in ``flow/1``; or ``virtualNetworkId``, the part of `targetResourceId` that names the
            virtual network.
        form: How it is written.

    """

    name: str
    form: Form = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """A leaf for which words of the flow are looked up.

    Attributes:
        names: Keys in ``flow/1`` of the values that decide. Each has only a few words, such as `decision`.
        values: Those words, in that order, to the leaf's value; words that are not here have null. A word is None where
            the layout doesn't have the value.

    """

    names: tuple[str, ...]
    values: Mapping[tuple[Word, ...], Json]


@dataclass(frozen=True, slots=True)
class Distinct:
    """A leaf that is an array of two values of the tuple that are texts; of one, where they are the same.

    Attributes:
        first: The first value's key in ``flow/1``.
        second: The second value's.

    """

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Where:
    """A leaf that flows with a certain word have, and others have not; only where nulls are left out.

    Attributes:
        name: Key in ``flow/1`` of the value that decides.
        word: The leaf is there where the value is this word.
        value: The leaf: a value of the record or of the flow group, one of `flow.constant_values.BOUNDED`.

    """

    name: str
    word: Word
    value: Value


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object: its keys in order."""

    members: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Schema:
    """A kind of output.

    Attributes:
        name: Name and version, carried by every event.
        tree: What a flow looks like.
        nulls: Whether a member without a value is written as null. Otherwise it is left out; the first member of each
            object must be one that always has a value, except that an object of one member is left out with it.

    """

    name: str
    tree: Object
    nulls: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of a flow, the uppermost ones."""
        return tuple(self.tree.members)
