"""The command `emag-ops`. Each of its commands has a module of its own, see `COMMANDS`.

Exit codes: 0 done; 1 Meltano's database does not answer, or is unknown, or a file is out of date;
2 an option or a setting is wrong; 3 a run was marked as failed, but not all of its processes could
be ended; 4 the doctor found a fault.
"""

from __future__ import annotations

import importlib
import logging
import sys
from typing import TYPE_CHECKING, Final

import click

from tap_emag.errors import EmagError
from tap_emag.meltano.caller import caller

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {  # by name; the module has a click command called `command`
    "list-runs": "tap_emag.ops.commands.list_runs",
    "cleanup-stuck-runs": "tap_emag.ops.commands.cleanup",
    "report-runs": "tap_emag.ops.commands.report_runs",
    "prune-runs": "tap_emag.ops.commands.prune",
    "prepare-tables": "tap_emag.ops.commands.prepare_tables",
    "create-views": "tap_emag.ops.commands.create_views",
    "limits": "tap_emag.ops.commands.limits",
    "metrics": "tap_emag.ops.commands.metrics",
    "doctor": "tap_emag.ops.commands.doctor",
    "report": "tap_emag.ops.commands.report",
    "accounts": "tap_emag.ops.commands.accounts",
}
EXTRAS: Final = {
    **dict.fromkeys(("cronsim", "psutil", "psycopg", "sqlalchemy", "yaml"), "ops"),
    **dict.fromkeys(("altair", "vl_convert"), "report"),
}
USAGE: Final = 2
logger = logging.getLogger("emag-ops")


class Commands(click.Group):
    """Imports a command on demand, so that none loads the packages of another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=Commands, context_settings={"max_content_width": 100})
@click.version_option(package_name="tap-emag")
def group() -> None:
    """Look after the runs of this project's pipelines."""


class LevelFormatter(logging.Formatter):
    """Names the level of a warning or an error: `meltano run` logs each line of a utility as info.

    It names the plugin itself, in front of the line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        text = super().format(record)
        return f"{record.levelname.lower()}: {text}" if record.levelno > logging.INFO else text


def main() -> None:
    """Run the command line and end the process with its code."""
    handler = logging.StreamHandler()
    if caller() in {None, "invoke"}:
        handler.setFormatter(logging.Formatter("emag-ops: %(message)s"))
    else:
        handler.setFormatter(LevelFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, log its errors, and return the exit code."""
    try:
        return int(group.main(arguments, prog_name="emag-ops", standalone_mode=False) or 0)
    except EmagError as error:
        for line in str(error).splitlines():
            logger.critical(line)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except click.Abort:
        return 128 + 2
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(error.name or "")
        if extra is None:
            raise
        text = "%s is missing; install tap-emag with its extra: tap-emag[%s]"
        logger.critical(text, error.name, extra)
        return USAGE


if __name__ == "__main__":
    main()
