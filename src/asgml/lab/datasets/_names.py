"""What a modality may be called: its name becomes a part of a model, of files and of tables."""

from __future__ import annotations

from collections.abc import Iterable

from asgml.lab.errors import InputError

_MODULES = (
    "T_destination add_module apply bfloat16 buffers call_super_init children clear compile copy cpu cuda double dump_patches "
    "eval extra_repr float forward fromkeys get get_buffer get_extra_state get_parameter get_submodule half ipu items keys "
    "load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters pop popitem "
    "register_backward_hook register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook "
    "register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module "
    "register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state "
    "set_submodule setdefault share_memory state_dict to to_empty train training type update values xpu zero_grad"
)
_PRIVATE = (
    "_apply _backward_hooks _backward_pre_hooks _buffers _call_impl _compiled_call_impl _forward_hooks "
    "_forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs "
    "_get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook _load_from_state_dict "
    "_load_state_dict_post_hooks _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook _modules _named_members "
    "_non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook _register_state_dict_hook "
    "_replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks _state_dict_pre_hooks _version "
    "_wrapped_call_impl"
)
TAKEN = frozenset(f"{_MODULES} {_PRIVATE}".split())
"""What torch's modules have under these names themselves, so that no part of them may be called so."""
LONGEST = 100
"""Characters of a name."""


def refuse(names: Iterable[str], where: str) -> None:
    """Raise InputError, which begins with `where`, for the first name that no modality can have."""
    for name in names:
        if words := _wrong(name):
            raise InputError(f"{where}: a modality must not be called {name[:LONGEST]!r}, {words}; give it another name")


def _wrong(name: str) -> str:
    if name in TAKEN or (name.startswith("__") and name.endswith("__")):
        return "as a part of every model is"
    if name == "joint":
        return "as the probe of all modalities together is"
    if "." in name:
        return "since names in models must not hold a point"
    if not name.strip() or not name.isprintable():
        return "since it cannot be read"
    return f"since it has more than {LONGEST} characters" if len(name) > LONGEST else ""
