#!/bin/sh
# Packs the models of /models with a known answer, then serves them; arguments go to `cxrgate serve models`.
set -eu
cxrgate model pack /models --output /run/cxrgate/packed
exec cxrgate serve models /run/cxrgate/packed --folder /run/cxrgate/serving "$@"
