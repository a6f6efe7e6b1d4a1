"""Register, promote and roll back in a registry folder; nothing half-registered."""

import subprocess
import sys

import pytest
from conftest import ROOT

from model.artifact import check, read
from model.faults import Fault
from model.params import PARAMS
from model.registry import Folder

NAME, ALIAS = "match-outcome", "Production"


@pytest.fixture
def registry(tmp_path):
    return Folder(tmp_path / "registry")


def run(registry, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "model", arguments[0], "--registry", registry.folder, *arguments[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_refused_results_leave_no_trace(registry, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("date,season,league,home,away,home_goals,away_goals\n2024-08-16,2024-25,ENG1,A,B,1,x\n")
    assert "line 2: impossible score" in run(registry, "register", "--data", bad).stderr
    assert not registry.folder.exists()


def test_a_worse_version_is_refused_and_rollback_goes_back(results, registry, tmp_path):
    assert "nothing to go back to" in run(registry, "rollback").stderr
    assert "has no READY version" in run(registry, "promote").stderr

    first = run(registry, "register")
    assert first.returncode == 0, first.stderr
    assert f"{ALIAS} is version 1" in first.stdout
    files = registry.load(NAME, "1")
    assert files == read(registry.folder / NAME / "1")

    worse = tmp_path / "worse.yaml"
    worse.write_text(PARAMS.read_text().replace("  rate: 0.0", "  rate: 0.2"))
    assert run(registry, "register", "--no-alias", "--params", worse).returncode == 0
    assert registry.holder(NAME, ALIAS) == "1"

    refused = run(registry, "promote")
    assert refused.returncode == 1
    assert "refused: version 2 is worse than 1" in refused.stderr
    assert "paired, 95 %" in refused.stdout and "walking forward: +0.0" in refused.stdout
    assert registry.holder(NAME, ALIAS) == "1"

    assert run(registry, "promote", "--force").returncode == 0
    assert registry.holder(NAME, ALIAS) == "2"
    assert "Production is version 1 again, was 2" in run(registry, "rollback").stdout
    assert registry.holder(NAME, ALIAS) == "1"
    assert run(registry, "rollback").returncode == 1


def test_an_equal_version_is_promoted(results, registry):
    run(registry, "register")
    run(registry, "register", "--no-alias")
    moved = run(registry, "promote")
    assert moved.returncode == 0, moved.stderr
    assert "Production is version 2, was 1" in moved.stdout


def test_a_changed_file_is_noticed(results, registry):
    run(registry, "register")
    card = registry.folder / NAME / "1" / "card.json"
    card.write_bytes(card.read_bytes() + b" ")
    with pytest.raises(Fault, match="the files are not those of SHA256SUMS"):
        registry.load(NAME, "1")
    with pytest.raises(Fault, match="does not have the digest"):
        check(read(registry.folder / NAME / "1"), "sha256:0", "it")
