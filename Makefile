# Every target bootstraps what it needs; all are safe to repeat.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,13))' 2>/dev/null && command -v $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
MODE ?= standard
# Tests run in two processes, WORKERS=4 says otherwise. A process takes whole files, whose tests share their servers.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -q
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
STAMP := $(VENV)/.installed-$(shell cat requirements/dev.txt pyproject.toml local/pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)

.PHONY: help install demo up down test-fast test test-cluster test-cluster-long test-long lint bench bench-cluster triton cluster keda openapi templates deploy kfp lock clean

help: ## What can be made here
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-17s %s\n", $$1, $$2}'

$(STAMP):
	@test -n "$(PYTHON)" || { echo "Tidegate needs Python 3.11 or 3.12, and found neither: install one, or say PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -S scripts/supported.py
	@echo "Installing Tidegate into $(VENV) (one to ten minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(PYTHON) scripts/install.py $(BIN)/python requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e local
	@rm -f $(VENV)/.installed-*; touch $@

install: $(STAMP) ## Install Tidegate and its development tools into .venv (every target does)

triton: $(STAMP) ## Install the tritonserver that the local plane runs (once per machine)
	@$(BIN)/python -m tidegate_local.processes.toolchain > /dev/null

demo: $(STAMP) triton ## The main job, end to end on this machine (MODE=knative for the other mode)
	@$(BIN)/tidegate demo --mode $(MODE) --report build/demo-report.json

up: $(STAMP) triton ## Start the local plane: Postgres, Envoy, Triton, API, worker
	@$(BIN)/tidegate up

down: $(STAMP) ## Stop the local plane
	@$(BIN)/tidegate down

# Every test belongs to exactly one of `test`, `test-cluster`, `test-cluster-long` and `test-long`, by its marks
# (tests/project/test_tiers.py). `test-fast` is the part of `test` that starts no process.
test-fast: $(STAMP) ## Tests without processes of their own, under two minutes
	@$(PYTEST) $(PARALLEL) -m "not real and not cluster and not long"

test: $(STAMP) triton kfp ## All of it on real parts but the control plane: Postgres, Triton, Envoy, S3, kfp
	@$(PYTEST) $(PARALLEL) --durations=12 -m "not cluster and not long"

test-cluster: $(STAMP) triton cluster ## Tests on the real control plane
	@$(PYTEST) --durations=12 -m "cluster and not long"

test-cluster-long: $(STAMP) triton cluster keda ## The exhaustive ones of them: every crash point, 500 endpoints at once
	@$(PYTEST) -m "cluster and long"

test-long: $(STAMP) triton kfp ## The exhaustive ones without it: all crash points, many seeds
	@$(PYTEST) $(PARALLEL) -m "long and not cluster"

cluster: $(STAMP) ## Build the real control plane (once per machine: half an hour, 15 GB, network)
	@$(BIN)/tidegate dev cluster up --build-only $(addprefix --part ,gateway prometheus knative kserve kyverno tools)

keda: $(STAMP) ## Build KEDA, which only `make test-cluster-long` needs
	@$(BIN)/tidegate dev cluster up --build-only --part keda

lint: $(STAMP) ## ruff with bandit's rules, mypy strict, import-linter, words, licences, known vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m scripts.words
	@$(BIN)/python scripts/audit.py

bench: $(STAMP) triton ## The figures of the README, as ratios in one run, into build/
	@$(BIN)/python -m bench

bench-cluster: $(STAMP) cluster ## What the worker costs on a real API server, against bare applies (half an hour)
	@$(BIN)/python -m bench.cluster

openapi: $(STAMP) ## Write docs/openapi.json and docs/openapi-templates.json from the code
	@$(BIN)/python -m tidegate.deployment_service.openapi > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json
	@$(BIN)/python -m tidegate.template_service.openapi > docs/openapi-templates.json.new && mv docs/openapi-templates.json.new docs/openapi-templates.json

templates: $(STAMP) ## Compile pipelines/ into catalog/ (IMAGE=name:tag or name@sha256:… for your own)
	@kfp="$$($(BIN)/python -m pipelines.toolchain)" && PYTHONPATH=services "$$kfp" -m pipelines catalog $(IMAGE)
	@$(BIN)/python -m tidegate.template_service.schema > catalog/catalog.schema.json

deploy: $(STAMP) ## Write what deploy/ derives: the chart's schema of settings, the kustomize base
	@$(BIN)/python scripts/render_deploy.py

kfp: $(STAMP) ## Install kfp, which compiles and tries the templates (once per machine)
	@$(BIN)/python -m pipelines.toolchain > /dev/null

lock: $(STAMP) ## Renew the locked requirements from pyproject.toml (needs uv)
	@scripts/lock.sh

clean: ## Remove what the targets made here (caches outside stay)
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
