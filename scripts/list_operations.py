#!/usr/bin/env python
"""Prints which operation classes of the installed Keras docs/operations.md names (a test holds it to the registry), and which not.

    "$(scripts/venv.sh)/bin/python" scripts/list_operations.py
"""
import importlib
import inspect
import re
from pathlib import Path

from keras.src.ops.operation import Operation

DOCS = Path(__file__).resolve().parents[1] / "docs" / "operations.md"


def main():
    known = set(re.findall(r"`([A-Z][A-Za-z0-9]*)`", DOCS.read_text()))
    seen, total = set(), 0
    for name in "numpy nn math core linalg image einops".split():
        module = importlib.import_module("keras.src.ops." + name)
        classes = [n for n, c in sorted(vars(module).items())
                   if inspect.isclass(c) and issubclass(c, Operation) and c.__module__ == module.__name__]
        missing = [n for n in classes if n not in known]
        seen |= known & set(classes)
        total += len(classes)
        print(f"{name}: {len(classes) - len(missing)} of {len(classes)}; not: {' '.join(missing) or 'none'}")
    print(f"{len(seen)} of {total}; of other modules: {' '.join(sorted(known - seen)) or 'none'}")


if __name__ == "__main__":
    main()
