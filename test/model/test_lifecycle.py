"""Register, promote and roll back in a registry folder; nothing half-registered."""

import subprocess
import sys

import pytest
from conftest import ROOT, SHIPPED

from model import loadable
from model.artifact import DIGEST_TAG, RATINGS_TAG, SUMS, check, digest, read, sums, write
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
        check(read(registry.folder / NAME / "1"), {DIGEST_TAG: "sha256:0", RATINGS_TAG: "2025-05-31"}, "it")


def test_no_alias_moves_to_a_version_that_the_functions_cannot_load(results, registry):
    for _ in range(3):
        run(registry, "register")
    run(registry, "promote", "--version", "1")
    index = registry.index()
    del index[NAME]["versions"][1]["tags"][RATINGS_TAG]
    registry._write(index)
    break_graph(registry, "3")
    for version, why in (("2", "has no tag kickoff.ratings_as_of"), ("3", "model.onnx does not run")):
        for command in (("promote", "--force"), ("promote",), ("challenge",)):
            refused = run(registry, *command, "--version", version)
            assert refused.returncode == 1
            assert why in refused.stderr and "could not load it: nothing was moved" in refused.stderr
    assert registry.holder(NAME, ALIAS) == "1" and registry.holder(NAME, "Challenger") is None

    # Moved by hand all the same: a version that can be loaded may take over without a comparison, and rollback does not go back.
    registry.move(NAME, ALIAS, "2")
    moved = run(registry, "promote", "--version", "1")
    assert moved.stdout == f"{ALIAS} is version 1, was 2\n"
    assert "nothing is compared with it" in moved.stderr
    refused = run(registry, "rollback")
    assert refused.returncode == 1 and "has no tag kickoff.ratings_as_of" in refused.stderr
    assert registry.holder(NAME, ALIAS) == "1"


def break_graph(registry, version):
    """As somebody would who puts another graph into a version and its digest into the tag."""
    folder = registry.folder / NAME / version
    files = {path: content for path, content in read(folder).items() if path != SUMS} | {"model.onnx": b"no graph"}
    files[SUMS] = sums(files)
    write(files, folder)
    registry.tag_version(NAME, version, DIGEST_TAG, digest(files))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"card.json": None}, "has no file card.json"),
        ({"card.json": b"{"}, "not what the functions read"),
        ({"teams.json": b'{"ratings_as_of": "2025-05-31", "leagues": [], "teams": []}'}, "fewer than two teams"),
        ({"model.onnx": b"no graph"}, "does not run"),
        ({"teams.json": b"[]"}, "not what the functions read"),
        (
            {
                "teams.json": b'{"ratings_as_of": "2025-05-31", "leagues": [], "teams": ['
                b'{"name": "A", "country": "x", "league": null, "aliases": []},'
                b'{"name": "B", "country": "x", "league": null, "aliases": []}]}'
            },
            "does not know A and B",
        ),
    ],
)
def test_what_the_functions_cannot_load_is_said(changed, why):
    shipped = read(SHIPPED)
    loadable.check(shipped, "it")
    files = {name: content for name, content in (shipped | changed).items() if content is not None}
    with pytest.raises(Fault, match=why):
        loadable.check(files, "it")
