"""The reference that the product is measured against gives the same flows, so that both do the same work."""

import json

import pytest

from bench.inputs import DIVERSE, NSG, SEED, VNET, Document, interface_of, write_document
from bench.pipeline import HUB_BYTES, encode, scan
from bench.reference import encode_flows
from flowlog_core.flow.formatter import Encoder
from local.network_watcher.fleet import fleet
from local.network_watcher.records import PLAIN, Oddities

KINDS = ("VNet v4", "NSG v2", "VNet v4 with IPv6", "NSG v2 that goes on as v1", "NSG v1")  # as a fleet has them


@pytest.mark.parametrize("oddities", [PLAIN, Oddities(forms=True)], ids=["plain", "odd forms"])
@pytest.mark.parametrize("kind", KINDS)
def test_reference_and_product_give_the_same_flows(kind: str, oddities: Oddities) -> None:
    interface = fleet(len(KINDS), SEED)[KINDS.index(kind)]
    # Small minutes, so that the blob goes past half an hour, where the fourth interface changes its version.
    compare(write_document(kind, interface, 40, 120_000, oddities), set(interface.versions))


@pytest.mark.parametrize("subject", [VNET, NSG])
def test_they_give_the_same_flows_of_an_interface_that_faces_the_internet(subject: str) -> None:
    interface = interface_of(subject)
    compare(write_document(subject, interface, 40, 300_000, DIVERSE), set(interface.versions))


def compare(document: Document, versions: set[int]) -> None:

    encoded = encode(document.blob, scan(document), Encoder(), HUB_BYTES)
    ours = [list(json.loads(line).items()) for _, each, _ in encoded for line in each.lines]
    theirs = [list(json.loads(line).items()) for line in encode_flows(document.data, document.blob.path)]

    assert ours == theirs
    assert len(ours) == document.flows > 1000
    assert {dict(flow)["flowLogVersion"] for flow in ours} == versions
