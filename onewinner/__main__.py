"""`python -m onewinner`: the command line."""

import sys

from onewinner.command_line import main

if __name__ == "__main__":
    sys.exit(main())
