"""Models of the transformers library: from a config, a random start; or from a local folder. Nothing is ever downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.lab.errors import InputError


def make(name: str, folder: Path | None, config: Mapping[str, Any], **settings: Any) -> Any:
    """Return `<name>Model`, read from a folder or built by `config`; `settings` go to its constructor.

    Raises:
        InputError: transformers is not installed, or the folder holds no such model.
    """
    try:
        import transformers
    except Exception as error:  # a broken installation fails in many ways
        raise InputError(f"{name} needs the package transformers (pip install 'asgml[encoders]'): {error}") from error
    made = getattr(transformers, f"{name}Model")
    if folder is None:
        return made(getattr(transformers, f"{name}Config")(**config), **settings)
    if not (folder / "config.json").exists():
        raise InputError(f"folder {folder} must hold a model that transformers saved, with a config.json, found none")
    try:
        read = made.from_pretrained(folder, local_files_only=True, **settings)
    except Exception as error:
        raise InputError(f"folder {folder} holds no {name} model that can be read: {type(error).__name__}: {error}") from error
    if read.config.model_type != getattr(transformers, f"{name}Config").model_type:
        raise InputError(f"folder {folder} must hold a {name} model, found {read.config.model_type}")
    return read.train()


def attention(hidden: int, layers: int, heads: int) -> dict[str, Any]:
    """Return the sizes of a transformer in the words of its config."""
    sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads}
    return sizes | {"intermediate_size": 4 * hidden}
