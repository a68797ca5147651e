"""The command `tap-emag`: one clear message for a failure, and exit codes for schedulers."""

from __future__ import annotations

import logging
import os
import sys
import traceback

import click

from tap_emag.errors import EmagError
from tap_emag.tap import TapEmag

# Seconds a thread may compute before another gets its turn. A request's slot is a matter of
# milliseconds: it must not wait behind the parsing of a page.
SWITCH_INTERVAL = 0.001
USAGE = 2
logger = logging.getLogger("tap-emag")


def main() -> None:
    """Run the tap; see `tap_emag.errors` for what the exit codes mean."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    code = run()
    logging.shutdown()
    if code:
        # Requests still under way would hold the process back for as long as they may take.
        os._exit(code)


def run() -> int:
    """Run the command line, tell what went wrong, and return the exit code."""
    try:
        code = int(TapEmag.cli(standalone_mode=False) or 0)
        sys.stdout.flush()
    except EmagError as error:
        for line in str(error).splitlines():
            logger.critical(line)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = USAGE
    except Exception as error:  # noqa: BLE001 - a defect of the tap's own
        _tell_defect(error)
        code = 1
    return code


def _tell_defect(error: Exception) -> None:
    """Say where it happened, but not the exception's message: it may quote somebody's data."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.critical(
        "%s, which is a defect of tap-emag; please report it with these lines:\n%s",
        type(error).__name__,
        frames.rstrip(),
    )


if __name__ == "__main__":
    main()
