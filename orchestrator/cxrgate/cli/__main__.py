"""What `cxrgate` and `python -m cxrgate.cli` start.

Every decode worker imports the program's main module again before anything else: nothing heavy may stand at the top
here, or each worker would load torch.
"""

from __future__ import annotations

import importlib
import sys

from cxrgate.cli.extras import without_command_line


def main() -> None:
    """Run the command line, or say which extra has it."""
    try:
        command_line = importlib.import_module("cxrgate.cli.main")
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "cxrgate":
            raise
        sys.stderr.write(without_command_line(package) + "\n")
        sys.exit(2)  # Exit.USAGE, which cannot be loaded here
    command_line.main()


if __name__ == "__main__":
    main()
