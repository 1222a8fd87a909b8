#!/bin/sh
# Installs what a checkout needs, into the checkout: a virtual environment with the pinned packages, Azurite, and the
# language service that tests ask about queries.
# Run by make; it may be run again at any time.
set -eu
cd "$(dirname "$0")/.."

is_3_13() {
    "$@" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

make_environment() {
    if is_3_13 .venv/bin/python; then
        return
    fi
    rm -rf .venv
    for python in python3.13 python3 python; do
        if is_3_13 "$python"; then
            "$python" -m venv .venv
            return
        fi
    done
    if command -v uv >/dev/null 2>&1 && uv venv --quiet --seed --python 3.13 .venv; then
        return
    fi
    echo "set-up: Python 3.13 is needed and was not found: install it (or uv, which fetches it) and try again" >&2
    exit 1
}

# Nothing is installed but the files whose hashes are pinned.
install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
}

# Azurite 3.35 runs on Node 18 and later.
has_node() {
    command -v npm >/dev/null 2>&1 &&
        node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' >/dev/null 2>&1
}

echo "set-up: Python packages …"
make_environment
install requirements-dev.txt
if has_node; then
    npm=npm
else
    echo "set-up: no Node here; taking the one on PyPI …"
    install local/requirements-node.txt
    PATH="$PWD/.venv/bin:$PATH"
    npm="$PWD/.venv/bin/npm"
fi
echo "set-up: Azurite …"
(cd local && "$npm" ci --silent --no-audit --no-fund --ignore-scripts)
echo "set-up: language service for Kusto queries …"
(cd tests/infra/kusto && "$npm" ci --ignore-scripts --silent --no-audit --no-fund)
