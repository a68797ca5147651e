"""The examples for cron, systemd and compose agree with meltano.yml and with each other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from deploy import schedules
from deploy.cron import Cron
from orchestrate.meltano.schedules import Schedule
from tests.e2e.deploy.project import ROOT
from tests.e2e.orchestrate.page import block
from tests.support.declared import declared
from tools import schedule_files

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
TIMERS = sorted((DEPLOY / "systemd").glob("*.timer"))
PROJECT = declared()
COMPOSE = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text(encoding="utf-8"))
CONTAINERFILE = (DEPLOY / "container/Containerfile").read_text(encoding="utf-8").replace("\\\n", "")
ENTRYPOINT = DEPLOY / "container/entrypoint.sh"


@pytest.fixture(scope="module")
def planned() -> list[Schedule]:
    return [Schedule(each["name"], each["interval"], each["job"]) for each in PROJECT["schedules"]]


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """Read a unit; a key may come more than once."""

    class Many(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:  # noqa: ANN401 - configparser's
            if isinstance(value, list) and isinstance(self.get(key), list):
                value = self[key] + value
            super().__setitem__(key, value)

    parser = RawConfigParser(strict=False, dict_type=Many, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return {
        name: {key: value.split("\n") for key, value in parser[name].items()}
        for name in parser.sections()
    }


@pytest.mark.meltano
def test_the_examples_are_those_that_meltano_s_schedules_make(meltano_plugins: Path) -> None:
    made = schedule_files.examples(schedules.read(meltano_plugins))
    found = {path: (ROOT / path).read_text(encoding="utf-8") for path in made}
    assert found == made, "run: make generate"
    assert set(TIMERS) == {ROOT / path for path in made if path.endswith(".timer")}


def test_the_page_s_command_writes_what_follows_from_the_schedules(tmp_path: Path) -> None:
    for name in ("deploy", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copy(ROOT / "accounts.meltano.yml", tmp_path)
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    (tmp_path / "meltano.yml").write_text(text.replace("- name: offers\n", "- name: goods\n"))
    shown = block("running.md", ".venv/bin/python -m tools.schedule_files")
    subprocess.run(["/bin/sh", "-e", "-c", shown], cwd=tmp_path, check=True)
    written, known = (
        {
            path.relative_to(each): path.read_text()
            for path in each.rglob("*.*")
            if path.is_file() and path.suffix != ".pyc"
        }
        for each in (tmp_path / "deploy", DEPLOY)
    )
    old, new = (Path(f"systemd/tap-emag-{name}.timer") for name in ("offers", "goods"))
    crontab, cronjobs = Path("cron/tap-emag.crontab"), Path("kubernetes/cronjobs.yaml")
    changed = {path for path, text in written.items() if text != known.get(path)}
    assert changed == {crontab, cronjobs, new}
    assert known.keys() - written.keys() == {old}
    assert "logger -t tap-emag-goods" in written[crontab]


def test_cron_and_timers_mean_what_meltano_yml_says(planned: list[Schedule]) -> None:
    lines = re.findall(
        r"(?m)^((?:\S+ ){5})cd .* run --timeout=\d+ ([\w-]+) ",
        (DEPLOY / "cron/tap-emag.crontab").read_text(encoding="utf-8"),
    )
    assert [(text.strip(), job) for text, job in lines] == [
        (each.cron, each.job) for each in planned
    ]
    timers = {each.name: unit(DEPLOY / f"systemd/tap-emag-{each.name}.timer") for each in planned}
    for each in planned:
        timer = timers[each.name]["Timer"]
        assert timer["OnCalendar"] == [Cron.parse(str(each.cron)).on_calendar()]
        assert timer["Unit"] == [f"tap-emag@{each.job}.service"]
    assert len(TIMERS) == len(planned)


def test_no_schedule_is_on_the_full_hour(planned: list[Schedule]) -> None:
    assert {each.name for each in planned if 0 in Cron.parse(str(each.cron)).minutes} == set()


def test_a_schedule_with_variables_is_refused_where_they_would_be_lost() -> None:
    with pytest.raises(ValueError, match="schedule a sets `env`"):
        schedule_files.examples(
            [Schedule("a", "1 * * * *", "a", variables={"TAP_EMAG_LOG_FORMAT": "json"})]
        )


def test_each_limit_leaves_time_to_the_one_before() -> None:
    [service] = [each for each in UNITS if "@" in each.name]
    section = unit(service)["Service"]
    limits = [schedules.TAP_SECONDS, schedules.MELTANO_SECONDS, schedules.SUPERVISOR_SECONDS]
    assert all(later - earlier >= 60 for earlier, later in pairwise(limits))
    tap = f"{schedules.TAP_LIMIT}={schedules.TAP_SECONDS}"
    assert tap in section["Environment"]
    assert tap in (DEPLOY / "cron/tap-emag.crontab").read_text(encoding="utf-8").splitlines()
    settings, *_ = yaml.safe_load_all((DEPLOY / "kubernetes/base.yaml").read_text(encoding="utf-8"))
    assert settings["data"][schedules.TAP_LIMIT] == str(schedules.TAP_SECONDS)
    assert section["TimeoutStartSec"] == [str(schedules.SUPERVISOR_SECONDS)]
    assert section["TimeoutStopSec"] == [str(schedules.KILL_SECONDS)]
    assert f" run --timeout={schedules.MELTANO_SECONDS} %i" in section["ExecStart"][0]
    stop = COMPOSE["services"]["scheduler"]["stop_grace_period"]
    assert int(stop.removesuffix("s")) > schedules.KILL_SECONDS + 5


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_services_are_hardened(path: Path) -> None:
    section = unit(path)["Service"]
    assert section["User"] == ["emag"]
    assert section["NoNewPrivileges"] == ["yes"]
    assert section["ProtectSystem"] == ["strict"]
    assert section["UMask"] == ["0077"]
    assert section["CapabilityBoundingSet"] == [""]
    assert section["ReadWritePaths"] == [f"{schedules.PROJECT}/.meltano/run"]
    assert section["WorkingDirectory"] == [str(schedules.PROJECT)]


def settings_known() -> set[str]:
    plugins = [*PROJECT["plugins"]["extractors"], *PROJECT["plugins"]["loaders"]]
    return {
        f"{plugin['name']}_{setting['name']}".upper().replace("-", "_")
        for plugin in plugins
        for setting in plugin.get("settings", [])
    } | {"TAP_EMAG_FBE_USERNAME", "TAP_EMAG_FBE_PASSWORD"}


def named_settings(text: str) -> set[str]:
    found = re.findall(r"\b((?:TAP_EMAG|TARGET_POSTGRES)_[A-Z_]*[A-Z])\b", text)
    return {name.removesuffix("_FILE") for name in found}


@pytest.mark.parametrize(
    "name",
    [
        "deploy/compose/compose.yaml",
        "deploy/container/Containerfile",
        "deploy/kubernetes/base.yaml",
        ".env.example",
    ],
)
def test_settings_that_are_given_are_there(name: str) -> None:
    named = named_settings((ROOT / name).read_text(encoding="utf-8"))
    assert named
    assert named <= settings_known()


def test_compose_starts_schedules_that_are_there(planned: list[Schedule]) -> None:
    command = COMPOSE["services"]["scheduler"]["command"]
    assert command[:3] == ["python", "-m", "deploy.scheduler"]
    names = {each.name for each in planned}
    assert set(command[3:]) == {name for name in names if not name.startswith("fbe-")}


def test_every_secret_of_compose_is_a_file_and_used() -> None:
    used = set()
    for name, service in COMPOSE["services"].items():
        given = set(service.get("secrets", []))
        values = [str(value) for value in service.get("environment", {}).values()]
        # The script that prepares Postgres reads its own.
        text = " ".join(values)
        if name == "postgres":
            text += (
                (DEPLOY / "compose/postgres-init.sh")
                .read_text()
                .replace("$secrets", "/run/secrets")
            )
        assert set(re.findall(r"/run/secrets/(\w+)", text)) == given
        used |= given
    assert used == set(COMPOSE["secrets"])
    assert all(each["file"] == f"./secrets/{name}" for name, each in COMPOSE["secrets"].items())
    ignored = subprocess.run(
        ["git", "check-ignore", "--quiet", "deploy/compose/secrets/emag_password"],
        cwd=ROOT,
        check=False,
    )
    assert ignored.returncode == 0


def test_images_are_pinned_to_a_release() -> None:
    images = [service["image"] for service in COMPOSE["services"].values()]
    [base] = re.findall(r"(?m)^ARG PYTHON_IMAGE=(\S+)$", CONTAINERFILE)
    for image in [*images, base]:
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z-]+)?$", image), image
    assert set(re.findall(r"(?m)^FROM (\S+)", CONTAINERFILE)) == {"${PYTHON_IMAGE}"}


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_the_container_is_built_from_is_there_and_let_through() -> None:
    copied = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", CONTAINERFILE)
    names = {name.rstrip("/") for line in copied for name in line.split()}
    assert {name for name in names if not (ROOT / name).exists()} == set()
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == names
    locks = set(re.findall(r"requirements/[\w.]+", CONTAINERFILE))
    assert all((ROOT / name).exists() for name in locks)


def test_hadolint_has_nothing_against_the_container_file() -> None:
    command = [str(Path(sys.executable).with_name("hadolint")), "deploy/container/Containerfile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("name", ["run", "build"])
def test_every_package_of_the_container_has_a_hash(name: str) -> None:
    text = (ROOT / f"requirements/{name}.lock").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if "==" in line]
    assert lines
    assert [line.split()[0] for line in lines if "--hash=sha256:" not in line] == []


def entrypoint(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ENTRYPOINT), *command],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_entrypoint_puts_files_into_the_environment(tmp_path: Path) -> None:
    value = 'it\'s $HOME `x` \\ "ö" % = \t end'
    (tmp_path / "secret").write_text(f"{value}\n", encoding="utf-8")
    done = entrypoint(
        *("sh", "-c", 'printf "%s|%s" "$TAP_EMAG_PASSWORD" "${TAP_EMAG_PASSWORD_FILE-gone}"'),
        MELTANO_DATABASE_URI="postgresql+psycopg://h/d",
        TAP_EMAG_PASSWORD_FILE=str(tmp_path / "secret"),
        OTHER_FILE="/nowhere",
    )
    assert (done.returncode, done.stdout) == (0, f"{value}|gone"), done.stderr


@pytest.mark.parametrize("content", [None, ""])
def test_the_entrypoint_refuses_a_secret_that_is_not_there(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    done = entrypoint("true", MELTANO_DATABASE_URI="x", TAP_EMAG_PASSWORD_FILE=str(path))
    assert done.returncode != 0
    assert str(path) in done.stderr


def test_the_entrypoint_refuses_to_keep_state_inside_the_container() -> None:
    done = entrypoint("true")
    assert done.returncode == 1
    assert "MELTANO_DATABASE_URI" in done.stderr


def test_the_entrypoint_becomes_the_command_so_that_signals_reach_it() -> None:
    done = entrypoint("sh", "-c", "kill -TERM $$", MELTANO_DATABASE_URI="x")
    assert done.returncode == -15


def test_compose_mounts_what_is_there() -> None:
    folder = DEPLOY / "compose"
    services = cast("dict[str, dict[str, Any]]", COMPOSE["services"])
    mounts = [mount for each in services.values() for mount in each.get("volumes", [])]
    sources = {mount.split(":")[0] for mount in mounts}
    paths = {source for source in sources if source.startswith(".")}
    assert {path for path in paths if not (folder / path).exists()} == set()
    assert sources - paths <= set(COMPOSE["volumes"])
