# Every target that a reader may call carries one line of help after "##".
ifndef PYTHON
# The first that can make a virtual environment for the course; else the first that runs, which then says what it lacks.
COMPLETE := import ensurepip, venv, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON := $(shell for code in '$(COMPLETE)' ''; do for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c "$$code" >/dev/null 2>&1 && { echo $$p; exit; }; done; done)
endif
NO_PYTHON := No Python 3 was found: install Python 3.11, 3.12 or 3.13
VENV := .venv/bin/python
UV ?= uv
PORT ?= 8000
LOCK := pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book test lab serve notebooks determinism lint bench doctor lock links address clean env-book env-course

help: ## lists these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

book: env-book ## builds the site into _build/html
	@$(VENV) -m tools.site build

test: env-course ## runs every test and ends with the counts
	@$(VENV) -m tools.check

lab: env-course ## opens the lectures in JupyterLab
	@$(VENV) -m jupyterlab --notebook-dir=notebooks

serve: book ## brings the site up to date and serves it on this machine only (PORT=8000)
	@$(VENV) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

notebooks: env-course ## executes the lectures in place (NB=04 for one, TIMING=1 to measure times again)
	@$(VENV) -m tools.notebooks run $(NB) $(if $(TIMING),--timing)

determinism: env-course ## executes every lecture twice and compares the outputs
	@$(VENV) -m tools.notebooks determinism --all

lint: env-course ## checks format, style and types
	@$(VENV) -m tools.check lint

bench: env-course ## prints how the lectures' code compares in time with the libraries
	@$(VENV) -m tools.notebooks bench

doctor: ## says what this machine lacks, and what for
	@$(if $(PYTHON),$(PYTHON) tools/doctor.py,echo "MISSING  $(NO_PYTHON)"; exit 1)

lock: ## resolves pyproject.toml into requirements/ again (needs uv; UPGRADE=1 for newer versions)
	@$(UV) $(LOCK) $(if $(UPGRADE),--upgrade) --extra lectures --group course --output-file requirements/course.txt
	@$(UV) $(LOCK) --group book --constraint requirements/course.txt --output-file requirements/book.txt

links: env-book ## asks for every external link of the book (needs the network)
	@$(VENV) -m tools.links

address: env-book ## writes the repository's address everywhere (URL=https://github.com/ORG/REPO)
	@$(VENV) -m tools.address $(URL)

clean: ## removes what was built, except .venv and the data cache
	rm -rf _build build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

env-book:
	@$(or $(PYTHON),$(error $(NO_PYTHON))) tools/bootstrap.py book

env-course:
	@$(or $(PYTHON),$(error $(NO_PYTHON))) tools/bootstrap.py course
