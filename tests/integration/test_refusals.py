"""What storage refuses is explained by the way in which the request was signed, against Azurite."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas

from flowlog_core.adapters.credentials import blob_service
from flowlog_core.adapters.storage.blobs import AzureBlobSource
from flowlog_core.connections import storage_connection
from flowlog_core.errors import StorageError
from local.azurite import Azurite

HOUR = timedelta(hours=1)
ACCOUNT = "devstoreaccount1"
OTHER_KEY = base64.b64encode(b"another key").decode()


def signature(azurite: Azurite, *, begins: timedelta, ends: timedelta, permission: AccountSasPermissions) -> str:
    """Sign a connection string that holds from a time after now until another one."""
    now = datetime.now(UTC)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        signed = generate_account_sas(
            ACCOUNT,
            service.credential.account_key,
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=permission,
            start=now + begins,
            expiry=now + ends,
        )
        return f"BlobEndpoint={service.primary_endpoint};SharedAccessSignature={signed}"


def refusal(connection_string: str) -> str:
    """Return what is said where listing is refused."""
    connection = storage_connection({"FlowLogStorage": connection_string}, "FlowLogStorage")
    source = AzureBlobSource({ACCOUNT: blob_service(connection)})
    with pytest.raises(StorageError) as refused:
        list(source.blobs(ACCOUNT, "logs", ""))
    text = str(refused.value)
    assert "sig=" not in text
    assert text.startswith(f"listing {ACCOUNT}/logs under '': not allowed (Auth")
    return text.partition("; ")[2]


READ = AccountSasPermissions(read=True, list=True)


def test_a_signature_that_has_expired_is_no_missing_role(azurite: Azurite) -> None:
    ended = datetime.now(UTC) - HOUR

    text = refusal(signature(azurite, begins=-2 * HOUR, ends=-HOUR, permission=READ))

    assert text in {
        f"its SharedAccessSignature expired at {at:%Y-%m-%dT%H:%MZ}; put a new one into the connection string"
        for at in (ended, ended + timedelta(minutes=1))
    }


def test_a_signature_that_is_not_valid_yet_says_from_when_it_is(azurite: Azurite) -> None:
    text = refusal(signature(azurite, begins=HOUR, ends=2 * HOUR, permission=READ))

    assert text.startswith("its SharedAccessSignature is not valid before 20")


def test_a_signature_that_does_not_permit_it_says_where_to_look(azurite: Azurite) -> None:
    text = refusal(signature(azurite, begins=-HOUR, ends=HOUR, permission=AccountSasPermissions(write=True)))

    assert text.startswith("check what its SharedAccessSignature permits")


def test_a_key_that_is_not_the_accounts_is_no_missing_role(azurite: Azurite) -> None:
    parts = dict(part.partition("=")[::2] for part in azurite.connection_string.split(";") if part)
    parts["AccountKey"] = OTHER_KEY

    text = refusal(";".join(f"{key}={value}" for key, value in parts.items()))

    assert text == "check that the AccountKey of the connection string is one of the account's keys, and its firewall"
