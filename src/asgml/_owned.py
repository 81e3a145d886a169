"""Which parameters an encoder has: found when the Balancer is made, and again whenever the model was changed since."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from itertools import chain
from operator import is_
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from asgml._checks import Encoder, Parameters, parameters_of
from asgml._tied import check_tied, places_of


class Owned:
    """Knows every encoder's parameters of now.

    Parameters that were replaced or added (LoRA, weight_norm, a new layer, `load_state_dict(assign=True)`) are taken up. An
    encoder that was itself replaced in the model, or sharded, is refused.
    """

    def __init__(self, encoders: Mapping[str, Encoder], model: nn.Module | None):
        model = getattr(model, "asgml_host", model)
        self._encoders, self._model = dict(encoders), model
        self._modules = {m: e for m, e in encoders.items() if isinstance(e, nn.Module)}
        self.params: Parameters = parameters_of(encoders, model)
        """Modality -> name -> parameter."""
        check_tied(encoders, model)
        self._places = {m: places_of(e, model) for m, e in self._modules.items()}
        self._left = Left(self._modules) if model is None else None
        self._structure = Structure([*self._modules.values(), *([] if model is None else [model])])

    def current(self) -> Parameters:
        """Return modality -> name -> parameter of now; raise RuntimeError where an encoder is no longer the one given."""
        if self._left:
            self._left.check()
        if self._structure.changed():
            self._renew()
        return self.params

    def _renew(self) -> None:
        for modality, places in self._places.items():
            for place in places:
                check_in_place(modality, self._modules[modality], _at(self._model, place), place)
        found = parameters_of(self._encoders, self._model)
        check_tied(self._encoders, self._model)
        self.params = {m: _renewed(m, self.params[m], now) for m, now in found.items()}
        self._structure.note()


class Structure:
    """Notices that a module or a parameter somewhere below some modules is not the one that it was, in a few microseconds."""

    def __init__(self, roots: Iterable[nn.Module]):
        self._roots = list(roots)
        self.note()

    def note(self) -> None:
        """Take what is there now as what should be there."""
        modules = dict.fromkeys(module for root in self._roots for module in root.modules())
        held = [values for module in modules for values in (module._parameters, module._modules)]
        self._held: list[dict[str, Any]] = [values for values in held if isinstance(values, dict)]  # a script's are none
        self._seen = self._now()

    def changed(self) -> bool:
        """Tell whether anything was replaced, added or taken away."""
        now = self._now()
        return len(now) != len(self._seen) or not all(map(is_, now, self._seen))

    def _now(self) -> list[Any]:
        return list(chain.from_iterable(map(dict.values, self._held)))


class Left:
    """Notices that an encoder was replaced in the module that held it, where no `model` was given to look into."""

    def __init__(self, encoders: Mapping[str, nn.Module]):
        self._encoders = dict(encoders)
        self._places: dict[tuple[str, str], weakref.ref[nn.Module]] = {}
        this = weakref.ref(self)

        def note(holder: nn.Module, name: str, new: nn.Module | None) -> None:
            if left := this():
                left.note(holder, name)

        self._handle = register_module_module_registration_hook(note)
        weakref.finalize(self, self._handle.remove)

    def __reduce__(self) -> tuple[type[Left], tuple[Mapping[str, nn.Module]]]:
        return Left, (self._encoders,)  # a copy watches the copied encoders

    def note(self, holder: nn.Module, name: str) -> None:
        """Remember a place in which an encoder stands, and from which it may be about to be taken."""
        stood = holder._modules.get(name)
        for modality, encoder in self._encoders.items():
            if stood is encoder:
                self._places[modality, name] = weakref.ref(holder)

    def check(self) -> None:
        """Raise RuntimeError where another module stands in an encoder's place."""
        for (modality, name), ref in self._places.items():
            holder = ref()
            if holder is not None:
                check_in_place(modality, self._encoders[modality], holder._modules.get(name), name)
        self._places.clear()


def check_in_place(modality: str, encoder: nn.Module, now: nn.Module | None, place: str) -> None:
    """Refuse a module in an encoder's place, unless it wraps the encoder and learns nothing more, as torch.compile makes it."""
    if now is encoder or (now is not None and encoder in now.modules() and _same(now.parameters(), encoder.parameters())):
        return
    found = "nothing" if now is None else f"a {type(now).__name__}"
    raise RuntimeError(
        f"encoder {modality!r} was replaced after the Balancer was made: {found} stands at {place!r} in the model now; make "
        "the Balancer anew, with the module that the forward calls"
    )


def _same(some: Iterable[nn.Parameter], others: Iterable[nn.Parameter]) -> bool:
    return set(some) == set(others)


def _at(model: nn.Module | None, place: str) -> nn.Module | None:
    try:
        return model.get_submodule(place) if model is not None else None
    except AttributeError:
        return None


def _renewed(modality: str, before: dict[str, nn.Parameter], now: dict[str, nn.Parameter]) -> dict[str, nn.Parameter]:
    """Return an encoder's parameters of now; FSDP's own exchange of shards for whole ones is no change."""
    sharded = [any(hasattr(p, "device_mesh") for p in named.values()) for named in (before, now)]
    if sharded == [False, True]:
        raise RuntimeError(
            f"the parameters of encoder {modality!r} were replaced after the Balancer was made, as fully_shard replaces them: "
            "make the Balancer after it"
        )
    return before if sharded == [True, False] else now
