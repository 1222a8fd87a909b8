"""The button "Deploy to Azure": template and form belong together, and every link leads to the one public address."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.infra.compiler import Built, Compiler
from tests.infra.predictions import Prediction, account_id, predict

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
ADDRESS = (INFRA / "releaseAddress.txt").read_text(encoding="utf-8").strip()
LINK = re.compile(r"https://portal\.azure\.com/#create/Microsoft\.Template/[^)\s\"]+")


def form() -> dict[str, Any]:
    definition: dict[str, Any] = json.loads((INFRA / "createUiDefinition.json").read_text(encoding="utf-8"))
    parameters: dict[str, Any] = definition["parameters"]
    return parameters


def questions() -> dict[str, dict[str, Any]]:
    """Return what the form asks, by name: the elements that take an answer."""
    elements = [element for step in form()["steps"] for element in step["elements"]]
    return {each["name"]: each for each in elements if each["type"].startswith("Microsoft.Common.")}


def without_generator(template: object) -> object:
    """Return a template without the name of its compiler, in itself and in all that it holds."""
    if isinstance(template, dict):
        return {name: without_generator(each) for name, each in template.items() if name != "_generator"}
    return [without_generator(each) for each in template] if isinstance(template, list) else template


def test_the_template_is_what_the_compiler_makes_of_the_sources(built: Callable[[str], Built]) -> None:
    compiled = json.loads((INFRA / "azuredeploy.json").read_text(encoding="utf-8"))

    assert built("azuredeploy.bicep").diagnostics == []
    assert without_generator(compiled) == without_generator(built("azuredeploy.bicep").template), "run make template"


def test_the_form_gives_the_template_its_parameters_and_asks_for_nothing_else() -> None:
    parameters = json.loads((INFRA / "azuredeploy.json").read_text(encoding="utf-8"))["parameters"]
    outputs = form()["outputs"]

    assert (
        set(outputs)
        == set(parameters)
        == {
            "location",
            "sourceAccountIds",
            "size",
            "isPrivate",
            "triggerSource",
        }
    )
    assert set(questions()) == {"chosen", "size", "isPrivate", "triggerSource"}
    used = set(re.findall(r"steps\('\w+'\)\.(\w+)", json.dumps(outputs)))
    assert used == set(questions())


def test_every_choice_of_the_form_is_one_that_the_template_takes() -> None:
    template = json.loads((INFRA / "azuredeploy.json").read_text(encoding="utf-8"))

    def taken(name: str) -> list[Any]:
        parameter = template["parameters"][name]
        while "$ref" in parameter:
            parameter = template["definitions"][parameter["$ref"].rpartition("/")[2]]
        return [True, False] if parameter["type"] == "bool" else list(parameter["allowedValues"])

    for name in ("size", "isPrivate", "triggerSource"):
        allowed = questions()[name]["constraints"]["allowedValues"]
        assert {each["value"] for each in allowed} == set(taken(name))
        (default,) = [each["value"] for each in allowed if each["label"] == questions()[name]["defaultValue"]]
        assert default == template["parameters"][name]["defaultValue"]


def test_the_button_deploys_the_released_package_and_needs_no_second_phase(compiler: Compiler, templates: Path) -> None:
    parameters = {"sourceAccountIds": [account_id("2", "one")], "location": "westeurope"}
    prediction = predict(compiler, templates, parameters, template="azuredeploy.bicep")

    (package,) = prediction.of("Microsoft.Web/sites/extensions").values()
    assert package["name"].endswith("/onedeploy")
    assert package["properties"] == {"packageUri": f"{ADDRESS}/app.zip", "remoteBuild": False}
    assert prediction.settings["FLOWLOG_TRIGGER_SOURCE"] == "StorageQueue"
    assert prediction.settings["FLOWLOG_SOURCES"] == "FlowLog_one"
    assert [each["id"] for each in prediction.resources if "condition" in each] == []


def test_without_the_button_no_package_is_deployed(predicted: Callable[[str], Prediction]) -> None:
    assert predicted("default").of("Microsoft.Web/sites/extensions") == {}


@pytest.mark.parametrize("page", ["README.md", "docs/deploy.md"])
def test_the_button_leads_to_the_one_public_address(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    template, definition = (
        quote(f"{ADDRESS}/{name}", safe="") for name in ("azuredeploy.json", "createUiDefinition.json")
    )

    assert LINK.findall(text) == [
        f"https://portal.azure.com/#create/Microsoft.Template/uri/{template}/createUIDefinitionUri/{definition}"
    ]


def test_the_address_is_written_down_once() -> None:
    texts = {
        path: path.read_text(encoding="utf-8") for path in INFRA.rglob("*") if path.suffix in {".bicep", ".py", ".txt"}
    }

    assert [path.name for path, text in texts.items() if ADDRESS in text] == ["releaseAddress.txt"]
