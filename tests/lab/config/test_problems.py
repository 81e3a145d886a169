"""Every message that a wrong setting gets, in the words of the person who wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from asgml.lab.config.load import validate
from asgml.lab.errors import InputError
from asgml.lab.methods import METHODS

FREQUENCY = {"frequency": {"modality": "audio", "k": 2}}


def document(**changes: Any) -> dict[str, Any]:
    """A right experiment with some of its settings changed; `None` takes one away."""
    whole = {"name": "mine", "methods": {"baseline": [], "half": FREQUENCY}} | changes
    return {key: value for key, value in whole.items() if value is not None}


def method(entry: Any, name: str = "x") -> dict[str, Any]:
    return document(methods={name: entry})


LETTERS = "must be letters, digits, `_`, `-` or `.`, and start with a letter or a digit"
PLACE = "must be `module:name`, such as `my_package.my_module:my_function`"
SUCH_AS = "must be one name, or one name with a mapping of its settings"
MESSAGES = {
    "unknown setting": (document(train={"lrr": 1}), "`train.lrr`: unknown setting; did you mean 'lr'?"),
    "unknown at the top": (document(sedes=[0]), "`sedes`: unknown setting; did you mean 'seeds'?"),
    "unknown, nothing near": (
        document(model={"width": 3}),
        "`model.width`: unknown setting; choose from encoders, feature_dim, fusion",
    ),
    "unknown of a data set": (
        document(dataset={"name": "keypad", "snr": 1}),
        "`dataset.snr`: unknown setting; did you mean 'snr_db'?",
    ),
    "unknown of an entry": (
        method({"frequency": {"modality": "audio", "k": 2, "fase": 1}}),
        "`methods.x.frequency.fase`: unknown setting; did you mean 'phase'?",
    ),
    "unknown of an entry, nothing near": (
        method({"alone": {"modality": "audio", "zz": 1}}),
        "`methods.x.alone.zz`: unknown setting; choose from modality",
    ),
    "unknown in shorthand": (
        method({"modality": "audio", "taw": 1, "tau": 1}, "staleness"),
        "`methods.staleness.taw`: unknown setting; did you mean 'tau'?",
    ),
    "unknown entry": (
        method({"freqency": {"modality": "audio"}}),
        "`methods.x`: unknown entry 'freqency'; did you mean 'frequency'?",
    ),
    "second entry unknown": (
        method([FREQUENCY, {"allone": None}]),
        "`methods.x.1`: unknown entry 'allone'; did you mean 'alone'?",
    ),
    "a row or none for some process": (
        {"name": "x", "methods": {"baseline": []}, "train": {"batch_size": 6, "processes": 4}},
        "`train.batch_size`: must have two rows for each of `train.processes`, 8 or more, found 6",
    ),
    "unknown kind": (method({"kind": "stale", "tau": 1}), "`methods.x`: unknown entry 'stale'; did you mean 'staleness'?"),
    "unknown data set": (
        document(dataset={"name": "keypd"}),
        "`dataset.name`: unknown data set 'keypd'; did you mean 'keypad'?",
    ),
    "data set as a word": (
        document(dataset="keypad"),
        "`dataset`: must be a mapping, such as `dataset: {name: keypad}`, found 'keypad'",
    ),
    "unknown modality": (
        method({"frequency": {"modality": "audi", "k": 2}}),
        "`methods.x.frequency.modality`: must be a modality of keypad, found 'audi'; did you mean 'audio'?",
    ),
    "unknown modality of the first of two like entries": (
        method([{"alone": {"modality": "smell"}}, {"alone": {"modality": "audio"}}]),
        "`methods.x.alone.modality`: must be a modality of keypad, found 'smell'; choose from audio, visual",
    ),
    "a modality that is off": (
        method({"alone": {"modality": "text"}}),
        "`methods.x.alone.modality`: must be a modality of keypad, found 'text'; choose from audio, visual",
    ),
    "encoder of an unknown modality": (
        document(model={"encoders": {"visul": "cnn"}}),
        "`model.encoders.visul`: must be a modality of keypad, found 'visul'; did you mean 'visual'?",
    ),
    "wrong share of an unknown modality": (
        document(dataset={"name": "keypad", "wrong_share": {"smell": 0.5}}),
        "`dataset.wrong_share`: names must be modalities (audio, visual, text), found ['smell']",
    ),
    "unknown fusion": (document(model={"fusion": "summ"}), "`model.fusion`: unknown fusion 'summ'; did you mean 'sum'?"),
    "fusion as a number": (
        document(model={"fusion": 3}),
        "`model.fusion`: must be one name, or one name with a mapping of its settings, found 3",
    ),
    "unknown of a fusion": (
        document(model={"fusion": {"film": {"condition": "audio"}}}),
        "`model.fusion.film.condition`: unknown setting; did you mean 'conditioned'?",
    ),
    "fusion of an unknown modality": (
        document(model={"fusion": {"film": {"conditioned": "visul"}}}),
        "`model.fusion.film.conditioned`: must be a modality, found 'visul'; did you mean 'visual'?",
    ),
    "fusion of three": (
        document(model={"fusion": "gated"}, dataset={"name": "keypad", "third_modality": True}),
        "`model.fusion`: gated joins two modalities, found audio, visual, text; take concat, sum, film or cross_attention",
    ),
    "features that cannot be cut": (
        document(model={"fusion": "cross_attention", "feature_dim": 12}),
        "`model.feature_dim`: must be a multiple of cross_attention's tokens x heads, 8, found 12",
    ),
    "unknown encoder": (
        document(model={"encoders": {"audio": "resnet8"}}),
        "`model.encoders.audio`: unknown encoder 'resnet8'; did you mean 'resnet18'?",
    ),
    "unknown of an encoder": (
        document(model={"encoders": {"audio": {"resnet18": {"weight": "a.pth"}}}}),
        "`model.encoders.audio.resnet18.weight`: unknown setting; did you mean 'weights'?",
    ),
    "weights of another width": (
        document(model={"encoders": {"audio": {"resnet18": {"weights": "a.pth", "width": 8}}}}),
        "`model.encoders.audio.resnet18`: width must be 64 where weights are given, found 8",
    ),
    "heads that do not divide": (
        document(model={"encoders": {"audio": {"vit": {"heads": 5}}}}),
        "`model.encoders.audio.vit`: hidden must be a multiple of heads, 5, found 192",
    ),
    "two encoders in one": (
        document(model={"encoders": {"audio": {"vit": {}, "cnn": {}}}}),
        "`model.encoders.audio`: must be one name, or one name with a mapping of its settings, found {'vit': {}, 'cnn': {}}",
    ),
    "encoder without import": (
        document(model={"encoders": {"audio": {"imprt": "a:b"}}}),
        "`model.encoders.audio`: must be one name, or one name with a mapping of its settings, found {'imprt': 'a:b'}",
    ),
    "encoder's place": (
        document(model={"encoders": {"audio": {"import": "bad"}}}),
        f"`model.encoders.audio.import`: {PLACE}, found 'bad'",
    ),
    "entry's place": (method({"import": "foo"}), f"`methods.x.import`: {PLACE}, found 'foo'"),
    "data set's place": (document(dataset={"import": "foo"}), f"`dataset.import`: {PLACE}, found 'foo'"),
    "unknown schedule": (
        document(train={"schedule": "cos"}),
        "`train.schedule`: must be 'cosine', 'step' or 'constant', found 'cos'; did you mean 'cosine'?",
    ),
    "k": (
        method({"frequency": {"modality": "audio", "k": 1}}),
        "`methods.x.frequency.k`: must be greater than or equal to 2, found 1",
    ),
    "k in a list of one": (
        method([{"frequency": {"modality": "audio", "k": 1}}]),
        "`methods.x.frequency.k`: must be greater than or equal to 2, found 1",
    ),
    "tau, second of two": (
        method([FREQUENCY, {"staleness": {"modality": "audio", "tau": -1}}]),
        "`methods.x.1.staleness.tau`: must be greater than or equal to 0, found -1",
    ),
    "share": (
        document(dataset={"name": "keypad", "wrong_share": {"audio": 2}}),
        "`dataset.wrong_share.audio`: must be less than or equal to 1, found 2",
    ),
    "momentum": (document(train={"momentum": 1}), "`train.momentum`: must be less than 1, found 1"),
    "infinite": (document(train={"lr": float("inf")}), "`train.lr`: must be a finite number, found inf"),
    "not a number": (
        method({"import": "a:b", "decay": [0.5, float("nan")]}),
        "`methods.x.decay.1`: must be a finite number, found nan",
    ),
    "no seeds": (document(seeds=[]), "`seeds`: must not be empty, found []"),
    "a method named like a file": (
        document(methods={"report.html": []}),
        "`methods.report.html`: a method's name must not end like a file's of the report, found 'report.html'",
    ),
    "same seeds": (document(seeds=[0, 0]), "`seeds`: must differ from each other, found [0, 0]"),
    "negative seed": (document(seeds=[0, -1]), "`seeds.1`: must be greater than or equal to 0, found -1"),
    "only a negative seed": (document(seeds=[-1]), "`seeds.0`: must be greater than or equal to 0, found -1"),
    "one seed": (document(seeds=3), "`seeds`: must be a list, found 3"),
    "no name": (document(name=None), "`name`: must be given, such as `name: mine`"),
    "name as a number": (document(name=3), "`name`: must be text, found 3"),
    "name as a path": (document(name="a/b"), f"`name`: {LETTERS}, found 'a/b'"),
    "method's name": (method([], "a b"), f"`methods.a b`: {LETTERS}, found 'a b'"),
    "no methods": (document(methods=None), "`methods`: must be given, such as `methods: {baseline: []}`"),
    "empty methods": (document(methods={}), "`methods`: must not be empty, found {}"),
    "methods as a list": (document(methods=["baseline"]), "`methods`: must be a mapping, found ['baseline']"),
    "no root": (document(dataset={"name": "avdigits"}), "`dataset.root`: must be given, such as `root: path/to/recordings`"),
    "no modality, no k": (
        method({"frequency": None}),
        "`methods.x.frequency.modality`: must be given\n`methods.x.frequency.k`: must be given",
    ),
    "entry as a number": (method(3), f"`methods.x`: {SUCH_AS}, found 3"),
    "entry as false": (method(False), f"`methods.x`: {SUCH_AS}, found False"),
    "entry as a word": (method(["alone"]), "`methods.x.modality`: must be given"),
    "settings as a word": (method({"alone": "audio"}), "`methods.x.alone`: must be a mapping of its settings, found 'audio'"),
    "settings as a list": (
        method({"alone": ["audio"]}),
        "`methods.x.alone`: must be a mapping of its settings, found ['audio']",
    ),
    "two entries in one mapping": (
        method(FREQUENCY | {"alone": {"modality": "audio"}}),
        "`methods.x`: must be a list to hold frequency and alone: one entry per item, in the order of execution",
    ),
    "settings of nothing": (
        method({"modality": "audio", "k": 2}),
        f"`methods.x`: must be one of {', '.join(METHODS)} or import, each with its settings, "
        "found {'modality': 'audio', 'k': 2}",
    ),
    "text for a number": (document(train={"lr": "fast"}), "`train.lr`: must be a number, found 'fast'"),
    "fraction for a whole number": (document(train={"epochs": 2.5}), "`train.epochs`: must be a whole number, found 2.5"),
    "text for yes or no": (
        document(dataset={"name": "keypad", "third_modality": "perhaps"}),
        "`dataset.third_modality`: must be true or false, found 'perhaps'",
    ),
    "number for settings": (document(train=3), "`train`: must be a mapping of settings, found 3"),
    "data beside data": (
        document(dataset={"name": "keypad"}, datasets={"a": {"name": "keypad"}}),
        "`datasets`: must not be given beside `dataset`; keep one of them",
    ),
    "unknown of one data set of several": (
        document(datasets={"a": {"name": "keypad"}, "b": {"name": "keypad", "snr": 1}}),
        "`datasets.b.snr`: unknown setting; did you mean 'snr_db'?",
    ),
    "one unknown data set of several": (
        document(datasets={"b": {"name": "keypd"}}),
        "`datasets.b.name`: unknown data set 'keypd'; did you mean 'keypad'?",
    ),
    "one data set of several as a word": (
        document(datasets={"b": "keypad"}),
        "`datasets.b`: must be a mapping, such as `dataset: {name: keypad}`, found 'keypad'",
    ),
    "a data set's name": (document(datasets={"a/b": {"name": "keypad"}}), f"`datasets.a/b`: {LETTERS}, found 'a/b'"),
    "a modality that one data set lacks": (
        document(datasets={"two": {"name": "keypad"}}, methods={"alone": {"modality": "text"}}),
        "datasets.two: `methods.alone.alone.modality`: must be a modality of keypad, found 'text'; choose from audio, visual",
    ),
    "grid of an unknown setting": (
        document(grid={"train.lrr": [1]}),
        "grid at train.lrr=1: `train.lrr`: unknown setting; did you mean 'lr'?",
    ),
    "a grid's second value": (
        document(datasets={"a": {"name": "keypad"}}, grid={"train.lr": [0.1, -1]}),
        "datasets.a grid at train.lr=-1: `train.lr`: must be greater than 0, found -1",
    ),
    "grid of no part": (
        document(grid={"seeds": [[0], [1]]}),
        "`grid`: must be settings of dataset, model, train, methods, such as train.lr, found 'seeds'",
    ),
    "grid of data sets": (
        document(grid={"dataset.name": ["keypad"]}),
        "`grid`: dataset.name must not vary: give several data sets with `datasets`",
    ),
    "grid through a list": (
        document(grid={"methods.half.1.k": [2]}, methods={"half": [FREQUENCY]}),
        "grid at methods.half.1.k=2: methods.half.1.k: `methods.half` is a list: what follows must be an index from 0 to 0, "
        "found '1'",
    ),
    "equal values": (
        document(grid={"train.lr": [0.1, 1e-1]}),
        "`grid`: the values of train.lr must differ, also as names of folders, found [0.1, 0.1]",
    ),
    "no values": (document(grid={"train.lr": []}), "`grid.train.lr`: must not be empty, found []"),
    "one value": (document(grid={"train.lr": 0.1}), "`grid.train.lr`: must be a list, found 0.1"),
    "tuning of data": (
        document(tune={"over": {"dataset.snr_db": [0, 1]}}),
        "`tune.over`: must be settings of model, train, such as train.lr, found 'dataset.snr_db'",
    ),
    "tuning of nothing": (
        document(tune={"over": {}}),
        "`tune`: must have either `over`, a grid, or `space` with `trials`, found neither",
    ),
    "tuning of what cannot be": (
        document(tune={"over": {"train.lr": [0.1, 0]}}),
        "tune at train.lr=0: `train.lr`: must be greater than 0, found 0",
    ),
    "unknown of tuning": (
        document(tune={"over": {"train.lr": [0.1]}, "seed": [1]}),
        "`tune.seed`: unknown setting; did you mean 'seeds'?",
    ),
    "tuning on reported seeds": (
        document(seeds=[0, 100], tune={"over": {"train.lr": [0.1]}}),
        "`tune.seeds`: must be none of `seeds`, since a reported seed must not have chosen anything, found [100] in both",
    ),
    "tuning on one seed twice": (
        document(tune={"over": {"train.lr": [0.1]}, "seeds": [7, 7]}),
        "`tune.seeds`: must differ from each other, found [7, 7]",
    ),
    "a method in the way of tuning": (
        document(tune={"over": {"train.lr": [0.1]}}, methods={"tuning": []}),
        "`methods.tuning`: must have another name, since the trials of `tune` take this folder",
    ),
    "five comparisons": (
        document(primary=["half"] * 5),
        "`primary`: must be 4 at most, since each takes power from the others, found 5",
    ),
    "comparison of an unknown method": (
        document(primary=[{"method": "hlaf"}]),
        "`primary.0.method`: must be one of `methods`, found 'hlaf'; did you mean 'half'?",
    ),
    "comparison against nothing": (
        document(primary=["half"], methods={"half": FREQUENCY}),
        "`primary.0.against`: must be one of `methods`, found 'baseline'; choose from half",
    ),
    "comparison on an unknown data set": (
        document(primary=["half", {"method": "half", "dataset": "c"}], datasets={"a": {"name": "keypad"}}),
        "`primary.1.dataset`: must be one of `datasets`, found 'c'; choose from a",
    ),
    "the same comparison twice": (
        document(primary=["half", {"method": "half"}]),
        "`primary.1`: must compare two methods that no other one compares, found 'half' against 'baseline'",
    ),
    "unknown of a comparison": (
        document(primary=[{"method": "half", "data": "a"}]),
        "`primary.0.data`: unknown setting; did you mean 'dataset'?",
    ),
    "long values are cut": (document(train={"lr": "x" * 200}), f"`train.lr`: must be a number, found '{'x' * 75} ..."),
    "several": (
        document(train={"lrr": 1, "epochs": 0}, seeds=3),
        "`train.epochs`: must be greater than or equal to 1, found 0\n"
        "`train.lrr`: unknown setting; did you mean 'lr'?\n"
        "`seeds`: must be a list, found 3",
    ),
    "many": (
        document(train={f"lr{i}": 1 for i in range(7)}),
        "\n".join([*(f"`train.lr{i}`: unknown setting; did you mean 'lr'?" for i in range(5)), "and 2 more"]),
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_every_wrong_setting_has_its_message(case: str) -> None:
    wrong, message = MESSAGES[case]
    with pytest.raises(InputError) as caught:
        validate(wrong)
    assert str(caught.value) == message
