"""What is wrong with made-up data sets, one fault at a time, and that it is said."""

import numpy as np
import pytest

from asgml.lab.checking import leakage, pictures, samples
from asgml.lab.checking.check import check
from asgml.lab.checking.document import compose
from asgml.lab.checking.seen import parts
from asgml.lab.checking.warnings import warnings
from asgml.lab.datasets import Data, Test, Train, Validation
from asgml.lab.prepared.stored import Stored
from asgml.lab.report import page


def made(seed=0, sizes=(60, 30, 30)):
    """Two classes that both modalities tell apart; no group in two splits."""
    rng, found = np.random.default_rng(seed), []
    for kind, n, at in zip((Train, Validation, Test), sizes, (0, 100, 200), strict=True):
        labels = np.arange(n) % 2
        shift = labels.reshape(-1, 1, 1, 1)
        audio = rng.normal(0, 1, (n, 1, 20, 9)).astype(np.float32)
        audio[:, :, :10] += 2 * shift
        visual = rng.normal(0, 1, (n, 2, 3, 8, 8)).astype(np.float32)
        visual[..., :4] += shift[..., None]
        ids = np.array([f"s{at + i}" for i in range(n)])
        found.append(kind({"audio": audio, "visual": visual}, labels, ids, np.array([f"g{at + i // 3}" for i in range(n)])))
    return Data(*found, ("no", "yes"), "Made up.")


def said(data, **store):
    return " ".join(warnings(check("made", data, **store)))


def test_nothing_stands_out_where_nothing_is_wrong():
    assert said(made()) == ""


def spoil(data, fault):
    audio, train = data.test.inputs["audio"], data.train
    if fault == "constant":
        audio[3] = 0.5
    if fault == "not finite":
        audio[3, 0, 0, 0] = np.nan
    if fault == "duplicate":
        audio[4] = audio[3]
    if fault == "leak":
        audio[3] = train.inputs["audio"][7]
    if fault == "near":
        audio[3] = train.inputs["audio"][7] * 1.01 + 0.01
    if fault == "group":
        data.test.groups[:3] = train.groups[0]
    if fault == "class":
        data.test.labels[:] = 1
    if fault == "labels":
        train.labels[:] = np.random.default_rng(1).permutation(train.labels)
    return data


SAID = {
    "constant": r"audio, test: 1 samples have one value throughout \(such as s203\)",
    "not finite": "audio, test: 1 samples have values that are infinite",
    "duplicate": "audio, test: 1 samples are equal to an earlier one",
    "leak": "audio: of 30 test samples 1 stand in training too, and of 30 compared 0 have a near twin",
    "near": "audio: of 30 test samples 0 stand in training too, and of 30 compared 1 have a near twin",
    "group": "Groups: 1 of 10 in test stand in a split before it",
    "class": "test: no sample of no",
    "labels": "audio: a linear probe on small pictures is no better than chance",
}


@pytest.mark.parametrize("fault", SAID)
def test_each_fault_is_said(fault, monkeypatch):
    monkeypatch.setattr("asgml.lab.checking.pictures.sheet", lambda samples, titles: b"")
    import re

    assert re.search(SAID[fault], said(spoil(made(), fault)))


def test_what_a_store_knows_is_said():
    clips = [{"seen": {"visual": {"seconds": 3.0, "times": [0.0, 0.03]}, "audio": {"seconds": 2.0, "until": 2.0}}}]
    problems = [{"id": "a", "modality": "audio", "file": "a.wav", "reason": "silent", "detail": ""}]
    words = said(made(), clips=clips, problems=problems, damaged=["audio-0000.npy"])
    assert "visual: nothing after 1 % of a clip is seen." in words
    assert "audio: nothing" not in words
    assert "1 files gave no sample" in words
    assert "no longer what was written: audio-0000.npy" in words
    assert parts(clips)[0].words == "frames at 0 %, 1 % of the clip"


def test_the_page_has_all_of_it():
    html = page.render(compose(check("made", made())))
    assert html.count("<img ") == 2
    for heading in ("In short", "Values", "What the splits share", "Do inputs tell the label?", "Balance"):
        assert f">{heading}</h2>" in html


def test_facts_in_blocks_are_those_of_the_whole(monkeypatch):
    x = made().train.inputs["visual"]
    whole = samples.look(x)
    monkeypatch.setattr(samples, "BLOCK", 8 * 384 * 7)
    cut = samples.look(x)
    assert (whole.hashes, whole.constant, whole.low, whole.high) == (cut.hashes, cut.constant, cut.low, cut.high)
    assert (cut.mean, cut.sd) == pytest.approx((x.mean(), x.std()), abs=1e-5)
    assert np.array_equal(whole.thumbnails, cut.thumbnails)


def test_thumbnails_of_every_kind():
    assert samples.thumbnails(np.ones((2, 1, 257, 188), np.float32)).shape == (2, 144)
    assert samples.thumbnails(np.ones((2, 3, 3, 50, 5), np.float32)).shape == (2, 3 * 12 * 5)
    assert samples.thumbnails(np.ones((2, 7), np.float32)).shape == (2, 7)
    text = samples.thumbnails(np.array([[5, 5, 0]]))
    assert (text[0, 5], text[0, 0], text.sum()) == (2, 1, 3)
    ramp = np.arange(24, dtype=np.float32).reshape(1, 1, 1, 24)
    assert samples.thumbnails(ramp)[0].tolist() == [2 * k + 0.5 for k in range(12)]


def shown(samples):
    low, high = pictures._limits(samples)
    return (np.moveaxis(np.asarray(samples), -3, -1) - low) / (high - low)


def test_colours_are_shown_as_they_were():
    pixels = np.random.default_rng(0).random((4, 3, 6, 6)).astype(np.float32)
    plain = np.moveaxis(pixels, 1, -1)
    assert shown(pixels) == pytest.approx(plain)
    mean, sd = (x.reshape(1, 3, 1, 1) for x in (pictures.MEAN, pictures.SD))
    stored = Stored([pixels], np.arange(4), lambda raw: (raw - mean) / sd)
    assert shown(stored) == pytest.approx(plain, abs=1e-6)


def test_grey_that_was_scaled_stays_grey_and_fills_the_range():
    grey = np.repeat(np.random.default_rng(0).normal(size=(4, 1, 6, 6)), 3, 1)
    found = shown(grey)
    assert np.ptp(found, axis=-1).max() == 0
    assert (found.min(), found.max()) == (0, 1)


def test_siblings_share_actor_sentence_and_emotion():
    def split(*ids):
        return Train({}, np.zeros(len(ids), np.int64), np.array(ids), np.array([i[:4] for i in ids]))

    train = split("1001_IEO_ANG_LO", "1002_DFA_SAD_XX")
    test = split("1001_IEO_ANG_HI", "1001_IEO_SAD_HI", "1002_IEO_ANG_LO")
    assert leakage.siblings([train], test) == 1
    assert leakage.groups([train], test) == (2, 2)
    assert leakage.siblings([split("a_b")], test) is None
