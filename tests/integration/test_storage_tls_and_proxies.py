"""Storage over TLS and through proxies, as the environment says, with Azurite."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import BlobServiceClient

from flowlog_core.adapters.credentials import blob_service
from flowlog_core.adapters.storage.transport import PooledTransport
from flowlog_core.connections import StorageConnection
from flowlog_core.errors import StorageError
from local.azurite import ACCOUNT, Azurite
from tests.support.certificates import Certificate
from tests.support.http_proxy import HttpProxy

LOOPBACK = "127.0.0.1"
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"), addresses=[LOOPBACK])


@pytest.fixture(scope="module")
def secure(certificate: Certificate) -> Iterator[Azurite]:
    with Azurite(certificate=(certificate.file, certificate.key)) as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listening:
        return int(listening.getsockname()[1])


def round_trip(server: Azurite) -> bytes:
    """Write a blob and read it, as the app connects to a storage account."""
    with blob_service(StorageConnection("FlowLogStorage", ACCOUNT, server.connection_string)) as service:
        container = service.get_container_client("round-trip")
        if not container.exists():
            container.create_container()
        blob = container.get_blob_client("a name/with blanks, ä and %2F")
        blob.upload_blob(b"content " * 100_000, overwrite=True)
        return blob.download_blob(0, 8).readall()


def ask_once(server: Azurite) -> None:
    """Make a request, and not again where it fails."""
    with (
        closing(PooledTransport(connection_timeout=10, read_timeout=10)) as transport,
        BlobServiceClient.from_connection_string(
            server.connection_string, transport=transport, retry_total=0
        ) as service,
    ):
        service.get_service_properties()


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_tls_is_verified_by_the_certificates_that_the_environment_names(
    secure: Azurite, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(certificate.file))

    assert round_trip(secure) == b"content "


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Azurite) -> None:
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        ask_once(secure)


def test_a_certificate_for_another_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Certificate(tmp_path, hosts=["storage.example"], addresses=["127.0.0.2"])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.file))

    with (
        Azurite(certificate=(other.file, other.key)) as server,
        pytest.raises(ServiceRequestError, match="IP address mismatch"),
    ):
        ask_once(server)


def test_certificates_that_cannot_be_read_are_an_error_that_names_the_variables(
    secure: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))

    with pytest.raises(StorageError, match=r"missing\.pem: no certificates .*REQUESTS_CA_BUNDLE"):
        ask_once(secure)


def test_http_goes_through_the_proxy_of_the_environment(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpProxy("user:pass/word") as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pass%2Fword@{LOOPBACK}:{proxy.port}")

        assert round_trip(azurite) == b"content "

    assert {asked.split("?")[0].rsplit("/", 1)[0] for asked in proxy.asked} >= {
        f"GET http://{LOOPBACK}:{azurite.blob_port}/{ACCOUNT}/round-trip/a%20name"
    }


def test_https_goes_through_the_proxy_of_the_environment(
    secure: Azurite, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.file))
    with HttpProxy("user:pass/word") as proxy:
        monkeypatch.setenv("https_proxy", f"user:pass%2Fword@{LOOPBACK}:{proxy.port}")

        assert round_trip(secure) == b"content "

    assert proxy.asked == [f"CONNECT {LOOPBACK}:{secure.blob_port}"]  # one connection for all requests


def test_all_proxy_stands_for_both(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpProxy() as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://{LOOPBACK}:{proxy.port}")

        assert round_trip(azurite) == b"content "

    assert proxy.asked


def test_a_proxy_that_refuses_is_an_error_of_the_request(
    secure: Azurite, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.file))
    with HttpProxy("user:secret-word") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:wrong-word@{LOOPBACK}:{proxy.port}")
        with pytest.raises(ServiceRequestError, match="407") as refused:
            ask_once(secure)

    assert "-word" not in str(refused.value)


def test_a_host_of_no_proxy_is_reached_directly(
    azurite: Azurite, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{LOOPBACK}:{closed_port}")
    with pytest.raises(ServiceRequestError):
        ask_once(azurite)

    for hosts in (LOOPBACK, "example.com, 127.0.0.0/8", "*"):
        monkeypatch.setenv("NO_PROXY", hosts)
        ask_once(azurite)


@pytest.mark.parametrize("proxy", ["ftp://user:secret-word@127.0.0.1:21", "http://user:secret-word@[127", "socks5://h"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_names_the_variables(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)

    with pytest.raises(StorageError, match="HTTP_PROXY or ALL_PROXY") as refused:
        ask_once(azurite)
    assert "-word" not in str(refused.value)
