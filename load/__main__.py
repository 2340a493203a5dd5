"""`python -m load`: Locust with our locustfile. Its --help has the options of onewinner, too.

Locust prints its help before it reads a locustfile, and so without the options that the file adds.
"""

import sys
from pathlib import Path

from locust import events
from locust.main import main

from load.options import add_options

HELP = {"-h", "--help"}


def run() -> None:
    if HELP & set(sys.argv[1:]):
        events.init_command_line_parser.add_listener(add_options)
    sys.argv[1:1] = ["-f", str(Path(__file__).with_name("locustfile.py"))]
    main()


if __name__ == "__main__":
    run()
