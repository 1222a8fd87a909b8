"""The templates compile and keep to the rules of the linter, of the formatter, and of this project."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.compiler import Built, Compiler
from tests.infra.policies import policy_faults

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
DEPLOYED = ("azuredeploy.bicep", "main.bicep", "eventSubscriptions.bicep", "sourceRole.bicep")
FILES = sorted(str(path.relative_to(INFRA)) for path in INFRA.rglob("*.bicep*") if path.suffix != ".json")
LINES = 300


@pytest.mark.parametrize("name", [*DEPLOYED, "types.bicep"])
def test_the_compiler_and_its_linter_find_nothing(built: Callable[[str], Built], name: str) -> None:
    assert built(name).diagnostics == []


def test_the_file_of_parameters_compiles(compiler: Compiler) -> None:
    parameters = compiler.build_parameters(INFRA / "main.bicepparam")

    assert parameters.diagnostics == []
    assert parameters.template["parameters"]["size"] == {"value": "small"}


def test_the_formatter_changes_nothing(compiler: Compiler) -> None:
    changed = [name for name in FILES if compiler.formatted(INFRA / name) != (INFRA / name).read_text(encoding="utf-8")]

    assert changed == []


def test_every_module_is_part_of_something_that_is_deployed() -> None:
    texts = [path.read_text(encoding="utf-8") for path in INFRA.rglob("*.bicep*")]
    used = {Path(name).name for text in texts for name in re.findall(r"'([\w/.]+\.bicep)'", text)}

    assert {Path(name).name for name in FILES} - used == {
        "azuredeploy.bicep",
        "eventSubscriptions.bicep",
        "main.bicepparam",
    }


def test_the_stricter_rules_are_on_and_no_file_turns_one_off_without_a_reason() -> None:
    rules = json.loads((INFRA / "bicepconfig.json").read_text(encoding="utf-8"))["analyzers"]["core"]["rules"]
    assert {name for name, rule in rules.items() if rule["level"] == "warning"} == {
        "no-module-name",
        "no-unused-existing-resources",
        "use-recent-api-versions",
        "use-safe-access",
        "use-user-defined-types",
        "what-if-short-circuiting",
    }

    turned_off = [
        (name, lines[number - 1].strip().startswith("//"), line.split(maxsplit=1)[1])
        for name in FILES
        for lines in [(INFRA / name).read_text(encoding="utf-8").splitlines()]
        for number, line in enumerate(lines)
        if "#disable-" in line
    ]
    assert [name for name, has_reason, rule in turned_off if not has_reason and rule != "no-hardcoded-env-urls"] == []
    assert [name for name, _, rule in turned_off if rule == "what-if-short-circuiting"] == [
        "modules/app.bicep",
        "modules/newSource.bicep",
        "modules/sources.bicep",
    ]


@pytest.mark.parametrize("name", DEPLOYED)
def test_what_is_deployed_keeps_to_the_rules(built: Callable[[str], Built], name: str) -> None:
    assert policy_faults(built(name).template) == []


def test_every_type_and_each_of_its_properties_is_described(built: Callable[[str], Built]) -> None:
    definitions = built("types.bicep").template["definitions"]
    described = {
        name: each.get("metadata", {}).get("description")
        for kind, definition in definitions.items()
        for name, each in [(kind, definition), *((f"{kind}.{key}", value) for key, value in _properties(definition))]
    }

    assert len(described) > len(definitions)
    assert [name for name, description in described.items() if not description] == []


def _properties(definition: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(definition.get("properties", {}).items())


def test_no_module_is_of_a_registry_and_no_file_is_long() -> None:
    for name in FILES:
        text = (INFRA / name).read_text(encoding="utf-8")
        assert re.findall(r"'(?:br|ts)[:/]", text) == [], name
        assert len(text.splitlines()) <= LINES, name


def test_the_key_of_the_web_hook_comes_from_the_host_and_goes_into_its_url(built: Callable[[str], Built]) -> None:
    phase_2 = built("eventSubscriptions.bicep").template
    ((_, module),) = [each for each in phase_2["resources"].items() if "template" in each[1].get("properties", {})]
    key = module["properties"]["parameters"]["blobsExtensionKey"]["value"]
    hook = module["properties"]["template"]

    assert re.fullmatch(
        r"\[listKeys\(format\('\{0\}/host/default', .*\), '[\d-]+'\)\.systemKeys\.blobs_extension\]", key
    )
    assert hook["parameters"]["blobsExtensionKey"]["type"] == "securestring"
    (url,) = re.findall(r"'endpointUrl', (.*)", json.dumps(hook)) or [
        hook["resources"]["subscription"]["properties"]["destination"]["properties"]["endpointUrl"]
    ]
    assert url.startswith(
        "[format('https://{0}/runtime/webhooks/blobs?functionName=Host.Functions.forward_{1}_{2}&code={3}', "
        "parameters('appHostName'), parameters('connection'), "
    )
    assert url.endswith("parameters('blobsExtensionKey'))]")


def test_what_main_puts_out_for_phase_2_is_what_phase_2_asks_for(
    built: Callable[[str], Built], predicted: Callable[[str], Any]
) -> None:
    output = json.loads(predicted("existing accounts").outputs["AFTER_DEPLOY"])
    phase_2 = built("eventSubscriptions.bicep").template

    assert set(phase_2["parameters"]) == set(output) - {"triggerSource"}
    properties = phase_2["definitions"]["subscribedSourceType"]["properties"]
    assert all(set(source) == set(properties) for source in output["sources"])


def test_azd_finds_the_app_by_its_tag_and_runs_both_hooks_in_either_shell(predicted: Callable[[str], Any]) -> None:
    manifest = (ROOT / "azure.yaml").read_text(encoding="utf-8")
    (app,) = predicted("default").of("Microsoft.Web/sites").values()

    assert "services:\n  app:\n" in manifest
    assert re.search(r'^requiredVersions:\n  azd: ">= \d+\.\d+\.\d+"', manifest, re.MULTILINE)
    assert app["tags"] == {"azd-service-name": "app"}
    programs = re.findall(r"run: python3? (infra/scripts/\w+\.py)", manifest)
    assert sorted(programs) == ["infra/scripts/after_deploy.py"] * 2 + ["infra/scripts/find_sources.py"] * 2
    assert all((ROOT / program).is_file() for program in programs)
