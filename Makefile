# install, demo, test: each sets up what it needs. Needs Python 3.11-3.13, make, gcc and git.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# the lock that is installed, whose name the stamp bears, unless another is asked for
LOCK ?= $(or $(patsubst $(VENV)/.installed-%,%,$(firstword $(wildcard $(VENV)/.installed-*))),requirements.lock)
INSTALLED = $(VENV)/.installed-$(notdir $(LOCK))
CORES ?= $(shell nproc 2>/dev/null || echo 2)
# one worker more than cores: the tests on Slurm mostly wait
PYTEST_ARGS ?= -n $(shell expr $(CORES) + 1) --dist loadfile
IS_SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(IS_SUPPORTED)' 2>/dev/null && echo "$$p" && break; done)
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

# what the parity tests compare with, in an environment of its own; of PyTorch the wheels for CPUs
# alone where they are to be had (1 GB installed), else those of the package index (5 GB)
PARITY := $(VENV)/parity
PARITY_WANTED := requirements-parity.txt
PARITY_INSTALL := VIRTUAL_ENV=$(PARITY) $(BIN)/uv pip install --constraint $(LOCK) \
	--override $(PARITY_WANTED) --requirement $(PARITY_WANTED)

.PHONY: help install demo test test-fast parity bench bench-yeast lock bedtools

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST)

install: bedtools $(INSTALLED)  ## make .venv with the locked dependencies and the command line

bedtools:
	@command -v bedtools >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends bedtools; \
	else \
		echo "basewise needs bedtools: install it (apt install bedtools, conda install bedtools), then run make again" >&2; \
		exit 1; \
	fi

$(VENV)/.python:
	@if [ -z "$(PYTHON)" ]; then echo "basewise needs Python 3.11, 3.12 or 3.13: none found" >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; \
		else \
			echo "basewise needs Python's venv module: apt install python3-venv, then run make again" >&2; \
			exit 1; \
		fi; \
	fi
	"$(PYTHON)" -m venv $(VENV)
	touch $@

$(INSTALLED): $(VENV)/.python pyproject.toml $(LOCK) requirements-uv.lock
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-uv.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --compile-bytecode --require-hashes --requirement $(LOCK)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --no-deps --no-build-isolation --editable .
	rm -f $(VENV)/.installed*
	touch $@

demo: install  ## annotate an unseen toy genome with the workflow, draw where factors bind, score both
	$(BIN)/snakemake --cores $(CORES) --directory .test --quiet reason
	$(BIN)/snakemake --cores $(CORES) --directory .test --quiet reason \
		--configfile .test/config-binding/config.yaml
	@$(BIN)/python .test/show_results.py .test/results

test: install  ## formatting, lint, and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check workflow
	$(BIN)/snakemake --lint
	$(BIN)/codespell
	$(BIN)/pytest $(PYTEST_ARGS)

test-fast: install  ## the tests that take seconds
	$(BIN)/pytest $(PYTEST_ARGS) -m "not slow"

parity: install $(PARITY)/.installed  ## compare models and encoders with PyTorch's
	$(PARITY)/bin/python -m pytest $(PYTEST_ARGS) -m parity

$(PARITY)/.installed: $(INSTALLED) $(PARITY_WANTED)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PARITY)
	$(PARITY_INSTALL) --torch-backend cpu || $(PARITY_INSTALL)
	site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	here=$$($(PARITY)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	echo "import site; site.addsitedir('$$site')" >"$$here/basewise.pth"
	touch $@

bench: install  ## measure, and write benchmarks/results/
	$(BIN)/python benchmarks/run.py

bench-yeast: install  ## train on yeast, annotate it; needs the files of benchmarks/yeast/config/
	$(BIN)/python benchmarks/bench_yeast.py --write

lock: install  ## pin the newest dependencies with their hashes
	$(UV_COMPILE) pyproject.toml --extra dev --output-file requirements.lock
	$(UV_COMPILE) pyproject.toml --extra dev --extra cuda --output-file requirements-cuda.lock
	$(UV_COMPILE) pyproject.toml --extra dev --extra tpu --output-file requirements-tpu.lock
	echo "uv" | $(UV_COMPILE) - --output-file requirements-uv.lock
