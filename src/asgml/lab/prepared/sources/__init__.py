"""What published data sets look like on disk: each file lists the clips of one layout."""

from __future__ import annotations

from pathlib import Path

from asgml.lab.prepared.prepare import Listing
from asgml.lab.prepared.sources import clips, cremad, food101, ucf101

LISTINGS = {"cremad": cremad.listing, "food101": food101.listing, "ucf101": ucf101.listing}


def listing(name: str, root: Path, metadata: Path | None = None) -> Listing:
    """List the clips of a data set. InputError where it is not there, or its lists contradict themselves."""
    return LISTINGS[name](root, metadata) if name in LISTINGS else clips.listing(name, root, metadata)
