"""Tables of what became of a flow: denied, or allowed and in a state."""

from typing import Final

from flowlog_core.flow.tree import Json, Table, Word

_STATES: Final = ("begin", "continue", "end", None)


def by_state(*, begin: Json, going_on: Json, end: Json, unknown: Json, deny: Json) -> Table:
    """Return a table of states. A denied flow has one word whatever its state: NSG version 2 calls it a beginning one.

    Args:
        begin: For an allowed flow that begins.
        going_on: For one that continues.
        end: For one that ends.
        unknown: For one whose log has no states.
        deny: For a denied flow.

    """
    allowed = dict(zip(_STATES, (begin, going_on, end, unknown), strict=True))
    values: dict[tuple[Word, ...], Json] = {("allow", state): value for state, value in allowed.items()}
    return Table(("decision", "flowState"), values | {("deny", state): deny for state in (*_STATES, "deny")})


def by_decision(allow: Json, deny: Json) -> Table:
    """Return a table of decisions."""
    return Table(("decision",), {("allow",): allow, ("deny",): deny})


def by_direction(inbound: Json, outbound: Json) -> Table:
    """Return a table of directions."""
    return Table(("direction",), {("inbound",): inbound, ("outbound",): outbound})


def by_ip_version(four: Json, six: Json) -> Table:
    """Return a table of versions of IP."""
    return Table(("ipVersion",), {(4,): four, (6,): six})
