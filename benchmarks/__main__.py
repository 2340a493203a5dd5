"""Runs the benchmarks one after the other: `make bench`. Their results are ratios within a run, and gate nothing."""

import importlib
import pkgutil
import sys

import benchmarks


def main() -> int:
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name.startswith("bench_")]
    wanted = sys.argv[1:] or sorted(names)
    for name in set(wanted) - set(names):
        print(f"{name} is no benchmark; there are {', '.join(sorted(names))}", file=sys.stderr)
        return 2
    for name in wanted:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
