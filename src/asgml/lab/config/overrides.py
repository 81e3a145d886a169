"""`--set a.b=c`: one setting of an experiment changed on the command line, before the experiment is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgml.lab.config.yaml_text import parse
from asgml.lab.errors import InputError, short


@dataclass(frozen=True, slots=True)
class Override:
    """`value` goes where `parts` lead; `text` is what the user wrote."""

    text: str
    parts: tuple[str, ...]
    value: Any

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read `train.lr=1e-3`: a path of names or list indices joined by dots, and a value in YAML."""
        path, equals, value = text.partition("=")
        parts = tuple(part.strip() for part in path.split("."))
        if not equals or not all(parts):
            raise InputError(f"--set {short(text, quoted=False)}: must be PATH=VALUE, such as train.lr=0.01 or seeds=[0,1]")
        return cls(text, parts, parse(value, source=f"--set {text}"))

    def applied(self, document: Any) -> Any:
        """Return the document with the value in its place; mappings on the way are made where there are none."""
        return self._put(document, self.parts, ())

    def _put(self, node: Any, parts: tuple[str, ...], above: tuple[str, ...]) -> Any:
        if not parts:
            return self.value
        if node is None or isinstance(node, dict):
            key, rest = _split(node or {}, parts)
            return {**(node or {}), key: self._put((node or {}).get(key), rest, (*above, key))}
        if isinstance(node, list):
            return self._put_in_list(node, parts, above)
        raise self._error(above, f"is {short(node)}, so it has no setting {short(parts[0])} within")

    def _put_in_list(self, node: list[Any], parts: tuple[str, ...], above: tuple[str, ...]) -> Any:
        index = int(parts[0]) if parts[0].isascii() and parts[0].isdigit() else None
        if index is None or index >= len(node):
            have = f"an index from 0 to {len(node) - 1}" if node else "nothing, since it is empty"
            raise self._error(above, f"is a list: what follows must be {have}, found {short(parts[0])}")
        inner = self._put(node[index], parts[1:], (*above, parts[0]))
        return [*node[:index], inner, *node[index + 1 :]]

    def _error(self, above: tuple[str, ...], words: str) -> InputError:
        return InputError(f"--set {short(self.text, quoted=False)}: `{short('.'.join(above), quoted=False)}` {words}")


def _split(node: dict[str, Any], parts: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Take the first name off a path; a key that is there and has dots in it goes before its first part."""
    for length in range(len(parts), 1, -1):
        if (key := ".".join(parts[:length])) in node:
            return key, parts[length:]
    return parts[0], parts[1:]
