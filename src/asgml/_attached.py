"""Who watches a model: hooks that nobody outlives, that no copy carries on, and one Balancer per encoder."""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from torch import nn
from torch.utils.hooks import RemovableHandle

from asgml._checks import Parameters


class Hook:
    """What a module carries in its owner's place: it calls the owner, as long as there is one.

    It holds nothing alive. A copy of it, and one that is read from a file, has no owner and does nothing: a copied model trains
    as if nobody had watched the first one. Its name and place stand in files of whole models that `torch.save` wrote.
    """

    def __init__(self, owner: Callable[..., Any] | None = None):
        self._owner = None if owner is None else weakref.ref(owner)

    def __call__(self, *args: Any) -> Any:
        """Call the owner."""
        owner = None if self._owner is None else self._owner()
        return None if owner is None else owner(*args)

    @property
    def kept(self) -> list[Any]:
        """What the owner keeps of forwards since the last update; nothing where there is no owner."""
        return getattr(self._owner and self._owner(), "kept", [])

    def __reduce__(self) -> tuple[type[Hook], tuple[()]]:
        return Hook, ()


class Attachment:
    """The hooks of one Balancer, and what it watches. They come off by `remove`, or when nobody holds the attachment any more.

    Args:
        encoders: modality -> the module that carries a hook.
        params: modality -> name -> parameter, of every modality.
    """

    def __init__(self, encoders: Mapping[str, nn.Module], params: Parameters):
        self.encoders, self.params = encoders, params
        self.ended = ""
        """Why it watches no more; empty while it does."""
        self._handles: list[RemovableHandle] = []
        self._off = weakref.finalize(self, _take_off, self._handles)
        self._off.atexit = False

    def take_over(self) -> None:
        """End, with a warning, every other attachment that watches some of the same encoders, whole or in part."""
        for other in [a for a in ATTACHED if a is not self and not a.ended]:
            if shared := self._shared(other):
                warnings.warn(
                    f"{_listed(shared)} had a Balancer already: the older one ends here and its hooks are off, since two would "
                    "both act on one encoder. Call `remove()` on a Balancer that is done, or write "
                    "`with Balancer(...) as balancer:` around the loop",
                    UserWarning,
                    stacklevel=4,
                )
                other.end(f"a newer Balancer watches {_listed(shared)} too")
        ATTACHED.add(self)

    def hook(self, handle: RemovableHandle) -> None:
        """Note a hook, to be taken off at the end."""
        self._handles.append(handle)

    def end(self, why: str) -> None:
        """Take the hooks off and remember why."""
        self.ended = self.ended or why
        self._off()

    def check_watching(self) -> None:
        """Refuse to go on after the end."""
        if self.ended:
            raise RuntimeError(
                f"this Balancer watches no encoder any more: {self.ended}. Make a new one; "
                "`new.load_state_dict(old.state_dict())` takes this one's memory over"
            )

    def _shared(self, other: Self) -> list[str]:
        """Return the modalities here of which the other one watches parameters, or the module, or one inside or around it."""
        parameters = {id(p) for named in other.params.values() for p in named.values()}
        roots = {id(e) for e in other.encoders.values()}
        insides = {id(module) for e in other.encoders.values() for module in e.modules()}
        found = []
        for m, named in self.params.items():
            encoder = self.encoders.get(m)
            inside = [] if encoder is None else [id(module) for module in encoder.modules()]
            if any(id(p) in parameters for p in named.values()) or id(encoder) in insides or not roots.isdisjoint(inside):
                found.append(m)
        return found


class Watching:
    """What ends, by `remove` and by the `with` statement around a loop, and of which copies and files hold the memory alone."""

    _taps: Attachment

    def remove(self) -> None:
        """Take the hooks off; the model is as it was before. What was counted and measured stays to be read."""
        self._taps.end("`remove()` was called")

    def __enter__(self) -> Self:
        self._taps.check_watching()
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()

    def __reduce__(self) -> tuple[Any, ...]:
        from asgml._kept import kept  # which needs the Balancer, which needs this class

        return kept(self)

    def __copy__(self) -> Self:
        return copy.deepcopy(self)


ATTACHED: weakref.WeakSet[Attachment] = weakref.WeakSet()
"""All that watch a model now."""


def _take_off(handles: Iterable[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()


def _listed(modalities: list[str]) -> str:
    return ("encoder " if len(modalities) == 1 else "encoders ") + ", ".join(map(repr, modalities))
