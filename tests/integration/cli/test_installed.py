"""The command line as it is installed, and the app that goes without it."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowlog_core import __version__
from tests.support.flow_logs import document, vnet_record

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Installed:
    """The package in an environment of its own.

    Attributes:
        wheel: What was installed.
        scripts: The environment's folder of scripts.
        folder: An empty one, to work in.
        variables: Bring in what the package depends on, and keep rich away.

    """

    wheel: Path
    scripts: Path
    folder: Path
    variables: dict[str, str]

    def flowlog(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(str(self.scripts / "flowlog"), *arguments, folder=self.folder, **self.variables)


def run(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 # our own
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    built = run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", ".", str(ROOT), folder=folder)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "environment")
    scripts = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
    done = run(
        *pip, "--python", str(scripts / "python"), "install", "--no-deps", "--no-index", wheel.name, folder=folder
    )
    assert done.returncode == 0, done.stderr
    without = folder / "without"
    without.mkdir()
    (without / "rich.py").write_text("raise ModuleNotFoundError(\"No module named 'rich'\", name='rich')\n")
    path = os.pathsep.join((str(without), sysconfig.get_path("purelib")))
    return Installed(wheel, scripts, folder, {"PYTHONPATH": path})


@pytest.fixture
def log(installed: Installed) -> str:
    file = installed.folder / "PT1H.json"
    file.write_bytes(document([vnet_record(2)]))
    return file.name


def test_the_package_holds_the_core_and_nothing_beside_it(installed: Installed) -> None:
    names = {name for name in zipfile.ZipFile(installed.wheel).namelist() if ".dist-info/" not in name}

    files = [*(ROOT / "flowlog_core").rglob("*.py"), ROOT / "flowlog_core" / "py.typed"]
    assert names == {str(file.relative_to(ROOT)) for file in files}


def test_the_package_has_the_version_that_the_code_says(installed: Installed) -> None:
    assert installed.wheel.name.startswith(f"azure_flow_log_forwarder-{__version__}-")


def test_without_rich_logs_are_decoded(installed: Installed, log: str) -> None:
    ndjson = installed.flowlog("decode", log)
    table = installed.flowlog("decode", "--format", "table", log)
    values = installed.flowlog("decode", "--format", "csv", "--fields", "srcIp,destPort", log)

    assert (ndjson.returncode, ndjson.stderr) == (0, "")
    assert [json.loads(line)["destIp"] for line in ndjson.stdout.splitlines()] == ["10.1.0.0", "10.1.0.1"]
    assert (table.returncode, len(table.stdout.splitlines())) == (0, 3)
    assert (values.returncode, values.stdout) == (0, "srcIp,destPort\n10.0.0.4,443\n10.0.0.4,443\n")


def test_what_needs_rich_says_what_to_install(installed: Installed, log: str) -> None:
    ran = installed.flowlog("report", log)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "flowlog: this needs rich: pip install '.[cli]' in the project's folder\n"


def test_without_rich_each_command_has_its_help(installed: Installed) -> None:
    usage = installed.flowlog("--help")
    commands = [line.split()[0] for line in usage.stdout.splitlines() if line.startswith("    ") and line[4] != " "]

    assert {"decode", "tail"} <= set(commands)
    for command in commands:
        ran = installed.flowlog(command, "--help")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "exit status:" in ran.stdout


def test_the_app_loads_neither_the_command_line_nor_what_only_that_needs() -> None:
    storage = "DefaultEndpointsProtocol=https;AccountName=logs;AccountKey=a2V5;EndpointSuffix=core.windows.net"
    program = "import sys, function_app; print('\\n'.join(sys.modules))"
    ran = run(
        sys.executable,
        "-c",
        program,
        folder=ROOT,
        FlowLogStorage=storage,
        AzureWebJobsStorage=storage,
        FlowLogEventHub__fullyQualifiedNamespace="bus.servicebus.windows.net",
    )

    assert ran.returncode == 0, ran.stderr
    loaded = set(ran.stdout.splitlines())
    assert "flowlog_core.wiring" in loaded
    assert {
        name for name in loaded if name.startswith("flowlog_core.cli") or name.split(".")[0] in {"rich", "plotly"}
    } == set()
