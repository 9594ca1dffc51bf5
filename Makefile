# Two commands: `make lab` opens the course, `make test` checks it. Both install into .venv only.

PYTHON ?= python3
RUNS ?= 20
KERNELS ?= 30
FOLDER ?= my_course

python := .venv/bin/python
pip := $(python) -m pip --quiet --disable-pip-version-check install
lock = UV_CUSTOM_COMPILE_COMMAND="make lock" $(python) -m uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-annotate
prose := README.md RUNNING.md CLASSROOM.md CONTRIBUTING.md CHANGELOG.md notebooks sockutils tests benchmarks website

.PHONY: help lab slides site book test notebooks classroom bench hosts soak versions kernels lint lock clean
.NOTPARALLEL:

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

lab: .venv/project ## open your copy of the course, my_course/ (ARGS="--no-browser --port=8890" is passed on)
	@exec $(python) -m sockutils lab "$(FOLDER)" $(ARGS)

slides: .venv/project ## write every notebook as slides into build/slides, one HTML file each
	@$(python) tests/slides.py $(ARGS)

site: .venv/dev .venv/project ## build the course as a site into build/site (SITE_URL=https://… where it will be)
	@$(python) -m website $(ARGS)

book: site ## print the course into build/book/sockets.pdf (the next `make site` offers it)
	@$(python) -m website.book

test: .venv/dev .venv/project ## unit tests, every notebook, browser tests (ALL=1: no samples; ARGS="tests/test_capture.py" narrows)
	@ALL=$(ALL) $(python) -m pytest --nbval --nbval-cell-timeout=300 --numprocesses=auto --dist=loadscope $(ARGS)

notebooks: .venv/dev .venv/project ## run every notebook and store its outputs, cleaned
	@$(python) tests/refresh.py $(ARGS)

classroom: .venv/dev .venv/project ## run a lesson in each of KERNELS=30 kernels at once, and print their memory
	@KERNELS=$(KERNELS) $(python) -m pytest -rP tests/test_classroom.py

bench: .venv/dev .venv/project ## print what the helpers cost, next to doing without
	@$(python) -m benchmarks $(ARGS)

hosts: .venv/dev .venv/project ## run the notebooks on hosts that restrict, and look what they leave (HOSTS="no-ipv6 clock", LESSONS="notebooks/03*")
	@$(python) tests/linux/hosts.py $(HOSTS) -- $(LESSONS)
	@$(python) tests/linux/untouched.py $(LESSONS)

soak: .venv/dev .venv/project ## run every notebook RUNS=20 times while every core is busy
	@$(python) tests/soak.py $(RUNS)

versions: .venv/dev ## run every notebook with the oldest and the newest dependencies that are allowed
	@for kind in lowest-direct highest; do \
		"$(PYTHON)" -m venv --clear build/$$kind && \
		$(python) -m uv pip install --quiet --python=build/$$kind --resolution=$$kind \
			--group=test --editable . && \
		build/$$kind/bin/python -m pytest --nbval --nbval-cell-timeout=300 --numprocesses=auto \
			--dist=loadscope -p no:cacheprovider notebooks || exit; \
	done

kernels: .venv/dev .venv/project ## run notebooks and tests on other Linux kernels (ARGS="--list", ARGS="6.1 newest")
	@$(python) tests/linux $(ARGS)

lint: .venv/dev .venv/project ## formatting, lint, types, spelling
	@$(python) -m ruff format --check
	@$(python) -m ruff check
	@$(python) -m mypy
	@$(python) -m codespell_lib --ignore-regex '[A-Za-z0-9+/=]{60,}' --ignore-words-list re-using $(prose)

lock: .venv/dev .venv/project ## write requirements*.txt from pyproject.toml (ARGS=--upgrade for newer versions)
	@printf "hatchling\neditables\n" | $(lock) $(ARGS) pyproject.toml - --output-file requirements.txt
	@$(lock) $(ARGS) pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt

clean: ## remove .venv and the caches
	@rm -rf build .venv .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

# The stamps in .venv are touched last, so an interrupted installation starts again. It starts again as well in
# a checkout that was moved or copied, and when the Python is gone that .venv was made with.
here := import os; from importlib.util import find_spec as find; \
	os.path.samefile(find("sockutils").origin, "sockutils/__init__.py") or exit(1)
moved := $(shell [ ! -e .venv/project ] || $(python) -Ic '$(here)' 2>/dev/null || rm -f .venv/locked)

.venv/locked: requirements.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "The course needs Python 3.11 or newer, but \`$(PYTHON) -V\` says: $$("$(PYTHON)" -V 2>&1)." \
		"Install a newer one, or name it: make lab PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make a virtual environment: apt install $$(basename "$(PYTHON)")-venv" \
		"(Debian, Ubuntu), or name another Python: make lab PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing JupyterLab and the course into .venv, once: a minute or so."
	@"$(PYTHON)" -m venv --clear .venv
	@$(pip) --require-hashes --no-deps --requirement requirements.txt
	@$(python) -m jupyterlab.labextensions disable --log-level=ERROR --level=sys_prefix \
		@jupyterlab/apputils-extension:announcements
	@touch $@

.venv/project: .venv/locked pyproject.toml sockutils/kernel/kernel.json \
		sockutils/slides/package.json sockutils/slides/static/slides.js \
		sockutils/panels/package.json sockutils/panels/static/panels.js \
		sockutils/practice/lab/package.json sockutils/practice/lab/static/practice.js
	@$(pip) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/locked requirements-dev.txt
	@$(pip) --require-hashes --no-deps --requirement requirements-dev.txt
	@touch $@
