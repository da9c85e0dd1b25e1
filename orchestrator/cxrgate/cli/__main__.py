"""What `cxrgate` and `python -m cxrgate.cli` start.

Every decode worker imports the program's main module again before anything else: nothing heavy may stand at the top
here, or each worker would load torch.
"""

from __future__ import annotations

import importlib


def main() -> None:
    """Run the command line."""
    importlib.import_module("cxrgate.cli.main").main()


if __name__ == "__main__":
    main()
