"""The command line. What it imports at the top is light: help, lists and a wrong setting are answered before torch loads."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from asgml.lab.cli import guard, streams
from asgml.lab.cli.data import app as data
from asgml.lab.cli.guard import FAILED

HELP = "Find the modality that does not pull its weight while a multimodal model trains."
EXAMPLES = """Examples:
  asgml list                    data sets, encoders, fusions, methods and experiments
  asgml run phase1              train every method with every seed, write the report
  asgml run phase1 --set name=short --set train.epochs=3 --set seeds=[0,1]
  asgml report outputs/phase1   write the report of a run again
  asgml diagnose outputs/phase1 --solo    which modality is in trouble, and why
  asgml data prepare cremad --root CREMA-D --out stores/cremad
  asgml compare outputs/a outputs/b       two experiments side by side
  asgml export outputs/phase1 > table.tex the table for a paper
  asgml cite ogm dgl            the papers, as BibTeX
  asgml check my_module:my_recipe         the laws, for a method of your own

Exit codes: 0 done, 1 a cell failed or a law is broken, 2 wrong input, 130 interrupted.
"""
app = App(
    name="asgml",
    help=HELP,
    help_epilogue=EXAMPLES,
    help_format="plaintext",
    version=lambda: f"asgml {importlib.metadata.version('asgml')}",
)
app.command(data)


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return guard.guarded(lambda: _run(tokens), sys.argv[1:] if tokens is None else tokens)


def _run(tokens: Sequence[str] | None) -> int:
    command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if isinstance(getattr(command, "__self__", None), App):  # help and version, which hold nothing from outside
        try:
            return int(command(*bound.args, **bound.kwargs) or 0)
        except SystemExit:  # rich's way to end where nobody reads
            raise BrokenPipeError from None
    with streams.cleaned():
        return int(command(*bound.args, **bound.kwargs) or 0)


@app.command(help_epilogue="")
def run(
    experiment: str,
    /,
    *,
    set: Annotated[list[str] | None, Parameter(negative=())] = None,
    out: Path | None = None,
    jobs: int | None = None,
    engine: Literal["local", "ray", "dask"] = "local",
    address: str | None = None,
    gpus_per_cell: int = 0,
    data: Annotated[list[str] | None, Parameter(negative=())] = None,
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Train every method of an experiment with every seed, then write the report.

    Each method and seed is one cell, with a process and a folder of its own.
    The same command goes on where it was interrupted, and runs failed cells again.

    Examples:

      asgml run phase1
      asgml run my.yaml --jobs 2
      asgml run my.yaml --engine dask --address tcp://node1:8786 --gpus-per-cell 1
      asgml run phase1 --set name=short --set train.lr=1e-2 --set seeds=[0,1]
      asgml run phase1 --set name=k3 --set methods.frequency_k2.frequency.k=3

    Parameters
    ----------
    experiment
        A built-in experiment ("asgml list experiments") or the path of a YAML file.
    set
        PATH=VALUE: change a setting; the value is YAML. May be given again and again.
    out
        The folder to write to; outputs/NAME by default.
    jobs
        Cells that train at once; as many as there are usable cores, or as a cluster has room for, by default.
    engine
        Where cells train: on this machine, or on a Ray or Dask cluster that sees the same files.
    address
        The cluster's, as Ray or Dask writes it; without one they find or start their own.
    gpus_per_cell
        GPUs that each cell has for itself; with 0 none is set apart.
    data
        Where the data set lies now, or NAME=PATH for one of several; the same data in another place go on.
    quiet
        Say nothing but what went wrong, on standard error.
    """
    from asgml.lab.cli import commands

    where = commands.Where(engine, address, gpus_per_cell, jobs)
    return FAILED if commands.run(experiment, set or [], out, where, data=data or (), quiet=quiet) else 0


@app.command(help_epilogue="")
def report(
    folder: Path | None = None,
    /,
    *,
    tensorboard: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    out: Path | None = None,
    epochs: str | None = None,
) -> None:
    """Write the report of a run, or of TensorBoard folders that another program wrote.

    Examples:

      asgml report outputs/phase1
      asgml report outputs/phase1 --out reports/phase1 --epochs 1,5,10,13
      asgml report --tensorboard baseline=runs/base frequency=runs/freq --out reports/mine

    Parameters
    ----------
    folder
        The folder of a run.
    tensorboard
        NAME=DIR ...: a name and the folder of event files for every method, instead of a run.
    out
        The folder to write to; by default that of the run.
    epochs
        The epochs that tables show, separated by commas, such as 1,5,10,13.
    """
    from asgml.lab.cli import commands

    commands.report(folder, tensorboard or [], out, epochs)


@app.command(help_epilogue="")
def diagnose(
    folder: Path,
    /,
    *,
    method: str | None = None,
    seed: int | None = None,
    solo: Annotated[bool, Parameter(negative=())] = False,
    allow_imports: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Say of a trained model which modality was left behind, is ignored, is poor, or memorises.

    Looks at the model after its last epoch, on validation samples; the test split is not touched.
    Writes diagnosis.json beside the cell; the report shows it.

    Examples:

      asgml diagnose outputs/phase1 --solo
      asgml diagnose outputs/phase1 --method frequency_k2 --seed 1

    Parameters
    ----------
    folder
        The folder of a run.
    method
        Whose model; "baseline", or the first method, by default.
    seed
        Which seed; the first finished one by default.
    solo
        Train each modality alone where the run has no such method, and keep the result.
    allow_imports
        Run the code that the run's settings import, which you have not run from here before.
    """
    from asgml.lab import run_folder

    run_folder.experiment(folder)
    from asgml.lab.cli import diagnosing

    diagnosing.diagnose(folder, method, seed, solo=solo, allow_imports=allow_imports)


@app.command(help_epilogue="")
def compare(*folders: Path, out: Path | None = None) -> None:
    """Put experiments side by side: every method's score, and differences where data and seeds are the same.

    Says where data, splits, seeds or settings differ. Prints Markdown.

    Examples:

      asgml compare outputs/mine outputs/other
      asgml compare outputs/mine outputs/other --out reports/both

    Parameters
    ----------
    folders
        The folders of two runs or more; the first is the reference.
    out
        Write compare.md, compare.html and compare.json to this folder instead.
    """
    from asgml.lab.cli import asked

    asked.runs(folders)
    from asgml.lab.cli import showing

    showing.compare(folders, out)


@app.command(help_epilogue="")
def export(
    folder: Path,
    /,
    *,
    format: Literal["csv", "latex", "markdown"] = "latex",
    out: Path | None = None,
) -> None:
    """Print the table that goes into a paper, with its caption: n, split, protocol and test.

    Examples:

      asgml export outputs/mine
      asgml export outputs/mine --format csv --out tables/mine.csv

    Parameters
    ----------
    folder
        The folder of a run.
    format
        csv (unrounded, the caption as a first line with #), latex (booktabs), or markdown.
    out
        Write to this file instead.
    """
    from asgml.lab import run_folder

    run_folder.experiment(folder)
    from asgml.lab.cli import showing

    showing.export(folder, format, out)


@app.command(help_epilogue="")
def cite(*methods: str) -> None:
    """Print the BibTeX entries of this library and of the papers that methods come from.

    Examples:

      asgml cite ogm dgl

    Parameters
    ----------
    methods
        Entries of methods ("asgml list methods").
    """
    from asgml.lab.cli import showing

    showing.cite(methods)


@app.command(help_epilogue="")
def check(recipe: str, /, *arguments: str) -> int:
    """Hold a recipe of your own to the laws of this library, on a small model.

    Examples:

      asgml check my_pkg.my_module:my_recipe modality=audio strength=0.5

    Parameters
    ----------
    recipe
        MODULE:NAME of what returns the recipe; the current folder is importable.
    arguments
        NAME=VALUE: its arguments; values are YAML.
    """
    from asgml.lab.cli import showing

    return FAILED if showing.check(recipe, arguments) else 0


@app.command(name="list", help_epilogue="")
def list_(
    what: Annotated[
        Literal["datasets", "encoders", "fusions", "methods", "experiments"] | None,
        Parameter(help="One of these; all of them by default."),
    ] = None,
    /,
) -> None:
    """Show the data sets, encoders, fusions, entries of methods or built-in experiments, with settings and defaults.

    Examples:

      asgml list
      asgml list datasets
    """
    from asgml.lab.cli import listing

    listing.show(what)


if __name__ == "__main__":
    sys.exit(main())
