#!/usr/bin/env bash
# Lints what is deployed. What needs a tool that is not here is said to be NOT TRIED; `make lint` runs this.
set -euo pipefail
cd "$(dirname "$0")"
../.venv/bin/hadolint Dockerfile

if docker compose version >/dev/null 2>&1; then
  for profile in enrol activate dicom review observability; do
    docker compose --file compose.yaml --profile "$profile" config --quiet
    docker compose --file compose.yaml --file compose.gpu.yaml --profile "$profile" config --quiet
    docker compose --file compose.yaml --file compose.https.yaml --profile "$profile" config --quiet
    CXRGATE_REPOSITORY=. docker compose --file compose.yaml --file compose.triton.yaml --profile "$profile" config --quiet
  done
else
  echo "NOT TRIED: docker compose config, no docker compose here"
fi

if command -v promtool >/dev/null; then # Debian's package prometheus has it
  promtool check rules observability/rules.yaml
  promtool test rules observability/rules_test.yaml
else
  echo "NOT TRIED: promtool check rules, no promtool here"
fi
