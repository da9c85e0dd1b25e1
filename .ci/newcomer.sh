#!/usr/bin/env bash
# newcomer.sh WHEELS [PYTHON]: what somebody does who has Python and the wheels, in an empty folder; each command is
# printed with the minutes since the start. Nothing of the checkout is used but the wheels.
set -euo pipefail
wheels=$(realpath "$1") python=${2:-python3.11} folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset PYTHONPATH VIRTUAL_ENV
export CXRGATE_CACHE=$folder/cache

told() {
  printf '%d:%02d  $ %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"
  "$@"
}

told "$python" -m venv environment
told environment/bin/pip install -qq --find-links "$wheels" 'cxrgate[gate]'
told environment/bin/cxrgate --version

# Two folders of images. A newcomer has some; here small ones are drawn, with copies of real ones among them.
environment/bin/python -c '
from pathlib import Path
from cxrgate.demo.dataset import SEED, Extent, write_dataset
write_dataset(Path("data"), SEED, Extent(patients=20, others=8, views=1, copies=1, side=128))'

code=0
told environment/bin/cxrgate check data/synthetic --against data/real >answer.txt || code=$?
cat answer.txt
printf '%d:%02d  done\n' $((SECONDS / 60)) $((SECONDS % 60))
# Some are copies and one is cut off: a check that stops nothing is broken.
if [ "$code" -ne 3 ] || ! grep -q 'no: .*copy' answer.txt; then
  echo "expected copies to be stopped and exit code 3, got $code" >&2
  exit 1
fi
