"""What a stranger installs: the wheel holds the packages whole, and nothing of the checkout beside them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy of what git has: neither build leftovers nor an editable install may help.
    source.mkdir()
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_module_and_page(wheel):
    wanted = {
        str(path.relative_to(ROOT))
        for package in ("airflow_provider", "slackbot")
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".html", ".css", ".js", ".svg", ".typed"} or path.name == "py.typed"
    }
    assert len(wanted) > 50
    assert wanted <= wheel


def test_templates_are_installed_under_the_provider(wheel):
    wanted = {
        f"airflow_provider/{path.relative_to(ROOT)}"
        for path in (ROOT / "templates").rglob("*")
        if path.is_file()
    } - {name for name in wheel if "__pycache__" in name}
    assert "airflow_provider/templates/sms/order_shipped.tr.j2" in wanted
    assert {name for name in wanted if "__pycache__" not in name} <= wheel


def test_nothing_else_is_installed(wheel):
    top = {name.partition("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {"airflow_provider", "slackbot"}
