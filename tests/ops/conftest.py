"""No guard rail speaks of random numbers; the end says how many comparisons with PyTorch the cases made."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is drawn at random are no log-probabilities, and not every label counts."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name != "test_guards.py":
            item.add_marker(pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    stats = terminalreporter.stats
    compared = [r for r in stats.get("passed", []) if "comparisons" in dict(r.user_properties)]
    disagree = sum("test_agrees_with_pytorch" in report.nodeid for report in stats.get("failed", []))
    if not compared and not disagree:
        return
    properties = [dict(report.user_properties) for report in compared]
    functions = {p["function"] for p in properties}
    terminalreporter.section("cases beside PyTorch")
    count, missing = sum(p["comparisons"] for p in properties), sum(p["no kernel"] for p in properties)
    terminalreporter.line(
        f"{count} comparisons of {len(functions)} functions agree in values, gradients and errors; {disagree} tests "
        f"disagree; {missing} times PyTorch had no kernel for the dtype"
    )
