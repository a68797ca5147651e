"""The command `tap-emag`: one clear message for a failure, and exit codes for schedulers."""

from __future__ import annotations

import logging
import os
import sys

import click

from tap_emag.errors import EmagError, InterruptedSyncError
from tap_emag.tap import TapEmag

# Seconds a thread may compute before another gets its turn. A request's slot is a matter of
# milliseconds: it must not wait behind the parsing of a page.
SWITCH_INTERVAL = 0.001
logger = logging.getLogger("tap-emag")


def main() -> None:
    """Run the tap; see `tap_emag.errors` for what the exit codes mean."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        code = TapEmag.cli(standalone_mode=False) or 0
    except EmagError as error:
        for line in str(error).splitlines():
            logger.critical(line)
        code = 128 + error.signum if isinstance(error, InterruptedSyncError) else error.exit_code
    except click.ClickException as error:
        error.show()
        code = 2
    except BrokenPipeError:
        # Whoever read our output is gone; Python would complain once more while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        logger.critical("the target has closed the pipe; its own log says why")
        code = 1
    sys.stdout.flush()
    logging.shutdown()
    if code:
        # Requests still under way would hold the process back for as long as they may take.
        os._exit(code)


if __name__ == "__main__":
    main()
