"""The templates lead nowhere wrong, keep to the rules, and set what the app reads."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.infra.app_settings import setting_faults, settings_chosen, settings_made
from tests.infra.bicep import BicepFile, at, string, text, unwrap, walk
from tests.infra.policies import policy_faults
from tests.infra.references import parameters_given, read, reference_faults
from tests.infra.role_assignments import role_faults
from tests.infra.shapes import Shapes
from tests.support.tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
TRIGGER_SOURCES = ("EventGrid", "StorageQueue", "Sweep")


@cache
def files() -> dict[str, BicepFile]:
    return read(INFRA)


def test_every_symbol_parameter_module_output_and_key_leads_to_its_definition() -> None:
    assert [str(fault) for fault in reference_faults(files())] == []


def test_the_templates_keep_to_the_rules() -> None:
    assert [str(fault) for fault in policy_faults(files())] == []


def test_every_role_is_built_in_explained_needed_and_assigned() -> None:
    assert [str(fault) for fault in role_faults(files())] == []


def test_every_trigger_source_is_one_that_the_app_takes() -> None:
    allowed = files()["main.bicep"].symbols["triggerSource"].decorators["allowed"]
    assert tuple(string(each) for each in walk(allowed) if each.type == "string") == TRIGGER_SOURCES


@pytest.mark.parametrize("trigger_source", TRIGGER_SOURCES)
def test_the_app_reads_each_setting_and_finds_all_it_needs(trigger_source: str) -> None:
    made = settings_made(files()["appSettings.bicep"])

    assert setting_faults(made, settings_chosen(files()), trigger_source) == []


def test_the_python_worker_has_a_thread_for_each_execution_that_the_host_lets_run() -> None:
    made = settings_made(files()["appSettings.bicep"])
    degree = re.search(r'"maxDegreeOfParallelism": (\d+)', (ROOT / "host.json").read_text(encoding="utf-8"))

    assert degree is not None
    assert made["PYTHON_THREADPOOL_THREAD_COUNT"] == f"'{degree[1]}'"


def test_what_main_puts_out_for_phase_2_is_what_phase_2_asks_for() -> None:
    phase_2 = files()["eventSubscriptions.bicep"]
    forwarder = files()["forwarder.bicep"]
    shapes = Shapes(files())
    given = forwarder.outputs["afterDeploy"].value
    assert given is not None
    shape = shapes.of(forwarder, given, {})
    assert shape is not None

    for parameter in phase_2.of("parameter"):
        assert parameter.name in shape.keys
        for path in shapes.used(phase_2, parameter.name):
            assert shape.missing((parameter.name, *path)) is None
    assert text(files()["main.bicep"].outputs["AFTER_DEPLOY"].value or given) == "string(forwarder.outputs.afterDeploy)"


def test_the_key_of_the_web_hook_comes_from_the_host_and_goes_into_its_url() -> None:
    (module,) = files()["eventSubscriptions.bicep"].of("module")
    key = parameters_given(module)["blobsExtensionKey"]
    (subscription,) = [each for each in files()["webHookSubscription.bicep"].of("resource") if not each.existing]
    assert subscription.value is not None
    url = at(unwrap(subscription.value), "properties", "destination", "properties", "endpointUrl")

    assert re.fullmatch(r"listKeys\('\$\{app\.id\}/host/default', '[\d-]+'\)\.systemKeys\.blobs_extension", text(key))
    assert url is not None
    assert text(url) == (
        "'https://${appHostName}/runtime/webhooks/blobs"
        "?functionName=Host.Functions.forward_${connection}_${container}&code=${blobsExtensionKey}'"
    )


def test_an_alert_of_every_kind_has_a_threshold_and_an_entry_in_the_runbook() -> None:
    headings = set(
        re.findall(r"^### (.+)$", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    names = []
    for file in ("alerts.bicep", "topic.bicep"):
        alerts = files()[file].symbols["alerts"].value
        assert alerts is not None
        for alert in alerts.named_children:
            name, threshold = at(alert, "name"), at(alert, "threshold")
            assert name is not None
            assert threshold is not None
            names.append(string(name))
            assert text(threshold) in files()[file].symbols or names[-1] == "silence"

    assert names == [
        "lag", "quarantine", "poison", "throttling", "failures", "sweep", "silence",
        "silent sources",
        "dead letters", "delivery failures",
    ]  # fmt: skip
    assert set(names) <= headings


def test_azd_finds_the_app_by_its_tag_and_runs_both_hooks_in_either_shell() -> None:
    manifest = (ROOT / "azure.yaml").read_text(encoding="utf-8")

    assert "services:\n  app:\n" in manifest
    assert "'azd-service-name': 'app'" in files()["functionApp.bicep"].text
    programs = re.findall(r"run: python3? (infra/\w+\.py)", manifest)
    assert sorted(programs) == ["infra/scripts/after_deploy.py"] * 2 + ["infra/scripts/find_sources.py"] * 2
    assert all((ROOT / program).is_file() for program in programs)


@pytest.mark.parametrize("name", ["main.bicep", "eventSubscriptions.bicep", "roles.bicep"])
def test_the_compiler_builds_it_without_a_warning(name: str) -> None:
    command = [require_tool("bicep"), "build", "--stdout", str(INFRA / name)]
    built = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 # fixed arguments

    assert built.returncode == 0, built.stderr
    assert [line for line in built.stderr.splitlines() if "Warning " in line] == []
