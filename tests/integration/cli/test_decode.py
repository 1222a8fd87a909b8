"""Flows of logs on the command line: from files and from storage, in each format."""

import csv
import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.identity import CredentialUnavailableError
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from flowlog_core.adapters import credentials
from flowlog_core.adapters.storage import blob_url
from flowlog_core.adapters.storage.blobs import AzureBlobSource
from flowlog_core.connections import StorageConnection
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS
from flowlog_core.forwarding.ports import Chunk
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.site import ACCOUNT, Site
from tests.support.flow_logs import document, nsg_record, vnet_record

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
TUPLES = [
    "1795000000,203.0.113.9,10.1.0.4,40111,23,T,I,D,B,,,,",
    "1795000001,2001:ab::4,2001:db8::80,23956,443,T,O,A,E,4,1200,6,4800",
]


MEBIBYTE = 1024 * 1024
LARGE = [vnet_record(1, number=number, rule="r" * 200_000) for number in range(25)]
"""Records of 5 MB, whose flows fit an event; a command reads 4 MiB at once."""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A log of two flows: telnet denied, HTTPS allowed."""
    made = tmp_path / "PT1H.json"
    made.write_bytes(document([nsg_record(TUPLES)]))
    return str(made)


def url_of(site: Site, blob: SourceBlob) -> str:
    return f"{site.service.url}{blob.container}/{blob.name}"


def plain(text: str) -> str:
    """Leave out colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def signature(site: Site, *, minutes: int = 10) -> str:
    return generate_container_sas(
        ACCOUNT,
        site.container,
        account_key=site.service.credential.account_key,
        permission=ContainerSasPermissions(read=True),
        expiry=datetime.now(UTC) + timedelta(minutes=minutes),
    )


@pytest.mark.parametrize("name", ["nsg-v1", "nsg-v2-to-v1", "vnet-v4"])
def test_flows_come_as_the_forwarder_writes_them(site: Site, name: str) -> None:
    ran = site.run("decode", "--blob", f"golden/logs/{name}.json", str(GOLDEN / f"{name}.json"))

    assert (ran.status, ran.err) == (0, "")
    assert ran.out == (GOLDEN / f"{name}.flows.ndjson").read_text()


@pytest.mark.parametrize(("schema", "key"), [("ocsf", "class_uid"), ("ecs", "@timestamp"), ("asim", "TimeGenerated")])
def test_flows_come_in_the_schema_that_is_asked_for(site: Site, file: str, schema: str, key: str) -> None:
    ran, flat = site.run("decode", "--schema", schema, file), site.run("decode", file)

    assert (ran.status, ran.err) == (0, "")
    assert len(ran.out.splitlines()) == len(flat.out.splitlines())
    assert all(key in json.loads(line) for line in ran.out.splitlines())


@pytest.mark.parametrize("option", [("--format", "csv"), ("--format", "table"), ("--fields", "id")])
def test_another_schema_has_its_own_keys_and_form(site: Site, file: str, option: tuple[str, str]) -> None:
    ran = site.run("decode", "--schema", "ecs", *option, file)

    assert ran.status == 2
    assert ran.err == "flowlog: --schema ecs goes with --format ndjson, and without --fields\n"


def test_csv_has_one_header_and_an_empty_field_for_a_null(site: Site, file: str) -> None:
    ran = site.run("decode", "--format", "csv", file, file)

    header, *rows = csv.reader(io.StringIO(ran.out))
    flows = [json.loads(line) for line in site.run("decode", file, file).out.splitlines()]
    assert header == list(DEFAULT_FIELDS)
    assert rows == [["" if value is None else str(value) for value in flow.values()] for flow in flows]


def test_csv_has_the_chosen_keys_in_their_order(site: Site, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(document([vnet_record(1, rule='a,"b"')]))

    ran = site.run("decode", "--format", "csv", "--fields", "rule,flowState,destPort", str(log))

    assert ran.out == 'rule,flowState,destPort\n"a,""b""",begin,443\n'


def test_a_table_has_the_columns_of_the_live_one(site: Site, file: str) -> None:
    ran = site.run("decode", "--format", "table", file)

    header, *rows = [line.split() for line in ran.out.splitlines()]
    assert header == ["TIME", "SOURCE", "DESTINATION", "PROTO", "DIR", "DECISION", "STATE", "BYTES", "RULE"]
    telnet = ["203.0.113.9:40111", "10.1.0.4:23", "TCP", "in", "deny", "begin", "-", "UserRule_x"]
    https = ["[2001:ab::4]:23956", "[2001:db8::80]:443", "TCP", "out", "allow", "end", "6,000", "UserRule_x"]
    assert [row[1:] for row in rows] == [telnet, https]


def test_a_table_has_the_chosen_keys_else(site: Site, file: str) -> None:
    ran = site.run("decode", "--format", "table", "--fields", "destPort,packetsSrcToDest", file)

    assert [line.split() for line in ran.out.splitlines()] == [
        ["DESTPORT", "PACKETSSRCTODEST"],
        ["23", "-"],
        ["443", "4"],
    ]


def test_a_long_table_is_written_in_pieces_that_look_like_one(site: Site, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(document([vnet_record(999, number=1), vnet_record(1502, number=2)]))  # of a thousand rows each

    ran = site.run("decode", "--format", "table", str(log))

    assert len(ran.out.splitlines()) == 2502
    assert len({line.rstrip().rindex(" ") for line in ran.out.splitlines()}) == 1


@pytest.fixture
def terminal(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard output one."""
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_rows_have_the_colour_of_their_decision(site: Site, file: str) -> None:
    ran = site.run("decode", "--format", "table", file)

    assert "\x1b[31m203.0.113.9:40111 \x1b[0m" in ran.out
    assert "\x1b[32m[2001:ab::4]:23956\x1b[0m" in ran.out


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_a_long_table_has_one_header_and_one_width(site: Site, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(document([nsg_record(TUPLES * 500), nsg_record(TUPLES[:1])]))  # one row more than a piece has

    ran = site.run("decode", "--format", "table", "--fields", "srcIp,destPort", log.as_posix())

    lines = plain(ran.out).splitlines()
    assert [line.split()[0] for line in lines] == ["SRCIP", *["203.0.113.9", "2001:ab::4"] * 500, "203.0.113.9"]
    assert len({len(line) for line in lines}) == 1


def test_a_reader_that_has_seen_enough_ends_it_quietly(site: Site, file: str) -> None:
    for arguments in (("decode", file), ("decode", "--format", "table", file), ("report", file)):
        command = [sys.executable, "-m", "flowlog_core", *arguments]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ran:  # noqa: S603 # our own
            assert ran.stdout
            assert ran.stderr
            ran.stdout.close()
            assert (ran.wait(timeout=20), ran.stderr.read()) == (0, b"")


@pytest.mark.usefixtures("terminal")
def test_nothing_in_a_rule_is_taken_for_a_command(site: Site, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(document([vnet_record(1, rule="[bold]:ab:\x1b[2J")]))

    ran = site.run("decode", "--format", "table", "--fields", "rule", str(log))

    assert plain(ran.out).splitlines()[1].strip() == r"[bold]:ab:\x1b[2J"


def test_standard_input_is_read(site: Site, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(file).read_bytes())))

    assert site.run("decode", "-").out == site.run("decode", "--blob", "stdin", file).out


def test_what_would_be_in_quarantine_goes_to_standard_error(site: Site, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(document([nsg_record([*TUPLES, "no tuple"])]))

    ran = site.run("decode", str(log))

    assert (ran.status, len(ran.out.splitlines())) == (1, 2)
    assert json.loads(ran.err)["tuples"][0]["ordinal"] == 2


def test_a_file_that_is_missing_leaves_the_others(site: Site, file: str) -> None:
    ran = site.run("decode", f"{file}.gone", file)

    assert (ran.status, len(ran.out.splitlines())) == (2, 2)
    assert ran.err == f"flowlog: {file}.gone: No such file or directory\n"


def test_a_log_that_ends_inside_a_record_is_told(site: Site, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(document([vnet_record(2)])[:-60])

    ran = site.run("decode", str(log))

    assert ran.status == 1
    assert "ends inside a record" in ran.err


def test_a_blob_is_read_in_ranges_with_the_ids_that_the_forwarder_gives(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = site.blob()
    size = len(site.put(blob, LARGE))
    site.forward(blob)
    reads: list[int] = []
    read = AzureBlobSource.read

    def counted(source: AzureBlobSource, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        chunk = read(source, blob, start, size, etag=etag)
        reads.append(len(chunk.data))
        return chunk

    monkeypatch.setattr(AzureBlobSource, "read", counted)

    ran = site.run("decode", url_of(site, blob))

    assert ran.out.splitlines() == [line for event in site.hub.events() for line in event.body.decode().splitlines()]
    assert reads == [4 * MEBIBYTE, size - 4 * MEBIBYTE]


def test_a_blob_is_read_with_the_signature_of_its_url_and_no_settings(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in site.settings:
        monkeypatch.delenv(name)
    blob = site.blob()
    site.put(blob, 1)

    ran = site.run("decode", f"{url_of(site, blob)}?{signature(site)}")
    unsigned = site.run("decode", url_of(site, blob))

    assert (ran.status, len(ran.out.splitlines()), ran.err) == (0, 2, "")
    assert (unsigned.status, unsigned.out) == (2, "")
    assert "no connection of FLOWLOG_SOURCES leads there" in unsigned.err


def test_a_signature_is_in_no_message(site: Site) -> None:
    blob = site.blob()
    expired = signature(site, minutes=-5)

    site.service.get_blob_client(site.container, "no-log").upload_blob(b"no log")
    no_log = f"{site.service.url}{site.container}/no-log?{signature(site)}"

    for url in (
        no_log,
        f"{url_of(site, blob)}?{expired}",
        f"{url_of(site, blob)}?snapshot=2026-11-20T00:00:00Z&{expired}",
        f"{site.service.url}?{expired}",
    ):
        ran = site.run("decode", "--verbose", url)

        assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert "sig=" not in ran.err


def test_a_blob_that_is_not_there_is_told(site: Site) -> None:
    ran = site.run("decode", url_of(site, site.blob()))

    assert (ran.status, ran.out) == (2, "")
    assert "not found (BlobNotFound)" in ran.err


def test_a_blob_that_grows_while_it_is_read_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = site.blob()
    site.put(blob, LARGE)
    read = AzureBlobSource.read

    def grown(source: AzureBlobSource, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        chunk = read(source, blob, start, size, etag=etag)
        site.put(blob, [*LARGE, vnet_record(1, number=99)])
        return chunk

    monkeypatch.setattr(AzureBlobSource, "read", grown)

    ran = site.run("decode", url_of(site, blob))

    told = "written to while it was read; decode it again, or once its hour has passed"
    assert (ran.status, ran.err) == (2, f"flowlog: {url_of(site, blob)}: {told}\n")


def test_without_a_sign_in_it_says_how_to_make_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def get_token(self, *scopes: str, **options: object) -> AccessToken:
            raise CredentialUnavailableError("in several lines\nwhat was tried")

    monkeypatch.setattr(credentials, "credential", lambda _: Nobody())

    ran = site.run("decode", "https://shop.blob.core.windows.net/logs/PT1H.json")

    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert "no sign-in found; use `az login`" in ran.err


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://shop.blob.core.windows.net/logs/a%20b/PT1H.json", "https://shop.blob.core.windows.net"),
        ("https://shop.z12.blob.storage.azure.net/logs/a%20b/PT1H.json", "https://shop.z12.blob.storage.azure.net"),
        ("https://shop.blob.core.usgovcloudapi.net/logs/a b/PT1H.json", "https://shop.blob.core.usgovcloudapi.net"),
        (
            "https://shop-secondary.blob.core.windows.net/logs/a b/PT1H.json",
            "https://shop-secondary.blob.core.windows.net",
        ),
        ("http://shop.blob.core.windows.net/logs/a b/PT1H.json", None),
        ("https://shop.blob.core.windows.net.example.com/logs/a b/PT1H.json", None),
        ("https://shop.example.com/logs/a b/PT1H.json", None),
        ("https://127.0.0.1/shop/logs/a b/PT1H.json", None),
    ],
)
def test_a_token_goes_to_azure_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch, url: str, endpoint: str | None
) -> None:
    asked: list[StorageConnection] = []

    def signed_in(connection: StorageConnection) -> BlobServiceClient:
        asked.append(connection)
        return site.service

    monkeypatch.setattr(blob_url, "blob_service", signed_in)

    ran = site.run("decode", url)

    assert ran.status == 2
    assert [connection.blob_service_uri for connection in asked] == [endpoint] * (endpoint is not None)
    assert blob_url.BlobUrl(url).blob == SourceBlob("shop", "logs", "a b/PT1H.json")
