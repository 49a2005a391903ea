"""Run the benchmarks one after the other; exits 1 where one failed.

    python -m benchmarks

Those that need no data outside the project come first. The others follow where `ISTHMUS_DATA`
names the folder of the data; transfer makes only the runs whose records are not in `results` yet.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OWN = (
    ["propagation.py"],
    ["sampler.py"],
    ["encoding.py"],
    ["encoding_memory.py"],
    ["evaluation_memory.py"],
    ["rdf_import.py"],
    ["table_import.py"],
    ["index.py"],
)
ON_DATA = (
    ["floors.py"],
    ["linking.py"],
    ["transfer.py", "food-kitchen-to-kitchen"],
    ["transfer.py", "toys-beauty-to-beauty"],
    ["epoch.py", "food-kitchen-to-kitchen"],
    ["ranking.py", "toys-beauty-text-to-beauty"],
    ["splits.py", "toys-beauty-text-to-beauty"],
    ["zero_overlap.py", "food-kitchen-to-kitchen", "--variants", "both stages"],
    ["baselines.py", "food-kitchen-to-kitchen"],
)


def main() -> int:
    """Run, print what failed; return the exit status."""
    environment = dict(os.environ)
    commands = [*OWN]
    if data := environment.get("ISTHMUS_DATA"):
        environment["ISTHMUS_DATA"] = str(Path(data).resolve())  # jobs read it from their folder
        commands += ON_DATA
    failed = []
    for script, *arguments in commands:
        name = " ".join([script, *arguments])
        print(f"\n== {name}", flush=True)
        command = [sys.executable, str(HERE / script), *arguments]
        if subprocess.run(command, cwd=HERE.parent, env=environment, check=False).returncode:
            failed.append(name)
    if not data:
        print("\nISTHMUS_DATA is not set: floors and transfer were left out")
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
