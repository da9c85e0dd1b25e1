# Two commands: `make demo` and `make test`. Both set everything up; both work offline once packages are installed.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test lint format proto e2e e2e-docker bench bench-services plots search-exactness docs dist clean evaluate requirements up up-demo audit faults load soak mutants fuzz browser dcmtk ray triton languages newcomer

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ./model_store --editable '.[train,stack,review,dicom,otel]' --group dev
	touch $@

.venv/serving: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[serve]'
	touch $@

demo: .venv/installed
	$(BIN)/cxrgate demo --output out

# Two at a time, each with one thread of PyTorch's: with all cores each they would wait for one another. Those that hold answers against
# a time have the machine to themselves.
JOBS ?= 2
TIMED := tests/benchmarks tests/e2e tests/faults tests/load
test: export OMP_NUM_THREADS = 1
test: .venv/installed
	$(BIN)/python -m pytest tests $(TIMED:%=--ignore %) -n $(JOBS) --dist worksteal
	$(BIN)/python -m pytest $(TIMED)

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy services orchestrator
	$(BIN)/lint-imports
	protos/check.sh
	$(BIN)/python .ci/prose.py .
	deploy/check.sh

format: .venv/installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# The committed stubs, after a change to a .proto file; `make lint` says when they are stale.
proto: .venv/installed
	protos/generate.sh

# The services as processes on loopback, with kill -9. What needs the real TorchServe (its Java comes along) is not part
# of `make test`; MARK="model_server and not slow" is its short form.
MARK ?=
e2e: .venv/serving
	$(BIN)/python -m pytest tests/e2e -m "$(MARK)"

# Two Ray nodes of one core each on this host, one of which is killed.
ray: .venv/installed
	$(BIN)/python -m pytest tests -m ray

# The real Triton, from the program in nvidia-pytriton's wheel, in an environment of its own: it wants an older NumPy.
triton: .venv/installed .triton/installed
	$(BIN)/python -m pytest tests -m triton

.triton/installed:
	$(PYTHON) -m venv .triton
	.triton/bin/python -m pip install --quiet nvidia-pytriton==0.7.0 onnxruntime
	touch $@

# The stack in real containers; says NOT TRIED where no Docker engine answers.
e2e-docker: .venv/installed
	tests/docker/run.sh

# Models, index and gate in containers on this host: from a clone, this is all. UP="--images real.csv" enrols.
UP ?=
up: .stack/installed
	.stack/bin/cxrgate stack up $(UP)

# The same over drawn radiographs of invented patients, up to a first look at what the gate says.
up-demo: .stack/installed
	.stack/bin/cxrgate stack demo

.stack/installed: pyproject.toml
	$(PYTHON) -m venv .stack
	.stack/bin/python -m pip install --quiet --editable '.[stack]'
	touch $@

# The manual, into out/docs; a broken link, or a key, command or reason that nothing explains, fails.
docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The pictures of README and manual, of the demo's own pages.
pictures: demo
	$(BIN)/python .ci/pictures.py

# What the images install, pinned anew to what is installed and tested here.
requirements: .venv/installed
	deploy/requirements/compile.sh

# Faults fall into a job of 1,000 small images, every bad input and planted leaks: kills, disks, peers, links, clocks. Each
# ends with the checker and, byte for byte, with the set of a run without faults. LONG=1 kills 200 times at random and
# has the long outages; SHORT=1 tries each kind once over 200 images. ONLY=kills tries the groups of that name.
faults: .venv/installed
	PYTHONPATH=tests $(BIN)/python -m faults --form $(if $(LONG),long,$(if $(SHORT),short,whole)) --only "$(ONLY)"

# A gate with null models as a process, and a generator that sends what is due whatever is unanswered: capacity first, then
# overload, bursts, half-open calls, silent connections, unread streams, one heavy caller beside four light ones. A line of
# figures beside their limits for each; merged into out/load.json. LONG=1: a minute each, and an hour of soak.
# SIDE=256: images as generators make them; 1,024 pixels, as radiographs have, without.
load: .venv/installed
	PYTHONPATH=tests $(BIN)/python -m load $(if $(LONG),--long) $(if $(SIDE),--side $(SIDE))

soak: .venv/installed
	PYTHONPATH=tests $(BIN)/python -m load soak $(if $(LONG),--long)

# Small changes of the decision path, each of which a test kills; `make mutants ONLY=policy` tries one module, EVERY=10
# each tenth change.
EVERY ?= 1
mutants: .venv/installed
	PYTHONPATH=tests $(BIN)/python -m mutants $(ONLY) --every $(EVERY)

# Files, lists, settings and messages, changed at random: each is read or refused as cxrgate refuses. `make fuzz ONLY=config
# COUNT=100000` tries one kind for longer, GUIDED=config goes by coverage (with atheris) until it is stopped.
COUNT ?= 5000
fuzz: .venv/installed $(if $(GUIDED),.venv/fuzz)
	PYTHONPATH=tests $(BIN)/python -m fuzz $(ONLY) $(GUIDED) --count $(COUNT) $(if $(GUIDED),--guided)

.venv/fuzz: .venv/installed
	$(BIN)/python -m pip install --quiet --group fuzz
	touch $@

# What needs programs of the system: Chromium (packages chromium), and storescu (package dcmtk).
browser: .venv/installed
	$(BIN)/python -m pytest tests -m browser

dcmtk: .venv/installed
	$(BIN)/python -m pytest tests -m dcmtk

# Both wheels, cxrgate and cxrgate-models, in dist/.
dist: .venv/installed
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel --directory "$(CURDIR)/dist"
	cd model_store && ../$(BIN)/python -m hatchling build --target wheel --directory "$(CURDIR)/dist"

# From nothing but Python to a first answer: an environment of its own with the wheels and, from the index that pip is
# configured for, what they depend on; then a check of a folder against a folder. Prints each command and the minutes.
newcomer: dist
	.ci/newcomer.sh "$(CURDIR)/dist" "$(PYTHON)"

# The samples in Java and Node; Node's packages come from npm.
languages: .venv/installed
	$(BIN)/python -m pytest tests/integration/test_languages.py -m "languages or not languages"

clean:
	rm -rf out build dist .venv

# Speed, as ratios to baselines of the same run: half an hour on two cores. Parts merge their keys into out/bench.json; one
# that fails leaves the others'. LONG=1 repeats and enlarges, for hours; `make bench ONLY="search ray"` measures parts.
LONG ?=
bench: .venv/bench .venv/serving
	PYTHONPATH=tests $(BIN)/python -m benchmarks $(if $(LONG),--long) $(ONLY)

.venv/bench: .venv/installed
	$(BIN)/python -m pip install --quiet --group bench
	touch $@

# Search against float64 brute force: 100,000 queries on 20,000 references and 10,000 on 112,120. `make test` asks fewer.
search-exactness: .venv/installed
	SEARCH_EXACTNESS=whole $(BIN)/python -m pytest tests/unit/index/engines/coded/test_searches.py

# The parts of it that need nothing but the services: the real TorchServe (its Java comes along), the index and the gate.
bench-services: .venv/serving
	PYTHONPATH=tests $(BIN)/python -m benchmarks torchserve index gate

# The plots of growth in the manual. BENCH=out/bench.json takes over what the long form of `make bench` measured.
BENCH ?=
plots: .venv/installed
	$(BIN)/python .ci/speed_plots.py $(BENCH)

# The models of model_store/ on DATA/manifest.csv (image, patient_id, source and, if there, split), beside a cheap
# baseline where there is a split to fit it on; every figure goes to out/evaluation.json, the last line is the main ones.
evaluate: .venv/installed
	$(BIN)/cxrgate evaluate "$(DATA)" --baseline --json out/evaluation.json

# Leaks planted on purpose, and how many of which kind pass, on patients of DATA/manifest.csv that no model saw; cases,
# figures and plots go to out/audit, the last line is the main ones. CONFIG=FILE: the `policy` of that configuration decides.
audit: .venv/installed
	$(BIN)/cxrgate audit "$(DATA)" $(if $(CONFIG),--config "$(CONFIG)")
