"""Kickoff's model: ratings from match results, one scoreline grid, one ONNX graph."""
