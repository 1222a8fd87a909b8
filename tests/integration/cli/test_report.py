"""The command ``report``, of files and of blobs on real servers."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.site import ACCOUNT, HOUR, Ran, Site
from tests.support.flow_logs import document, vnet_record
from tests.support.traffic_logs import BEGIN, CONTINUE, END, MAC, nsg_log, path_of, vnet_log

DENIED = "1795215901000,198.51.100.7,10.9.0.7,50000,22,6,I,D,NX,0,0,0,0"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, records: Sequence[bytes]) -> str:
    """Write a log to a file; give its path."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(document(list(records)))
    return path


def table(ran: Ran, title: str) -> list[str]:
    """Give a printed table's rows, that of its header first, with single spaces."""
    lines = ran.out.split(f"\n{title}\n", 1)[1].split("\n\n", 1)[0].splitlines()
    return [" ".join(line.split()) for line in lines]


def rows(ran: Ran, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ran.out)["tables"][name]["rows"]
    return found


# Files.


def test_a_file_gives_the_documented_totals_of_a_conversation(site: Site, folder: Path) -> None:
    ran = site.run("report", write("PT1H.json", [nsg_log([BEGIN, CONTINUE, END])]))

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[0].endswith(
        "2026-11-20T23:05:00Z to 2026-11-20T23:05:55Z: 3 flows, 0 denied; 9,125 packets, 5,256,000 bytes"
    )
    header, row = table(ran, "Conversations")
    assert header == "SOURCE SRC PORT DESTINATION DEST PORT PROTOCOL FLOWS PACKETS BYTES SENT RECEIVED"
    assert row == "203.0.113.9 35370 10.9.0.7 443 TCP 3 9,125 5,256,000 618,048 4,637,952"
    assert table(ran, "Traffic by source")[1] == "203.0.113.9 3 0 9,125 5,256,000 618,048 4,637,952"
    assert table(ran, "Traffic by minute")[1] == f"2026-11-20T23:05Z 3 0 5,256,000 {'#' * 40}"
    assert "Without counters, as where one begins or is denied: 1 flow." in ran.out


def test_what_was_denied_is_told_by_rule_source_and_port(site: Site, folder: Path) -> None:
    ran = site.run("report", write("PT1H.json", [vnet_log([DENIED, DENIED], rule="[deny] all")]))

    header, row = table(ran, "Denied traffic")
    assert header == "RULE SOURCE DEST PORT FLOWS FIRST LAST"
    assert row == "[deny] all 198.51.100.7 22 2 2026-11-20T23:05:01Z 2026-11-20T23:05:01Z"


def test_a_document_has_the_same_figures_exact_and_null_where_they_are_not_known(site: Site, folder: Path) -> None:
    version_1 = "1795215600,10.0.0.4,10.1.0.5,40000,443,T,O,A"
    file = write("PT1H.json", [nsg_log([BEGIN, CONTINUE, END]), nsg_log([version_1], version=1)])

    ran = site.run("report", "--json", "--by", "flowLogVersion", file)

    found = json.loads(ran.out)
    assert found["logs"] | {"bytes": 0} == {
        "counted": 1,
        "bytes": 0,
        "leftOut": 0,
        "leftOutBytes": 0,
        "archived": 0,
        "gone": 0,
        "noLogs": 0,
    }
    known, unknown = rows(ran, "conversations")
    assert known == {
        "srcIp": "203.0.113.9",
        "srcPort": 35370,
        "destIp": "10.9.0.7",
        "destPort": 443,
        "protocol": 6,
        "flows": 3,
        "denied": 0,
        "withoutCounters": 1,
        "packets": 9125,
        "bytes": 5_256_000,
        "packetsSrcToDest": 1073,
        "bytesSrcToDest": 618_048,
        "packetsDestToSrc": 8052,
        "bytesDestToSrc": 4_637_952,
        "first": "2026-11-20T23:05:00.000Z",
        "last": "2026-11-20T23:05:55.000Z",
    }
    assert (unknown["flows"], unknown["withoutCounters"], unknown["bytes"], unknown["packets"]) == (1, 1, None, None)
    assert [(row["flowLogVersion"], row["flows"]) for row in rows(ran, "by")] == [(2, 3), (1, 1)]
    assert found["versions"] == [
        {"flowLogType": "nsg", "flowLogVersion": 1, "flows": 1},
        {"flowLogType": "nsg", "flowLogVersion": 2, "flows": 3},
    ]
    assert "Of version 1, which logs no packets and bytes: 1 flow." in found["notes"]


def test_logs_of_version_1_show_no_bytes_rather_than_none(site: Site, folder: Path) -> None:
    tuples = [f"179521560{second},10.0.0.4,10.1.0.5,40000,443,T,O,A" for second in range(3)]

    ran = site.run("report", write("PT1H.json", [nsg_log(tuples, version=1)]))

    assert "3 flows, 0 denied; packets and bytes not known" in ran.out
    assert table(ran, "Traffic by source")[1] == "10.0.0.4 3 0 - - - -"
    assert table(ran, "Traffic by minute")[1] == f"2026-11-20T23:00Z 3 0 - {'#' * 40}"


@pytest.mark.parametrize(
    ("nsg", "vnet"),
    [
        (path_of("resourceId"), path_of("flowLogResourceID")),
        (path_of("copy-a"), path_of("copy-b")),
        ("nsg.json", "vnet.json"),
    ],
)
def test_of_files_that_tell_of_the_same_traffic_only_the_vnets_count(
    site: Site, folder: Path, nsg: str, vnet: str
) -> None:
    files = [write(nsg, [nsg_log([END])]), write(vnet, [vnet_log([DENIED])])]
    other = write("other.json", [nsg_log([END], mac="00155D000009")])

    ran = site.run("report", "--json", *files, other)

    found = json.loads(ran.out)
    assert (found["logs"]["counted"], found["logs"]["leftOut"]) == (2, 1)
    assert found["logs"]["leftOutBytes"] == Path(nsg).stat().st_size
    assert [row["flows"] for row in rows(ran, "sources")] == [1, 1]
    assert found["notes"][0].startswith("Left out, as VNet flow logs tell of the same interfaces and hours: 1 NSG flow")


def test_a_file_that_is_named_twice_counts_once(site: Site, folder: Path) -> None:
    file = write("PT1H.json", [nsg_log([END])])

    assert json.loads(site.run("report", "--json", file, file).out)["total"]["flows"] == 1


def test_what_cannot_be_decoded_is_counted_and_said(site: Site, folder: Path) -> None:
    ran = site.run("report", write("PT1H.json", [nsg_log([END, "rubbish"]), vnet_record(1)[:-2] + b",}}"]))

    assert ran.status == 1
    assert "Not decoded, and in no total: 2 records and tuples: " in ran.out
    assert "1 columns where nsg version 2 has 13 (1)" in ran.out
    assert ": 1 flow, " in ran.out


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_counted(site: Site, folder: Path) -> None:
    Path("rows.json").write_text('{"rows":[]}')

    ran = site.run("report", "missing.json", "rows.json", write("PT1H.json", [nsg_log([END])]))

    assert ran.status == 2
    assert ran.err.splitlines()[0] == "flowlog: missing.json: No such file or directory"
    assert ran.err.splitlines()[1].startswith("flowlog: rows.json: not a flow log: ")
    assert ": 1 flow, " in ran.out


def test_logs_without_flows_are_no_fault(site: Site, folder: Path) -> None:
    ran = site.run("report", write("PT1H.json", []))

    assert (ran.status, ran.out) == (0, "1 log (14 bytes): no flows\n")


def test_only_so_many_rows_are_shown_and_it_says_how_many_there_are(site: Site, folder: Path) -> None:
    tuples = [f"1795215600,10.0.0.{host},10.1.0.5,4000,443,T,O,A,E,1,{host},0,0" for host in range(1, 6)]
    file = write("PT1H.json", [nsg_log(tuples)])

    ran = site.run("report", "--top", "2", file)

    shown = table(ran, "Traffic by source")
    assert [row.split()[0] for row in shown[1:3]] == ["10.0.0.5", "10.0.0.4"]
    assert shown[3:] == ["and 3 more"]


def test_a_long_time_is_shown_in_few_bars_with_the_empty_ones_between(site: Site, folder: Path) -> None:
    times = [1795215600 + minutes * 60 for minutes in (3, 9, 400)]
    tuples = [f"{time},10.0.0.1,10.1.0.5,4000,443,T,O,A,E,1,100,0,0" for time in times]

    chart = table(site.run("report", write("PT1H.json", [nsg_log(tuples)])), "Traffic by 10m")

    assert len(chart) == 1 + 41
    assert chart[1] == f"2026-11-20T23:00Z 2 0 200 {'#' * 40}"
    assert chart[2] == "2026-11-20T23:10Z 0 0 -"
    assert chart[-1] == f"2026-11-21T05:40Z 1 0 100 {'#' * 20}"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--since", "2h ago", "PT1H.json"],
        ["--by", "id", "PT1H.json"],
        ["--by", "bytesSrcToDest", "PT1H.json"],
        ["--top", "0", "PT1H.json"],
        ["-"],
        ["--html", "missing/page.html", "PT1H.json"],
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_a_line(site: Site, folder: Path, arguments: list[str]) -> None:
    ran = site.run("report", *arguments)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.splitlines()[-1].startswith("flowlog")


# Blobs.


def put(site: Site, kind: str, records: Sequence[bytes], *, hours_ago: int = 0, mac: str = MAC) -> SourceBlob:
    hour = site.hour - hours_ago * HOUR
    name = f"{kind}=/NET/{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress={mac}/PT1H.json"
    blob = SourceBlob(ACCOUNT, site.container, name)
    site.put(blob, records)
    return blob


def test_blobs_of_the_hours_asked_for_are_counted(site: Site) -> None:
    for hours_ago in range(4):
        put(site, "resourceId", [nsg_log([END] * (hours_ago + 1))], hours_ago=hours_ago)
    since, until = (f"{site.hour - hours * HOUR:%Y-%m-%dT%H:%M}" for hours in (2, 0))

    ran = site.run("report", "--since", since, "--until", until, "--json")

    assert ran.status == 0
    found = json.loads(ran.out)
    assert (found["logs"]["counted"], found["total"]["flows"]) == (2, 2 + 3)


def test_of_blobs_that_tell_of_the_same_traffic_only_the_vnets_count(site: Site) -> None:
    both = put(site, "resourceId", [nsg_log([END])])
    put(site, "flowLogResourceID", [vnet_log([DENIED])])
    put(site, "resourceId", [nsg_log([END])], hours_ago=1)

    ran = site.run("report", "--since", "4h ago")

    assert ran.status == 0
    size = len(document([nsg_log([END])]))
    assert f"1 NSG flow log ({size} bytes)." in ran.out
    assert sorted(row.split()[0] for row in table(ran, "Traffic by source")[1:]) == ["198.51.100.7", "203.0.113.9"]
    assert both.name.startswith("resourceId=")


def test_a_blob_with_bad_records_is_counted_with_what_is_sound_in_it(site: Site) -> None:
    put(site, "resourceId", [nsg_log([END, "rubbish"])])
    put(site, "resourceId", [nsg_log([END])], mac="00155D000009")
    site.service.get_blob_client(site.container, site.blob().name).upload_blob(b'{"rows":[]}')

    ran = site.run("report", "--since", "4h ago", "--json")

    assert ran.status == 1
    found = json.loads(ran.out)
    assert (found["total"]["flows"], found["logs"]["noLogs"]) == (2, 1)
    assert found["undecoded"] == {"1 columns where nsg version 2 has 13": 1}


def test_where_there_are_no_blobs_the_report_says_so_and_the_status_is_2(site: Site) -> None:
    ran = site.run("report", "--since", "4h ago")

    assert (ran.status, ran.out) == (2, "0 logs (0 bytes): no flows\n")


# The page.


class Page(HTMLParser):
    """What a page has in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        within = self._open[-1] if self._open else ""
        if within == "script":
            self.scripts.append(data)
        else:
            self.texts.append(data)
            if within == "td":
                self.cells.append(data)

    @property
    def is_complete(self) -> bool:
        return not self._open


def page_of(site: Site, *records: bytes) -> tuple[str, Page]:
    ran = site.run("report", "--html", "page.html", write("PT1H.json", records))
    assert ran.status == 0
    text = Path("page.html").read_text(encoding="utf-8")
    return text, Page(text)


def test_a_page_holds_the_figures_in_tables_and_plots(site: Site, folder: Path) -> None:
    _, page = page_of(site, nsg_log([BEGIN, CONTINUE, END]), vnet_log([DENIED]))

    assert page.is_complete
    assert {"5,256,000", "9,125", "203.0.113.9", "198.51.100.7", "4,637,952"} <= set(page.cells)
    plots = [script for script in page.scripts if "Plotly.newPlot" in script and len(script) < 100_000]
    assert len(plots) == 4
    assert '"x":["2026-11-20T23:05Z"],"y":[618048]' in plots[0]
    assert '"name":"denied flows"' in plots[0]
    assert '"y":["203.0.113.9","198.51.100.7"]' in plots[1].replace(" ", "")
    assert any("2026-11-20T23:05:55Z: 4 flows, 1 denied" in text for text in page.texts)


def test_a_page_loads_nothing_and_forbids_it(site: Site, folder: Path) -> None:
    text, page = page_of(site, nsg_log([END]))

    names = {name for name, _ in page.attributes}
    assert names & {"src", "href", "srcset", "action", "data", "poster", "background", "style:url"} == set()
    assert set(page.tags) & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    (policy,) = [value for name, value in page.attributes if name == "content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert re.findall(r"(?:https?:)?//|\*|'self'", policy) == []
    own = [each for each in page.scripts if len(each) < 100_000]
    outside = "".join([*own, *page.texts])
    assert re.findall(r"https?://|@import|url\(", outside) == []
    assert "plotly.js v" in text


def test_what_logs_say_is_escaped_on_a_page(site: Site, folder: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)><b>&amp;"
    text, page = page_of(site, vnet_log([DENIED], rule=evil))

    assert page.is_complete
    assert evil in page.cells
    assert "<script>alert" not in text
    assert "img" not in page.tags
    (denied,) = [script for script in page.scripts if '"plot-denied"' in script]
    (label,) = json.loads(re.findall(r'"y":(\[.*?\]),"type":"bar"', denied)[0])
    assert label.startswith("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;")
    assert unescape(label) == f"{evil} 198.51.100.7 22"


def test_without_plotly_a_page_is_refused_in_one_line_before_any_work(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)

    ran = site.run("report", "--html", "page.html", "missing.json")

    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("flowlog: --html needs plotly: pip install ")


def test_the_command_line_loads_neither_rich_nor_plotly_before_they_are_needed() -> None:
    code = "import sys, flowlog_core.cli; print({'rich', 'plotly'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 # its own code

    assert ran.stdout == "set()\n"
