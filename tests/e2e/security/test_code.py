"""What the code must never do, and what its files must never show."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

from emag_sandbox import Sandbox, SandboxConfig
from tests.support.command import run
from tests.support.receiver import Receiver
from tests.unit.reporting.test_webhook import a_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
# What stands for a secret in examples and tests. None of them opens anything.
MADE_UP = {
    *("password", "secret", "demo", "geheim", "hush", "hush-hush", "hidden-word", "st0re"),
    *("p%40ss", "data%20base", "else", "db-marker-94"),
}
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "telnetlib"}
UNSAFE_CALLS = {
    "eval",
    "exec",
    "os.system",
    "os.popen",
    "yaml.load",
    "ssl._create_unverified_context",
}


def tracked(*patterns: str) -> list[Path]:
    """Return the project's own files, as git knows them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


SOURCES = tracked("tap_emag/*.py", "orchestrate/*.py", "deploy/*.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_is_run_from_data_and_no_shell_is_asked(path: Path) -> None:
    assert list(unsafe(ast.parse(path.read_text()))) == []


def unsafe(tree: ast.AST) -> Iterator[str]:
    """Give what runs data as code, asks a shell, or leaves a certificate unchecked."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            yield from (str(name) for name in names & UNSAFE_MODULES)
        elif isinstance(node, ast.Call):
            if ast.unparse(node.func) in UNSAFE_CALLS:
                yield ast.unparse(node.func)
            yield from (
                f"{keyword.arg}={ast.unparse(keyword.value)}"
                for keyword in node.keywords
                if (keyword.arg, ast.unparse(keyword.value))
                in {("shell", "True"), ("verify", "False"), ("check_hostname", "False")}
            )


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from marshal import loads",
        "subprocess.run(command, shell=True)",
        "requests.get(url, verify=False)",
        "eval(text)",
    ],
)
def test_the_check_above_sees_what_it_is_for(line: str) -> None:
    assert list(unsafe(ast.parse(line)))


def test_no_file_holds_a_secret() -> None:
    found = {}
    with default_settings() as settings:
        # It takes each text beside the word "password" for one.
        settings.disable_plugins("KeywordDetector")
        for path in tracked():
            # Hashes of packages look like secrets; a lock file holds nothing else.
            for secret in () if path.suffix == ".lock" else scan_file(str(path)):
                if secret.secret_value not in MADE_UP:
                    found[f"{path.relative_to(ROOT)}:{secret.line_number}"] = secret.secret_value
    assert found == {}


def test_a_secret_would_be_found(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text("KEY = '" + "AKIA" + "IOSFODNN7EXAMPL2" + "'\n")
    with default_settings():
        assert [secret.type for secret in scan_file(str(file))] != []


def test_what_a_run_leaves_can_be_read_by_its_user_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with Sandbox(SandboxConfig(orders=5, offers=5, history_days=5)) as sandbox:
            ended = run(tmp_path, sandbox, streams="products", password="wrong")
    finally:
        os.umask(old)
    assert ended.code == 3
    folder = tmp_path / "state"
    assert folder / "state.sqlite" in folder.iterdir()
    for file in (folder, *folder.iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


def test_a_server_that_cannot_prove_who_it_is_gets_no_password(tmp_path: Path) -> None:
    with Receiver(certificate=a_certificate(tmp_path)) as impostor:
        url = f"https://{impostor.host}/api-3"
        ended = run(
            tmp_path / "run",
            username="demo",
            password="geheim",
            api_url=url,
            retry_wait_min_seconds=0,
            retry_wait_max_seconds=0,
        )
        assert impostor.received == []
    assert ended.code == 1
    assert any("cannot be verified" in line for line in ended.critical)
