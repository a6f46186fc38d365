"""python -m styletransfer: see `cli.py`."""

import sys


def main() -> int:
    """Run the command line; Ctrl-C while it is imported ends like Ctrl-C later on."""
    try:
        from .cli import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
