#!/usr/bin/env bash
# Runs the container tests where a Docker engine answers. One that is announced but does not answer is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
socket=/var/run/docker.sock
if [ -z "${DOCKER_HOST:-}" ] && [ ! -S "$socket" ]; then
  echo "NOT TRIED: tests/docker, no Docker engine is announced (DOCKER_HOST) or listens at $socket"
  exit 0
fi
if ! docker version >/dev/null || ! docker compose version >/dev/null; then
  echo "expected Docker with Compose to answer at ${DOCKER_HOST:-$socket}" >&2
  exit 1
fi
deploy/check.sh
exec .venv/bin/python -m pytest tests/docker -m docker "$@"
