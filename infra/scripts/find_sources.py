"""Writes down existing source accounts as main.bicep takes them, with the Event Grid topic that each may have already.

    export DEPLOY_SOURCES="$(python3 infra/scripts/find_sources.py ACCOUNT_ID …)"

There can be one system topic for an account, and others (Microsoft Defender, for one) may have made it: it has to be
found and used. Under azd, `azd env set DEPLOY_SOURCE_IDS "ID ID"` names the accounts, and the hook runs this by itself
with --azd. It only reads; it asks for the Azure CLI (`az`), signed in, and Python 3.9 or later.
"""

# ruff: noqa: INP001, T201  # a program started by its path, which talks to a person on a terminal
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

ACCOUNT_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Storage/storageAccounts/([a-z0-9]{3,24})",
    re.IGNORECASE,
)


class SourceError(Exception):
    """An account that cannot be used as it is. Its text says what to do."""


def run(name: str, *arguments: str) -> str:
    """Run a program and give what it prints."""
    program = shutil.which(name)
    if program is None:
        raise SourceError(f"{name} is not on the PATH")
    done = subprocess.run([program, *arguments], capture_output=True, encoding="utf-8", check=False)  # noqa: S603 # fixed arguments
    if done.returncode:
        raise SourceError(f"{name} {' '.join(arguments[:3])} failed: {done.stderr.strip()}")
    return done.stdout


def describe(account_id: str, *, owner_assigns_roles: bool) -> dict[str, Any]:
    """Give one account as main.bicep takes it."""
    match = ACCOUNT_ID.fullmatch(account_id)
    if match is None:
        raise SourceError(f"{account_id!r} is no id of a storage account")
    subscription, group, name = match.groups()
    account = json.loads(run("az", "storage", "account", "show", "--ids", account_id))
    if account["kind"] == "Storage":
        raise SourceError(f"{name} is a general-purpose v1 account, which has no events: upgrade it to v2")
    topics = json.loads(run("az", "eventgrid", "system-topic", "list", "--subscription", subscription))
    topic = next((each for each in topics if each["source"].lower() == account_id.lower()), None)
    if topic is not None and topic["resourceGroup"].lower() != group.lower():
        raise SourceError(f"The topic {topic['name']} of {name} is in another resource group: {topic['resourceGroup']}")
    if topic is not None and "SystemAssigned" not in ((topic.get("identity") or {}).get("type") or ""):
        raise SourceError(
            f"The topic {topic['name']} of {name} has no identity of its own; its owner gives it one with "
            f"az eventgrid system-topic update --subscription {subscription} -g {group} -n {topic['name']} "
            "--identity systemassigned"
        )
    return {
        "accountId": account_id,
        "connection": f"FlowLog_{name}",
        "location": account["location"],
        "topicName": "" if topic is None or is_ours(topic["name"], name) else topic["name"],
        "ownerAssignsRoles": owner_assigns_roles,
    }


def is_ours(topic: str, account: str) -> bool:
    """Whether topic.bicep made the topic: then it goes on looking after it."""
    return topic == f"flowlog-{account}"


def main() -> int:
    """Do it; 0: done, 1: an account cannot be used as it is."""
    parser = argparse.ArgumentParser(description="Write source accounts down as main.bicep takes them.")
    parser.add_argument("ids", nargs="*", metavar="ACCOUNT_ID")
    parser.add_argument("--azd", action="store_true", help="take DEPLOY_SOURCE_IDS, and keep the result in azd")
    parser.add_argument(
        "--owner-assigns-roles", action="store_true", help="sourceRole.bicep is deployed by the accounts' owner"
    )
    options = parser.parse_args()
    ids = options.ids or os.environ.get("DEPLOY_SOURCE_IDS", "").replace(",", " ").split()
    by_owner = options.owner_assigns_roles or os.environ.get("DEPLOY_OWNER_ASSIGNS_ROLES", "") == "true"
    if options.azd and not ids:
        return 0  # a new account, or DEPLOY_SOURCES was written by hand
    try:
        text = json.dumps([describe(each, owner_assigns_roles=by_owner) for each in ids])
        if options.azd:
            run("azd", "env", "set", "DEPLOY_SOURCES", text)
        else:
            print(text)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
