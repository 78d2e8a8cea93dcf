"""ONNX's own node tests, all of them for every operator that we import."""

from __future__ import annotations

import collections
import functools
from typing import Any

import pytest

pytest.importorskip("onnx", reason="onnx is not installed: its node tests come with it")

import onnx

import tinygrad_cnn as tg
from tests.onnx.node_tests import NOT_IMPORTED, Case, cases, left_out, run, supported


@functools.cache
def by_operator() -> dict[str, list[Case]]:
    """The tests that are run, each under the rarest of its operators."""
    runs = [case for case in cases() if not left_out(case)]
    count = collections.Counter(name for case in runs for name in case.operators)
    found: dict[str, list[Case]] = {}
    for case in runs:
        found.setdefault(min(sorted(case.operators), key=count.__getitem__), []).append(case)
    return found


@pytest.mark.parametrize("operator", sorted(by_operator()))
def test_an_operator_passes_its_node_tests(operator: str) -> None:
    for case in by_operator()[operator]:
        try:
            run(case)
        except (AssertionError, ValueError, TypeError) as error:
            raise AssertionError(f"{case.name}: {error}") from error


def test_what_is_left_out_has_a_reason(capsys: Any) -> None:
    """Each operator that occurs and is not imported stands in the table, and no other does."""
    reasons = collections.Counter(filter(None, map(left_out, cases())))
    assert not [reason for reason in reasons if "without a reason" in reason]
    assert not set(NOT_IMPORTED) & supported()
    count = len(cases()) - sum(reasons.values())
    with capsys.disabled():
        print(
            f"\n{count} of the {len(cases())} node tests of onnx {onnx.__version__} are run, for {len(supported())} "
            "operators"
        )
    assert count >= 1561 or onnx.__version__ != "1.23.2"
    assert len(supported()) > 170


def refusal(path: Any) -> str:
    try:
        tg.onnx.load(path)
    except ValueError as error:
        return str(error)
    return ""


def test_what_is_left_out_is_refused_in_our_words(tmp_path: Any) -> None:
    for case in cases():
        if left_out(case):
            path = tmp_path / "model.onnx"
            onnx.save(case.model, path)
            said = refusal(path)
            assert not said or str(path) in said, case.name  # what is fine to read says it when it runs
