"""The command `emag-loader`: target-postgres, whose log is for people.

Meltano installs it into the loader's environment. The loader itself logs each of its SQL
statements, and ends with tracebacks. Here its last line names what went wrong, and what to do.
"""

from __future__ import annotations

import json
import logging
import os
import re
import select
import sys
import time
import traceback
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from tap_emag.postgres_errors import GOES_ON, cause_of, login_problem
from tap_emag.quoting import quote
from tap_emag.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME: Final = "target-postgres"
LEVEL: Final = "TARGET_POSTGRES_LOGLEVEL"
USUAL: Final = "WARNING"  # a level that leaves out SQL and metrics
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ROWS: Final = "Processed record"  # how the SDK begins to log complete rows, at the debug level
WITH_VALUES: Final = ("InvalidRecord", "ValueError", "TypeError")  # of a row, in quotation marks
SETTINGS: Final = "check its settings, TARGET_POSTGRES_…"
NO_MESSAGE: Final = "InvalidInputLine"
LONGEST: Final = 300  # characters
INPUT: Final = 0  # the file descriptor of standard input
AT_ONCE: Final = 1 << 20  # bytes
QUIET_SECONDS: Final = 0.1  # without input, after which Meltano has no row under way
PATIENCE: Final = 10.0  # seconds to wait for that
logger = logging.getLogger(NAME)


def main() -> None:
    """Run target-postgres with the arguments of this process."""
    config = _config(sys.argv[1:])
    given = os.environ.get(LEVEL, USUAL).upper()
    level = os.environ[LEVEL] = given if given in LEVELS else USUAL
    code = 1
    try:
        from tap_emag.loader_sink import EmagLoader  # noqa: PLC0415

        command = EmagLoader.cli  # the SDK sets up logging here, as Meltano's file declares
        root = logging.getLogger()
        root.setLevel(level)
        for handler in root.handlers:
            handler.addFilter(Discretion())
        if level != given:
            logger.warning("%s: is not a level; write one of %s", LEVEL, ", ".join(LEVELS))
        problem = login_problem(config) if config else None
        if problem:
            logger.critical("; ".join(problem))
        else:
            errors = Errors()
            logger.addFilter(errors)
            code = int(command(standalone_mode=False) or 0)
            if code:
                reason = _safe(config, errors.text() or "its settings are invalid")
                logger.critical("%s; %s", reason, SETTINGS)
    except SystemExit:  # the SDK ends so after a signal, with 0, which Meltano takes for a success
        logger.critical("a signal ended it before its input did; %s", GOES_ON)
    except Exception as error:
        logger.info("the loader has failed", exc_info=error)
        logger.critical(_safe(config, _reason(error, config)))
    if code:
        _take_the_rest()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


class Errors(logging.Filter):
    """Takes what the SDK logs of invalid settings, for the last line."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self._texts: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if record.levelno != logging.ERROR:
            return True
        self._texts.append(record.getMessage())
        return False

    def text(self) -> str:
        """Return the errors in one line; the SDK's last one only names their kind."""
        return quote("; ".join(self._texts[:-1] or self._texts), LONGEST)


class Discretion(logging.Filter):
    """Keeps rows out of the log: errors of the SDK, of SQLAlchemy and of Postgres quote them.

    An error is logged with its places in the code and its statements, at the level INFO. Its words
    are in the last line.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if str(record.msg).startswith(ROWS):
            return False
        if not record.exc_info or record.exc_info[1] is None:
            return True
        [text, *_] = record.getMessage().splitlines() or [""]
        record.msg = "\n".join([text, *_places(record.exc_info[1])])
        record.args, record.exc_info = (), None
        record.levelno, record.levelname = logging.INFO, "INFO"
        return logging.getLogger().isEnabledFor(logging.INFO)


def _places(error: BaseException) -> Iterator[str]:
    """Yield where an error and those before it were raised, the first one first."""
    earlier = error.__cause__ or error.__context__
    if earlier is not None:
        yield from _places(earlier)
    yield f"{type(error).__name__}, raised in"
    yield from "".join(traceback.format_tb(error.__traceback__)).rstrip().splitlines()
    if statement := getattr(error, "statement", None):
        yield f"at the statement {statement}"


def _reason(error: Exception, config: Mapping[str, Any]) -> str:
    cause = cause_of(error, config)
    if cause:
        return f"{quote(cause.words, LONGEST)}; {cause.remedy}"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if NO_MESSAGE in kinds:
        return "a line of its input is not a Singer message: see why the tap ended, and run again"
    text = str(error)
    if kinds & {*WITH_VALUES}:
        text = re.sub(r"([\"']).*\1", "…", text)
    if isinstance(error, AssertionError):  # of target-postgres, about its settings
        return f"{quote(text, LONGEST)}; {SETTINGS}"
    name, text = type(error).__name__, quote(text, LONGEST)
    return f"{name}: {text or 'no reason given'}; {LEVEL}=INFO shows where"


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


def _safe(config: Mapping[str, Any], text: str) -> str:
    """Return a text without the passwords of the settings."""
    return Redactor(_passwords(config)).clean(text)


def _passwords(config: Mapping[str, Any]) -> list[str]:
    found = [str(config.get("password") or "")]
    with suppress(ValueError):
        found.append(unquote(urlsplit(str(config.get("sqlalchemy_url") or "")).password or ""))
    return [password for password in found if password]


if __name__ == "__main__":
    main()
