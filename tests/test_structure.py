"""The architecture as a test: imports point down only, and the run-time set is what it says."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the top down; a module imports only from lines below its own.
LAYERS = [
    {"function_app", "flowlog_core.__main__"},
    {"flowlog_core.cli"},
    {
        "flowlog_core.cli.audit",
        "flowlog_core.cli.backfill",
        "flowlog_core.cli.decode",
        "flowlog_core.cli.quarantine",
        "flowlog_core.cli.report",
        "flowlog_core.cli.status",
        "flowlog_core.cli.tail",
    },
    {"flowlog_core.cli.flow_display", "flowlog_core.cli.flow_writers"},
    {"flowlog_core.cli.live_table"},
    {"flowlog_core.cli.flow_table"},
    {
        "flowlog_core.cli.quarantine_replay",
        "flowlog_core.cli.quarantine_show",
        "flowlog_core.cli.report_chart",
        "flowlog_core.cli.report_files",
        "flowlog_core.cli.report_page",
    },
    {"flowlog_core.cli.report_words"},
    {
        "flowlog_core.cli.flow_inputs",
        "flowlog_core.cli.command_log",
        "flowlog_core.cli.item_selection",
        "flowlog_core.cli.json_rows",
        "flowlog_core.cli.plain_text",
        "flowlog_core.cli.progress",
        "flowlog_core.cli.rows",
    },
    {"flowlog_core.cli.terminal"},
    {"flowlog_core.cli.arguments"},
    {"flowlog_core.adapters.blob_url", "flowlog_core.adapters.wiring"},
    {
        "flowlog_core.adapters.blobs",
        "flowlog_core.adapters.checkpoints",
        "flowlog_core.adapters.event_hub",
        "flowlog_core.adapters.event_reader",
        "flowlog_core.adapters.quarantine_store",
    },
    {"flowlog_core.adapters.quarantine"},
    {"flowlog_core.adapters.hub_clients"},
    {"flowlog_core.adapters.credentials", "flowlog_core.adapters.inbox", "flowlog_core.telemetry"},
    # What the app itself does not use.
    {"flowlog_core.operations.audit", "flowlog_core.operations.backfill", "flowlog_core.operations.status"},
    {"flowlog_core.operations.audit_report", "flowlog_core.operations.report"},
    {
        "flowlog_core.operations.counting",
        "flowlog_core.operations.quarantine_listing",
        "flowlog_core.operations.recover",
        "flowlog_core.operations.retention",
        "flowlog_core.operations.standing",
        "flowlog_core.operations.stoppable",
        "flowlog_core.operations.twice_logged",
    },
    {"flowlog_core.operations.traffic"},
    {"flowlog_core.operations.flow_filter", "flowlog_core.operations.ledger", "flowlog_core.operations.tally"},
    {"flowlog_core.operations.hub", "flowlog_core.operations.quarantine_store", "flowlog_core.operations.spans"},
    {"flowlog_core.operations.received"},
    {"flowlog_core.operations"},
    # What it does.
    {"flowlog_core.settings"},
    {"flowlog_core.sweep"},
    {"flowlog_core.forward", "flowlog_core.listing"},
    {"flowlog_core.deliver"},
    {"flowlog_core.ports"},
    {"flowlog_core.decode", "flowlog_core.events", "flowlog_core.operations.received"},
    {"flowlog_core.body", "flowlog_core.checkpoint", "flowlog_core.encode", "flowlog_core.quarantine"},
    {"flowlog_core.formats"},
    {"flowlog_core.formats.nsg", "flowlog_core.formats.vnet"},
    {"flowlog_core.formats.record"},
    {"flowlog_core.formats.layout", "flowlog_core.scanner"},
    {"flowlog_core.announcement", "flowlog_core.flow"},
    {"flowlog_core.blob", "flowlog_core.errors", "flowlog_core.formats.protocols"},
    {"flowlog_core", "flowlog_core.adapters"},
]
HEIGHT = {name: -number for number, layer in enumerate(LAYERS) for name in layer}
EDGES = re.compile(r"function_app|flowlog_core\.(adapters\..+|cli(\..+)?|__main__|telemetry)")
WORLD = {"os", "time", "random", "socket", "subprocess", "threading", "asyncio", "pathlib", "io", "sys", "azure"}


def modules() -> dict[str, Path]:
    files = [ROOT / "function_app.py", *sorted((ROOT / "flowlog_core").rglob("*.py"))]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_module_has_its_layer() -> None:
    assert set(modules()) == set(HEIGHT)


@pytest.mark.parametrize("name", sorted(HEIGHT))
def test_a_module_imports_only_from_below(name: str) -> None:
    own = {imported for imported in imports(modules()[name]) if imported in HEIGHT and imported != name}

    assert {imported for imported in own if HEIGHT[imported] >= HEIGHT[name]} == set()


@pytest.mark.parametrize("name", [name for name in sorted(HEIGHT) if not EDGES.fullmatch(name)])
def test_the_core_knows_neither_azure_nor_environment_nor_clock(name: str) -> None:
    assert {imported.split(".")[0] for imported in imports(modules()[name])} & WORLD == set()


def test_only_adapters_and_the_app_import_azure() -> None:
    users = {name for name, file in modules().items() if any(each.startswith("azure") for each in imports(file))}

    assert all(name.startswith("flowlog_core.adapters.") or name == "function_app" for name in users)


def names_of(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [line.split("==")[0].lower() for line in lines if "==" in line]


def test_requirements_pin_what_pyproject_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert set(project["dependencies"]) <= set(names_of("requirements.txt"))
    extras = {name for names in project["optional-dependencies"].values() for name in names}
    pinned = {*names_of("requirements-dev.txt"), *names_of("local/requirements-node.txt")}
    assert extras <= pinned


def test_the_app_is_deployed_without_what_it_does_not_need() -> None:
    ignored = (ROOT / ".funcignore").read_text().split()

    assert {"local", "tests", "docs", ".venv", "local.settings.json"} <= set(ignored)
    assert set(names_of("requirements.txt")) & {"rich", "pytest", "hypothesis", "azure-functions-runtime"} == set()
