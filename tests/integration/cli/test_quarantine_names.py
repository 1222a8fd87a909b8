"""Names of items from one command to the next, through a shell and xargs as the help says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from flowlog_core.cli import command_line
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.quarantined import flows, names, put
from tests.integration.cli.site import ACCOUNT, Site
from tests.support.flow_logs import vnet_record

ROOT = Path(__file__).resolve().parents[3]
RESOURCES = (
    "plain",
    "two words",
    "a 'quote' and \"two\"",
    "semi;colon",
    "100%41",
    " -- --raw",
    "$(id);é*",
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where programs are, `flowlog` first."""
    script = tmp_path / "flowlog"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m flowlog_core "$@"\n')
    script.chmod(0o700)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def pipeline(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Give the pipeline in the examples of a command's help."""
    with pytest.raises(SystemExit):
        command_line().parse_args([*command, "--help"])
    (found,) = re.findall(r"^  (flowlog .*\| xargs .*)$", capsys.readouterr().out, re.MULTILINE)
    assert found.endswith(" --")  # whatever comes is a name
    return str(found)


def run(line: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 # a line of our own help
        ["/bin/sh", "-c", line],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def put_all(site: Site) -> dict[str, bytes]:
    """Put an item there for each resource; give their records by the items' names."""
    made = {}
    for number, resource in enumerate(RESOURCES):
        record = vnet_record(1, number=number)
        blob = site.blob(resource=resource)
        made[put(site, blob, record, reason="version 5 is not known").name] = record
    return made


@pytest.mark.parametrize("command", ["list", "show"])
def test_each_item_of_a_list_is_shown_by_its_name(
    site: Site, path: str, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    records = put_all(site)

    ran = run(pipeline(capsys, "quarantine", command), path)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert sorted(re.findall(r",10\.1\.0\.0,(\d+),", ran.stdout)) == sorted(str(1024 + each) for each in range(7))
    assert ran.stdout.count("\nname ") + ran.stdout.startswith("name ") == len(records)


def test_each_item_of_a_list_is_replayed_by_its_name_and_no_other(
    site: Site, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put_all(site)
    other = put(site, SourceBlob(ACCOUNT, site.container, "100A/PT1H.json"), vnet_record(1), reason="another reason")

    ran = run(pipeline(capsys, "quarantine", "replay"), path)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(flows(site)) == len(RESOURCES)
    assert names(site) == [other.name]


def test_of_an_empty_list_nothing_is_shown(site: Site, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(pipeline(capsys, "quarantine", "list"), path)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_written_name_is_read_as_what_it_was_and_is_no_option(site: Site) -> None:
    made = put_all(site)
    listed = names(site)

    assert {unquote(name) for name in listed} == set(made)
    assert [name for name in listed if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9/=._~%-]*", name)] == []


@pytest.mark.parametrize("name", ["--raw", "-h", "--settings=x", "%2D-raw"])
def test_a_name_that_begins_with_a_dash_is_a_name(site: Site, name: str) -> None:
    for action in ("show", "replay"):
        ran = site.run("quarantine", action, *(("--yes",) if action == "replay" else ()), "--", name)

        assert ran.status == (2 if action == "show" else 1)
        assert f"{unquote(name)}: there is no such item in quarantine" in ran.out + ran.err


def test_a_file_whose_name_begins_with_a_dash_is_a_file(site: Site) -> None:
    for command in ("decode", "report"):
        assert site.run(command, "--", "--json").err == "flowlog: --json: No such file or directory\n"


def test_a_line_end_in_a_name_begins_no_name_of_its_own(site: Site) -> None:
    put(site, site.blob(resource="x\n--raw"), b"x")

    assert ["%0A--raw" in name for name in names(site)] == [True]


def test_a_name_that_is_no_text_is_refused(site: Site) -> None:
    ran = site.run("quarantine", "show", "%ff")

    assert ran.status == 2
    assert "takes a name as `list --names` writes it" in ran.err
