"""Where cells run: here, or on a running Ray or Dask cluster. An engine starts a cell and says how it ended, nothing else."""

from asgml.lab.engines._make import Name, make

__all__ = ["Name", "make"]
