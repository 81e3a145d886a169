"""Whether what an encoder needs is there, seen before anything is read or written."""

from __future__ import annotations

from importlib.util import find_spec

from asgml.lab import imports
from asgml.lab.config.encoders._base import EncoderSettings
from asgml.lab.config.encoders._imported import ImportedEncoder
from asgml.lab.errors import InputError


def check(modality: str, encoder: EncoderSettings | ImportedEncoder) -> None:
    """Raise InputError where its module, its package, or a file or folder of its settings is not there."""
    if isinstance(encoder, ImportedEncoder):
        imports.find_module(encoder.import_, f"model.encoders.{modality}.import")
        return
    where = f"model.encoders.{modality}.{encoder.kind}"
    for name, path in encoder.arguments.items():
        if name in ("weights", "folder") and path is not None and not path.exists():
            raise InputError(
                f"`{where}.{name}`: {path} does not exist; give a local {'folder' if name == 'folder' else 'file'}"
            )
    if encoder.package and find_spec(encoder.package) is None:
        raise InputError(f"`{where}`: needs the package {encoder.package}: pip install 'asgml[encoders]'")
