#!/usr/bin/env bash
# What must hold of the contract: buf's lint and format, committed stubs that are what the .proto files generate, and
# no breaking change against the last release. That release is protos/released.binpb: on releasing, copy the image
# that this script makes there (`protos/check.sh IMAGE` keeps it) and commit it; before the first one there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=${1:-$work/image.binpb}
mapfile -t files < <(cd protos && find cxrgate -name '*.proto' | sort)
python -m grpc_tools.protoc -I protos --include_imports --include_source_info -o "$image" "${files[@]}"
buf lint "$image"
buf format --diff --exit-code
if [ -f protos/released.binpb ]; then buf breaking "$image" --against protos/released.binpb; fi
mkdir "$work/stubs"
protos/generate.sh "$work/stubs"
diff -r --exclude='*.proto' --exclude=py.typed --exclude=__pycache__ --exclude=__init__.py "$work/stubs/cxrgate" protos/cxrgate
