from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asgml.lab import report
from asgml.lab.errors import InputError
from asgml.lab.report import events, measures
from lab.report import logs


@pytest.fixture(scope="module")
def seed_document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("events")
    report.write_tensorboard(
        {m: logs.seed_events(root, m) for m in logs.SEED_DOCUMENT}, to=root / "phase1", epochs=[1, 5, 10, 13]
    )
    return root / "phase1"


def test_the_seed_documents_averages_and_changes(seed_document: Path) -> None:
    rows = logs.table((seed_document / "analysis.md").read_text(), "Average gap", "Change in %")
    shown = {m: [row[c] for c in ("Audio probe (avg)", "Visual probe (avg)", "Average gap")] for m, row in rows.items()}
    assert shown == {
        "baseline": ["42.65%", "29.60%", "13.05 points"],
        "frequency_k2": ["39.67%", "30.03%", "9.64 points"],
        "staleness_t2": ["44.10%", "30.29%", "13.80 points"],
    }
    assert [rows[m]["Change in %"] for m in rows] == ["–", "-26.1%", "+5.8%"]
    assert [rows[m]["Change of gap"] for m in rows] == ["–", "-3.41 points", "+0.75 points"]
    assert rows["frequency_k2"]["Interpretation"] == "smaller gap, levelled down, one seed"
    assert rows["staleness_t2"]["Interpretation"] == "gap unchanged, one seed"


def test_the_seed_documents_key_finding(seed_document: Path) -> None:
    text = (seed_document / "analysis.md").read_text()
    assert "`frequency_k2` reduced the average gap from 13.05 points to 9.64 points (26% reduction)" in text
    assert "levelled down: the leader (audio) fell by 2.98 points, the laggard (visual) moved by +0.43 points" in text


def test_the_seed_documents_trajectories(seed_document: Path) -> None:
    text = (seed_document / "analysis.md").read_text()
    block = text.split("### frequency_k2")[1].split("```")[1].strip().splitlines()
    assert [line.split() for line in block] == [
        ["Epoch", "Audio", "probe", "Visual", "probe", "Gap"],
        ["1", "35.57%", "23.62%", "11.95", "points", "<-", "largest", "gap"],
        ["5", "34.36%", "29.26%", "5.10", "points", "<-", "smallest", "gap"],
        ["10", "41.61%", "32.35%", "9.26", "points"],
        ["13", "41.88%", "31.54%", "10.34", "points"],
    ]


def test_the_seed_documents_extremes_and_gradients(seed_document: Path) -> None:
    text = (seed_document / "analysis.md").read_text()
    audio, visual = (t for t in logs.tables(text) if "Lowest probe" in t[0])
    assert audio[1:] == [
        ["baseline", "1", "31.41%", "48.86%", "46.17%"],
        ["frequency_k2", "1", "34.36%", "44.83%", "41.88%"],
        ["staleness_t2", "1", "34.63%", "52.48%", "50.74%"],
    ]
    assert [row[3:] for row in visual[1:]] == [["35.03%", "29.53%"], ["34.50%", "31.54%"], ["33.29%", "32.62%"]]
    rows = logs.table(text, "Audio gradient norm")
    assert list(rows["baseline"].values())[2:] == ["145,989", "539,047", "0.27"]
    assert [rows[m]["Ratio (audio / visual)"] for m in rows] == ["0.27", "0.40", "0.42"]
    assert "a loss scale was in force" in text


def test_the_seed_documents_summary(seed_document: Path) -> None:
    found = json.loads((seed_document / "summary.json").read_text())
    assert found["experiment"] == "phase1"
    assert "dataset" not in found
    frequency = found["methods"]["frequency_k2"]
    assert frequency["utilization_gap"]["change_vs_baseline"] == pytest.approx(-0.261, abs=5e-4)
    assert frequency["utilization_gap"]["avg"] == {"mean": pytest.approx(0.0964, abs=1e-6), "sd": None}
    assert frequency["grad_norm_late"]["ratio"] == pytest.approx(213196 / 536778)
    assert found["methods"]["baseline"]["utilization_gap"]["change_vs_baseline"] == 0.0


def test_every_point_is_read_beyond_ten_thousand(tmp_path: Path) -> None:
    n = 12_000
    logs.write_events(
        tmp_path / "a", {"test/probe_acc_audio": [0.5], "train/grad_norm_audio": [float(i % 997) for i in range(n)]}
    )
    (run,) = events.read({"a": tmp_path / "a"}, "x").runs
    norms = run.series["train/grad_norm_audio"]
    assert norms.steps == tuple(range(1, n + 1))
    assert norms.values == tuple(float(i % 997) for i in range(n))
    assert measures.late("train/grad_norm_audio")(run) == sum(float(i % 997) for i in range(9000, n)) / 3000


@pytest.mark.parametrize("kwargs", [{}, {"new_style": True}, {"new_style": True, "double_precision": True}])
def test_scalars_and_scalar_tensors_are_read_alike(tmp_path: Path, kwargs: dict[str, bool]) -> None:
    logs.write_events(tmp_path, {"test/probe_acc_audio": [0.25, 0.5], "test/probe_acc_visual": [0.125, 0.75]}, **kwargs)
    (run,) = events.read({"a": tmp_path}, "x").runs
    assert {tag: s.values for tag, s in run.series.items()} == {
        "test/probe_acc_audio": (0.25, 0.5), "test/probe_acc_visual": (0.125, 0.75),
    }  # fmt: skip


def test_tensorboards_own_summary_writer_is_read_and_text_is_not(tmp_path: Path) -> None:
    from tensorboard.summary import Writer
    from torch.utils.tensorboard import SummaryWriter

    writer = Writer(str(tmp_path))
    writer.add_scalar("test/probe_acc_audio", 0.5, 1)
    writer.close()
    with SummaryWriter(str(tmp_path)) as other:
        other.add_text("note", "hello", 1)
        other.add_histogram("weights", np.arange(3.0), 1)
    (run,) = events.read({"a": tmp_path}, "x").runs
    assert {tag: s.values for tag, s in run.series.items()} == {"test/probe_acc_audio": (0.5,)}


def test_a_restart_replaces_what_was_logged_from_its_step_on(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    logs.write_events(tmp_path, {"test/probe_acc_audio": [0.1, 0.2, 0.3, 0.4]})
    with SummaryWriter(str(tmp_path), purge_step=3, filename_suffix=".later") as writer:
        writer.add_scalar("test/probe_acc_audio", 0.9, 5)
    (run,) = events.read({"a": tmp_path}, "x").runs
    assert run.series["test/probe_acc_audio"].steps == (1, 2, 5)
    assert run.series["test/probe_acc_audio"].values == pytest.approx((0.1, 0.2, 0.9))


def test_files_are_read_in_the_order_of_their_counters(tmp_path: Path) -> None:
    for counter, value in ((10, 0.75), (9, 0.25)):
        made = next(logs.write_events(tmp_path / str(counter), {"test/probe_acc_audio": [value]}).iterdir())
        (tmp_path / "m").mkdir(exist_ok=True)
        made.rename(tmp_path / "m" / f"events.out.tfevents.1700000000.host.{counter}.0")
    assert events.read({"m": tmp_path / "m"}, "x").runs[0].series["test/probe_acc_audio"].values == (0.75,)


def test_a_logged_gap_that_does_not_hold_is_reported_and_not_used(tmp_path: Path) -> None:
    curves = {"test/probe_acc_audio": [0.5, 0.6], "test/probe_acc_visual": [0.4, 0.4], "test/utilization_gap": [0.1, 0.21]}
    logs.write_events(tmp_path / "a", curves)
    found = report.write_tensorboard({"baseline": tmp_path / "a"}, to=tmp_path / "out")
    text = (tmp_path / "out" / "analysis.md").read_text()
    assert "at 1 of 2 epochs, most at epoch 2 (21.00 points logged, 20.00 points recomputed)" in text
    assert found["methods"]["baseline"]["utilization_gap"]["avg"]["mean"] == pytest.approx(0.15)


def test_a_logged_gap_within_half_a_point_is_not_reported(tmp_path: Path) -> None:
    curves = {"test/probe_acc_audio": [0.5, 0.6], "test/probe_acc_visual": [0.4, 0.4], "test/utilization_gap": [0.105, 0.196]}
    logs.write_events(tmp_path / "a", curves)
    report.write_tensorboard({"baseline": tmp_path / "a"}, to=tmp_path / "out")
    assert "Attention" not in (tmp_path / "out" / "analysis.md").read_text()


@pytest.mark.parametrize(
    ("folders", "seeds", "counted"),
    [
        (["seed7", "seed3/tb"], [3, 7], False),
        (["b", "a"], [0, 1], True),
        (["seed4", "other"], [0, 1], True),
        (["x/seed1/seed5"], [5], False),
    ],
)
def test_seeds_are_named_by_folders_or_counted(tmp_path: Path, folders: list[str], seeds: list[int], counted: bool) -> None:
    for folder in folders:
        logs.write_events(tmp_path / "m" / folder, {"test/probe_acc_audio": [0.5]})
    study = events.read({"m": tmp_path / "m"}, "x")
    assert [run.seed for run in study.runs] == seeds
    assert any("numbered by the order" in note for note in study.notes) is counted


def test_counted_seeds_follow_the_order_of_paths(tmp_path: Path) -> None:
    for folder, value in (("b", 0.25), ("a", 0.75)):
        logs.write_events(tmp_path / folder, {"test/probe_acc_audio": [value]})
    assert {run.seed: run.series["test/probe_acc_audio"].values for run in events.read({"m": tmp_path}, "x").runs} == {
        0: (0.75,),
        1: (0.25,),
    }


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        (["visual", "audio"], ("audio", "visual")),
        (["text", "visual", "audio"], ("text", "audio", "visual")),
        (["b", "a"], ("b", "a")),
    ],
)
def test_order_of_modalities(tmp_path: Path, logged: list[str], expected: tuple[str, ...]) -> None:
    logs.write_events(tmp_path, {f"test/probe_acc_{m}": [0.5] for m in [*logged, "joint"]})
    assert events.read({"m": tmp_path}, "x").modalities == expected


def test_gaps_are_joined_by_epoch(tmp_path: Path) -> None:
    logs.write_events(tmp_path / "seed0", {"test/probe_acc_audio": [0.5, 0.6, 0.9]})
    logs.write_events(tmp_path / "seed0", {"test/probe_acc_visual": [0.4, 0.3]}, first_step=2)
    (run,) = events.read({"m": tmp_path}, "x").runs
    gap = measures.gap_series(run)
    assert gap is not None
    assert dict(zip(gap.steps, gap.values, strict=True)) == {2: pytest.approx(0.2), 3: pytest.approx(0.6)}


def test_a_folder_without_probes_beside_others_is_named_and_left_out(tmp_path: Path) -> None:
    logs.write_events(tmp_path / "m" / "seed0", {"test/probe_acc_audio": [0.5]})
    logs.write_events(tmp_path / "m" / "hparams", {"metric": [0.5]})
    report.write_tensorboard({"m": tmp_path / "m"}, to=tmp_path / "out")
    assert "hparams holds event files without any test/probe_acc tag" in (tmp_path / "out" / "analysis.md").read_text()


def test_not_a_number_is_left_out_and_said(tmp_path: Path) -> None:
    logs.write_events(
        tmp_path / "m", {"test/probe_acc_audio": [0.5, float("nan")], "test/probe_acc_visual": [0.25, float("inf")]}
    )
    report.write_tensorboard({"m": tmp_path / "m"}, to=tmp_path / "out")
    assert "1 of 2 values of test/probe_acc_audio are not finite" in (tmp_path / "out" / "analysis.md").read_text()
    assert "NaN" not in (tmp_path / "out" / "summary.json").read_text()


def test_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"m: must be a folder of event files, found none at .*nowhere"):
        events.read({"m": tmp_path / "nowhere"}, "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="must hold event files"):
        events.read({"m": tmp_path / "empty"}, "x")
    logs.write_events(tmp_path / "other", {"loss": [0.5]})
    with pytest.raises(InputError, match=r"must hold tags test/probe_acc_<modality>, found loss"):
        events.read({"m": tmp_path / "other"}, "x")
    with pytest.raises(InputError, match="folders: must name one folder or more"):
        events.read({}, "x")


def test_scores_of_event_files_are_at_the_last_epoch(tmp_path: Path) -> None:
    logs.write_events(
        tmp_path / "m", {"test/probe_acc_audio": [0.5, 0.25], "test/accuracy": [0.75, 0.5], "test/f1_macro": [0.25, 0.125]}
    )
    found = report.write_tensorboard({"m": tmp_path / "m"}, to=tmp_path / "out")["methods"]["m"]
    assert (found["test_accuracy"]["mean"], found["test_accuracy_final"]["mean"], found["test_f1_macro"]["mean"]) == (
        0.5,
        0.5,
        0.125,
    )
    head = next(t for t in logs.tables((tmp_path / "out" / "analysis.md").read_text()) if "Accuracy, last epoch" in t[0])[0]
    assert not any("chosen on validation" in column for column in head)


def one_seed(root: Path, **kwargs: float) -> Path:
    """Five epochs of a seed that a program logged; the path of its one file."""
    epochs = range(1, 6)
    curves = {"test/probe_acc_audio": [0.5 + 0.05 * e for e in epochs], "test/probe_acc_visual": [0.5] * 5,
              "test/accuracy": [0.6 + 0.01 * e for e in epochs]}  # fmt: skip
    return next(logs.write_events(root, curves, **kwargs).iterdir())  # type: ignore[arg-type]


def bent(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def places(data: bytes) -> list[int]:
    """Where every record begins."""
    found, at = [], 0
    while at < len(data):
        found.append(at)
        at += 16 + int.from_bytes(data[at : at + 8], "little")
    return found


def test_a_damaged_record_is_left_out_and_said_and_the_rest_is_read(tmp_path: Path) -> None:
    file = one_seed(tmp_path / "m" / "seed0")
    data = file.read_bytes()
    at = places(data)[6]
    file.write_bytes(bent(data, at + 20))
    report.write_tensorboard({"m": tmp_path / "m"}, to=tmp_path / "out")
    text = (tmp_path / "out" / "analysis.md").read_text()
    said = f"{file.name} is damaged at byte {at}: one record was left out"
    assert text.count(said) == 2, "in the head and among the sources"
    assert text.index(said) < text.index("## ")
    (run,) = events.read({"m": tmp_path / "m"}, "x").runs
    assert sum(len(s.steps) for s in run.series.values()) == 14
    assert run.series["test/accuracy"].at(5) == pytest.approx(0.65)


@pytest.mark.parametrize("cut", [5, 14, 40])
def test_a_file_that_is_cut_off_is_said_with_its_place(tmp_path: Path, cut: int) -> None:
    file = one_seed(tmp_path / "m")
    data = file.read_bytes()
    at = places(data)[9]
    file.write_bytes(data[: at + cut])
    (run,) = events.read({"m": tmp_path / "m"}, "x").runs
    assert run.notes == (f"{file.name} is cut off at byte {at}: the last {cut} of its {at + cut} bytes are lost",)


@pytest.mark.parametrize("offset", [0, 3, 9])
def test_where_a_length_is_damaged_the_rest_is_lost_and_said(tmp_path: Path, offset: int) -> None:
    file = one_seed(tmp_path / "m")
    data = file.read_bytes()
    at = places(data)[9]
    file.write_bytes(bent(data, at + offset))
    (run,) = events.read({"m": tmp_path / "m"}, "x").runs
    assert run.notes == (f"{file.name} is damaged at byte {at}: the last {len(data) - at} of its {len(data)} bytes are lost",)


@pytest.mark.parametrize("content", [b"rubbish" * 40, bytes(100), b"\xff" * 300])
def test_rubbish_beside_a_good_seed_is_said(tmp_path: Path, content: bytes) -> None:
    one_seed(tmp_path / "m" / "seed0")
    (tmp_path / "m" / "seed1").mkdir()
    (tmp_path / "m" / "seed1" / "events.out.tfevents.1.host").write_bytes(content)
    study = events.read({"m": tmp_path / "m"}, "x")
    assert [run.seed for run in study.runs] == [0]
    assert any("seed1: events.out.tfevents.1.host is damaged at byte 0" in note for note in study.notes)


def test_where_all_is_damaged_the_refusal_says_so(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"rubbish" * 40)
    with pytest.raises(InputError, match=r"found no scalar; .*is damaged at byte 0"):
        events.read({"m": tmp_path}, "x")


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    one_seed(tmp_path)
    monkeypatch.setattr(events.event_files, "events", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        events.read({"m": tmp_path}, "x")


def second(folder: Path, values: list[float], first: int, purge: int | None = None) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=purge, filename_suffix=".later") as writer:
        for step, value in enumerate(values, first):
            writer.add_scalar("test/accuracy", value, step)


@pytest.mark.parametrize(
    ("values", "first", "purge", "said"),
    [
        ([0.9] * 5, 1, None, "two whole runs, of which the later hides the earlier"),
        ([0.9] * 2, 4, None, "logs steps 4 to 5 a second time, with other values: the later values count"),
        ([0.9] * 5, 1, 0, "takes back all that was logged before, from step 1 on: a later run hides an earlier one"),
        ([0.9] * 5, 1, 1, "a later run hides an earlier one"),
        ([0.9] * 2, 4, 4, None),
        ([0.9] * 2, 6, None, None),
    ],
)
def test_a_second_run_in_one_folder_is_said(
    tmp_path: Path, values: list[float], first: int, purge: int | None, said: str | None
) -> None:
    one_seed(tmp_path / "m")
    second(tmp_path / "m", values, first, purge)
    notes = events.read({"m": tmp_path / "m"}, "x").runs[0].notes
    if said is None:
        assert notes == ()
    else:
        assert said in notes[0]
        assert notes[0].endswith("give every run a folder of its own")


def test_the_same_values_twice_hide_nothing(tmp_path: Path) -> None:
    one_seed(tmp_path / "m")
    (file,) = (tmp_path / "m").iterdir()
    file.with_name(f"{file.name}.later").write_bytes(file.read_bytes())
    assert events.read({"m": tmp_path / "m"}, "x").runs[0].notes == ()


def test_percent_in_the_place_of_shares_is_said_and_divided(tmp_path: Path) -> None:
    curves = {"test/probe_acc_audio": [0.5, 40.0], "test/probe_acc_visual": [10.0, 20.0], "test/accuracy": [0.25, 0.5]}
    logs.write_events(tmp_path / "m", curves)
    found = report.write_tensorboard({"m": tmp_path / "m"}, to=tmp_path / "out")["methods"]["m"]
    assert found["utilization_gap"]["final"]["mean"] == pytest.approx(0.2)
    assert found["probe_acc"]["audio"]["min"]["mean"] == pytest.approx(0.005), "one that lies below 1 is of the same unit"
    assert found["test_accuracy"]["mean"] == 0.5, "this tag held shares"
    text = (tmp_path / "out" / "analysis.md").read_text()
    said = "m: test/probe_acc_audio, test/probe_acc_visual must be shares from 0 to 1, and hold numbers up to 100"
    assert text.index(said) < text.index("## ")
    assert text.count(said) == 2, "in the head and among the sources"


@pytest.mark.parametrize(
    ("tag", "value", "said"),
    [
        ("test/accuracy", -0.5, "1 of 3 values of test/accuracy are no shares from 0 to 1 and were left out"),
        ("test/accuracy", 400.0, "1 of 3 values of test/accuracy are no shares from 0 to 1 and were left out"),
        ("train/grad_norm_audio", -1.0, "1 of 3 values of train/grad_norm_audio are below 0 or too large and were left out"),
        ("epoch/seconds", -1.0, "1 of 3 values of epoch/seconds are below 0"),
    ],
)
def test_what_cannot_be_is_left_out_and_said(tmp_path: Path, tag: str, value: float, said: str) -> None:
    logs.write_events(tmp_path / "m", {"test/probe_acc_audio": [0.5] * 3, tag: [0.5, value, 0.5]})
    (run,) = events.read({"m": tmp_path / "m"}, "x").runs
    assert said in run.notes[0]
    assert run.series[tag].values == (0.5, 0.5)


def test_a_step_below_zero_is_left_out_and_said(tmp_path: Path) -> None:
    logs.write_events(tmp_path / "m", {"test/probe_acc_audio": [0.5] * 3, "train/total_norm": [1.0] * 3}, first_step=-1)
    (run,) = events.read({"m": tmp_path / "m"}, "x").runs
    assert run.series["train/total_norm"].steps == (0, 1)
    assert "1 of 3 values of test/probe_acc_audio stand at a step below 0" in run.notes[0]
