"""The command line over models that answer at once: for services whose faults are not the models'."""

from __future__ import annotations

from cxrgate.cli.main import main
from support.null_models import null_models

if __name__ == "__main__":
    with null_models():
        main()
