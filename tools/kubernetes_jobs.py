"""Generates the CronJobs for Kubernetes from the schedules of `meltano.yml`, and of accounts.

Those of accounts have a file of their own: they need a second Secret, with the accounts' users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from deploy.schedules import KILL_SECONDS, MELTANO_SECONDS, SUPERVISOR_SECONDS
from tap_emag.meltano.variables import JOB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrate.meltano.schedules import Schedule

PATH = "kubernetes/cronjobs.yaml"
OF_ACCOUNTS = "kubernetes/accounts.yaml"
USERS = "tap-emag-accounts"  # the Secret with the variables that contain the accounts' users
IMAGE = "tap-emag:0.1.0"
USER = 10001  # the image's
HEAD = """\
# Written by `make generate` from meltano.yml; see docs/running.md. It needs base.yaml and a Secret.
"""
HEAD_OF_ACCOUNTS = """\
# Written by `make generate` from accounts.yml; see docs/running.md. It needs base.yaml and Secrets.
"""


def cron_jobs(schedules: list[Schedule]) -> str:
    """Return one CronJob for each schedule of the main account."""
    return HEAD + _dumped(_cron_job(each) for each in schedules)


def cron_jobs_of_accounts(schedules: list[Schedule]) -> str:
    """Return one CronJob for each schedule of the other accounts, labelled with its account."""
    jobs = [_cron_job(each) for each in schedules]
    for each, job in zip(schedules, jobs, strict=True):
        account = JOB.sub("", each.name)
        template = job["spec"]["jobTemplate"]["spec"]["template"]
        for place in (job, template):
            place["metadata"]["labels"]["app.kubernetes.io/instance"] = account
        template["spec"]["containers"][0]["envFrom"].append({"secretRef": {"name": USERS}})
    return HEAD_OF_ACCOUNTS + _dumped(jobs)


def _dumped(jobs: Iterable[dict[str, Any]]) -> str:
    return yaml.safe_dump_all(jobs, sort_keys=False)


def _cron_job(schedule: Schedule) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "tap-emag", "app.kubernetes.io/component": schedule.job}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"tap-emag-{schedule.name}", "labels": labels},
        "spec": {
            "schedule": schedule.cron,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 120,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    # The next run of the schedule resumes; a second attempt would only be earlier.
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": SUPERVISOR_SECONDS,
                    "template": {"metadata": {"labels": dict(labels)}, "spec": _pod(schedule.job)},
                }
            },
        },
    }


def _pod(job: str) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": KILL_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "meltano",
                "image": IMAGE,
                "args": ["meltano", "run", f"--timeout={MELTANO_SECONDS}", job],
                "envFrom": [{"configMapRef": {"name": "tap-emag"}}],
                "resources": {
                    "requests": {"cpu": "250m", "memory": "512Mi"},
                    "limits": {"memory": "1Gi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "state", "mountPath": "/var/lib/tap-emag"},
                    {"name": "run", "mountPath": "/project/.meltano/run"},
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod
                    {"name": "secrets", "mountPath": "/run/secrets/tap-emag", "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "state", "persistentVolumeClaim": {"claimName": "tap-emag-state"}},
            # Meltano writes each plugin's settings here while it runs, passwords too.
            {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "secrets", "secret": {"secretName": "tap-emag", "defaultMode": 0o440}},
        ],
    }
