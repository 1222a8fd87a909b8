"""The public function: flows of a log as Python values, and what it refuses."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import flowlog_core
from flowlog_core import FlowLogError, read_flows
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import NotAFlowLogError
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.support.forwarding import Setup

ROOT = Path(__file__).resolve().parents[2]
LOG = document([vnet_record(3), vnet_record(2, number=1)])

type Source = Path | BinaryIO | Iterable[bytes]


def as_file(folder: Path) -> Source:
    file = folder / "PT1H.json"
    file.write_bytes(LOG)
    return file


@pytest.mark.parametrize(
    "source",
    [as_file, lambda _: io.BytesIO(LOG), lambda _: [LOG[start : start + 7] for start in range(0, len(LOG), 7)]],
    ids=["a file", "a stream", "chunks"],
)
def test_the_flows_of_a_log_are_those_that_the_forwarder_sends(
    source: Callable[[Path], Source], tmp_path: Path
) -> None:
    setup = Setup()
    setup.blobs.put(VNET, LOG)
    setup.forward()

    assert list(read_flows(source(tmp_path), blob=VNET.path)) == setup.flows()


def test_what_gives_no_flow_is_passed_to_the_caller_and_its_neighbours_flow() -> None:
    good = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"
    refused: list[Any] = []

    flows = list(read_flows([document([vnet_record(2), nsg_record([good, "rubbish"])])], on_refused=refused.append))

    assert len(flows) == 3
    assert [item.tuples for item in refused] == [(RejectedTuple(1, "1 columns where nsg version 2 has 13"),)]


def test_what_nobody_asks_for_is_a_warning_with_its_offset() -> None:
    log = document([nsg_record([], version=9)])

    with pytest.warns(UserWarning, match="flow log, offset 12: NSG flow log version 9 is not known"):
        assert list(read_flows([log])) == []


def test_a_log_that_ends_inside_a_record_says_so_after_its_flows() -> None:
    refused: list[Any] = []

    flows = list(read_flows([LOG[:-200]], on_refused=refused.append))

    assert len(flows) == 3
    assert [item.reason for item in refused] == ["the log ends inside a record, or in bytes that are none"]


def test_what_is_no_flow_log_is_one_error_of_the_package() -> None:
    with pytest.raises(NotAFlowLogError) as raised:
        list(read_flows([b"hello"]))

    assert isinstance(raised.value, FlowLogError)


def test_every_public_name_can_be_imported_and_no_other_exists() -> None:
    assert all(getattr(flowlog_core, name) for name in flowlog_core.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        flowlog_core.nothing  # noqa: B018 # the access is what is tested


def test_importing_the_package_alone_imports_no_module_of_it() -> None:
    code = "import sys, flowlog_core; print([name for name in sys.modules if name.startswith('flowlog_core.')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 # a fixed command

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["flowlog_core", "flowlog_core.cli"])
def test_an_earlier_python_is_refused_before_anything_else_is_read(module: str) -> None:
    code = f"import sys; sys.version_info = (3, 11, 2, 'final', 0); sys.path.insert(0, {str(ROOT)!r}); import {module}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)  # noqa: S603 # fixed

    assert ran.returncode == 1
    assert ran.stderr.endswith("ImportError: flowlog_core needs Python 3.13 or later, and this is 3.11.2\n")
