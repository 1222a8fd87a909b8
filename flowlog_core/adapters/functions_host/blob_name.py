"""What a blob trigger hands over: the blob's container and name, and neither its content nor a client.

For a parameter of an SDK type the host sends a reference to the blob and never the blob's content. The types of
``azurefunctions-extensions-bindings-blob`` make a client from it, anew for each call. They take most of a cold start to
import, and know no connection in the form ``X__accountName``. The names alone need no connection.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import orjson
from azurefunctions.extensions.base import Datum, InConverter, SdkType

_REFERENCE: Final = "model_binding_data"  # the kind of value in which the host sends a reference


@dataclass(frozen=True, slots=True)
class BlobName(SdkType):  # type: ignore[misc] # the base package has no types
    """Which blob a function is called for.

    Attributes:
        container: Its container.
        name: Its name in the container. It has not passed the gate.

    """

    container: str
    name: str

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read the content of a reference: a JSON object with ``ContainerName`` and ``BlobName``.

        Raises:
            ValueError: It holds something else.

        """
        match _json(content):
            case {"ContainerName": str(container), "BlobName": str(name)}:
                return cls(container, name)
        raise ValueError("the host's reference to a blob has no ContainerName, or no BlobName")


def _json(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


class BlobNameConverter(InConverter, binding="blob", trigger="blobTrigger"):  # type: ignore[call-arg, misc] # as above
    """Reads the `BlobName` of a call; the worker finds it in the registry that its base class keeps."""

    @classmethod
    def check_input_type_annotation(cls, pytype: type) -> bool:
        """Say whether it reads parameters of this type."""
        return issubclass(pytype, BlobName)

    @classmethod
    def decode(cls, data: Datum, *, trigger_metadata: Any, pytype: type) -> BlobName:  # noqa: ANN401, ARG003 # the worker's
        """Read a parameter.

        Raises:
            ValueError: The host sent something other than a reference to a blob.

        """
        if data is None or data.type != _REFERENCE:
            kind = None if data is None else data.type
            raise ValueError(f"the host sent {kind!r} for a blob, and not a reference to it")
        return BlobName.read(data.value.content)

    @classmethod
    def has_implicit_output(cls) -> bool:
        """Say that a function with such a parameter returns nothing."""
        return False
