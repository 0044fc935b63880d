"""``python -m podwire``."""

import sys

from podwire.cli import main

if __name__ == "__main__":
    sys.exit(main())
