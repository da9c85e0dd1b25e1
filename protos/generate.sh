#!/usr/bin/env bash
# Writes the stubs of every .proto into OUT (default: beside the .proto files). The Python path equals the proto path,
# so no import is rewritten. grpcio-tools is pinned: generated code runs with its own protobuf and every newer one.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-protos}
export PATH="$PWD/.venv/bin:$PATH"
mapfile -t files < <(cd protos && find cxrgate -name '*.proto' | sort)
python -m grpc_tools.protoc -I protos --python_out="$out" --grpc_python_out="$out" \
    --mypy_out=quiet:"$out" --mypy_grpc_out=quiet:"$out" "${files[@]}"
