"""Parts of a model that have a name and settings: `film`, or `{film: {conditioned: visual}}` where a setting is given."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def _with_kind(value: Any) -> Any:
    """Turn what people write, `vit` or `{vit: {patch: 8}}`, into `{kind: vit, patch: 8}`."""
    if isinstance(value, str):
        return {"kind": value}
    if not isinstance(value, dict) or "kind" in value:
        return value
    if "import" in value:
        return {"kind": "import", **value}
    if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict | None):
        return {"kind": str(next(iter(value))), **(inner or {})}
    raise ValueError(f"must be one name, or one name with a mapping of its settings, found {value}")


AsWritten = BeforeValidator(_with_kind)
