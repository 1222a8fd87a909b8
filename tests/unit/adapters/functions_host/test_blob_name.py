"""The name of a blob is read from the host's reference to it, whatever the name; anything else is an error."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from azurefunctions.extensions.base import Datum, get_binding_registry
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.adapters.functions_host.blob_name import BlobName

CONVERTER = get_binding_registry().get("blobTrigger")
NAMES = st.text(st.characters(exclude_categories=["Cs"]))


def decode(content: object, kind: str = "model_binding_data") -> Any:
    value = SimpleNamespace(content=content if isinstance(content, bytes) else json.dumps(content).encode())
    return CONVERTER.decode(Datum(value, kind), trigger_metadata={}, pytype=BlobName)


@given(NAMES, NAMES)
def test_container_and_name_arrive_as_they_are(container: str, name: str) -> None:
    reference = {"Connection": "FlowLogStorage", "ContainerName": container, "BlobName": name}

    assert decode(reference) == BlobName(container, name)


@pytest.mark.parametrize(
    "content", [{}, [], None, "name", {"ContainerName": "logs"}, {"ContainerName": "logs", "BlobName": 1}, b"{", b""]
)
def test_a_reference_that_names_no_blob_is_an_error(content: object) -> None:
    with pytest.raises(ValueError, match="the host's reference to a blob has no ContainerName"):
        decode(content)


def test_anything_but_a_reference_is_an_error_that_names_its_kind() -> None:
    with pytest.raises(ValueError, match="the host sent 'bytes' for a blob"):
        decode({}, kind="bytes")
    with pytest.raises(ValueError, match="the host sent None for a blob"):
        CONVERTER.decode(None, trigger_metadata={}, pytype=BlobName)


def test_the_converter_takes_blob_names_and_nothing_else() -> None:
    assert CONVERTER.check_input_type_annotation(BlobName)
    assert not CONVERTER.check_input_type_annotation(bytes)
