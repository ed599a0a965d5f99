# The two commands a reader needs are "make lab" and "make test". What they do is in
# dmlcourse/bootstrap.py, so README.md can show the same without make.

PYTHON3 ?= $(shell command -v python3 || command -v python || echo python3)
BOOTSTRAP = $(PYTHON3) dmlcourse/bootstrap.py
BIN = .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)

.PHONY: help lab test setup dev build check-build lint deep bench offline-copy

help: ## list what make can do
	@awk -F ': .*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

lab: ## open the course in JupyterLab
	@$(BOOTSTRAP) lab

test: ## run the whole test suite
	@$(BOOTSTRAP) test

setup: ## install what learners need, start nothing
	@$(BOOTSTRAP) setup

dev: ## install what contributors need, start nothing
	@$(BOOTSTRAP) dev

build: dev ## build the notebooks whose lessons changed
	@$(BIN)/dmlcourse build

check-build: dev ## say which notebooks are out of step with their lessons
	@$(BIN)/dmlcourse build --check

lint: dev ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

deep: ## run the test suite with 100 seeds in place of 4
	@DMLCOURSE_SEEDS=100 $(BOOTSTRAP) test

bench: dev ## measure the speed of daily life
	@$(BIN)/python benchmarks/daily_life.py

offline-copy: ## make the folder build/offline-copy, from which machines without a network install
	@$(BOOTSTRAP) pack build/offline-copy
