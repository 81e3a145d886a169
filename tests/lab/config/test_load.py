"""From YAML and `--set` to an experiment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from asgml.lab import datasets
from asgml.lab.config.load import built_in, load_experiment, validate
from asgml.lab.config.overrides import Override
from asgml.lab.config.yaml_text import parse
from asgml.lab.datasets.settings import AVDigits, ImportedDataset, Keypad
from asgml.lab.errors import InputError
from asgml.lab.methods.alone import Alone
from asgml.lab.methods.frequency import Frequency
from asgml.lab.methods.staleness import Staleness

FREQUENCY = {"frequency": {"modality": "audio", "k": 2}}


def document(**changes: Any) -> dict[str, Any]:
    """A right experiment with some of its settings changed."""
    return {"name": "mine", "methods": {"baseline": [], "half": FREQUENCY}} | changes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document()))
    return path


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_phase1_is_what_the_seed_document_ran() -> None:
    found = load_experiment("phase1")
    assert (found.name, found.dataset, found.seeds) == ("phase1", Keypad(), (0, 1, 2))
    assert found.methods == {
        "baseline": (),
        "frequency_k2": (Frequency(modality="audio", k=2),),
        "staleness_t2": (Staleness(modality="audio", tau=2),),
    }


@pytest.mark.parametrize("name", built_in())
def test_built_in_experiments_load_under_their_own_name(name: str) -> None:
    assert load_experiment(name).name == name


def test_what_is_left_open_is_filled_in_from_the_data_set() -> None:
    found = load_experiment("phase1", ["train.weight_decay=0"])
    assert found.train.lr == Keypad.tuned["lr"]
    assert found.train.weight_decay == 0


def test_what_was_resolved_loads_again_as_the_same(tmp_path: Path) -> None:
    once = load_experiment(
        "phase1", ["dataset.import=my.module:data", "dataset.k=3", "methods.own.import=a.b:c", "methods.own.x=1"]
    )
    again = load_experiment(write(tmp_path, once.model_dump_json(by_alias=True)))
    assert again == once


SETS = {
    "train.lr=1e-3": ("train.lr", 0.001),
    "train.lr=1E-3": ("train.lr", 0.001),
    "train.lr=2": ("train.lr", 2.0),
    "train.lr=.5e-1": ("train.lr", 0.05),
    "train.lr = 0.5": ("train.lr", 0.5),
    "seeds=[0,1]": ("seeds", (0, 1)),
    "seeds=[4]": ("seeds", (4,)),
    "seeds.1=7": ("seeds", (3, 7)),
    "dataset.wrong_share={audio: 0.5}": ("dataset.wrong_share", {"audio": 0.5}),
    "dataset.wrong_share.visual=5e-1": ("dataset.wrong_share", {"visual": 0.5}),
    "dataset.train_size=null": ("dataset.train_size", None),
    "dataset.third_modality=true": ("dataset.third_modality", True),
    "dataset.snr_db=-5": ("dataset.snr_db", -5.0),
    "name=a=b": ("name", "a=b"),
}


@pytest.mark.parametrize("text", SETS)
def test_a_set_is_one_setting_in_yaml(text: str, tmp_path: Path) -> None:
    path, value = SETS[text]
    if path == "name":  # only the first `=` divides; the name itself is refused later
        assert Override.parse(text).value == value
        return
    found: Any = load_experiment(write(tmp_path, yaml.safe_dump(document(seeds=[3, 4]))), [text])
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value
    assert type(found) is type(value)


def test_a_set_reaches_into_an_entry(file: Path) -> None:
    found = load_experiment(str(file), ["methods.half.frequency.k=3"])
    assert found.methods["half"] == (Frequency(modality="audio", k=3),)


def test_a_set_reaches_into_a_list_and_leaves_its_neighbours(tmp_path: Path) -> None:
    path = write(
        tmp_path, yaml.safe_dump(document(methods={"x": [FREQUENCY, {"staleness": {"modality": "visual", "tau": 1}}]}))
    )
    found = load_experiment(path, ["methods.x.1.staleness.tau=4"])
    assert found.methods["x"] == (Frequency(modality="audio", k=2), Staleness(modality="visual", tau=4))


def test_sets_apply_in_their_order(file: Path) -> None:
    assert load_experiment(str(file), ["train.epochs=3", "train={batch_size: 8}", "train.lr=1"]).train.epochs == 15
    assert load_experiment(str(file), ["train={batch_size: 8}", "train.epochs=3", "train.epochs=4"]).train.epochs == 4


def test_a_set_adds_what_was_not_there(file: Path) -> None:
    found = load_experiment(str(file), ["methods.late.staleness={modality: visual, tau: 1}", "dataset.name=keypad"])
    assert list(found.methods) == ["baseline", "half", "late"]


def test_a_set_goes_through_a_name_with_dots(tmp_path: Path) -> None:
    found = load_experiment(
        write(tmp_path, yaml.safe_dump(document(methods={"k2.5": FREQUENCY}))), ["methods.k2.5.frequency.k=5"]
    )
    assert found.methods == {"k2.5": (Frequency(modality="audio", k=5),)}


def test_a_set_leaves_what_shares_a_yaml_anchor(tmp_path: Path) -> None:
    text = "name: a\nmethods:\n  one: &one {frequency: {modality: audio, k: 2}}\n  two: *one\n"
    found = load_experiment(write(tmp_path, text), ["methods.one.frequency.k=3"])
    assert [e.k for e, *_ in found.methods.values() if isinstance(e, Frequency)] == [3, 2]


WRONG_SETS = {
    "train.lr": "--set train.lr: must be PATH=VALUE, such as train.lr=0.01 or seeds=[0,1]",
    "=3": "--set =3: must be PATH=VALUE, such as train.lr=0.01 or seeds=[0,1]",
    "train..lr=3": "--set train..lr=3: must be PATH=VALUE, such as train.lr=0.01 or seeds=[0,1]",
    "name.x=1": "--set name.x=1: `name` is 'mine', so it has no setting 'x' within",
    "methods.baseline.k=1": "--set methods.baseline.k=1: `methods.baseline` is a list: "
    "what follows must be nothing, since it is empty, found 'k'",
    "seeds.2=1": "--set seeds.2=1: `seeds` is a list: what follows must be an index from 0 to 1, found '2'",
    "seeds.-1=1": "--set seeds.-1=1: `seeds` is a list: what follows must be an index from 0 to 1, found '-1'",
    "seeds=[1": "--set seeds=[1, line 1: is not valid YAML: expected ',' or ']', but got '<stream end>'",
    "train={lr: 1, lr: 2}": "--set train={lr: 1, lr: 2}, line 1: is not valid YAML: the key 'lr' is there twice",
    "train.lr=.inf": "`train.lr`: must be a finite number, found inf",
}


@pytest.mark.parametrize("text", WRONG_SETS)
def test_every_wrong_set_has_its_message(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, yaml.safe_dump(document(seeds=[3, 4])))
    with pytest.raises(InputError) as caught:
        load_experiment(path, [text])
    assert str(caught.value) == WRONG_SETS[text]


KEYPAD = (
    "name: a\nmethods: {baseline: []}\ndataset: {name: keypad, snr_db: -3, tones_per_image: 2, wrong_share: {audio: 0.5}}\n"
)


def test_another_data_set_drops_what_it_does_not_have_and_keeps_the_rest(tmp_path: Path) -> None:
    found = load_experiment(write(tmp_path, KEYPAD), ["dataset.name=avdigits", "dataset.root=/nowhere"])
    assert found.dataset == AVDigits(root=Path("/nowhere"), snr_db=-3)


def test_another_data_set_keeps_what_is_set_beside_it_to_be_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^`dataset.tones_per_image`: unknown setting"):
        load_experiment(
            write(tmp_path, KEYPAD), ["dataset.tones_per_image=3", "dataset.name=avdigits", "dataset.root=/nowhere"]
        )


def test_one_s_own_data_set_gets_none_of_the_former_settings(tmp_path: Path) -> None:
    found = load_experiment(write(tmp_path, KEYPAD), ["dataset.import=my.own:data", "dataset.snr_db=1"])
    assert isinstance(found.dataset, ImportedDataset)
    assert found.dataset.arguments == {"snr_db": 1}


def test_the_same_data_set_drops_nothing(tmp_path: Path) -> None:
    found = load_experiment(write(tmp_path, KEYPAD), ["dataset.name=keypad"])
    assert found.dataset == Keypad(snr_db=-3, tones_per_image=2, wrong_share={"audio": 0.5})


def test_a_typing_error_in_the_data_set_s_name_is_what_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^`dataset.name`: unknown data set 'avdigit'; did you mean 'avdigits'"):
        load_experiment(write(tmp_path, KEYPAD), ["dataset.name=avdigit"])


WRONG_FILES = {
    "name: a\nname: b\n": "{file}, line 2: is not valid YAML: the key 'name' is there twice",
    "name: a\nmethods:\n  b: []\n  b: []\n": "{file}, line 4: is not valid YAML: the key 'b' is there twice",
    "name: a\nmethods: [\n": "{file}, line 3: is not valid YAML: expected the node content, but found '<stream end>'",
    "name: a: b\n": "{file}, line 1: is not valid YAML: mapping values are not allowed here",
    "name: !!python/object:os.system {}\n": "{file}, line 1: is not valid YAML: could not determine a constructor for the tag "
    "'tag:yaml.org,2002:python/object:os.system'",
    "": "{file}: must be a mapping of settings (`name: ...`, `methods: ...`), found None",
    "- a\n": "{file}: must be a mapping of settings (`name: ...`, `methods: ...`), found ['a']",
    "a: &a [*a]\n": "{file}: is not valid YAML: maximum recursion depth exceeded",
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_every_wrong_file_has_its_message(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    assert str(caught.value).startswith(WRONG_FILES[text].format(file=path))


VALUES = {
    "1e-3": 0.001,
    "1E5": 1e5,
    "-2e3": -2000.0,
    "+.5e1": 5.0,
    "1.5e3": 1500.0,
    "1_000e0": 1000.0,
    "0.5": 0.5,
    "3": 3,
    "e5": "e5",
    "1e": "1e",
    "1e5x": "1e5x",
    '"1e5"': "1e5",
    "": None,
    "[1e1, a]": [10.0, "a"],
}


@pytest.mark.parametrize("text", VALUES)
def test_numbers_are_read_as_numbers(text: str) -> None:
    """Where a setting has no type of its own, as an argument of one's own function has not, nothing else would tell."""
    found = parse(text, source="here")
    assert (found, type(found)) == (VALUES[text], type(VALUES[text]))


def test_keys_are_taken_as_they_are_written(tmp_path: Path) -> None:
    found = load_experiment(write(tmp_path, "name: a\nmethods: {on: [], 1: [], 1e3: []}\n"))
    assert list(found.methods) == ["on", "1", "1e3"]


def test_a_merge_key_may_be_overridden(tmp_path: Path) -> None:
    text = "name: a\nmethods:\n  one: {alone: &alone {modality: audio}}\n  two: {alone: {<<: *alone, modality: visual}}\n"
    found = load_experiment(write(tmp_path, text))
    assert found.methods["two"] == (Alone(modality="visual"),)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert load_experiment(write(tmp_path, "\ufeffname: a\nmethods: {baseline: []}\n")).name == "a"


def test_no_such_experiment() -> None:
    with pytest.raises(
        InputError, match=r"^'phase' is neither a built-in experiment nor a file that exists; did you mean 'phase[12]'"
    ):
        load_experiment("phase")


def test_a_folder_is_no_experiment(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give the YAML file"):
        load_experiment(str(tmp_path))


def test_bytes_are_no_experiment(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match="cannot be read as a text file"):
        load_experiment(str(path))


def laughs(levels: int) -> str:
    """Lists of lists of one list: a few hundred characters, and 9 to the power of `levels` values."""
    lists = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}' if n else 'x'] * 9)}]" for n in range(levels)]
    return "\n".join(lists) + "\nname: x\nmethods: {baseline: []}\n"


def merged(levels: int) -> str:
    """The same by merge keys, which PyYAML unfolds while it reads."""
    maps = [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 9)}]}}" if n else "l0: &l0 {a: 1}" for n in range(levels)]
    return "\n".join(maps) + "\nname: x\nmethods: {baseline: []}\n"


SMALL_BUT_HUGE = {
    "aliases": (laughs(10), "its aliases unfold to more than 100,000 values"),
    "merge keys": (merged(10), "its aliases unfold to more than 100,000 values"),
    "depth of lists": (f"name: {'[' * 900}", "lists and mappings must lie 50 deep at most"),
    "depth of mappings": (f"name: {'{a: ' * 60}1{'}' * 60}", "lists and mappings must lie 50 deep at most"),
    "depth of aliases": (
        "".join(f"l{n}: &l{n} [{f'*l{n - 1}' if n else 'x'}]\n" for n in range(60)),
        "lists and mappings must lie 50 deep at most",
    ),
    "length": ("name: x\n" + "# long\n" * 40_000, "must have 250,000 characters at most, found 280,008"),
    "digits": (f"seeds: [{'9' * 20_000}]", "a number of 20000 digits is too long"),
    "hexadecimal digits": (f"seeds: [0x{'f' * 5000}]", "a number of 5002 digits is too long"),
}


@pytest.mark.parametrize(("text", "words"), SMALL_BUT_HUGE.values(), ids=SMALL_BUT_HUGE)
def test_what_unfolds_to_more_than_an_experiment_may_be_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_experiment(write(tmp_path, text))
    assert len(str(caught.value)) < 400


NO_VALUES = {
    "!!bool z": "'z' must be of the kind 'bool'",
    "!!int z": "'z' must be of the kind 'int'",
    "!!float z": "'z' must be of the kind 'float'",
    "!!binary aGk=": "!!binary is no value of a setting",
    "!!timestamp 2020-99-99": "!!timestamp is no value",
    "!!set {a, b}": "!!set is no value",
    "!!omap [a]": "!!omap is no value",
    "!!pairs [1]": "!!pairs is no value",
    "!!python/object/apply:os.system [id]": "could not determine a constructor",
    "!mine x": "could not determine a constructor",
    r'"\0"': "holds a character that no text may hold",
    r'"\ud800"': "holds a character that no text may hold",
    "{[1]: 2}": "found unhashable key",
    "{{a: 1}: 2}": "found unhashable key",
    "{<<: 3}": "expected a mapping",
}


@pytest.mark.parametrize("value", NO_VALUES)
@pytest.mark.parametrize("way", ["name: {}\nmethods: {{baseline: []}}\n", None], ids=["file", "--set"])
def test_a_value_that_yaml_or_json_cannot_hold_is_refused_where_it_stands(value: str, way: str | None, tmp_path: Path) -> None:
    text = "name: x\nmethods: {baseline: []}\n" if way is None else way.format(value)
    with pytest.raises(InputError, match=re.escape(NO_VALUES[value])):
        load_experiment(write(tmp_path, text), [f"dataset.seed={value}"] if way is None else [])


@pytest.mark.parametrize(
    ("written", "read"), [("010", 10), ("1_000", 1000), ("0x1f", 31), ("0b11", 3), ("1e3", 1000), ("3.", 3), ("'7'", 7)]
)
def test_a_number_is_read_as_people_mean_it(written: str, read: int, tmp_path: Path) -> None:
    text = f"name: x\nseeds: [{written}]\nmethods: {{baseline: []}}\n"
    assert load_experiment(write(tmp_path, text)).seeds == (read,)


@pytest.mark.parametrize("value", ["1:30", "2020-01-01", "true", "="])
def test_what_is_no_number_on_paper_is_none(value: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`seeds.0`: must be a whole number"):
        load_experiment(write(tmp_path, f"name: x\nseeds: [{value}]\nmethods: {{baseline: []}}\n"))


def test_a_long_word_that_looks_like_a_number_is_read_at_once(tmp_path: Path) -> None:
    """The rule for numbers must not try every way to cut the digits in two; 20,000 of them took 4 s, 200,000 would take 400."""
    with pytest.raises(InputError, match="must be a number, found '1111"):
        load_experiment("phase1", [f"train.lr={'1' * 200_000}e5x"])


def test_a_pipe_a_socket_or_a_device_is_no_experiment(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.yaml")
    with pytest.raises(InputError, match="must be a file, found a named pipe"):
        load_experiment(str(tmp_path / "mine.yaml"))
    with pytest.raises(InputError, match="must be a file, found a device"):
        load_experiment("/dev/zero")


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["dataset.name=[x]"], r"`dataset.name`: unknown data set "),
        (["dataset.name={a: 1}"], r"`dataset.name`: unknown data set "),
        (["dataset=[x]"], "`dataset`: must be a mapping"),
        (["methods={a: [{}]}"], "`methods.a`: must be one of adaptive"),
        (["methods={a: [[]]}"], "`methods.a`: "),
        (["methods={a: {1: {}}}"], "`methods.a`: unknown entry '1'"),
        (["seeds=[9223372036854775808]"], "`seeds.0`: must be a whole number of 64 bits"),
        (["train.epochs=true"], "`train`: epochs must be a number, found true"),
        (["dataset.wrong_share={audio: true}"], "`dataset.wrong_share.audio`: must be a number, found true"),
        (["dataset.snr_db=false"], "`dataset`: snr_db must be a number, found false"),
        (["train.processes=1000000"], "`train.processes`: must be less than or equal to 1024"),
    ],
)
def test_a_value_is_looked_at_before_it_is_used(sets: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_experiment("phase1", sets)
    assert max(map(len, str(caught.value).splitlines())) <= 400


@pytest.mark.parametrize(
    "dataset", [{"name": "manifest", "path": "x.csv"}, {"name": "mosi", "path": "x.csv"}], ids=["manifest", "mosi"]
)
def test_a_pipe_is_no_data(dataset: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "x.csv")
    monkeypatch.chdir(tmp_path)
    settings = validate({"name": "x", "dataset": dataset, "methods": {"baseline": []}}).dataset
    with pytest.raises((InputError, OSError), match=r"must be a file, found a|found no file"):
        datasets.load(settings, 0)
