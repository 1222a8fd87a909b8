"""Trees of any shape that a schema may have."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from flowlog_core.flow.constant_values import BOUNDED
from flowlog_core.flow.schemas.flow_1 import KEYS
from flowlog_core.flow.tree import Distinct, Fixed, Node, Object, Table, Value, Where
from tests.unit.flow.records import names

WORDS: dict[str, Sequence[str | int | None]] = {
    "direction": ("inbound", "outbound"),
    "decision": ("allow", "deny"),
    "flowState": ("begin", "continue", "end", "deny", None),
    "protocolName": ("TCP", "UDP", "ICMP", None),
    "ipVersion": (4, 6),
    "flowLogType": ("nsg", "vnet"),
    "flowLogVersion": (1, 2, 4),
}
_COUNTERS = ("bytesSrcToDest", "bytesDestToSrc", "packetsSrcToDest", "packetsDestToSrc")
_NUMBERS = ("srcPort", "destPort", "protocol", "flowLogVersion")
_leaves = st.recursive(
    st.none() | st.booleans() | st.integers() | names, lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
_keys = st.sampled_from([*"abcdefg", "{0}", '"', "\\"])
_values = st.sampled_from(
    [
        *(Value(key.name) for key in KEYS),
        *(Value(name, "text") for name in _NUMBERS),
        *(Value(name, "milliseconds") for name in ("time", "recordTime")),
        Value("recordTime", "time"),
        *BOUNDED,
    ]
)


@st.composite
def _tables(draw: st.DrawFn, *, complete: bool = False) -> Table:
    chosen = tuple(draw(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=3, unique=True)))
    if complete:
        (name,) = chosen = (draw(st.sampled_from(["direction", "decision", "flowLogType", "ipVersion"])),)
        return Table(chosen, {(word,): draw(_leaves.filter(lambda leaf: leaf is not None)) for word in WORDS[name]})
    keys = st.tuples(*(st.sampled_from(WORDS[name]) for name in chosen))
    return Table(chosen, draw(st.dictionaries(keys, _leaves, max_size=6)))


@st.composite
def _where(draw: st.DrawFn) -> Where:
    name = draw(st.sampled_from(sorted(WORDS)))
    return Where(name, draw(st.sampled_from(WORDS[name])), draw(st.sampled_from(sorted(BOUNDED, key=str))))


_certain: st.SearchStrategy[Node] = st.one_of(
    st.builds(Fixed, _leaves),
    st.sampled_from([Value("id"), Value("time"), Value("rule"), Value("srcIp"), Value("destPort"), Value("direction")]),
    _tables(complete=True),
    st.just(Distinct("srcIp", "destIp")),
)
"""What every flow has."""


def _objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    counters = st.sampled_from([Value(name) for name in (*_COUNTERS, "bytes", "packets")])
    uncertain = st.recursive(
        leaves | _certain,
        lambda inner: st.one_of(
            st.builds(lambda key, node: Object({key: node}), _keys, inner),
            st.builds(Object, st.dictionaries(_keys, counters, min_size=1, max_size=6)),
            _with_first(inner),
        ),
        max_leaves=12,
    )
    return _with_first(uncertain)


def _with_first(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Object]:
    return st.builds(
        lambda first, node, rest: Object({first: node, **{key: each for key, each in rest.items() if key != first}}),
        _keys,
        _certain,
        st.dictionaries(_keys, inner, min_size=1, max_size=8),
    )


with_nulls = _objects(_values | _tables())
without_nulls = _objects(_values | _tables() | _where())
