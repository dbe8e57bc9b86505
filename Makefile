# Every target sets up what it needs; the only thing asked for is Python 3.13 (see .python-version), git and make.
SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON   ?= python3.13
VENV     := .venv
SAM_VENV := .venv-sam
BIN      := $(VENV)/bin
SAM      := SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam
UV       := $(shell command -v uv 2>/dev/null || echo .venv-uv/bin/uv)
LOCKS    := layer:layers/nodewarden/requirements.txt dev:requirements/dev.txt sam:requirements/sam.txt uv:requirements/uv.txt
export SAM_CLI_TELEMETRY = 0
