#!/usr/bin/env bash
# Pins what the images install, with hashes: the versions that are in .venv now, which are those the tests ran with.
# `make requirements` runs it. The files fit Linux on x86_64; torch is PyPI's build, which brings CUDA.
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=.venv/bin/uv
tested=$(mktemp)
trap 'rm -f "$tested"' EXIT
.venv/bin/python -m pip freeze --exclude-editable >"$tested"

compile() { # NAME UV-ARGUMENTS...
  "$uv" pip compile --quiet --generate-hashes --no-annotate --no-header --no-emit-package cxrgate-models --python-version 3.11 \
    --python-platform x86_64-manylinux_2_28 --constraint "$tested" --output-file "deploy/requirements/$1.txt" "${@:2}"
}

# The images have the models in a layer of their own, /models.
# Each list holds that of the layers below: gate holds index, dicom holds gate, models holds gate and torch.
compile index pyproject.toml --extra index --extra otel
compile gate pyproject.toml --extra gate --extra otel
printf '%s\n' torch torchvision | compile torch - --constraint deploy/requirements/gate.txt
compile dicom pyproject.toml --extra dicom --extra otel
compile models pyproject.toml --extra serve --extra otel
printf '%s\n' hatchling | compile build -
