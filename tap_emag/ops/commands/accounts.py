"""`emag-ops accounts`."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Final

import click

from tap_emag.errors import ConfigurationError
from tap_emag.meltano.variables import APP
from tap_emag.ops.accounts import project, table
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.plugin_config import PluginConfig
from tap_emag.ops.meltano.project import Place

if TYPE_CHECKING:
    from pathlib import Path

    from tap_emag.ops.accounts.table import TableAccount

OUTDATED: Final = 1
SHOWN: Final = (*table.IDENTITY, "sync_timeout_seconds")
logger = logging.getLogger("emag-ops")


@click.command("accounts")
@click.option("--check", is_flag=True, help="Write nothing; end with 1 if the file is out of date.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Write nothing; print the account and the deadline of each eMAG plugin, for schedulers.",
)
def command(*, check: bool, as_json: bool) -> int:
    """Write plugins, jobs and schedules of all accounts in accounts.yml into a Meltano file."""
    root = Place.from_environment().root
    if as_json:
        click.echo(json.dumps(_plugins(root), indent=1))
        return 0
    found = table.read(root, os.environ)
    if found is None:
        problem = (
            f"{table.FILE}: is missing in {root}; write `accounts:` and below it `- name: bg` and"
            " `marketplace: emag_bg`"
        )
        raise ConfigurationError([problem])
    before, text = project.current(root), project.text_of(found, root, os.environ)
    if check:
        if text != before:
            logger.error("%s is out of date: run `%s`", project.FILE, project.COMMAND)
        return OUTDATED if text != before else 0
    if text != before:
        project.write(root, text)
    written = project.HandWritten.of(root)
    now, former = (
        project.labels(each, written, os.environ)
        for each in (found.accounts, project.accounts_in(before))
    )
    known = {each.name: label for each, label in former}
    for line in _summary(now, known, written=text != before):
        click.echo(line)
    for line in _renamed(now, known, found.loader):
        click.echo(line)
    return 0


def _plugins(root: Path) -> dict[str, dict[str, str]]:
    """Return what schedulers need to know of each plugin, as text; secrets are not part of it."""
    plugins = PluginConfig(root, "extractors", os.environ)
    known = sorted(OwnPipelines.of_project(root).extractors)
    configs = {name: plugins.config(name) for name in known}
    return {
        name: {key: str(config[key]) for key in SHOWN if config.get(key) not in {None, ""}}
        for name, config in configs.items()
    }


def _summary(
    accounts: list[tuple[TableAccount, str]], known: dict[str, str], *, written: bool
) -> list[str]:
    """Return what is new; `known` are the labels of the former file, by account."""
    names = [each.name for each, _ in accounts]
    state = "written" if written else "is up to date"
    lines = [f"{project.FILE} {state}; accounts: {len(names)}"]
    for account, label in accounts:
        if account.name not in known:
            lines.append(f"added: {account.name} ({label}); `meltano run {account.name}`")
        elif known[account.name] != label:
            lines.append(
                f"changed: {account.name} ({known[account.name]} -> {label}): its rows keep the old"
                " label, a first sync begins"
            )
        missing = [each for each in account.variables if not os.environ.get(each)]
        if missing:
            lines.append(f"{account.name}: not set here: {', '.join(missing)}")
    removed = [each for each in known if each not in names]
    return lines + [
        f"removed: {each}; its rows and bookmarks stay, see docs/accounts.md" for each in removed
    ]


def _renamed(
    accounts: list[tuple[TableAccount, str]], known: dict[str, str], loader: str
) -> list[str]:
    """Return how an account under a new name keeps its bookmarks, which have the former one."""
    names = {each.name for each, _ in accounts}
    former = {label: name for name, label in known.items() if name not in names}
    lines = []
    environment = os.environ.get("MELTANO_ENVIRONMENT", "")
    for account, label in accounts:
        if account.name in known or label not in former:
            continue
        old = former[label]
        lines.append(
            f"renamed: {old} -> {account.name} ({label}): it begins anew unless you move its"
            " bookmarks before its next run:"
        )
        for group in account.groups:
            pipelines = (
                f"{environment}:{plugin}-{group}-to-{loader}".lstrip(":")
                for plugin in (f"{APP}-{old}", account.plugin)
            )
            lines.append(f"  meltano state move {' '.join(pipelines)}")
    return lines
