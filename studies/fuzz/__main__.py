"""Does hostile or damaged input end in words? Many made-up inputs of five kinds, each in a process that may be stopped.

    python studies/fuzz                          # all kinds: about half an hour on one core
    python studies/fuzz configs --count 500      # some of one kind
    python studies/fuzz folders --seed 17        # one case again, with what it was and what it said

Wrong is a traceback, a crash, more than 10 s, words that fill more than a screen, a temporary file that stays, or a number
that differs from the undamaged one without a word. Exit code 1 where anything was wrong.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import cells
import command_lines
import configs
import folders
import pickles
import runner

KINDS = {kind.name: kind for kind in (configs.KIND, command_lines.KIND, folders.KIND, pickles.KIND, cells.KIND)}


def main() -> int:
    """Run the kinds, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(KINDS)}; all by default")
    parser.add_argument("--count", type=int, help="cases of each kind")
    parser.add_argument("--seed", type=int, help="this case alone")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - KINDS.keys():
        parser.error(f"there is no kind {', '.join(sorted(unknown))}; choose from {', '.join(KINDS)}")
    rows, failed = [], 0
    for kind in (KINDS[name] for name in arguments.kinds or KINDS):
        count = arguments.count or kind.count
        seeds = range(count) if arguments.seed is None else range(arguments.seed, arguments.seed + 1)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"fuzz-{kind.name}-") as folder:
            found = runner.run(kind, seeds, Path(folder), verbose=arguments.seed is not None)
        for failure in found:
            print(f"{kind.name} --seed {failure.seed}: {failure.words}", flush=True)
        failed += len(found)
        rows.append((kind.name, len(seeds), len(found), f"{time.monotonic() - began:.0f} s"))
    print("\n| kind | cases | failures | time |\n|---|---|---|---|")
    print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
