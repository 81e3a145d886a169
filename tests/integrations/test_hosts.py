"""A host is imported when its module is, and a missing or broken one is answered with words."""

import importlib
import subprocess
import sys

import pytest
import torch

from asgml.integrations import _shared

HOSTS = {"lightning": "Lightning", "transformers": "transformers"}


def test_the_package_imports_no_host():
    code = "import sys, asgml.integrations; sys.exit(any(h in sys.modules for h in ('lightning', 'transformers', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Breaking:
    """An import that fails as a host does whose own dependencies do not fit."""

    def __init__(self, host, error):
        self.host, self.error = host, error

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == self.host:
            raise self.error


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module"), RuntimeError("operator torchvision::nms does not exist")])
@pytest.mark.parametrize("host", HOSTS)
def test_a_missing_or_broken_host_says_what_to_install(monkeypatch, host, error):
    for name in [n for n in sys.modules if n.partition(".")[0] == host or n == f"asgml.integrations.{host}"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Breaking(host, error), *sys.meta_path])
    words = rf"needs {HOSTS[host]} .*{type(error).__name__}: {error}.*pip install 'asgml\[{host}\]'"
    with pytest.raises(ImportError, match=words) as raised:
        importlib.import_module(f"asgml.integrations.{host}")
    assert raised.value.__cause__ is error


def test_a_state_moves_to_a_device_but_for_generators():
    state = {"weights": [{"w": torch.ones(2)}], "generator": torch.Generator().get_state(), "index": 3, "name": "audio"}
    there = _shared.moved(state, torch.device("meta"))
    assert there["weights"][0]["w"].device.type == "meta"
    assert there["generator"].device.type == "cpu"
    assert (there["index"], there["name"]) == (3, "audio")


def test_targets_that_do_not_join_are_left_out_and_said():
    class NeedsThem:
        def adjust(self, targets):
            if targets is None:
                raise ValueError("targets, please")
            return len(targets)

    targets = _shared.Targets("Give them")
    targets.add(torch.zeros(2, 5))
    targets.add(torch.zeros(2, 7))
    with pytest.raises(ValueError, match=r"please\nIn this callback: .*\(2, 5\) and \(2, 7\), which do not join. Give them"):
        targets.adjust(NeedsThem())
    targets.add(torch.zeros(2))
    targets.add(torch.zeros(1))
    assert targets.adjust(NeedsThem()) == 3, "a new update starts anew"
