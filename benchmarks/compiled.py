"""What `tg.compile` is worth: nets as they are and compiled, beside PyTorch as it is and compiled.

    python benchmarks/compiled.py                          # every net; PyTorch where it is importable
    python benchmarks/compiled.py --net N1 VGG --batch 10 64 --mode predict
    python benchmarks/compiled.py --peer-compile           # with torch.compile, which needs a C++ compiler

Images a second, and the speed of the compiled net over that of the better layout of PyTorch's eager net.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

CHOSEN = {
    "N1": (10, 64),
    "N2": (10, 64),
    "N3": (10, 64),
    "VGG": (16, 64),
    "ResNet": (16, 64),
    "Mixed": (16, 64),
    "MLP": (64,),
}


def jobs(net: str, batch: int, mode: str, peer: bool) -> dict[str, tuple[str, dict[str, Any]]]:
    """The contestants by name."""
    same = {"net": net, "batch": batch, "mode": mode}
    found = {name: ("models:trainer", {"package": "tinygrad_cnn", **same, "compiled": name == "compiled"})
             for name in ("eager", "compiled")}  # fmt: skip
    if importlib.util.find_spec("torch") is not None:
        found["torch"] = ("models:trainer", {"package": "torch", **same})
        found["torch, channels last"] = ("models:trainer", {"package": "torch", **same, "channels_last": True})
        if peer:
            found["torch.compile"] = ("models:trainer", {"package": "torch", **same, "compiled": True})
    return found


def line(batch: int, times: dict[str, float]) -> str:
    """A race in words."""
    speeds = ", ".join(f"{name} {batch / seconds:,.0f}" for name, seconds in times.items())
    peers = [seconds for name, seconds in times.items() if name in ("torch", "torch, channels last")]
    over = f"; {min(peers) / times['compiled']:.2f} of PyTorch" if peers else ""
    return f"{speeds} images/s; {times['eager'] / times['compiled']:.2f} of eager{over}"


def main() -> None:
    """Race, print a line for each net and batch size."""
    from benchmarks.racing import Settings, cell
    from benchmarks.tables import noisy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", nargs="+", default=list(CHOSEN), choices=list(CHOSEN))
    parser.add_argument("--batch", type=int, nargs="+", help="instead of the usual ones of a net")
    parser.add_argument("--mode", default="train", choices=("train", "predict"))
    parser.add_argument("--peer-compile", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    args = parser.parse_args()
    settings = Settings(rounds=3, processes=1, seconds=0.2) if args.quick else Settings()
    results = []
    for net in args.net:
        for batch in args.batch or CHOSEN[net]:
            results.append(cell(jobs(net, batch, args.mode, args.peer_compile), settings))
            times = {name: taken["seconds"] for name, taken in results[-1]["times"].items()}
            print(f"{net:6} {batch:4}: {line(batch, times)}", flush=True)
    print(noisy(results))


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
