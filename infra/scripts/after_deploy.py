"""What is left to do once the code is deployed: check its settings and functions, and subscribe to events by web hook.

After `azd deploy` it runs by itself. By hand:

    python3 infra/scripts/after_deploy.py --resource-group GROUP --deployment NAME

with the name of the deployment of main.bicep. It asks for the Azure CLI (`az`), signed in, and Python 3.9 or later. It
may be run again at any time: it makes nothing twice.
"""

# ruff: noqa: INP001, T201  # a program started by its path, which talks to a person on a terminal
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parents[1] / "eventSubscriptions.bicep"
DEFAULT_PAUSE = 15.0
"""Seconds between two attempts."""
ATTEMPTS = 40
"""How often the functions are asked for: ten minutes, since roles may take as long to be in force."""
PHASE_2_ATTEMPTS = 10
"""How often phase 2 is tried: ten minutes, since a host that starts has no key yet and answers no handshake."""


class StepError(Exception):
    """A step that did not succeed. Its text says what to do."""


def az(*arguments: str) -> str:
    """Run the Azure CLI and give what it prints."""
    program = shutil.which("az")
    if program is None:
        raise StepError("The Azure CLI (az) is not on the PATH: see learn.microsoft.com/cli/azure/install-azure-cli")
    done = subprocess.run([program, *arguments], capture_output=True, encoding="utf-8", check=False)  # noqa: S603 # fixed arguments
    if done.returncode:
        raise StepError(f"az {' '.join(arguments[:3])} failed: {done.stderr.strip()}")
    return done.stdout


def deployed(group: str, deployment: str | None) -> dict[str, Any]:
    """Give what main.bicep put out for this: from azd's environment, or from the deployment that is named."""
    if deployment is None:
        text = os.environ.get("AFTER_DEPLOY")
        if not text:
            raise StepError("Name the deployment of main.bicep: --deployment NAME")
    else:
        outputs = json.loads(
            az("deployment", "group", "show", "-g", group, "-n", deployment, "--query", "properties.outputs")
        )
        # Resource Manager gives names back with some of their letters in the other case.
        text = next((each["value"] for name, each in outputs.items() if name.upper() == "AFTER_DEPLOY"), "{}")
    values: dict[str, Any] = json.loads(text)
    return values


def expected_functions(trigger_source: str, connections: list[str], containers: list[str]) -> set[str]:
    """Give the names of the functions that the app registers; tests/infra holds them against function_app.py."""
    forwarding = {
        "EventGrid": {f"forward_{connection}_{container}" for connection in connections for container in containers},
        "StorageQueue": {"forward_queued"},
        "EventHub": {"forward_batch"},
        "Sweep": set(),
    }
    return forwarding[trigger_source] | {"sweep"}


def check_host_account(group: str, app: str) -> None:
    """See that no empty AzureWebJobsStorage hides the settings of the host's own account, which begin with its name.

    A deployment has at times made it anew (azure-functions-host#11636).
    """
    query = "[?name=='AzureWebJobsStorage' && value==''].name"
    found = json.loads(az("functionapp", "config", "appsettings", "list", "-g", group, "-n", app, "--query", query))
    if found:
        raise StepError(
            f"{app} has an empty setting AzureWebJobsStorage beside AzureWebJobsStorage__blobServiceUri, so that the "
            f"host may not find its account. Delete it (az functionapp config appsettings delete -g {group} -n {app} "
            "--setting-names AzureWebJobsStorage) and run this again."
        )


def report(state: str, attempt: int, attempts: int, pause: float) -> None:
    """Say how far it is, and how long the program will go on trying."""
    minutes = (attempts - attempt - 1) * pause / 60
    print(f"Not yet (trying for {minutes:.1f} minutes more): {state}", file=sys.stderr)


def check_functions(group: str, app: str, expected: set[str], pause: float) -> None:
    """Compare the functions that the platform has indexed with the expected ones.

    The host has at times not handed app settings over when it indexed: then functions are missing.
    """
    found: set[str] = set()
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause)
        names = json.loads(az("functionapp", "function", "list", "-g", group, "-n", app, "--query", "[].name"))
        found = {name.rpartition("/")[2] for name in names}
        if found == expected:
            print(f"{app} has its {len(expected)} functions: {', '.join(sorted(expected))}")
            return
        report(f"{app} has {len(found & expected)} of {len(expected)} functions", attempt, ATTEMPTS, pause)
    raise StepError(
        f"{app} has the functions {sorted(found)}, and should have {sorted(expected)}. Look into Application Insights "
        f"for faults of its settings; then restart it (az functionapp restart -g {group} -n {app}) and run this again."
    )


def subscribe(group: str, values: dict[str, Any], pause: float) -> None:
    """Deploy phase 2. The key goes from the app to Event Grid within the deployment; it never comes here."""
    names = ("appName", "prefix", "sources", "containers", "deadLetterAccountId")
    parameters = {"parameters": {name: {"value": values[name]} for name in names}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "parameters.json"
        file.write_text(json.dumps(parameters), encoding="utf-8")
        command = ["deployment", "group", "create", "-g", group, "-n", f"{values['prefix']}-event-subscriptions"]
        command += [
            "--template-file",
            str(TEMPLATE),
            "--parameters",
            f"@{file}",
            "--query",
            "properties.provisioningState",
        ]
        for attempt in range(PHASE_2_ATTEMPTS):
            try:
                az(*command)
            except StepError as error:
                if attempt == PHASE_2_ATTEMPTS - 1:
                    raise
                report(str(error), attempt, PHASE_2_ATTEMPTS, pause * 4)
                time.sleep(pause * 4)
            else:
                break
    count = len(values["sources"]) * len(values["containers"])
    print(f"Event Grid calls the app for {count} containers.")


def check_subscriptions(group: str, values: dict[str, Any], functions: set[str]) -> None:
    """Compare the functions that event subscriptions call with those that there are.

    The web hook answers 202 and drops the event where there is no such function, or its name lacks the prefix: nobody
    would notice. Only the answers to comparisons are asked for, since the URL holds the key.
    """
    app = values["appName"]
    host = json.loads(az("functionapp", "show", "-g", group, "-n", app, "--query", "defaultHostName"))
    names = sorted(functions)
    calls = ", ".join(_is_called(name) for name in names)
    called: set[str] = set()
    astray = []
    for source in values["sources"]:
        topic = ["-g", source["resourceGroup"], "--system-topic-name", source["topicName"]]
        topic += ["--subscription", source["subscriptionId"]]
        ours = f"[?starts_with(destination.endpointBaseUrl || '', 'https://{host}/')].name"
        command = ["eventgrid", "system-topic", "event-subscription"]
        for subscription in json.loads(az(*command, "list", *topic, "--query", ours)):
            full = ["--include-full-endpoint-url", "true", "--query", f"[{calls}]"]
            answers = json.loads(az(*command, "show", *topic, "-n", subscription, *full))
            found = {names[index] for index, answer in enumerate(answers) if answer}
            called |= found
            if not found:
                astray.append(f"{subscription} of the topic {source['topicName']}")
    if astray:
        raise StepError(
            f"These event subscriptions call a function that {app} does not have, and their events are lost: "
            f"{'; '.join(astray)}. Delete those that this deployment did not make, and run this again."
        )
    missing = sorted(functions - called - {"sweep"})
    if missing:
        raise StepError(f"No event subscription calls {', '.join(missing)}. Run this again.")
    print(f"Each of the app's {len(called)} blob functions is called by an event subscription.")


def _is_called(function: str) -> str:
    """Write the question whether a URL calls a function, which may be its last parameter, for ``--query``."""
    url, parameter = "destination.endpointUrl", f"functionName=Host.Functions.{function}"
    return f"contains({url}, '{parameter}&') || ends_with({url}, '{parameter}')"


def main() -> int:
    """Do it; 0: done, 1: a step failed."""
    parser = argparse.ArgumentParser(description="Check the functions, and subscribe to events by web hook.")
    parser.add_argument("--resource-group", default=os.environ.get("AZURE_RESOURCE_GROUP"))
    parser.add_argument("--deployment", help="name of the deployment of main.bicep; not needed under azd")
    parser.add_argument("--pause", type=float, default=DEFAULT_PAUSE, help="seconds between attempts")
    options = parser.parse_args()
    if not options.resource_group:
        parser.error("name the resource group: --resource-group GROUP")
    try:
        values = deployed(options.resource_group, options.deployment)
        connections = [source["connection"] for source in values["sources"]]
        expected = expected_functions(values["triggerSource"], connections, values["containers"])
        check_host_account(options.resource_group, values["appName"])
        check_functions(options.resource_group, values["appName"], expected, options.pause)
        if values["triggerSource"] == "EventGrid":
            subscribe(options.resource_group, values, options.pause)
            check_subscriptions(options.resource_group, values, expected)
    except StepError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
