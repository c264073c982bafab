# `make demo` shows kapagate at work, `make test` tests it. Each builds its own environment from a hash-pinned lock.
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PY ?= python3.11
ONCE ?=
NO_UV ?=
ARGS ?=
export PY NO_UV
export GOAL := $(firstword $(MAKECMDGOALS))
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

RUN  := .venv/bin/python
TEST := .venv-test/bin/python
UV   := .tools/bin/uv
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links $(ARGS)

.PHONY: help demo test test-wire-full test-audit-full compare-nginx lint format lock reference schema bench bench-quick bench-peers soak scorecard clean env-run env-test env-editor env-presidio

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: env-run ## the gateway, a stand-in Kapa and a few requests (ONCE=1: check the outcomes and stop)
	@$(RUN) -m kapagate demo $(if $(filter-out 0 no false,$(ONCE)),--once) $(ARGS)

test: env-test env-editor ## every test, on all cores (ARGS="tests/chain -k fact" for some, on one)
	@$(TEST) -m pytest --numprocesses auto --dist worksteal $(ARGS)

test-wire-full: env-test ## the corpus of raw cases cut at every place, on both loops
	@WIRE=full $(TEST) -m pytest tests/wire $(ARGS)

test-audit-full: env-test ## 200 kills of a gateway at full speed, with either durability of the audit
	@$(TEST) -m bench.kill --kills 200 $(ARGS)

compare-nginx: env-test ## the corpus against Debian's nginx; writes the table in docs/hop.md
	@$(TEST) -m tests.wire.nginx

lint: env-test ## ruff and mypy
	@$(TEST) -m ruff check .
	@$(TEST) -m ruff format --check .
	@$(TEST) -m mypy --strict kapagate

format: env-test ## let ruff mend what it can
	@$(TEST) -m ruff check --fix --exit-zero .
	@$(TEST) -m ruff format .

reference: env-test ## write docs/reference.md again from the models
	@$(TEST) -m docs.reference

schema: env-test ## write kapagate.schema.json again from the models
	@$(TEST) -m kapagate schema > kapagate.schema.json.new
	@mv kapagate.schema.json.new kapagate.schema.json

bench: env-test bench-peers ## 25 minutes: everything beside the peers, writes docs/performance.md (ARGS="--only streams")
	@$(TEST) -m bench.run $(ARGS)

bench-quick: env-test ## three minutes: start, whole answers, streams, beside the peers that are there
	@$(TEST) -m bench.run --quick $(ARGS)

bench-peers: env-test ## the peers, each in an environment of its own under .peers/
	@$(TEST) -m bench.install

soak: env-test ## a minute of everything that ends badly at 200 requests/s: does memory grow? (ARGS="--minutes 30")
	@$(TEST) -m bench.soak $(ARGS)

lock: env-test ## re-make requirements/*.txt from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(LOCK) pyproject.toml -o requirements/run.txt
	@$(LOCK) pyproject.toml --extra phonenumbers -c requirements/run.txt -o requirements/phonenumbers.txt
	@$(LOCK) pyproject.toml --group test -c requirements/run.txt -o requirements/test.txt
	@$(LOCK) --group scorecard -o requirements/presidio.txt

scorecard: env-test env-presidio ## how much personal data is found, and touched in vain; writes docs/scorecard.md
	@$(TEST) -m bench.scorecard $(ARGS)

clean: ## remove environments, tools and caches
	@rm -rf .venv .venv-test .venv-presidio .peers .tools .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	@find kapagate tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || :

env-run:
	@requirements/environment .venv requirements/run.txt

env-test:
	@requirements/environment .venv-test requirements/test.txt

env-editor:
	@requirements/editor/install .tools/editor

env-presidio:
	@requirements/environment .venv-presidio requirements/presidio.txt || echo "Presidio cannot be installed: the table says so"
