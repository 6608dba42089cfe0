# Two targets are for newcomers: `make demo` and `make test`. Both set up everything they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIB := build/installed

.PHONY: demo test check lint types layers goldens differential bench bench-images clean

demo: $(VENV)/installed  ## install slimify and let it rewrite a bundled example
	@rm -rf build/demo && mkdir -p build && cp -R examples/webapp build/demo
	$(BIN)/slimify fix build/demo

test: $(VENV)/tested check  ## install everything, check the code, run all tests
	$(BIN)/python -m pytest -n auto --dist loadgroup

check: lint types layers

lint: $(VENV)/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# The transforms live beside the package and are installed into it, so what is checked is an installed copy.
$(LIB): $(VENV)/tested $(shell find slimify transforms -name '*.py' -o -name '*.json' -o -name '*.toml') pyproject.toml
	@rm -rf $(LIB) build/lib build/bdist.*
	@$(BIN)/python -m pip install -q --no-deps --target $(LIB) .

types: $(LIB)
	MYPYPATH=$(LIB) $(BIN)/mypy -p slimify

layers: $(LIB)
	cd $(LIB) && PYTHONPATH=. ../../$(BIN)/lint-imports --config ../../pyproject.toml

goldens: $(VENV)/tested  ## write the expected outputs of corpus/ and of the bot anew; read every change
	$(BIN)/python -m tests.golden --update
	$(BIN)/python -m tests.bot.body --update

bench-images: $(VENV)/tested  ## build the applications of bench/ before and after, and measure them (hours; root, Debian)
	$(BIN)/python -m pip install -q --group bench
	environment=$$(bench/engine.sh start) && eval "$$environment" && $(BIN)/python -m bench.run --peers --readme

bench: $(VENV)/tested  ## measure beside the peers
	$(BIN)/python -m pip install -q --group bench
	$(BIN)/python scripts/bench.py

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade 'pip>=25.1'

$(VENV)/installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q -e .
	@$(BIN)/python -m compileall -q slimify transforms
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install -q --group test
	@scripts/need-bubblewrap
	@touch $@
