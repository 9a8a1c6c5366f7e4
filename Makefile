# Every target sets up what it needs: Python 3.11 or newer, make and git are enough.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup gen fmt lint test demo up bench evaluate soak gallery clean

help: ## print this help
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv and install what uv.lock pins

$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ballast needs Python 3.11 or newer; call make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(BIN)/uv sync --frozen --quiet
	@touch $(READY)

gen: setup ## generate protos/gen from protos/ballast
	$(BIN)/python protos/generate.py

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

lint: setup ## style, types, import contracts, contracts' lint, generated code is fresh
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy --no-error-summary
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/python protos/generate.py --check
	@mkdir -p .ballast && $(BIN)/python protos/generate.py --image .ballast/contracts.binpb
	$(BIN)/buf lint .ballast/contracts.binpb --config buf.yaml
	@sh protos/breaking.sh

test: setup ## every test, against real PostgreSQL and Valkey
	$(BIN)/pytest -q

demo: setup ## replay a real year of incidents; leaves report and picture in .ballast/demo
	$(BIN)/ballast demo

up: setup ## run the suite on loopback until Ctrl-C
	$(BIN)/ballast up

bench: setup ## measure intake beside Alertmanager, Alerta and a bare echo (8 minutes); BENCH="storm" for one part
	$(BIN)/python -m bench $(BENCH)

evaluate: setup ## judge forecasts and decisions on periods they did not know, and write docs/evaluation (three minutes)
	$(BIN)/python -m bench.evaluation

soak: setup ## kill intake 60 times under load, restart PostgreSQL, lose the cache; SOAK="--kills 200 --seed 7"
	$(BIN)/python -m soak $(SOAK)

gallery: setup ## render every playbook's golden cases into docs/playbooks/gallery; read the difference before you commit it
	PYTHONPATH=. $(BIN)/python -m tests.support.gallery

clean: ## remove .venv and all local state
	rm -rf .venv .ballast
