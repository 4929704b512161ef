"""Tests the installation of what the browser needs."""

import json
from pathlib import Path

import pytest

from services.runtime.web import vendor


def test_what_is_copied_is_in_place() -> None:
    assert vendor.is_current(), "run: python -m services.runtime.web.vendor"


def test_the_lock_files_name_versions_and_hashes_and_no_address() -> None:
    lock = json.loads(vendor.LOCK.read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert set(packages) == {
        "node_modules/@kern-ux/native",
        "node_modules/htmx.org",
        "node_modules/axe-core",
    }
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    for path in (vendor.LOCK, vendor.NODE_LOCK, vendor.ROOT / ".npmrc", vendor.ROOT / "package.json"):
        assert "://" not in path.read_text("utf-8")
    assert "--hash=sha256:" in vendor.NODE_LOCK.read_text("utf-8")


def test_copying_replaces_the_folder_as_a_whole(tmp_path: Path) -> None:
    modules, target = tmp_path / "modules", tmp_path / "static" / "vendor"
    for source in vendor.COPIED:
        (modules / source).parent.mkdir(parents=True, exist_ok=True)
        (modules / source).write_text(source)
    target.mkdir(parents=True)
    (target / "old.css").write_text("old")
    vendor.copy(modules, target)
    assert {path.name for path in target.iterdir()} == {*vendor.COPIED.values(), ".stamp"}
    assert [path.name for path in target.parent.iterdir()] == ["vendor"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(vendor.VendorError, match=r"kern\.min\.css"):
        vendor.copy(tmp_path, tmp_path / "static")
