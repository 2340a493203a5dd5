"""How often does `compare --ab` call real engines regressed? For users who let it stop a release.

It compares the reference with itself (expected: never), with a control that is 20 % slower (nearly always), and with
one that is many times slower (always).

`python -m benchmarks.bench_comparison_measured --same 20 --fifth 10 --slow 1`; two minutes each, on a quiet machine.
Without arguments, as under `make bench`, one of each.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SERIES = {"same": "reference", "fifth": "control:fifth-slower", "slow": "control:slow"}
LIMIT_S = 300


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, engine in SERIES.items():
        parser.add_argument(f"--{name}", type=int, default=1, metavar="N", help=f"reference against {engine}, N times")
    options = parser.parse_args(arguments or [])
    for name, engine in SERIES.items():
        runs = [compare(engine, seed + 1) for seed in range(getattr(options, name))]
        if runs:
            codes = Counter(code for code, _ in runs)
            told = ", ".join(f"exit {code} in {count}" for code, count in sorted(codes.items()))
            print(
                f"reference against {engine}: {told} of {len(runs)}; at most {max(s for _, s in runs):.0f} s",
                flush=True,
            )


def compare(engine: str, seed: int) -> tuple[int, float]:
    """The exit code and the seconds of one comparison; its last lines are printed."""
    with tempfile.TemporaryDirectory(prefix="onewinner-power-") as folder:
        out = Path(folder, "both")
        order = ["compare", "--ab", "reference", engine, "--seed", str(seed), "--out", str(out)]
        began = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-m", "onewinner", *order], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        seconds = time.monotonic() - began
    told = [
        line for line in ended.stdout.splitlines() if line.startswith(("PASS: no", "REGRESSION", "UNKNOWN", "FAIL"))
    ]
    print(
        f"  {engine}, seed {seed}: exit {ended.returncode}, {seconds:.0f} s: {(told or [ended.stderr])[-1]}", flush=True
    )
    return ended.returncode, seconds


if __name__ == "__main__":
    main(sys.argv[1:])
