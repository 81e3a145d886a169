"""A data set out of a store made by hand: splits, scales, and a model that trains on it as it would in memory."""

import json

import numpy as np
import pytest
import torch

import small
from asgml.lab import datasets
from asgml.lab.datasets.settings import CremaD
from asgml.lab.errors import InputError
from asgml.lab.prepared.clip import Clip, Read
from asgml.lab.prepared.write import Part, finish
from asgml.lab.training import cell as cells
from asgml.lab.training.evaluation import Samples

EMOTIONS = ("ANG", "HAP", "SAD")


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """180 clips: 30 actors, three emotions, two sentences; one in seven is in the published test list, one in none."""
    folder = tmp_path_factory.mktemp("made")
    rng, clips = np.random.default_rng(0), []
    for n in range(180):
        label, actor = n % 3, 1001 + n // 6
        about = {"actor": str(actor), "sex": "Male" if actor % 2 else "Female", "published": "test" if n % 7 == 5 else "train"}
        if n == 7:
            del about["published"]
        arrays = {
            "audio": (rng.normal(label, 1, (8, 12)) * np.arange(1, 9)[:, None]).astype(np.float32),
            "visual": rng.integers(60 * label, 60 * label + 120, (1, 3, 8, 8)).astype(np.uint8),
        }
        clips.append((Clip(f"{actor}_{n:03d}_{EMOTIONS[label]}_XX", EMOTIONS[label], {}, about), Read(arrays, {})))
    partial = folder / "store.partial"
    partial.mkdir()
    parts = [Part(partial, k, "") for k in range(3)]
    for k, part in enumerate(parts):
        part.write(clips[60 * k : 60 * k + 60])
    finish(partial, folder / "store", parts, [], {"name": "cremad", "classes": EMOTIONS})
    return folder / "store"


def splits(data):
    return {s: getattr(data, s) for s in ("train", "validation", "test")}


@pytest.mark.parametrize("split", ["published", "actor"])
def test_every_clip_stands_in_one_split_with_its_own_arrays(store, split):
    data = datasets.load(CremaD(root=store, split=split), 0)
    ids = np.concatenate([part.ids for part in splits(data).values()])
    assert len(set(ids)) == len(ids) == (179 if split == "published" else 180)
    for part in splits(data).values():
        assert [name.split("_")[2] for name in part.ids] == [EMOTIONS[label] for label in part.labels]
        assert [name.split("_")[0] for name in part.ids] == part.groups.tolist()
        assert np.bincount(part.labels).min() > 0
        level = np.asarray(part.inputs["visual"]).mean((1, 2, 3))
        assert np.corrcoef(level, part.labels)[0, 1] > 0.9
    assert data.train.inputs["audio"].shape[1:] == (1, 8, 12)
    assert data.train.inputs["visual"].shape[1:] == (3, 8, 8)


def test_published_is_what_the_lists_say(store):
    data = datasets.load(CremaD(root=store), 0)
    assert [len(p) for p in splits(data).values()] == [136, 18, 25]
    assert all(int(name[5:8]) % 7 == 5 for name in data.test.ids)
    assert "1 clips that they do not name are left out" in data.note
    again = datasets.load(CremaD(root=store), 1)
    assert set(again.test.ids) == set(data.test.ids)
    assert set(again.validation.ids) != set(data.validation.ids)


def test_by_actor_nobody_stands_in_two_splits(store):
    groups = [set(p.groups) for p in splits(datasets.load(CremaD(root=store, split="actor"), 3)).values()]
    assert [len(g) for g in groups] == [21, 3, 6]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert sum(int(actor) % 2 for actor in groups[2]) == 3


def test_audio_has_the_scale_of_the_training_clips_alone(store):
    train = np.asarray(datasets.load(CremaD(root=store), 0).train.inputs["audio"])
    assert train.mean((0, 1, 3)) == pytest.approx(0, abs=1e-4)
    assert train.std((0, 1, 3)) == pytest.approx(1, abs=1e-4)


def test_without_lists_there_is_no_published_split(store, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in store.iterdir():
        text = path.read_bytes()
        (copy / path.name).write_bytes(text)
    clips = [json.loads(line) for line in (copy / "clips.jsonl").read_text().splitlines()]
    for clip in clips:
        clip["about"].pop("published", None)
    (copy / "clips.jsonl").write_text("".join(json.dumps(c) + "\n" for c in clips))
    with pytest.raises(InputError, match="prepare it again with --metadata, or choose split: actor"):
        datasets.load(CremaD(root=copy), 0)
    assert len(datasets.load(CremaD(root=copy, split="actor"), 0).test) == 36


def test_what_is_no_store_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(InputError, match=r"`dataset.root`: must be a prepared store, found no index.json in .*makes one"):
        datasets.check(CremaD(root=tmp_path))


def test_batches_from_files_are_those_from_memory(store, monkeypatch):
    data = datasets.load(CremaD(root=store), 0)
    monkeypatch.setattr("asgml.lab.training.evaluation.BYTES", 10_000)
    samples = Samples.of(data.train, data.modalities)
    whole = {m: torch.from_numpy(np.asarray(x)) for m, x in data.train.inputs.items()}
    batches = samples.batches()
    assert len(batches) > 2
    for modality, x in whole.items():
        assert torch.equal(torch.cat([inputs[modality] for inputs, _ in batches]), x)
        rows = torch.tensor([5, 3, 80, 3])
        assert torch.equal(samples.rows(rows)[0][modality], x[rows])
        assert samples.rows(rows)[0][modality].stride() == x[rows].stride()


def test_a_cell_trains_as_it_would_in_memory(store, tmp_path, monkeypatch):
    """The same numbers to the bit, with a part set aside to steer by, too."""
    settings = {"name": "cremad", "root": str(store), "seed": 0}
    cell = small.cell([{"frequency": {"modality": "audio", "k": 2}}], dataset=settings, steer=0.2, replace=True, epochs=2)
    cells.train(small.lay_out(tmp_path / "files", cell))
    load = datasets.load

    def in_memory(dataset, seed):
        data = load(dataset, seed)
        kept = [type(p)({m: np.asarray(x) for m, x in p.inputs.items()}, p.labels, p.ids, p.groups)
                for p in splits(data).values()]  # fmt: skip
        return type(data)(*kept, data.classes, data.note)

    monkeypatch.setattr(datasets, "load", in_memory)
    cells.train(small.lay_out(tmp_path / "memory", cell))
    assert small.log(tmp_path / "files") == small.log(tmp_path / "memory")
