"""`python -m asgml` is the console script `asgml`."""

import sys

from asgml.lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
