"""What is left to do once the code is deployed: see that its functions are there, and subscribe to events by web hook.

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
ATTEMPTS = 20  # the platform may need some minutes to index functions, and the host some to make its key


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
        "Sweep": set(),
    }
    return forwarding[trigger_source] | {"sweep"}


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
        for attempt in range(3):
            try:
                az(*command)
            except StepError as error:
                # The host may still be starting: it has no key yet, or does not answer Event Grid's handshake.
                if attempt == 2:  # noqa: PLR2004 # the last of three
                    raise
                print(f"Not yet, trying again: {error}", file=sys.stderr)
                time.sleep(pause * 4)
            else:
                break
    count = len(values["sources"]) * len(values["containers"])
    print(f"Event Grid calls the app for {count} containers.")


def main() -> int:
    """Do it; 0: done, 1: a step failed."""
    parser = argparse.ArgumentParser(description="Check the functions, and subscribe to events by web hook.")
    parser.add_argument("--resource-group", default=os.environ.get("AZURE_RESOURCE_GROUP"))
    parser.add_argument("--deployment", help="name of the deployment of main.bicep; not needed under azd")
    parser.add_argument("--pause", type=float, default=15.0, help="seconds between attempts")
    options = parser.parse_args()
    if not options.resource_group:
        parser.error("name the resource group: --resource-group GROUP")
    try:
        values = deployed(options.resource_group, options.deployment)
        connections = [source["connection"] for source in values["sources"]]
        expected = expected_functions(values["triggerSource"], connections, values["containers"])
        check_functions(options.resource_group, values["appName"], expected, options.pause)
        if values["triggerSource"] == "EventGrid":
            subscribe(options.resource_group, values, options.pause)
    except StepError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
