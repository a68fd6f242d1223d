"""Makes testdata's goldens, or (--check) makes them elsewhere and compares. scripts/goldens.sh sets the environment first."""
import argparse
import re
import sys
import tempfile
from pathlib import Path

from . import check, common, families

ROOT = Path(__file__).resolve().parents[2] / "testdata"


def main():
    parser = argparse.ArgumentParser(prog="goldens.sh", description=__doc__)
    parser.add_argument("--check", action="store_true", help="make them in a temporary folder and compare; exit 1 on drift")
    parser.add_argument("--only", metavar="RE", type=re.compile, help="only files whose path under testdata matches")
    parser.add_argument("--onednn", action="store_true", help="the families that oneDNN's kernels make, and no others")
    args = parser.parse_args()

    def ours(file):
        return file.startswith(("golden/DTypes/", "golden/Quantized/", "golden/LoRA/", "models/dtypes_")) == args.onednn

    if not args.check:
        suite = common.Suite(ROOT, args.only)
        families.make(suite, args.onednn)
        check.write_manifest(ROOT, suite.entries, partial=args.only is not None or args.onednn)
        for failure in suite.failures:
            print("FAILED", failure, file=sys.stderr)
        print(f"{len(suite.entries)} files in {ROOT}")
        return 1 if suite.failures else 0
    with tempfile.TemporaryDirectory() as temp:
        suite = common.Suite(temp, args.only)
        families.make(suite, args.onednn)
        return check.compare(ROOT, Path(temp), suite.entries, args.only, ours) or len(suite.failures)


if __name__ == "__main__":
    sys.exit(main())
