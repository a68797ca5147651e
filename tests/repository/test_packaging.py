"""What is built for a package index is complete, and its page leads somewhere."""

from __future__ import annotations

import email
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from typing import TYPE_CHECKING, cast

import pytest
from trove_classifiers import classifiers

from tests.repository.test_docs import LINK, ROOT

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with source distribution and wheel, the wheel built from the former."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t"]
    subprocess.run([*build, "sdist"], cwd=ROOT, check=True, capture_output=True)
    [source] = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / source.name.removesuffix(".tar.gz")
    subprocess.run([*build, "wheel"], cwd=unpacked, check=True, capture_output=True)
    return folder


def test_make_dist_also_lists_what_the_tap_is_installed_from(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    # The environment that the tests run in stays as it is, were it out of date.
    command = ["make", "-o", ".venv/.ready", "dist", f"DIST={tmp_path / 'dist'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    made = sorted(path.name for path in (tmp_path / "dist").iterdir())
    name = f"tap_emag-{PROJECT['version']}"
    assert made == ["tap-emag.cdx.json", f"{name}-py3-none-any.whl", f"{name}.tar.gz"]
    bom = json.loads((tmp_path / "dist/tap-emag.cdx.json").read_text(encoding="utf-8"))
    root = bom["metadata"]["component"]
    assert (root["name"], root["version"]) == ("tap-emag", PROJECT["version"])
    lock = (ROOT / "requirements/tap.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"(?m)^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", lock))
    assert {(each["name"], each["version"]) for each in bom["components"]} == locked
    assert all(each["externalReferences"][0]["hashes"] for each in bom["components"])


@pytest.fixture(scope="module")
def metadata(built: Path) -> Message:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def test_the_page_of_a_package_index_is_the_readme_with_links_that_lead_there(
    metadata: Message,
) -> None:
    page = cast("bytes", metadata.get_payload(decode=True)).decode()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    place = f"{PROJECT['urls']['Repository']}/blob/v{PROJECT['version']}/"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert page.replace(place, "").strip() == readme.strip()
    links = [link for link in LINK.findall(page) if not link.startswith("#")]
    assert [link for link in links if not link.startswith("https://")] == []
    assert len([link for link in links if link.startswith(place)]) > 10


def test_every_address_of_the_project_is_under_one(metadata: Message) -> None:
    urls = dict(each.split(", ", 1) for each in metadata.get_all("Project-URL", []))
    assert urls == PROJECT["urls"]
    repository = urls.pop("Repository")
    assert all(url.startswith(f"{repository}/") for url in urls.values())
    for url in urls.values():
        _, blob, path = url.partition("/blob/main/")
        assert not blob or (ROOT / path).exists(), url


def test_classifiers_are_known_and_name_the_versions_that_are_allowed(metadata: Message) -> None:
    named = metadata.get_all("Classifier", [])
    assert set(named) <= classifiers
    found = re.findall(r"Python :: (\d\.\d+)", " ".join(named))
    assert found == VERSIONS
    last = int(VERSIONS[-1].partition(".")[2])
    assert PROJECT["requires-python"] == f">={VERSIONS[0]},<3.{last + 1}"


def test_both_packages_and_the_licence_are_in_the_wheel(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for package in ("tap_emag", "emag_sandbox"):
        modules = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
        assert modules <= set(names)
    assert "tap_emag/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
