"""Bad results are refused, every fault by its line, without a stack trace."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

from model.faults import Fault
from model.names import read_names
from model.params import PARAMS

HEADER = "date,season,league,home,away,home_goals,away_goals,ht_home_goals,ht_away_goals,awarded"
GOOD = "2024-08-16,2024-25,ENG1,Manchester United,Fulham,1,0,0,0,0"


def train(tmp_path, *lines, header=HEADER, arguments=()):
    data = tmp_path / "results.csv"
    data.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "model", "train", "--data", data, "--out", tmp_path / "out", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


BAD = {
    "duplicate": ("2024-09-01,2024-25,ENG1,Manchester United,Fulham,3,0,0,0,0", "duplicate of line 2"),
    "too many goals": ("2024-08-17,2024-25,ENG1,Arsenal,Chelsea,21,0,0,0,0", "impossible score: home_goals '21'"),
    "negative goals": ("2024-08-17,2024-25,ENG1,Arsenal,Chelsea,1,-1,0,0,0", "impossible score: away_goals '-1'"),
    "goals in words": ("2024-08-17,2024-25,ENG1,Arsenal,Chelsea,two,1,0,0,0", "impossible score: home_goals 'two'"),
    "no score": ("2024-08-17,2024-25,ENG1,Arsenal,Chelsea,,,,,0", "impossible score: home_goals ''"),
    "half time": (
        "2024-08-17,2024-25,ENG1,Arsenal,Chelsea,1,0,2,0,0",
        "impossible score: '2' home goals at half time, 1 in the end",
    ),
    "no such day": ("2025-02-30,2024-25,ENG1,Arsenal,Chelsea,1,0,0,0,0", "date '2025-02-30' is not a day"),
    "other date format": ("17/08/2024,2024-25,ENG1,Arsenal,Chelsea,1,0,0,0,0", "date '17/08/2024' is not a day"),
    "season": ("2024-08-17,2024/25,ENG1,Arsenal,Chelsea,1,0,0,0,0", "season '2024/25' is not written like"),
    "date of another season": (
        "2023-08-17,2024-25,ENG1,Arsenal,Chelsea,1,0,0,0,0",
        "date 2023-08-17 is not in season 2024-25",
    ),
    "league": ("2024-08-17,2024-25,SCO1,Celtic,Rangers,1,0,0,0,0", "league 'SCO1' is none of ENG1"),
    "itself": ("2024-08-17,2024-25,ENG1,Arsenal,Arsenal,1,0,0,0,0", "'Arsenal' plays itself"),
    "no team": ("2024-08-17,2024-25,ENG1,,Arsenal,1,0,0,0,0", "no home team"),
    "a slip in a name": ("2024-08-17,2024-25,ENG1,Arsenl,Chelsea,1,0,0,0,0", "unseen team 'Arsenl': write 'Arsenal'"),
    "a new spelling of a team": (
        "2024-08-17,2024-25,FRA2,Troyes Aube-Champagne,AC Ajaccio,1,0,0,0,0",
        "unseen team 'Troyes Aube-Champagne': write 'ESTAC Troyes'",
    ),
    "team abroad": ("2024-08-17,2024-25,ESP1,Arsenal,Sevilla FC,1,0,0,0,0", "'Arsenal' is a team of ENG, not of ESP1"),
    "duplicate under an alias": ("2024-09-01,2024-25,ENG1,Man Utd,Fulham FC,3,0,0,0,0", "duplicate of line 2"),
    "two leagues in a season": (
        "2024-08-17,2024-25,ENG2,Leeds United,Fulham,1,0,0,0,0",
        "'Fulham' plays in ENG1 on line 2 of the same season",
    ),
    "awarded": ("2024-08-17,2024-25,ENG1,Arsenal,Chelsea,1,0,0,0,yes", "awarded 'yes' is not 0 or 1"),
    "too few values": ("2024-08-17,2024-25,ENG1,Arsenal", "4 values for 10 columns"),
}


@pytest.mark.parametrize("line, fault", BAD.values(), ids=BAD)
def test_refuses(tmp_path, line, fault):
    run = train(tmp_path, GOOD, line)
    assert run.returncode == 1
    assert f"line 3: {fault}" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()


def test_names_every_fault(tmp_path):
    run = train(tmp_path, GOOD, *(line for line, _ in BAD.values()))
    assert [number for number in range(3, len(BAD) + 3) if f"line {number}:" not in run.stderr] == []


def test_refuses_results_after_as_of(tmp_path):
    run = train(tmp_path, GOOD, arguments=("--as-of", "2024-08-15"))
    assert run.returncode == 1
    assert "line 2: date 2024-08-16 is after --as-of 2024-08-15" in run.stderr


@pytest.mark.parametrize(
    "header, fault",
    [
        (HEADER + ",odds", "line 1: unknown column 'odds'"),
        (HEADER.replace("home_goals", "hg"), "line 1: missing column 'home_goals'"),
        (HEADER + ",date", "line 1: column 'date' stands there twice"),
    ],
)
def test_refuses_header(tmp_path, header, fault):
    run = train(tmp_path, GOOD, header=header)
    assert run.returncode == 1
    assert fault in run.stderr


def test_refuses_other_inputs(tmp_path):
    assert "not a day written" in train(tmp_path, GOOD, arguments=("--as-of", "yesterday")).stderr
    assert "no such file" in train(tmp_path, GOOD, arguments=("--data", tmp_path / "none.csv")).stderr
    assert "cannot be read" in train(tmp_path, GOOD, arguments=("--params", tmp_path / "none.yaml")).stderr
    assert "no match in it" in train(tmp_path).stderr
    assert f"{tmp_path}: Is a directory" in train(tmp_path, arguments=("--data", tmp_path)).stderr


def test_shows_progress_on_a_terminal_only(tmp_path):
    assert train(tmp_path, GOOD).stderr.startswith("no metrics in the card")
    reader, terminal = os.openpty()
    command = [sys.executable, "-m", "model", "train", "--data", tmp_path / "results.csv", "--out", tmp_path / "out"]
    subprocess.run(command, cwd=ROOT, stderr=terminal, stdout=subprocess.DEVNULL, check=True, timeout=60)
    assert b"rating:   0%" in os.read(reader, 65536)
    os.close(reader)
    os.close(terminal)


def test_takes_a_file_of_a_spreadsheet(tmp_path):
    run = train(tmp_path, GOOD, "", header="\ufeff" + HEADER)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "line, fault",
    [
        ("  rate: fast # ", "ratings.rate 'fast' is not a number"),
        ("  pace: 1\n  rate: 0.022 # ", "ratings.pace is unknown"),
        ("  # ", "ratings.rate is missing"),
    ],
)
def test_refuses_parameters(tmp_path, line, fault):
    params = tmp_path / "params.yaml"
    params.write_text(PARAMS.read_text(encoding="utf-8").replace("  rate: 0.022 # ", line), encoding="utf-8")
    run = train(tmp_path, GOOD, arguments=("--params", params))
    assert run.returncode == 1
    assert run.stderr == f"{params}: {fault}\n"


def test_leaves_awarded_results_out(tmp_path):
    awarded = "2024-08-17,2024-25,ENG1,Arsenal,Chelsea,3,0,,,1"
    run = train(tmp_path, GOOD, awarded)
    assert run.returncode == 0, run.stderr
    assert '"matches": 1,' in (tmp_path / "out" / "card.json").read_text()


def test_names_a_new_team_by_line_and_learns_it(tmp_path):
    run = train(tmp_path, GOOD, "2024-08-17,2024-25,ENG2,Gateshead Town,Leeds Utd,1,0,0,0,0")
    assert run.returncode == 0, run.stderr
    assert "line 3: 'Gateshead Town' is a new team" in run.stderr
    teams = (tmp_path / "out" / "teams.json").read_text()
    assert '"name": "Gateshead Town"' in teams and '"name": "Leeds United"' in teams


def test_refuses_a_spelling_that_could_mean_two_teams(tmp_path):
    teams, aliases = tmp_path / "teams.csv", tmp_path / "aliases.csv"
    teams.write_text("country,team\nENG,Bristol City\nENG,Bristol Rovers\n")
    aliases.write_text("team,alias\nBristol City,Bristol\nBristol Rovers,Bristol\nBristol Towers,Tower\n")
    with pytest.raises(Fault) as refused:
        read_names(teams, aliases)
    assert "line 3: 'Bristol' already means 'Bristol City'" in str(refused.value)
    assert "line 4: 'Bristol Towers' is not in teams.csv" in str(refused.value)
