# make help tells what there is. Everything is installed into this folder: .venv, and local/node_modules.

PYTHON := .venv/bin/python
SET_UP := .venv/set-up-done
CHECKOV := .venv-checkov/set-up-done
APPINSPECT := .venv-appinspect/set-up-done
SUPPLY_CHAIN := .venv-supply-chain/set-up-done
SECONDS :=
SEEDS :=
RUNS :=
KILLS :=
MIB :=
ARGUMENTS :=

.PHONY: help set-up run check test conformance lint docs template package simulate fuzz crash mutations backlog bench pins sbom vulnerabilities clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 — /p' Makefile

set-up: $(SET_UP)  ## install what runs and tests need (run and test do it by themselves)

$(SET_UP): requirements.txt requirements-dev.txt local/requirements-node.txt local/package-lock.json tests/infra/kusto/package-lock.json local/set_up.sh
	@sh local/set_up.sh
	@touch $@

# checkov pins older packages than the app's own tools, so it has an environment of its own; only make conformance needs it.
$(CHECKOV): $(SET_UP) tests/infra/requirements-checkov.txt
	@echo "set-up: checkov …"
	@$(PYTHON) -m venv .venv-checkov
	@.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/infra/requirements-checkov.txt
	@touch $@

# So does splunk-appinspect. It needs the library libmagic (Debian: libmagic1).
$(APPINSPECT): $(SET_UP) tests/consumers/requirements-appinspect.txt
	@echo "set-up: splunk-appinspect …"
	@$(PYTHON) -m venv .venv-appinspect
	@.venv-appinspect/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/consumers/requirements-appinspect.txt
	@touch $@

$(SUPPLY_CHAIN): $(SET_UP) local/requirements-supply-chain.txt
	@echo "set-up: cyclonedx-bom, pip-audit …"
	@$(PYTHON) -m venv .venv-supply-chain
	@.venv-supply-chain/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r local/requirements-supply-chain.txt
	@touch $@

run: $(SET_UP)  ## the whole system on this machine, until Ctrl-C; SECONDS=20 ends by itself and compares
	@$(PYTHON) -m local $(if $(SECONDS),--seconds $(SECONDS)) $(ARGUMENTS)

check: $(SET_UP) lint  ## the fast loop: lint, types, layers and the quick tests of the package
	@$(PYTHON) -m pytest --quiet -m "not slow" tests/unit $(ARGUMENTS)

# Each process has servers of its own; the tests of a file share theirs.
test: $(SET_UP) lint  ## lint, types, layers and all tests, on up to four cores; ARGUMENTS go to pytest
	@HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(PYTHON) -m pytest -m "not outside" --numprocesses auto \
		--maxprocesses 4 --dist loadfile --durations=15 $(ARGUMENTS)

conformance: $(SET_UP) $(CHECKOV) $(APPINSPECT)  ## the tests that only compare with other people's tools
	@$(PYTHON) -m pytest -m outside $(ARGUMENTS)

lint: $(SET_UP)
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-cache --no-logo

docs: $(SET_UP)  ## write what of docs/ comes from the code: settings, commands, the tables of keys, the JSON Schema
	@$(PYTHON) -m docs.generate

template:  ## compile the template of the button "Deploy to Azure" anew; it needs bicep on the PATH
	@bicep build infra/azuredeploy.bicep --outfile infra/azuredeploy.json

package: $(SET_UP)  ## build what a release publishes into release/: package of the app, template, form, checksums
	@$(PYTHON) infra/scripts/build_package.py release

simulate: $(SET_UP)  ## play many histories of writers, runs, sweeps and faults; SEEDS=10000
	@$(PYTHON) -m tests.endurance.simulation $(if $(SEEDS),--seeds $(SEEDS))

fuzz: $(SET_UP)  ## fuzz the decoder and the reading of events, guided by coverage, for 60 s; SECONDS=600 or RUNS=100000
	@$(PYTHON) -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(RUNS),--runs $(RUNS))

crash: $(SET_UP)  ## kill the app's processes at random while logs are written; KILLS=50
	@$(PYTHON) -m tests.endurance.crashes $(if $(KILLS),--kills $(KILLS))

mutations: $(SET_UP)  ## read 100,000 tuples and 20,000 documents with random faults; ARGUMENTS="--seed 2"
	@$(PYTHON) -m tests.endurance.mutations $(ARGUMENTS)

backlog: $(SET_UP)  ## forward one large blob and watch the memory; MIB=1024
	@$(PYTHON) -m tests.endurance.backlog $(if $(MIB),--mib $(MIB))

bench: $(SET_UP)  ## measure speed, requests, memory and cold start; ARGUMENTS go to python -m bench (--help tells them)
	@$(PYTHON) -m bench $(ARGUMENTS)

pins:  ## pin what pyproject.toml names, with hashes (needs uv)
	@sh local/pin.sh

sbom: $(SUPPLY_CHAIN)  ## list what the app and local runs are made of, as CycloneDX documents in .local/sbom
	@PATH="$$PATH:$(CURDIR)/.venv/bin" .venv-supply-chain/bin/python -m local.supply_chain sbom

vulnerabilities: $(SUPPLY_CHAIN)  ## look up what is known of the pinned packages (needs the internet)
	@.venv-supply-chain/bin/python -m local.supply_chain vulnerabilities

clean:  ## remove all that the others made
	rm -rf .venv .venv-checkov .venv-appinspect .venv-supply-chain local/node_modules tests/infra/kusto/node_modules .local release .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
