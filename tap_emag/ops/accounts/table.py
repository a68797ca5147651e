"""Reads the table of accounts: the file `accounts.yml`, or the variable `EMAG_ACCOUNTS`.

The table names the variables that contain secrets, never the secrets. All mistakes are reported at
once, each with its account and key; no message repeats what may be a secret.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from tap_emag.errors import ConfigurationError
from tap_emag.meltano.variables import APP, JOB, REFERENCE
from tap_emag.ops.accounts.reading import DEFAULTS, Problems, loaded, shown, unknown
from tap_emag.ops.accounts.times import cron
from tap_emag.settings.kinds import InvalidError
from tap_emag.settings.settings import SETTINGS, Checked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = "accounts.yml"
VARIABLE: Final = "EMAG_ACCOUNTS"
LOADER: Final = "target-postgres"
IDENTITY: Final = ("marketplace", "account_type")
SECRETS: Final = ("username", "password")
GROUPS: Final = ("orders", "offers", "returns", "reference")
EVERY: Final = {  # by schedule
    "orders": "5m",
    "orders-nightly": "1d",
    "orders-weekly": "7d",
    "offers": "1h",
    "returns": "1h",
    "reference": "1d",
}
KEYS: Final = ("name", *IDENTITY, *SECRETS, "read", "every", "settings")
OF_ALL: Final = (*IDENTITY, "read", "every", "settings")
TOP: Final = ("accounts", "defaults", "loader")
DECLARED: Final = {each.name: each for each in SETTINGS}
# A name becomes part of plugins, jobs, variables, and objects of Kubernetes.
NAME: Final = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){0,23}")
OF_A_JOB: Final = re.compile(rf"(?:{JOB.pattern}|-(?:nightly|weekly)$)")
FIRST: Final = "main"  # the account of `tap-emag`, as Dagster calls it
NO_TEXT: Final = "is not text; put it in quotes"


@dataclass(frozen=True)
class TableAccount:
    """One account of the table.

    - `config`: settings of its plugin; secrets as the names of variables, such as `$NAME`.
    - `groups`: which of GROUPS are read.
    - `crons`: when each schedule runs, in UTC.
    """

    name: str
    config: Mapping[str, Any]
    groups: tuple[str, ...] = ()
    crons: Mapping[str, str] = field(default_factory=dict)

    @property
    def plugin(self) -> str:
        """The extractor that all plugins of this account inherit from."""
        return f"{APP}-{self.name}"

    def label(self, usual: Mapping[str, Any], environment: Mapping[str, str]) -> str:
        """Return marketplace and account type: the part of every key that is the account's.

        Args:
            usual: The settings of `tap-emag`, whose marketplace an account has that names none.
            environment: Variables, which go first as for every plugin.
        """
        return "/".join(
            str(
                environment.get(f"{prefix(self.name)}_{key.upper()}")
                or self.config.get(key)
                or usual.get(key)
            )
            for key in IDENTITY
        )

    def user(self, environment: Mapping[str, str]) -> str:
        """Return its user name, or `$NAME` of a variable that is not set here."""
        given = str(self.config["username"])
        name = given.strip("${}")
        return (
            environment.get(f"{prefix(self.name)}_USERNAME") or environment.get(name) or f"${name}"
        )

    @property
    def variables(self) -> list[str]:
        """The variables that its settings name."""
        texts = (each for each in self.config.values() if isinstance(each, str))
        return [text.strip("${}") for text in texts if REFERENCE.fullmatch(text)]


@dataclass(frozen=True)
class Table:
    """The accounts, the loader that they write to, and where the table came from."""

    source: str
    accounts: tuple[TableAccount, ...] = ()
    loader: str = LOADER


def read(root: Path, environment: Mapping[str, str]) -> Table | None:
    """Return the checked table of a project; None if it has none.

    Raises:
        ConfigurationError: The table is wrong, with a sentence for each mistake.
    """
    text, source = environment.get(VARIABLE), VARIABLE
    if not text:
        source = FILE
        try:
            text = (root / FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise ConfigurationError([f"{FILE}: cannot be read ({reason})"]) from None
    return parse(text, source)


def parse(text: str, source: str = FILE) -> Table:
    """Return the checked table of a text in YAML or JSON.

    Raises:
        ConfigurationError: It is wrong, with a sentence for each mistake.
    """
    document = loaded(text, source)
    problems = Problems(source)
    problems.check_keys("", document, TOP)
    loader = LOADER if document.get("loader") is None else document["loader"]
    if not isinstance(loader, str):
        problems.add("", "loader", f"is not a name; write one such as {LOADER}")
    defaults = problems.mapping("", "defaults", document.get("defaults"))
    problems.check_keys(DEFAULTS, defaults, OF_ALL)
    _parts(DEFAULTS, {}, defaults, problems)
    rows = document.get("accounts")
    if rows is None:
        hint = "write `accounts: []` for none, or `- name: bg` below it"
        problems.add("", "accounts", f"is missing; {hint}")
    elif not isinstance(rows, list):
        problems.add("", "accounts", "is not a list; write `- name: bg` and so on below it")
    rows = rows if isinstance(rows, list) else []
    accounts = [_account(row, number, defaults, problems) for number, row in enumerate(rows, 1)]
    found = [each for each in accounts if each]
    _check_distinct(found, problems)
    problems.raise_any()
    return Table(source, tuple(found), str(loader))


def prefix(account: str) -> str:
    """Return what the variables of an account's settings begin with, such as TAP_EMAG_BG."""
    return f"{APP}-{account}".replace("-", "_").upper()


def _account(
    row: object, number: int, defaults: dict[str, Any], problems: Problems
) -> TableAccount | None:
    given = problems.mapping(str(number), "", row)
    if not given:
        problems.add(str(number), "name", "is missing; write `- name: bg`")
        return None
    name = _name(given.get("name"), number, problems)
    called = name or str(number)
    problems.check_keys(called, given, KEYS)
    parts = _parts(called, given, defaults, problems)
    return TableAccount(name, *parts) if name else None


def _parts(
    account: str, given: dict[str, Any], defaults: dict[str, Any], problems: Problems
) -> tuple[dict[str, Any], tuple[str, ...], dict[str, str]]:
    """Return settings, groups and times of an account, or check those of the defaults."""
    config = _config(account, given, defaults, problems)
    wanted = defaults.get("read") if given.get("read") is None else given["read"]
    groups = _groups(account, wanted, problems)
    every = _merged(account, "every", given, defaults, problems)
    return config, groups, _crons(account, every, groups, problems)


def _name(given: object, number: int, problems: Problems) -> str:
    name = given if isinstance(given, str) else ""
    if isinstance(given, bool):  # such as `no`, for Norway
        problems.add(str(number), "name", NO_TEXT)
        return ""
    if not NAME.fullmatch(name):
        text = "is missing" if given is None else f"{given!r} will not do"
        hint = "write up to 24 lower-case letters, digits and hyphens, such as bg or shop-hu"
        problems.add(str(number), "name", f"{text}; {hint}")
        return ""
    if OF_A_JOB.search(f"-{name}"):
        problems.add(name, "name", "ends like the name of a job; write another one, such as bg")
    if name == DEFAULTS:
        problems.add("", "accounts", f"none can have the name {name}; write another one")
        return ""
    if name == FIRST:
        problems.add(name, "name", "is that of the first account; write another one, such as bg")
    if name.startswith(APP):
        problems.add(
            name, "name", f"begins like the name of a plugin; leave {APP} out, or write another one"
        )
    return name


def _merged(
    account: str, key: str, given: dict[str, Any], defaults: dict[str, Any], problems: Problems
) -> dict[str, Any]:
    usual = problems.mapping(DEFAULTS, key, defaults.get(key))
    own = problems.mapping(account, key, given.get(key))
    return usual | {each: value for each, value in own.items() if value is not None}


def _identity(
    account: str, given: dict[str, Any], defaults: dict[str, Any], problems: Problems
) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in IDENTITY:
        for place, value in ((account, given.get(key)), (DEFAULTS, defaults.get(key))):
            if value is not None and not isinstance(value, str):
                problems.add(place, key, NO_TEXT)
            elif value:
                found.setdefault(key, value)
    return found


def _config(
    account: str, given: dict[str, Any], defaults: dict[str, Any], problems: Problems
) -> dict[str, Any]:
    settings = _merged(account, "settings", given, defaults, problems)
    own = {*IDENTITY, *SECRETS}
    known = tuple(each for each in DECLARED if each not in own)
    for key in sorted(own & settings.keys()):
        problems.add(
            account, f"settings.{key}", f"is a key of the account; write `{key}` next to `name`"
        )
    for key in sorted(settings.keys() - own - {*known}):
        problems.add(account, f"settings.{shown(key)}", unknown(key, known))
    # Without a marketplace it has that of tap-emag.
    config: dict[str, Any] = _identity(account, given, defaults, problems)
    config.setdefault("account_type", DECLARED["account_type"].default)
    usual = {key: f"${prefix(account)}_{key.upper()}" for key in SECRETS}
    config |= {
        key: name if given.get(key) in (None, "") else given[key] for key, name in usual.items()
    }
    config |= {key: settings[key] for key in known if settings.get(key) is not None}
    places = {key: f"settings.{key}" if key in known else key for key in config}
    for key, value in config.items():
        secret = key in SECRETS or DECLARED[key].secret
        if secret and not (isinstance(value, str) and REFERENCE.fullmatch(value)):
            hint = f"write the name of a variable, such as ${prefix(account)}_{key.upper()}"
            problems.add(account, places[key], f"a secret must not be in this table; {hint}")
    literal = {key: value for key, value in config.items() if not _is_reference(key, value)}
    now = datetime.now(timezone.utc)
    for key, problem in Checked.of(dict.fromkeys(SECRETS, "-") | literal, now).problems.items():
        if key in places or key == "retry_wait_max_seconds":
            problems.add(account, places.get(key, key), problem)
    return config


def _is_reference(key: str, value: object) -> bool:
    """Return whether the value of a setting is known only at run time, or is reported already."""
    if key in IDENTITY:
        return False
    return (
        key in SECRETS
        or DECLARED[key].secret
        or (isinstance(value, str) and bool(REFERENCE.fullmatch(value)))
    )


def _groups(account: str, given: object, problems: Problems) -> tuple[str, ...]:
    if given is None:
        return GROUPS
    named = [each for each in given if each in GROUPS] if isinstance(given, list) else []
    if not isinstance(given, list) or not named or sorted(named) != sorted({*map(str, given)}):
        hint = f"write a list of {', '.join(GROUPS)}, each once, such as [orders, offers]"
        problems.add(account, "read", f"{given!r} will not do; {hint}")
        return ()
    return tuple(each for each in GROUPS if each in named)


def _crons(
    account: str, given: dict[str, Any], groups: tuple[str, ...], problems: Problems
) -> dict[str, str]:
    found: dict[str, str] = {}
    for job in sorted(given.keys() - EVERY.keys()):
        problems.add(account, f"every.{shown(job)}", unknown(job, tuple(EVERY)))
    for job, usual in EVERY.items():
        try:
            wanted = given.get(job)
            expression = cron(usual if wanted is None else wanted, account, job)
        except InvalidError as error:
            problems.add(account, f"every.{job}", str(error))
        else:
            if expression and job.partition("-")[0] in groups:
                found[job] = expression
    return found


def _check_distinct(accounts: list[TableAccount], problems: Problems) -> None:
    for name, times in Counter(each.name for each in accounts).items():
        if times > 1:
            problems.add(name, "name", f"is there {times} times; give each account its own")
