# Everything runs in .venv, which each target makes from nothing when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY := $(BIN)/overshoot
EXPERIMENT ?= experiments/study.toml

.DEFAULT_GOAL := help
.PHONY: help setup study quick atlas report reference lessons ui docs test lint format bench clean

help:  ## what there is to do
	@echo "Overshoot: what every optimizer does at every learning rate"
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## make the environment in .venv, from nothing

study: $(VENV)/.ready  ## run the whole study (or what is missing of it) and write its report
	$(STUDY) run $(EXPERIMENT)

quick: $(VENV)/.ready  ## the same road on a small grid, in about a minute
	$(STUDY) run experiments/quick.toml

atlas: $(VENV)/.ready  ## every optimizer on every problem, about an hour on two cores; it may be stopped and continued
	$(STUDY) run experiments/atlas.toml

report: $(VENV)/.ready  ## write the report again from what is stored
	$(STUDY) report $(EXPERIMENT)

reference: $(VENV)/.ready  ## keep a copy of the report in results/reference, for the repository
	$(STUDY) report $(EXPERIMENT) --copy results/reference$(patsubst %,-%,$(filter-out study,$(basename $(notdir $(EXPERIMENT)))))

lessons: $(VENV)/.ready  ## write the twelve lessons, each with a playground, in under a minute
	$(STUDY) lessons

ui: $(VENV)/.ready  ## browse the runs in the MLflow UI, on this machine only
	$(STUDY) ui

docs: $(VENV)/.ready-dev  ## write the handbook to site/, pages to open from disk
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "handbook: site/index.html"

test: $(VENV)/.ready-dev lint  ## check everything: format, lint, types, tests
	@sh tests/programs.sh
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.ready-dev  ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/biome check --error-on-warnings .

format: $(VENV)/.ready-dev  ## put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/biome check --write .

bench: $(VENV)/.ready  ## measure the core against other frameworks (those that are installed)
	$(BIN)/python -m bench

clean:  ## delete caches; with RUNS=all also every stored run and report
	$(if $(filter all,$(RUNS)),find results -mindepth 1 ! -name .gitkeep ! -path 'results/reference*' -delete)
	rm -rf site .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Overshoot needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
