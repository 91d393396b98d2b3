"""The benches' own tools: servers, data, measuring, rivals, report. Python's standard library only."""
