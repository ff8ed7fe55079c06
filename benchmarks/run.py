"""Every benchmark that needs no reference data, one after another, into benchmarks/results/.

    python benchmarks/run.py [--quick]

``--quick`` measures little and keeps nothing: it shows that the benchmarks run.
"""

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
FULL = {
    "bench_bigwig.py": ["--write"],
    "bench_inference.py": ["--write"],
    "bench_models.py": ["--write"],
    "bench_peaks.py": ["--write"],
    "bench_negatives.py": ["--rounds", "3", "--write"],
    "bench_signal.py": ["--write"],
}
QUICK = {
    "bench_bigwig.py": ["--mb", "1", "--rounds", "1"],
    "bench_inference.py": ["--tiles", "1", "--rounds", "1"],
    "bench_models.py": ["--layers", "2", "--tokens", "65", "--run-tokens", "65", "--rounds", "1"],
    "bench_peaks.py": ["--rows", "20_000", "--rounds", "1", "--store-rows", "0"],
    "bench_negatives.py": ["--n", "10_000", "--share", "0.01", "--rounds", "1"],
    "bench_signal.py": ["--mb", "1", "--rounds", "1"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    benchmarks = QUICK if parser.parse_args().quick else FULL
    for script, arguments in benchmarks.items():
        subprocess.run([sys.executable, FOLDER / script, *arguments], check=True)


if __name__ == "__main__":
    main()
