# Everything is one command: `make run` to see the door work, `make test` to see that it does.
# Set-up happens by itself, once, and again when pyproject.toml changes.

PYTHON  ?= python3
DEVICE  := .venv/bin/python
CONVERT := .venv-convert/bin/python
TFLITE  := .venv-tflite/bin/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:
export PYTHON

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

setup: broker pictures ## Make the device environment, .venv, and fetch what it needs

run: setup ## See the door work: with your webcam, or with the built-in demo
	@$(DEVICE) -m edge try

test: test-edge test-browser test-convert test-tflite ## Set up and run every test

test-edge: setup ## Test the device, the documents and the architecture
	$(DEVICE) -m pytest -n 2 --dist loadfile --ignore=tests/convert --ignore=tests/browser

test-browser: setup browser ## Test the dashboard in a real browser
	@if test -e .venv/no-browser; then echo "The browser tests are left out: $$(cat .venv/no-browser)."; \
	else set -x; $(DEVICE) -m pytest tests/browser; fi

test-convert: pictures .venv-convert/ready ## Test the conversion stage, with TensorFlow
	$(CONVERT) -m pytest tests/convert

test-tflite: pictures .venv-tflite/ready ## Test that the older tflite-runtime still opens the door
	@if test -x $(TFLITE); then set -x; $(TFLITE) -m pytest tests/test_smoke.py; else cat .venv-tflite/ready; fi

check: lint types ## Run the linter, the formatter's check and the type checker

lint: .venv/ready ## Check style and formatting
	$(DEVICE) -m ruff check
	$(DEVICE) -m ruff format --check

types: .venv/ready ## Check the types
	$(DEVICE) -m mypy

models: .venv-convert/ready ## Build models/ again from where their weights come from
	@.ci/setup command npm
	$(CONVERT) -m convert import
	$(CONVERT) -m convert release

onnx: .venv-onnx/ready ## Make .venv-onnx, which converts ONNX files; nothing else needs it

evaluate: .venv/ready .venv-convert/ready ## Measure the models on LIMEN_DATA; write their cards and docs/accuracy.md
	@.ci/setup command npm
	$(DEVICE) -m convert evaluate
	$(DEVICE) -m convert measure
	$(CONVERT) -m convert quantize --attempts --release none
	$(DEVICE) -m convert report

siamese-demo: .venv-convert/ready broker pictures ## Train a small siamese network, convert it, run a door with it
	@$(CONVERT) -m convert siamese-demo

siamese-report: .venv-convert/ready ## Train every recipe on LFW and write docs/siamese.md; goes on where it stopped
	$(CONVERT) -m convert siamese-report

bench: setup ## Measure this machine and write docs/performance.md
	@$(DEVICE) -m edge bench --demo --report docs/performance.md --projection README.md

faults: setup ## Kill, hang, starve and upgrade a door many times; write docs/reliability.md (takes a while)
	@$(DEVICE) -m tests.faults

soak: setup ## Watch an idle door for a minute and let days pass in its store; write docs/reliability.md
	@$(DEVICE) -m tests.faults --soak

fuzz: setup ## Make up ten thousand of each thing that comes in from outside; write docs/reliability.md (SEED=N)
	@$(DEVICE) -m tests.fuzz $(if $(SEED),--seed $(SEED))

pictures: .venv/ready ## Fetch the two public-domain faces of the demo and the tests
	@$(DEVICE) -m convert pictures

screenshots: setup browser ## Take the dashboard's pictures in docs/pictures again
	$(DEVICE) -m tests.browser.screenshots

docs: .venv/ready ## Write docs/configuration.md and the made parts of docs/mqtt.md again
	@$(DEVICE) -m docs.configuration_page
	@$(DEVICE) -m docs.mqtt_page

install-smoke: ## Install and remove Limen on a fresh Debian in a folder of its own (needs root)
	@.ci/install-smoke

arm64-smoke: .venv/ready pictures ## Run the smoke test on 64-bit Arm, under qemu (needs root, takes minutes)
	@.ci/arm64-smoke

machine-smoke: pictures ## Install, kill, upgrade and remove Limen on an emulated Debian with a living systemd (needs root, half an hour)
	@.ci/machine-smoke

board-smoke: .venv/ready pictures ## Drive the strike's pin on an emulated Raspberry Pi 3, by its real kernel driver (needs root)
	@.ci/board-smoke

camera-smoke: .venv/ready pictures ## Plug a USB webcam into an emulated computer, pull it, let it hang (needs root)
	@.ci/camera-smoke

clean: ## Remove environments, caches and the demo; people and events in state/ stay
	rm -rf .venv .venv-convert .venv-tflite .venv-onnx .demo .try build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find edge convert tests docs -name __pycache__ -prune -exec rm -rf {} +

broker:
	@.ci/setup command mosquitto
	@.ci/setup command systemd-analyze systemd || true # judges the units; their other tests do without

browser: .venv/ready
	@.ci/setup browser

.venv/ready: pyproject.toml
	@.ci/setup device

.venv-convert/ready: pyproject.toml
	@.ci/setup convert

.venv-tflite/ready: pyproject.toml
	@.ci/setup tflite

.venv-onnx/ready: .ci/setup
	@.ci/setup onnx

.PHONY: help setup run test test-edge test-browser test-convert test-tflite check lint types models onnx evaluate siamese-demo siamese-report bench faults soak fuzz pictures screenshots docs install-smoke arm64-smoke machine-smoke board-smoke camera-smoke clean broker browser
