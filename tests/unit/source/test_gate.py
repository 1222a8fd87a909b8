"""What the gate admits, and that every place that makes a blob of a text from outside is known."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import Gate, name_fault, outside_text

ROOT = Path(__file__).resolve().parents[3]
GATE = Gate(frozenset({("logs", "nsg"), ("logs", "vnet"), ("more", "vnet")}))
NAME = "flowLogResourceID=/a b/100%/ü/y=2026/m=11/d=20/h=23/m=00/macAddress=0015/PT1H.json"
SUFFIX = "/PT1H.json"


@pytest.mark.parametrize(
    "name",
    [NAME, "a/PT1H.json", "a" * (1024 - len(SUFFIX)) + SUFFIX, "...a/.b/c./..../PT1H.json", "%2e%2e/?#\\/PT1H.json"],
)
def test_a_flow_log_of_a_watched_place_passes(name: str) -> None:
    for account, container in GATE.places:
        assert GATE.refusal(SourceBlob(account, container, name)) is None


@pytest.mark.parametrize(
    ("account", "container", "reason"),
    [
        ("other", "vnet", "its storage account is none of FLOWLOG_SOURCES"),
        ("", "vnet", "its storage account is none of FLOWLOG_SOURCES"),
        ("logs", "flowlog-checkpoints", "its container is none of FLOWLOG_CONTAINERS"),
        ("more", "nsg", "its container is none of FLOWLOG_CONTAINERS"),
        ("logs", "VNET", "its container is none of FLOWLOG_CONTAINERS"),
        ("logs", "vnet/..", "its container is none of FLOWLOG_CONTAINERS"),
    ],
)
def test_a_blob_of_another_place_is_refused(account: str, container: str, reason: str) -> None:
    assert GATE.refusal(SourceBlob(account, container, NAME)) == reason


@pytest.mark.parametrize("name", ["", "PT1H.json", "a/PT5M.json", "a/PT1H.json.bak", "a/PT1H.json/", "a/PT1H.json\n"])
def test_a_blob_that_is_no_flow_log_is_refused(name: str) -> None:
    assert GATE.refusal(SourceBlob("logs", "vnet", name)) == "its name does not end in /PT1H.json"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a" * (1025 - len(SUFFIX)) + SUFFIX, "its name has 1025 characters, where storage takes 1 to 1024"),
        ("../vnet/a/PT1H.json", "its name has an empty segment, or one that is . or .."),
        ("a/../b/PT1H.json", "its name has an empty segment, or one that is . or .."),
        ("a/../../flowlog-checkpoints/b/PT1H.json", "its name has an empty segment, or one that is . or .."),
        ("a/./PT1H.json", "its name has an empty segment, or one that is . or .."),
        ("a//PT1H.json", "its name has an empty segment, or one that is . or .."),
        ("/PT1H.json", "its name has an empty segment, or one that is . or .."),
        ("a\n/PT1H.json", "its name has a control character"),
        ("a\x00/PT1H.json", "its name has a control character"),
        ("a\x1b[2J/PT1H.json", "its name has a control character"),
        ("a\x7f/PT1H.json", "its name has a control character"),
        ("a\x9b2J/PT1H.json", "its name has a control character"),
        ("a\ud800/PT1H.json", "its name has a control character"),
    ],
)
def test_a_name_that_a_request_would_not_keep_is_refused(name: str, reason: str) -> None:
    assert GATE.refusal(SourceBlob("logs", "vnet", name)) == reason


def test_a_name_without_characters_is_at_fault() -> None:
    assert name_fault("") == "its name has 0 characters, where storage takes 1 to 1024"


def resolved(name: str) -> str:
    """Resolve a name as a URL's path (RFC 3986, 5.2.4), an empty segment like `.`."""
    segments: list[str] = []
    for segment in name.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    return "/".join(segments)


@given(st.lists(st.sampled_from(["", ".", "..", "...", "a", "é", "\n"]) | st.text(max_size=3), max_size=6))
def test_what_passes_is_the_blob_that_a_request_is_about(segments: list[str]) -> None:
    blob = SourceBlob("logs", "vnet", "/".join([*segments, "PT1H.json"]))
    if GATE.refusal(blob) is None:
        assert resolved(blob.name) == blob.name
        assert len(blob.key) == 16


@given(account=st.text(), container=st.text(), name=st.text())
def test_nothing_passes_by_chance(account: str, container: str, name: str) -> None:
    assert GATE.refusal(SourceBlob(account, container, name)) is not None


# Texts for log lines.


@given(st.text(max_size=600))
def test_a_text_from_outside_is_cut_and_has_no_control_characters(text: str) -> None:
    shown = outside_text(text)

    assert len(shown) <= 256
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in shown)


@pytest.mark.parametrize("address", ["10.0.0.4", "2001:db8::8:800:200c:417a", "fe80::1", "::ffff:10.0.0.4"])
def test_a_text_from_outside_shows_no_address(address: str) -> None:
    assert address not in outside_text(f"logs/vnet/{address}/x")
    assert outside_text(f"logs/vnet/{address}/x").endswith("/x")


def test_a_text_that_is_fit_for_a_log_line_is_shown_as_it_is() -> None:
    assert outside_text(f"logs/vnet/{NAME}") == f"logs/vnet/{NAME}"


# The structure.

MAKERS = {
    "function_app.py": "a trigger's message; the forwarder's gate",
    "flowlog_core/source/announcement.py": "a trigger's message; the forwarder's gate",
    "flowlog_core/adapters/storage/blobs.py": "a listing; AdmittedListing, and the forwarder's gate",
    "flowlog_core/adapters/storage/blob_url.py": "a command's URL; only read",
    "flowlog_core/source/own_names.py": "an item's name; only compared",
    "flowlog_core/decode/overflow.py": "a document in quarantine; whoever replays it",
    "flowlog_core/decode/quarantine.py": "a document in quarantine; whoever replays it",
    "flowlog_core/cli/quarantine/show.py": "a command's argument; only read",
    "flowlog_core/operations/audit/audit.py": "the path of a blob that was listed; only read",
}
"""Where a blob is made of texts from outside: where they come from, and what is done about it."""


def makers() -> Counter[str]:
    """Count the calls that make a blob of a storage account, by file."""
    found: Counter[str] = Counter()
    for path in [ROOT / "function_app.py", *(ROOT / "flowlog_core").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"SourceBlob", "SourceBlob.from_path"}:
                found[path.relative_to(ROOT).as_posix()] += 1
    return found


def test_every_place_that_makes_a_blob_is_known_with_what_checks_it() -> None:
    assert makers() == dict.fromkeys(MAKERS, 1)
