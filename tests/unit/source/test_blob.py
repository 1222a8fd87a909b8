"""What a source blob's name says."""

from datetime import UTC, datetime
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.source.blob import SourceBlob

END = "y=2026/m=11/d=20/h=23/m=00/macAddress=002248AB12CD/PT1H.json"
HOUR = datetime(2026, 11, 20, 23, tzinfo=UTC)
HEADS = [
    "resourceId=/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/NSG",
    "flowLogResourceID=/S_NETWORKWATCHERRG/NETWORKWATCHER_WESTUS_NET-FLOWLOG",
    "flowLogResourceID=/SUBSCRIPTIONS/S/RESOURCEGROUPS/NW/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/N/FLOWLOGS/F",
    "flowLogResourceID=/y=1999/m=01/d=01/h=01/m=00/macAddress=X",
    "x",
    "grün/東京",
    "",
]


def blob(name: str) -> SourceBlob:
    return SourceBlob("account", "container", name)


@pytest.mark.parametrize("head", HEADS)
def test_hour_and_mac_address_are_read_from_the_end_of_any_path(head: str) -> None:
    found = blob(f"{head}/{END}")
    assert (found.hour, found.mac_address, found.is_flow_log) == (HOUR, "002248AB12CD", True)


@pytest.mark.parametrize("mac", ["00-22-48-71-C2-05", "00:22:48:71:c2:05", "00224871c205", "A B", "é"])
def test_a_mac_address_is_taken_as_the_path_writes_it(mac: str) -> None:
    assert blob("x/" + END.replace("002248AB12CD", mac)).mac_address == mac


@pytest.mark.parametrize(
    "name",
    [
        END,  # nothing before it
        f"x/{END}.tmp",
        f"x/{END}\n",
        f"x/{END}/",
        "x/" + END.replace("macAddress=002248AB12CD", "macAddress="),
        "x/" + END.replace("macAddress=002248AB12CD/", ""),
        "x/" + END.replace("macAddress=", "mac="),
        "x/" + END.replace("/h=23", ""),
        "x/" + END.replace("h=23", "h=7"),
        "x/" + END.replace("y=2026", "y=26"),
        "x/" + END.replace("d=20", "d=\N{FULLWIDTH DIGIT TWO}\N{FULLWIDTH DIGIT TWO}"),
        "x/" + END.replace("PT1H", "PT5M"),
        "PT1H.json",
        "x/PT1H.json",
        "",
    ],
)
def test_a_path_of_another_shape_names_neither_hour_nor_mac_address(name: str) -> None:
    assert (blob(name).hour, blob(name).mac_address) == (None, None)


@pytest.mark.parametrize("wrong", ["m=13/d=20", "m=00/d=20", "m=02/d=30", "m=11/d=00", "m=11/d=20/h=24"])
def test_an_hour_that_does_not_exist_is_none(wrong: str) -> None:
    name = "x/" + END.replace("m=11/d=20/h=23" if "h=" in wrong else "m=11/d=20", wrong)
    assert blob(name).hour is None
    assert blob("x/" + END.replace("y=2026", "y=0000")).hour is None


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a/PT1H.json", True),
        ("a/b/PT1H.json", True),
        ("PT1H.json", False),
        ("a/pt1h.json", False),
        ("a/XPT1H.json", False),
        ("a/PT1H.json.bak", False),
        ("a/PT1H.json/", False),
        ("", False),
    ],
)
def test_a_flow_log_is_known_by_the_end_of_its_name(name: str, *, is_one: bool) -> None:
    assert blob(name).is_flow_log == is_one


def test_path_and_key_are_the_contracts() -> None:
    found = SourceBlob("account", "container", "über/x")
    assert found.path == str(found) == "account/container/über/x"
    assert found.key == blake2b("account/container/über/x".encode(), digest_size=8).hexdigest()
    assert len(found.key) == 16


@given(account=st.text("a1", min_size=1), container=st.text("a-1", min_size=1), name=st.text("ab/é.", min_size=1))
def test_a_path_is_read_as_it_was_written(account: str, container: str, name: str) -> None:
    found = SourceBlob(account, container, name)
    assert SourceBlob.from_path(found.path) == found


@pytest.mark.parametrize("path", ["", "account", "account/container"])
def test_a_path_of_fewer_than_three_parts_is_no_blobs(path: str) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        SourceBlob.from_path(path)


def test_a_log_outside_of_any_account_is_named_as_given() -> None:
    found = SourceBlob.outside("/tmp/x/PT1H.json")  # noqa: S108 # a name only
    assert found.path == "/tmp/x/PT1H.json"  # noqa: S108 # the same
    assert found.key == blake2b(b"/tmp/x/PT1H.json", digest_size=8).hexdigest()


def test_the_partition_key_is_the_mac_address_unless_the_hub_would_refuse_it() -> None:
    path = "x/y=2026/m=11/d=20/h=23/m=00/macAddress={}/PT1H.json"
    blobs = [SourceBlob("a", "c", path.format(mac)) for mac in ("00155D123456", "0" * 128, "0" * 129)]
    odd = SourceBlob("a", "c", "x/PT1H.json")

    assert [blob.partition_key for blob in (*blobs, odd)] == ["00155D123456", "0" * 128, blobs[2].key, odd.key]
