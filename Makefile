# embedviz: everything happens in .venv beside this file.
#
#   make app                         install, prepare the demo set, serve on port 8501
#   make app PORT=9000 HOST=0.0.0.0  elsewhere, or for other machines
#   make test ARGS="-k labels"       only some tests
#   PYTHON=/path/to/python3.12       the interpreter of .venv, 3.11 to 3.13

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
APP_STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
NEEDS := pyproject.toml requirements.txt
PARITY_VENV := .venv-parity
PARITY_PYTHON := $(PARITY_VENV)/bin/python
PARITY_PIP := $(PARITY_PYTHON) -m pip install --quiet --disable-pip-version-check
PARITY_STAMP := $(PARITY_VENV)/.installed

.PHONY: install app check test bench parity screenshots clean help
.DEFAULT_GOAL := help

help: ## say what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

install: $(APP_STAMP) ## install embedviz into .venv

app: $(APP_STAMP) ## serve the app with its demo set
	@$(BIN)/embedviz app $(if $(PORT),--port $(PORT)) $(if $(HOST),--host $(HOST))

check: $(TEST_STAMP) ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint --deny-warnings assets embedviz/evaluation/report

test: $(TEST_STAMP) ## all tests, those in a real browser included
	@$(BIN)/python tools/browser.py
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

bench: $(TEST_STAMP) $(PARITY_STAMP) ## run every benchmark, the official implementations beside ours included
	@$(BIN)/python tools/browser.py
	$(BIN)/embedviz bench
	@for file in benchmarks/*.py; do \
	  [ -e "$$file" ] || { echo "There are no benchmarks."; exit 0; }; \
	  echo "$$file"; $(BIN)/python "$$file" || exit 1; \
	done
	@echo parity.speed; $(PARITY_PYTHON) -m parity.speed

parity: $(PARITY_STAMP) ## compare every model with its official code, in an environment of its own
	@table=0; hear=0; \
	$(PARITY_PYTHON) -m parity $(ARGS) || table=1; \
	$(if $(findstring --only,$(ARGS)),,$(PARITY_PYTHON) -m parity.hear || hear=1;) \
	exit $$((table + hear))

screenshots: $(TEST_STAMP) ## take the pictures of the README anew
	@$(BIN)/python tools/browser.py
	$(BIN)/python tools/screenshots.py

clean: ## remove .venv and every cache of these targets; sounds and weights stay
	rm -rf $(VENV) $(PARITY_VENV) build dist tests/artifacts .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once; the stamps follow the lists of requirements.
$(APP_STAMP): $(NEEDS) | $(BIN)/python
	@echo "Installing embedviz into $(VENV) (some minutes the first time) ..."
	@$(PIP) -e .
	@touch $@

$(TEST_STAMP): $(NEEDS) requirements-test.txt | $(BIN)/python
	@echo "Installing embedviz and its tests into $(VENV) (some minutes the first time) ..."
	@$(PIP) -e ".[test]"
	@touch $(APP_STAMP) $@

# PyTorch and the official packages live here only. Those of the second list ask for versions that
# they do not need; openl3's setup.py would download its weights. Nothing of the latter is cached,
# because a package without its weights must not be found by others.
$(PARITY_STAMP): $(NEEDS) requirements-parity.txt parity/requirements-alone.txt | $(BIN)/python
	@echo "Installing PyTorch and the official packages into $(PARITY_VENV) (some minutes) ..."
	@[ -e $(PARITY_PYTHON) ] || $(BIN)/python -m venv $(PARITY_VENV)
	@echo '*' > $(PARITY_VENV)/.gitignore
	@$(PARITY_PIP) -e . -r requirements-parity.txt
	@$(PARITY_PIP) --no-deps --ignore-requires-python -r parity/requirements-alone.txt
	@PYTHONPATH=$(CURDIR)/parity/openl3_setup $(PARITY_PIP) --no-deps --no-cache-dir \
	  --no-build-isolation openl3==0.4.2
	@touch $@

# The newest Python that fits, or the one named by PYTHON. Debian keeps `venv` in a package apart.
$(BIN)/python:
	@set -eu; \
	if [ -n "$${PYTHON:-}" ]; then set -- "$$PYTHON"; \
	else set -- python3.13 python3.12 python3.11 python3; fi; \
	fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	found=; \
	for python do \
	  if "$$python" -c "$$fits" 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "embedviz needs Python 3.11, 3.12 or 3.13, and $$* is none of them;" \
	    "install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  package=$$("$$found" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo='sudo -n'; \
	  if command -v apt-get >/dev/null && $$sudo true 2>/dev/null; then \
	    echo "Installing Debian's $$package ..."; \
	    $$sudo apt-get update -qq; \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$$package" >/dev/null; \
	  else \
	    echo "$$found cannot make an environment; install $$package and try again." >&2; exit 1; \
	  fi; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version) ..."; \
	"$$found" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
