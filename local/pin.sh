#!/bin/sh
# Pins what pyproject.toml names, and what that brings, with the hashes of all files of each release: for each machine
# that a checkout or the app may be installed on. Pins that still fit stay; to renew them, delete the file first.
set -eu
cd "$(dirname "$0")/.."
if ! command -v uv >/dev/null 2>&1; then
    echo "pins: uv is needed and was not found: pip install uv, and try again" >&2
    exit 1
fi

pin() {
    uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-annotate \
        --custom-compile-command "make pins" --output-file "$@"
}

pin requirements.txt pyproject.toml
pin requirements-dev.txt pyproject.toml --all-extras --group local --group test --constraints requirements.txt
pin local/requirements-node.txt --group node
pin local/requirements-supply-chain.txt --group supply-chain
pin tests/infra/requirements-checkov.txt --group checkov
pin tests/consumers/requirements-appinspect.txt --group appinspect
