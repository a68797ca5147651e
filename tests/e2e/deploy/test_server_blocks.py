"""What running.md and upgrading.md have a server do: run to the end, beside the real server.

Commands that change users, services, containers or packages only note how they were called. All
others, and the shell, are real: every file that a block names has to be in the checkout.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.repository.test_docs import ROOT, _blocks

if TYPE_CHECKING:
    from pathlib import Path

NOTED = ("useradd", "systemctl", "docker", "kubectl", "sudoedit", "createdb", "psql", "python3")
SERVER = [
    "running.md: sudo useradd",
    "running.md: cd /opt/tap-emag\nsudo -u postgres",
    "running.md: sudo install",
    "running.md: sudo cp deploy/systemd",
    "running.md: cd deploy/compose",
    "running.md: docker compose exec",
    "running.md: kubectl create",
    "running.md: kubectl --namespace tap-emag create secret",
    "upgrading.md: cd /opt/tap-emag",
]
NOTES = """#!/bin/sh
for each in "${0##*/}" "$@"; do printf '%s\\037' "$each"; done >> "$CALLS"
echo >> "$CALLS"
"""
# As the owner of a checkout of one's own: no other user is needed, nor there.
SUDO = """#!/bin/sh
while :; do case $1 in -H) shift ;; -u) shift 2 ;; *) break ;; esac; done
exec env "$@"
"""
INSTALL = """#!/bin/sh
while :; do case $1 in -o|-g) shift 2 ;; -d) d=-d; shift ;; *) break ;; esac; done
exec /usr/bin/install $d "$@"
"""


@dataclass(frozen=True)
class Server:
    """A checkout, and stand-ins before the system's own commands."""

    checkout: Path
    calls: Path

    def run(self, text: str) -> list[list[str]]:
        """Run a block as if pasted; return the calls that were noted."""
        for shown, here in {"/opt/tap-emag": self.checkout, "/etc/": self.checkout / "etc"}.items():
            text = text.replace(shown, f"{here}/" if shown.endswith("/") else str(here))
        self.calls.write_text("")
        environment = {**os.environ, "CALLS": str(self.calls)}
        environment["PATH"] = f"{self.checkout.parent / 'bin'}:{environment['PATH']}"
        command = ["/bin/sh", "-e", "-c", text]
        subprocess.run(command, cwd=self.checkout, env=environment, check=True)
        lines = self.calls.read_text().split("\x1f\n")
        return [line.split("\x1f") for line in lines if line]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    checkout = tmp_path / "tap-emag"
    for folder in ("etc/systemd/system", "etc/tmpfiles.d", ".meltano", ".venv/bin", "deploy"):
        (checkout / folder).mkdir(parents=True)
    for name in ("requirements", "transform", "meltano.yml", ".env.example"):
        (checkout / name).symlink_to(ROOT / name)
    for path in (ROOT / "deploy").iterdir():
        if path.name != "compose":
            (checkout / "deploy" / path.name).symlink_to(path)
    (checkout / "deploy/compose").mkdir()
    (tmp_path / "bin").mkdir()
    own = {"sudo": SUDO, "install": INSTALL, **dict.fromkeys(NOTED, NOTES)}
    scripts = {tmp_path / "bin" / name: text for name, text in own.items()}
    scripts |= {checkout / ".venv/bin" / name: NOTES for name in ("pip", "meltano")}
    for path, text in scripts.items():
        path.write_text(text)
        path.chmod(0o755)
    return Server(checkout, tmp_path / "calls")


@pytest.mark.parametrize("beginning", SERVER)
def test_a_server_s_block_runs_to_its_end_and_names_what_is_there(
    beginning: str, server: Server
) -> None:
    page, _, text = beginning.partition(": ")
    blocks = [b.text for b in _blocks("bash") if b.page == page and b.text.startswith(text)]
    for block in blocks:
        for path in ("secrets/emag_username", "secrets/emag_password"):  # by sudoedit
            (server.checkout / "deploy/compose" / path).parent.mkdir(exist_ok=True)
            (server.checkout / "deploy/compose" / path).touch()
        calls = server.run(block)
        assert calls or "install -o" in block
        check_files(server, calls)
        check_units(server, calls)
        check_services(calls)
        check_cluster(calls)
    assert blocks


def check_files(server: Server, calls: list[list[str]]) -> None:
    words = [word for call in calls for word in call]
    for word in words:
        if word.endswith((".lock", ".sql")):
            assert (server.checkout / word).is_file(), word
    env = server.checkout / ".env"
    assert not env.exists() or stat.S_IMODE(env.stat().st_mode) == 0o600
    run = server.checkout / ".meltano/run"
    assert not run.exists() or stat.S_IMODE(run.stat().st_mode) == 0o700


def check_units(server: Server, calls: list[list[str]]) -> None:
    """See that what is enabled was copied before."""
    there = {path.name for path in (server.checkout / "etc/systemd/system").iterdir()}
    enabled = {w for call in calls if call[:2] == ["systemctl", "enable"] for w in call[3:]}
    assert enabled <= there


def check_services(calls: list[list[str]]) -> None:
    """See that containers which are run are services of the compose file."""
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text(encoding="utf-8"))
    for call in calls:
        if call[:2] == ["docker", "compose"] and call[2] in {"run", "exec"}:
            service = next(word for word in call[3:] if not word.startswith("-"))
            assert service in compose["services"]


def check_cluster(calls: list[list[str]]) -> None:
    """See that Kubernetes is given what is there, and the secrets that its pods read."""
    kubernetes = [call[3:] for call in calls if call[:2] == ["kubectl", "--namespace"]]
    for words in kubernetes:
        for word in words:
            if word.startswith("deploy/"):
                assert (ROOT / word).is_file()
            if word.startswith("--from=cronjob/"):
                assert word.removeprefix("--from=cronjob/") in {
                    each["metadata"]["name"]
                    for name in ("cronjobs", "accounts")
                    for each in yaml.safe_load_all(
                        (ROOT / f"deploy/kubernetes/{name}.yaml").read_text(encoding="utf-8")
                    )
                }
    given = {
        word.removeprefix("--from-file=")
        for words in kubernetes
        for word in words
        if word.startswith("--from-file=")
    }
    if given:
        base = (ROOT / "deploy/kubernetes/base.yaml").read_text(encoding="utf-8")
        assert given == set(re.findall(r"/run/secrets/tap-emag/(\w+)", base))
