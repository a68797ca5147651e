"""The command `tap-emag`: clear messages, and exit codes for schedulers."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

# Seconds a thread may compute before another gets its turn. A request has to leave within
# milliseconds of its slot: it must not wait until a page is parsed.
SWITCH_INTERVAL = 0.001
# New objects until Python looks for unused cycles among them; and how often it looks among older
# ones. Rows have no cycles, but thousands of them are kept at a time: to look costs a fifth of the
# processor time.
COLLECT_AFTER = (50_000, 20, 50)
USAGE = 2
logger = logging.getLogger("tap-emag")


def main() -> None:
    """Run the tap; see `tap_emag.errors` for the exit codes."""
    _end_on_signals()
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(*COLLECT_AFTER)
    code = run()
    logging.shutdown()
    if code:
        # A normal exit would wait for all requests under way.
        os._exit(code)


def run() -> int:
    """Run the command line, log its error, and return the exit code."""
    # Imported after signals are caught: these imports take most of the start's time.
    import click  # noqa: PLC0415

    from tap_emag.errors import EmagError  # noqa: PLC0415
    from tap_emag.logs import is_json  # noqa: PLC0415
    from tap_emag.singer_io import output  # noqa: PLC0415
    from tap_emag.tap import TapEmag  # noqa: PLC0415

    try:
        code = int(TapEmag.cli(standalone_mode=False) or 0)
        with output():
            sys.stdout.flush()
    except EmagError as error:
        for line in str(error).splitlines():
            logger.critical(line)
        code = error.exit_code
    except click.ClickException as error:
        if is_json():
            logger.critical(error.format_message())
        else:
            error.show()
        code = USAGE
    except Exception as error:  # noqa: BLE001 - a defect of the tap's own
        _log_defect(error)
        code = 1
    return code


def _end_on_signals() -> None:
    """End at once on a signal, with the shell's code, until the tap has its own handlers."""

    def end(signum: int, _: FrameType | None) -> None:
        os._exit(128 + signum)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, end)


def _log_defect(error: Exception) -> None:
    """Log where an exception was raised, without its message: that may quote personal data."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.critical(
        "%s, which is a defect of tap-emag; please report it with these lines:\n%s",
        type(error).__name__,
        frames.rstrip(),
    )


if __name__ == "__main__":
    main()
