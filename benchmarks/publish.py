"""Publishing a month of many items beside a bare sorted COPY of the same rows by DuckDB.

    python benchmarks/publish.py --lines 1000000 [--times 3] [--work DIR]

--lines are those of subscription_month.py on either side, which makes the build: twice as many items, and a row per
subscription. Each stage runs in a process of its own, imports included; the COPY writes every mart of the build sorted
by its grain, compressed as the published files are. The last figure holds the published files against the raw ones.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import medians, publish
from subscription_month import MONTH, _platform

TIME, SIZE, GIGABYTES = 1.5, 2.0, 3.0


def floor(folder: Path) -> None:
    import duckdb

    from recon_assets.pipeline.marts import marts_of

    (folder / "floor").mkdir(exist_ok=True)
    with duckdb.connect(str(next(folder.glob("build/benchmark/*.duckdb"))), read_only=True) as connection:
        connection.execute("set memory_limit = '2500MB'")
        for mart in marts_of("subscriptions"):
            sql = f"select * from marts.{mart.name} order by {', '.join(mart.grain)}"
            target = folder / "floor" / f"{mart.name}.parquet"
            connection.execute(f"copy ({sql}) to '{target}' (format parquet, compression zstd, compression_level 1)")


STAGES = {"floor": floor, "publish": lambda folder: publish(_platform(folder))}


def size_of(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=1, help="rounds, of which medians are told")
    parser.add_argument("--work", type=Path, help="folder for what is generated and made; without it a temporary one")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        STAGES[given.stage](given.work)
        return
    with tempfile.TemporaryDirectory(prefix="publish_") as temporary:
        work = given.work or Path(temporary)
        folder = work / f"lines-{given.lines}"
        if not list(folder.glob("build/benchmark/build.json")):
            command = [
                sys.executable,
                str(Path(__file__).with_name("subscription_month.py")),
                "--lines",
                str(given.lines),
            ]
            subprocess.run([*command, "--work", str(work), "--only", "load", "build"], check=True, stdout=sys.stderr)
        keep = [path.name for path in folder.iterdir() if path.name not in ("floor", "published")]
        found = medians(given.times, __file__, list(STAGES), folder, "--work", keep)
        raw, published = (
            size_of(folder, f"raw/*/{MONTH}/*/rows-*.parquet"),
            size_of(folder, "published/*/*/**/*.parquet"),
        )
        print("| stage | seconds | peak GB |\n|---|---|---|")
        for stage, (seconds, peak) in found.items():
            print(f"| {stage} | {seconds:.1f} | {peak:.2f} |")
        print(f"\nRaw {raw / 1e6:.0f} MB, published {published / 1e6:.0f} MB\n")
        print(f"ratio publish_time {found['publish'][0] / found['floor'][0]:.2f} {TIME}")
        print(f"ratio publish_size {published / raw:.2f} {SIZE}")
        print(f"ratio publish_peak_gb {found['publish'][1]:.2f} {GIGABYTES}")


if __name__ == "__main__":
    main()
