"""The ONNX graph: names in, everything out, ratings inside.

One row costs few operations on purpose: two lookups give the log expected goals, one Gemm and one Exp give all 121
cells, one MatMul reads everything off the grid. See scoreline.py for the same in numpy.
"""

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from .export import ABOVE, INDEX, Table
from .scoreline import CORRECTION, EXPONENTS, GOALS, LOG_WEIGHTS, READINGS

# What onnxruntime-node 1.30 reads; newer ones read it too.
OPSET, ML_OPSET, IR = 17, 3, 8
CELLS = GOALS * GOALS
BY_TEAM = -1


def graph(table: Table, names: dict[str, str]) -> ModelProto:
    """The graph of a table; `names` maps every canonical name and alias to its canonical name."""
    rows = {team: row for row, team in enumerate(table.teams)}
    keys = sorted(names)
    lookup = {"keys_strings": keys, "values_int64s": [rows[names[key]] for key in keys], "default_int64": len(rows)}
    leagues = {"": BY_TEAM, **INDEX}
    columns = len(INDEX) + 1
    constants = {
        "default_league": table.default_league.astype(np.int64),
        "above": ABOVE[table.default_league].astype(np.int64),
        "by_team": np.array(BY_TEAM, np.int64),
        "unknown_team": np.array(len(rows), np.int64),
        "columns": np.array(columns, np.int64),
        "home_table": table.home.reshape(-1, 2).astype(np.float32),
        "away_table": table.away.reshape(-1, 2).astype(np.float32),
        "exponents": EXPONENTS.astype(np.float32),
        "log_weights": LOG_WEIGHTS.astype(np.float32),
        "correction": (table.rho * CORRECTION).astype(np.float32),
        "one_one_start": np.array([GOALS + 1], np.int64),
        "one_one_end": np.array([GOALS + 2], np.int64),
        "cells_axis": np.array([1], np.int64),
        "readings": READINGS.astype(np.float32),
        "grid_shape": np.array([-1, GOALS, GOALS], np.int64),
        "widths": np.array([3, 2, 4], np.int64),
    }
    node, ml = helper.make_node, "ai.onnx.ml"
    nodes = [
        node("LabelEncoder", ["home"], ["home_row"], domain=ml, **lookup),
        node("LabelEncoder", ["away"], ["away_row"], domain=ml, **lookup),
        node(
            "LabelEncoder",
            ["league"],
            ["league_given"],
            domain=ml,
            keys_strings=list(leagues),
            values_int64s=list(leagues.values()),
            default_int64=0,
        ),
        node("Gather", ["default_league", "home_row"], ["league_of_home"]),
        node("Gather", ["default_league", "away_row"], ["league_of_away"]),
        node("Gather", ["above", "home_row"], ["league_above"]),
        node("Equal", ["league_of_away", "league_above"], ["visitor_above"]),
        node("Where", ["visitor_above", "league_of_away", "league_of_home"], ["usual"]),
        node("Equal", ["league_given", "by_team"], ["league_missing"]),
        node("Where", ["league_missing", "usual", "league_given"], ["column"]),
        node("Mul", ["home_row", "columns"], ["home_start"]),
        node("Mul", ["away_row", "columns"], ["away_start"]),
        node("Add", ["home_start", "column"], ["home_cell"]),
        node("Add", ["away_start", "column"], ["away_cell"]),
        node("Gather", ["home_table", "home_cell"], ["home_part"]),
        node("Gather", ["away_table", "away_cell"], ["away_part"]),
        node("Add", ["home_part", "away_part"], ["log_rates"]),
        node("Gemm", ["log_rates", "exponents", "log_weights"], ["log_cells"]),
        node("Exp", ["log_cells"], ["poisson"]),
        node("Slice", ["poisson", "one_one_start", "one_one_end", "cells_axis"], ["one_one"]),
        node("Mul", ["one_one", "correction"], ["shift"]),
        node("Add", ["poisson", "shift"], ["weights"]),
        node("ReduceSum", ["weights", "cells_axis"], ["total"], keepdims=1),
        node("Div", ["weights", "total"], ["cells"]),
        node("MatMul", ["cells", "readings"], ["read"]),
        node("Split", ["read", "widths"], ["probs", "xg", "markets"], axis=1),
        node("Reshape", ["cells", "grid_shape"], ["scoreline"]),
        node("Less", ["home_row", "unknown_team"], ["home_known"]),
        node("Less", ["away_row", "unknown_team"], ["away_known"]),
        node("And", ["home_known", "away_known"], ["known"]),
    ]
    text, number = TensorProto.STRING, TensorProto.FLOAT
    made = helper.make_graph(
        nodes,
        "match-outcome",
        [helper.make_tensor_value_info(name, text, ["N"]) for name in ("home", "away", "league")],
        [
            helper.make_tensor_value_info("probs", number, ["N", 3]),
            helper.make_tensor_value_info("xg", number, ["N", 2]),
            helper.make_tensor_value_info("markets", number, ["N", 4]),
            helper.make_tensor_value_info("scoreline", number, ["N", GOALS, GOALS]),
            helper.make_tensor_value_info("known", TensorProto.BOOL, ["N"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        made,
        producer_name="kickoff",
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ml, ML_OPSET)],
    )
    checker.check_model(model, full_check=True)
    return model
