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


def until(results, day, tmp_path):
    header, *lines = results.read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / f"{day}.csv"
    path.write_text(header + "".join(line for line in lines if line[:10] <= day), encoding="utf-8")
    return path


def test_refused_results_leave_no_trace(registry, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("date,season,league,home,away,home_goals,away_goals\n2024-08-16,2024-25,ENG1,A,B,1,x\n")
    assert "line 2: impossible score" in run(registry, "register", "--data", bad).stderr
    assert not registry.folder.exists()


def test_a_worse_version_is_refused_and_rollback_goes_back(results, registry, tmp_path):
    assert "nothing to go back to" in run(registry, "rollback").stderr
    assert "has no READY version; register one" in run(registry, "promote").stderr

    first = run(registry, "register")
    assert first.returncode == 0, first.stderr
    assert "nothing is answered by it yet" in first.stderr
    assert registry.holder(NAME, ALIAS) is None
    files = registry.load(NAME, "1")
    assert files == read(registry.folder / NAME / "1")
    assert run(registry, "promote").stdout == f"{ALIAS} is version 1\n"
    assert run(registry, "promote").stdout == f"{ALIAS} is version 1 already\n"
    assert "there are 1" in run(registry, "promote", "--version", "7").stderr

    worse = tmp_path / "worse.yaml"
    worse.write_text(PARAMS.read_text().replace("  rate: 0.0", "  rate: 0.2"))
    assert run(registry, "register", "--params", worse).returncode == 0

    refused = run(registry, "promote")
    assert refused.returncode == 1
    assert "version 2 is refused: it predicts worse than the current version by more than the noise" in refused.stderr
    assert "2024-06-01 to 2025-05-31, n=3758" in refused.stdout
    assert "candidate less current, walking forward: +0.0" in refused.stdout
    assert registry.holder(NAME, ALIAS) == "1"

    assert run(registry, "promote", "--force").returncode == 0
    assert registry.holder(NAME, ALIAS) == "2"
    assert "Production is version 1 again, was 2" in run(registry, "rollback").stdout
    assert registry.holder(NAME, ALIAS) == "1"
    assert run(registry, "rollback").returncode == 1


def test_more_results_are_promoted_and_fewer_are_not(results, registry, tmp_path):
    # The week in between ends the season: the newer graph already stands in the next one.
    before = until(results, "2025-05-18", tmp_path)
    run(registry, "register", "--data", before)
    run(registry, "promote", "--data", before)
    run(registry, "register")
    moved = run(registry, "promote")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert "Production is version 2, was 1" in moved.stdout

    refused = run(registry, "promote", "--version", "1")
    assert refused.returncode == 1
    assert "its ratings are of 2025-05-18, the current ones of 2025-05-31" in refused.stderr


def test_a_graph_that_was_made_of_other_results_is_refused(results, registry, tmp_path):
    run(registry, "register")
    run(registry, "promote")
    swapped = tmp_path / "swapped.csv"
    text = results.read_text(encoding="utf-8")
    swapped.write_text(text.replace("Arsenal", "?").replace("Southampton", "Arsenal").replace("?", "Southampton"))
    run(registry, "register", "--data", swapped)
    refused = run(registry, "promote")
    assert refused.returncode == 1
    assert "its graph is worse than what its parameters make of these results" in refused.stderr


def test_a_challenger_comes_and_goes(results, registry):
    run(registry, "register")
    run(registry, "promote")
    assert "version 1 is the one that answers" in run(registry, "challenge").stderr
    assert "has no challenger" in run(registry, "challenge", "--end").stderr
    run(registry, "register")
    assert run(registry, "challenge", "--canary", "101").returncode == 2
    assert "answers 10 % of the matches itself" in run(registry, "challenge", "--canary", "10").stdout
    assert registry.holder(NAME, "Challenger") == "2" and registry.holder(NAME, ALIAS) == "1"
    assert registry.index()[NAME]["versions"][1]["tags"]["kickoff.canary"] == "10"
    assert "version 2 is the challenger no more" in run(registry, "challenge", "--end").stdout
    assert registry.holder(NAME, "Challenger") is None

    run(registry, "challenge")
    assert "Production is version 2, was 1\nand is the challenger no more" in run(registry, "promote").stdout
    assert registry.holder(NAME, "Challenger") is None


def test_a_changed_file_is_noticed(results, registry):
    run(registry, "register")
    card = registry.folder / NAME / "1" / "card.json"
    card.write_bytes(card.read_bytes() + b" ")
    with pytest.raises(Fault, match="the files are not those of SHA256SUMS"):
        registry.load(NAME, "1")
    with pytest.raises(Fault, match="does not have the digest"):
        check(read(registry.folder / NAME / "1"), "sha256:0", "it")
