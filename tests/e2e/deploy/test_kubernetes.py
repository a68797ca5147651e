"""The example for Kubernetes runs the schedules of meltano.yml, with the rights of the image."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
import yaml

from deploy.schedules import KILL_SECONDS, MELTANO_SECONDS, SUPERVISOR_SECONDS
from orchestrate.meltano.schedules import Schedule
from tap_emag.ops.accounts.table import parse
from tests.e2e.deploy.project import ROOT
from tests.e2e.deploy.test_examples import COMPOSE, CONTAINERFILE
from tools.kubernetes_jobs import cron_jobs_of_accounts

FOLDER = ROOT / "deploy/kubernetes"
MAIN, ACCOUNTS = (
    [*yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))]
    for name in ("cronjobs.yaml", "accounts.yaml")
)
JOBS = MAIN + ACCOUNTS
CONFIG, VOLUME = yaml.safe_load_all((FOLDER / "base.yaml").read_text(encoding="utf-8"))


def pod(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(
    ("file", "jobs"), [("meltano.yml", MAIN), ("accounts.meltano.yml", ACCOUNTS)]
)
def test_each_schedule_is_a_cron_job(file: str, jobs: list[dict[str, Any]]) -> None:
    declared = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    planned = {
        f"tap-emag-{each['name']}": (each["interval"], each["job"])
        for each in declared["schedules"]
    }
    found = {}
    for job in jobs:
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
        [container] = pod(job)["containers"]
        *command, name = container["args"]
        assert command == ["meltano", "run", f"--timeout={MELTANO_SECONDS}"]
        found[job["metadata"]["name"]] = (job["spec"]["schedule"], name)
    assert found == planned


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job["metadata"]["name"])
def test_a_run_is_alone_ended_in_time_and_not_repeated(job: dict[str, Any]) -> None:
    spec, run = job["spec"], job["spec"]["jobTemplate"]["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
    assert run["activeDeadlineSeconds"] == SUPERVISOR_SECONDS
    assert (run["backoffLimit"], pod(job)["restartPolicy"]) == (0, "Never")
    assert pod(job)["terminationGracePeriodSeconds"] == KILL_SECONDS
    assert len(job["metadata"]["name"]) <= 52  # Kubernetes appends a number


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job["metadata"]["name"])
def test_a_pod_has_the_rights_that_the_image_needs_and_no_more(job: dict[str, Any]) -> None:
    [container] = pod(job)["containers"]
    [user] = re.findall(r"(?m)^USER (\d+)$", CONTAINERFILE)
    rights = pod(job)["securityContext"]
    assert {rights[name] for name in ("runAsUser", "runAsGroup", "fsGroup")} == {int(user)}
    assert rights["runAsNonRoot"] is True
    assert pod(job)["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["image"] == COMPOSE["services"]["scheduler"]["image"]
    # Where compose lets it write, it can write here.
    scheduler = COMPOSE["services"]["scheduler"]
    writable = {each.split(":")[0] for each in scheduler["tmpfs"]}
    writable |= {each.split(":")[1] for each in scheduler["volumes"]}
    mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert writable == set(mounted) - {"/run/secrets/tap-emag"}
    volumes = {each["name"]: each for each in pod(job)["volumes"]}
    assert set(volumes) == set(mounted.values())
    assert volumes["run"]["emptyDir"]["medium"] == "Memory"


def test_settings_and_secrets_are_those_of_compose() -> None:
    given = COMPOSE["services"]["scheduler"]["environment"]
    data = CONFIG["data"]
    assert set(given) <= set(data)
    for name, value in given.items():
        if name.endswith("_FILE"):
            assert data[name] == value.replace("/run/secrets/", "/run/secrets/tap-emag/")
    for job in JOBS:
        [container] = pod(job)["containers"]
        users = [{"secretRef": {"name": "tap-emag-accounts"}}] if job in ACCOUNTS else []
        settings = {"configMapRef": {"name": CONFIG["metadata"]["name"]}}
        assert container["envFrom"] == [settings, *users]
        volumes = {each["name"]: each for each in pod(job)["volumes"]}
        claim = volumes["state"]["persistentVolumeClaim"]["claimName"]
        assert claim == VOLUME["metadata"]["name"]
    assert all(isinstance(value, str) for value in data.values())
    assert data["TAP_EMAG_STATE_DIR"].startswith("/var/lib/tap-emag/")


def test_the_jobs_of_any_table_can_be_told_apart_by_account() -> None:
    table = parse("accounts:\n- name: bg\n- name: a-name-of-24-characters\n")
    schedules = [
        Schedule(f"{each.name}-{job}", cron, f"{each.name}-{job}")
        for each in table.accounts
        for job, cron in each.crons.items()
    ]
    jobs = [*yaml.safe_load_all(cron_jobs_of_accounts(schedules))]
    labels = [job["metadata"]["labels"] for job in jobs]
    assert len(jobs) == len({job["metadata"]["name"] for job in jobs}) == 12
    assert max(len(job["metadata"]["name"]) for job in jobs) <= 52
    accounts = Counter(each["app.kubernetes.io/instance"] for each in labels)
    assert accounts == {"bg": 6, "a-name-of-24-characters": 6}
    for job, given in zip(jobs, labels, strict=True):
        assert job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"] == given
