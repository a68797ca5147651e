"""The command `emag-loader`: target-postgres, whose log is for people.

Meltano installs it into the loader's environment. The loader itself logs each of its SQL
statements, and ends with tracebacks. Here its last line names what went wrong, and what to do.
"""

from __future__ import annotations

import json
import logging
import os
import select
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from tap_emag.logs import Redactor
from tap_emag.postgres_errors import meaning_of, missing_login, words_of
from tap_emag.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME: Final = "target-postgres"
LEVEL: Final = "TARGET_POSTGRES_LOGLEVEL"
USUAL: Final = "WARNING"  # a level that leaves out SQL and metrics
LONGEST: Final = 300  # characters
INPUT: Final = 0  # the file descriptor of standard input
AT_ONCE: Final = 1 << 20  # bytes
QUIET_SECONDS: Final = 0.1  # without input, after which Meltano has no row under way
PATIENCE: Final = 10.0  # seconds to wait for that
logger = logging.getLogger(NAME)


def main() -> None:
    """Run target-postgres with the arguments of this process."""
    level = os.environ.setdefault(LEVEL, USUAL)
    config = _config(sys.argv[1:])
    code = 1
    try:
        from target_postgres.target import TargetPostgres  # noqa: PLC0415

        command = TargetPostgres.cli  # the SDK sets up logging here, as Meltano's file declares
        logging.getLogger().setLevel(level.upper())
        absent = [f"TARGET_POSTGRES_{name.upper()}" for name in missing_login(config)]
        if config and absent:
            logger.critical("not set: %s; write them into `.env`", ", ".join(absent))
        else:
            code = int(command(standalone_mode=False) or 0)
            if code:
                logger.critical("its settings are invalid, as the lines above show")
    except Exception as error:
        logger.info("the loader has failed", exc_info=error)
        logger.critical(Redactor(_passwords(config)).clean(_reason(error)))
    if code:
        _take_the_rest()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _reason(error: Exception) -> str:
    words = words_of(error)
    if words is None:
        text = quote(str(error), LONGEST) or "no reason given"
        return f"{type(error).__name__}: {text}; {LEVEL}=INFO shows where"
    found = meaning_of(words)
    remedy = found.remedy if found else f"{LEVEL}=INFO shows the statement"
    return f"{quote(words, LONGEST)}; {remedy}"


def _take_the_rest() -> None:
    """Read and drop what Meltano still passes on, until it has nothing more under way.

    Meltano ends with a traceback of its own, instead of naming the loader, when it writes to a
    loader that has ended.
    """
    latest = time.monotonic() + PATIENCE
    with suppress(OSError, ValueError):
        while time.monotonic() < latest and select.select([INPUT], [], [], QUIET_SECONDS)[0]:
            if not os.read(INPUT, AT_ONCE):
                return


def _config(words: Sequence[str]) -> dict[str, Any]:
    """Return the settings in the files that the arguments name, as far as they can be read."""
    found: dict[str, Any] = {}
    for option, value in pairwise(words):
        if option == "--config":
            with suppress(OSError, ValueError, TypeError):
                found |= json.loads(Path(value).read_text(encoding="utf-8"))
    return found


def _passwords(config: dict[str, Any]) -> list[str]:
    found = [str(config.get("password") or "")]
    with suppress(ValueError):
        found.append(unquote(urlsplit(str(config.get("sqlalchemy_url") or "")).password or ""))
    return [password for password in found if password]


if __name__ == "__main__":
    main()
