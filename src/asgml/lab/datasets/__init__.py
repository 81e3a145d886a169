"""Data sets: each hands over the same three typed splits. To import this is cheap: no torch, no scikit-learn, no numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgml.lab import prepared as prepared_store
from asgml.lab.datasets.settings import AVDigits, DatasetSettings, ImportedDataset, Keypad, Manifest, Mosi, StoredDataset
from asgml.lab.errors import InputError
from asgml.lab.files import read_bytes

if TYPE_CHECKING:
    from asgml.lab.datasets._base import Data, Split, Steer, Test, Train, Validation

__all__ = ["Data", "Split", "Steer", "Test", "Train", "Validation", "check", "load"]


def load(settings: DatasetSettings | ImportedDataset, seed: int) -> Data:
    """Return the data set of these settings, from the cache where it was prepared before.

    `seed` is the run's; an int in `settings.seed` wins. The same settings, seed and files give bit-identical arrays in every
    process. One's own data sets (`import`) are not cached, and a prepared store stays in its files. Raises InputError for what
    the user can get wrong.
    """
    if isinstance(settings, ImportedDataset):
        from asgml.lab.datasets import _imported

        return _imported.load_imported(settings, seed)
    check(settings)
    seed = seed if settings.seed is None else settings.seed
    if isinstance(settings, StoredDataset):
        from asgml.lab.datasets import prepared

        return prepared.load_prepared(settings, seed)
    return _load_built_in(settings, seed)


def check(settings: DatasetSettings | ImportedDataset) -> dict[str, str]:
    """Return modality -> what it holds, as far as that can be seen at once: no data is read, nothing heavy imported.

    Raises InputError for what can be seen to be wrong.
    """
    if isinstance(settings, ImportedDataset):
        from asgml.lab import imports

        imports.find_module(settings.import_, "dataset.import")
    elif isinstance(settings, AVDigits):
        from asgml.lab.datasets import _fsdd

        _fsdd.listing(settings.root)
    elif isinstance(settings, Manifest):
        from asgml.lab.datasets.manifest.opening import opened

        return opened(settings)[1]
    elif isinstance(settings, Mosi) and not settings.path.is_file():
        raise InputError(f"`dataset.path`: must be a pickle of the MMSA toolkit, found no file {settings.path}")
    elif isinstance(settings, StoredDataset):
        prepared_store.refuse_missing(settings.root)
    elif isinstance(settings, Keypad) and "text" in settings.wrong_share and not settings.third_modality:
        raise InputError("`dataset.wrong_share`: 'text' must be a modality of the data set; set dataset.third_modality: true")
    return {} if isinstance(settings, ImportedDataset) else {m: m for m in settings.modalities}


def _load_built_in(settings: DatasetSettings, seed: int) -> Data:
    from asgml.lab.datasets import _cache, _fsdd, avdigits, keypad

    module: Any = keypad
    files: dict[str, bytes] = {}
    if isinstance(settings, AVDigits):
        module, files = avdigits, _fsdd.read(settings.root)
    elif isinstance(settings, Mosi):
        from asgml.lab.datasets import mosi

        module, files = mosi, {settings.path.name: read_bytes(settings.path)}
    elif isinstance(settings, Manifest):
        from asgml.lab.datasets.manifest import preparing

        module, files = preparing, preparing.files(settings)
    key = _cache.key(settings.model_dump(mode="json"), seed, module, files)
    return _cache.fetch(f"{settings.name}-{key}", lambda: module.prepare(settings, seed, files))


def __getattr__(name: str) -> Any:
    if name in __all__:
        from asgml.lab.datasets import _base

        return getattr(_base, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
