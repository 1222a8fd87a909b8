"""Records of a known layout, with any names in them."""

import json
from typing import Any

from hypothesis import strategies as st

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
names = st.text(max_size=12) | st.sampled_from(
    ['"', "\\", "{}", "{rule}", "%s%%", "{{0}}", "'''", "\x00\n\r\u2028", "東京 🗼"]
)
resource_ids = st.builds(
    lambda head, group, provider, kind, name: (
        f"/{head}/{SUBSCRIPTION}/resourceGroups/{group}/providers/{provider}/{kind}/{name}"
    ),
    st.sampled_from(["subscriptions", "SUBSCRIPTIONS"]),
    st.sampled_from(["rg", 'g"%s', "{0}", "grüne"]),
    st.just("Microsoft.Network"),
    st.sampled_from(["virtualNetworks", "networkSecurityGroups"]),
    st.sampled_from(
        ["net", "net/subnets/front", "nét{}", "n" * 1000, "net/subnets/" + "s" * 1000, "net/\n", "net/", "net//x"]
    ),
) | names.filter(lambda text: not text.startswith("/"))

mac_addresses = st.sampled_from(["00155D123456", "00-15-5d-12-34-56", "00:15:5D:12:34:5", "00155D12345G"]) | names
times = st.one_of(
    st.sampled_from(["2026-11-20T23:05:30.1234567Z", "2026-11-20T23:05:30+19:00", "0001-01-01T00:00:00+01:00"]),
    st.sampled_from(["9999-12-31T23:59:59.999999999", "2026-11-20T23:59:60Z", "2026-11-20T23:05:30.1234567890Z"]),
    names,
)


@st.composite
def tuples(draw: st.DrawFn, version: int) -> object:
    """A tuple that fits its version, or nearly."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([None, 5, "", "1663146003,10.0.0.4", ["x"], "1663146003,a,b,c,d,e,f,g,h,i,j,k,l"]))
    cells = [
        st.sampled_from(["1663146003", "1663146003599", "9999999999000", "1663146003001"]),
        st.sampled_from(["10.0.0.4", "2001:DB8::1", "::"]),
        st.sampled_from(["192.0.2.1", "fe80::1", "10.0.0.256"]),
        st.sampled_from(["0", "443", "65535", "65536"]),
        st.sampled_from(["53", "1"]),
        st.sampled_from(["1", "6", "17", "58", "61", "255"] if version == 4 else ["T", "U"]),
        st.sampled_from(["I", "O"]),
        st.sampled_from(["B", "C", "E", "D"] if version == 4 else ["A", "D"]),
    ]
    if version == 4:
        cells.append(st.sampled_from(["X", "NX", "NX_HW_NOT_SUPPORTED"]))
    if version == 2:
        cells.append(st.sampled_from(["B", "C", "E"]))
    if version != 1:
        cells += [st.sampled_from(["", "0", "1599", str(2**63 - 1)])] * 4
    return ",".join([draw(cell) for cell in cells])


@st.composite
def flow_records(draw: st.DrawFn) -> bytes:
    """A record of a known layout, with any names and some tuples that don't fit."""
    version = draw(st.sampled_from([1, 2, 4]))
    groups = [
        (draw(mac_addresses), draw(names), draw(st.lists(tuples(version), max_size=4)))
        for _ in range(draw(st.integers(0, 3)))
    ]
    value: dict[str, Any] = {"time": draw(times), "category": draw(names), "operationName": draw(names | st.none())}
    if version == 4:
        value["flowLogResourceID"] = draw(resource_ids)
        value["targetResourceID"] = draw(resource_ids)
        value["macAddress"] = draw(mac_addresses)
        value["flowLogVersion"] = 4
        flows = [{"aclID": acl, "flowGroups": [{"rule": rule, "flowTuples": each}]} for acl, rule, each in groups]
        value["flowRecords"] = {"flows": flows}
    else:
        value["systemId"] = draw(names)
        value["resourceId"] = draw(resource_ids)
        flows = [{"rule": rule, "flows": [{"mac": mac, "flowTuples": each}]} for mac, rule, each in groups]
        value["properties"] = {"Version": version, "flows": flows}
    return json.dumps(value, ensure_ascii=draw(st.booleans())).encode()
