"""The scripts of this folder, with small numbers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults import damage_files, kill_saving
from tests.faults.mutations import bit_flips, judge, memory_in_child, random_mutations, several_flips, truncations


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork and no SIGKILL")
def test_a_hundred_kills() -> None:
    report = kill_saving.campaign(100)
    assert report.kills == 100
    assert report.wrong == 0
    assert report.left > 0, "no kill came in the midst of a save"


@pytest.mark.parametrize("name", damage_files.FORMATS)
def test_a_few_hundred_damaged_files(name: str) -> None:
    found = damage_files.put(name, 100, flips=False, limit_s=10)
    assert found.files > 300
    assert not found.wrong, found


class TestTheJudge:
    """It must be able to find something."""

    GOOD = b"0123456789"

    def test_the_damage_is_damage(self) -> None:
        assert len({content for _, content in bit_flips(self.GOOD)} - {self.GOOD}) == 80
        assert [len(content) for _, content in truncations(self.GOOD)] == list(range(10))
        for flips in (2, 3):
            for _, content in several_flips(self.GOOD, 50, flips=flips):
                assert sum(a != b for a, b in zip(content, self.GOOD, strict=True)) == flips
        mutations = list(random_mutations(self.GOOD, 200))
        assert self.GOOD not in [content for _, content in mutations]
        assert len({len(content) for _, content in mutations}) > 10
        assert mutations == list(random_mutations(self.GOOD, 200))  # the same seed gives the same ones
        assert mutations != list(random_mutations(self.GOOD, 200, seed=1))

    def test_what_is_read_is_wrong_unless_accepted(self) -> None:
        assert len(judge(len, [("a", b"x")]).wrong) == 1
        assert judge(len, [("a", b"x")], accept=lambda n: n == 1).accepted == 1

    def test_other_errors_are_wrong(self) -> None:
        def fail(content: bytes) -> None:
            raise {b"v": ValueError, b"o": FileNotFoundError, b"k": KeyError, b"m": MemoryError}[content]("f is bad")

        damaged = [(letter, letter.encode()) for letter in "vokm"]
        found = judge(fail, damaged, says="f is")
        assert [text.split(":")[0] for text in found.wrong] == ["k", "m"]
        assert len(judge(fail, damaged[:2], says="g is").wrong) == 2

    def test_time_and_memory_are_measured(self) -> None:
        kept = []

        def greedy(_: bytes) -> None:
            kept.append(bytearray(3 << 20))
            kept.clear()
            raise ValueError

        assert "3.0 MB" in judge(greedy, [("a", b"")], limit_bytes=1 << 20).wrong[0]
        assert "s" in judge(greedy, [("a", b"")], limit_s=-1).wrong[0]

    @pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc on this system")
    def test_memory_of_a_child(self) -> None:
        grown, error = memory_in_child(lambda: bytearray(b"x") * (64 << 20))
        assert error == ""
        assert 60 << 20 < grown < 80 << 20
        assert memory_in_child(lambda: 1 / 0)[1] == "ZeroDivisionError: division by zero"
