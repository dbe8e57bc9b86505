# Every target sets up what it needs. Asked for: Python 3.13 (see .python-version), git, make, the package registry.
SHELL := /bin/bash -eu -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON  := python3.13
BIN     := .venv/bin
UV      := .venv-uv/bin/uv
SAM     := .venv-sam/bin/sam
LOCKS   := layer:layers/nodewarden/requirements.txt dev:requirements/dev.txt sam:requirements/sam.txt uv:requirements/uv.txt
COMPILE  = $(UV) pip compile --quiet --generate-hashes --no-header --universal --python-version 3.13 pyproject.toml
export SAM_CLI_TELEMETRY := 0
export PYTHONPATH := layers/nodewarden:.

.PHONY: help demo test check bench build smoke preview messages lock fmt clean
help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/ready ## the whole service on this machine: an opening closes and is undone, a release rolls, a CVE is dealt with
	@$(BIN)/python -m local.demo

test: .venv/ready .aws-sam/ready ## every test
	$(BIN)/python -m pytest -q

check: .venv/ready .venv-sam/ready .aws-sam/ready ## what CI checks: format, lint, types, tests, templates, locks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy layers/nodewarden local tests bench
	for app in functions/*/app.py; do $(BIN)/mypy "$$app"; done
	$(BIN)/cfn-lint template.yaml
	$(SAM) validate --lint
	@$(MAKE) --no-print-directory lock-check
	$(BIN)/python -m pytest -q

bench: .venv/ready .aws-sam/ready ## what it costs, against bare boto3 making the same calls
	$(BIN)/python -m bench
	$(BIN)/python -m bench.rollout_year
	$(BIN)/python -m bench.findings

build: .aws-sam/ready ## what is deployed, in .aws-sam/build

smoke: .venv/ready ## in a real account with a deployed stack: opens a tagged group, waits, checks, cleans up
	$(BIN)/python -m local.smoke --stack $(or $(STACK),nodewarden)

preview: .venv/ready ## every message, as an email program and Slack show it: build/preview/index.html
	@$(BIN)/python -m local.preview

messages: .venv/ready ## write the messages that the tests keep (tests/unit/messages) anew, to be looked at
	@$(BIN)/python -m local.samples

fmt: .venv/ready ## format, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(UV) ## compile the dependency groups again, to their newest versions
	for lock in $(LOCKS); do $(COMPILE) --upgrade --group "$${lock%%:*}" -o "$${lock##*:}"; done

.PHONY: lock-check
lock-check: $(UV) # the compiled files say what pyproject.toml asks for
	@fresh=$$(mktemp); trap 'rm -f "$$fresh"' EXIT; for lock in $(LOCKS); do \
	  cp "$${lock##*:}" "$$fresh"; $(COMPILE) --group "$${lock%%:*}" -o "$$fresh"; \
	  cmp -s "$$fresh" "$${lock##*:}" || { echo "$${lock##*:} is stale: run make lock"; exit 1; }; \
	done; echo "locks are fresh"

clean: ## remove what was built and installed
	rm -rf .venv .venv-sam .venv-uv .aws-sam build .ruff_cache .mypy_cache .pytest_cache .hypothesis

.venv-uv/bin/uv: requirements/uv.txt
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

.venv/ready: requirements/dev.txt $(UV)
	@echo "setting up Python 3.13 with what requirements/dev.txt pins (once)"
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python requirements/dev.txt
	@touch $@

.venv-sam/ready: requirements/sam.txt $(UV)
	@echo "setting up the SAM CLI (once)"
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-sam
	$(UV) pip sync --quiet --require-hashes --python .venv-sam/bin/python requirements/sam.txt
	@touch $@

.aws-sam/ready: .venv-sam/ready template.yaml $(shell find layers functions -type f -not -path '*/__pycache__/*')
	$(SAM) build --parameter-overrides Architecture=$(if $(filter x86_64,$(shell uname -m)),x86_64,arm64)
	@touch $@
