"""Every task's numbers against values worked out by hand, or against the library that is the field's reference."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from asgml.lab.tasks import scoring
from asgml.lab.tasks.classification import Classification, calibration_error
from asgml.lab.tasks.multilabel import Multilabel
from asgml.lab.tasks.regression import Regression, is_sentiment, sentiment_accuracies

RNG = torch.Generator().manual_seed(0)
SETS = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
SAID = torch.tensor([[0.9, -1.0, 0.2], [0.8, 0.5, 0.1], [0.1, 0.7, 0.3], [-1.0, 0.6, 0.0]])


def test_calibration_error_by_hand():
    """Two bins at work: 0.6 (one of two right), 0.9 (both right): (|0.5 - 0.6| * 2 + |1 - 0.9| * 2) / 4."""
    logits = torch.log(torch.tensor([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.1, 0.9]]))
    assert calibration_error(logits, torch.tensor([0, 1, 0, 1])) == pytest.approx(0.1)


def test_map_leaves_out_labels_without_a_positive_and_auroc_those_without_both():
    found = Multilabel(3).metrics(SAID, SETS)
    columns = [(SETS[:, k].numpy(), SAID[:, k].numpy()) for k in (0, 1)]
    assert found["map"] == pytest.approx(np.mean([average_precision_score(*c) for c in columns]))
    assert found["auroc"] == pytest.approx(np.mean([roc_auc_score(*c) for c in columns]))
    assert "auroc" not in Multilabel(1).metrics(SAID[:1, :1], SETS[:1, :1])


def test_sentiment_accuracies_by_hand():
    truth = np.array([-2.0, -0.4, 0.0, 0.0, 1.5, 3.0])
    said = np.array([-1.6, 0.2, 0.3, -0.1, 2.5, 4.9])
    found = sentiment_accuracies(truth, said)
    assert found["acc2_has0"] == pytest.approx(4 / 6), "negative or not: -0.4 and the second 0 are wrong"
    assert found["acc2_non0"] == pytest.approx(3 / 4), "without the zeros, only -0.4 is wrong"
    assert found["acc7"] == pytest.approx(6 / 6), "-2 -2, -0 0, 0 0, 0 -0, 2 2, 3 3: halves go to the even number"


@pytest.mark.parametrize(
    ("labels", "is_it"),
    [([-3.0, 0.5], True), ([0.0, 3.0], False), ([-3.1, 2.0], False), ([[-1.0, 1.0], [1.0, -1.0]], False)],
)
def test_sentiment_is_a_scale_of_three_on_both_sides_of_zero(labels, is_it):
    assert is_sentiment(torch.tensor(labels)) is is_it


def test_regression_by_hand():
    task, targets = Regression(1), torch.tensor([1.0, 2.0, 3.0, 6.0])
    logits = torch.tensor([[1.0], [2.0], [4.0], [5.0]])
    found = task.metrics(logits, targets)
    assert found["r2"] == pytest.approx(1 - 2 / 14)
    assert found["mae"] == pytest.approx(0.5)
    assert found["pearson"] == pytest.approx(np.corrcoef(targets, logits[:, 0])[0, 1])
    assert list(found) == ["r2", "mae", "pearson"]
    assert "pearson" not in task.metrics(torch.ones(4, 1), targets), "a constant has no correlation"


@pytest.mark.parametrize(
    ("task", "targets"),
    [
        (Classification(3), torch.randint(3, (40,), generator=RNG)),
        (Multilabel(3), torch.randint(2, (40, 3), generator=RNG)),
        (Regression(1), torch.randn(40, generator=RNG)),
        (Regression(2), torch.randn(40, 2, generator=RNG)),
    ],
    ids=["classification", "multilabel", "regression", "two outputs"],
)
def test_loss_metrics_and_probes_of_every_task(task, targets):
    """What tells the target is probed near 1, noise is not; every metric is one that reports know."""
    logits = torch.randn(40, task.size, requires_grad=True)
    task.loss(logits, targets).backward()
    assert logits.grad.abs().sum() > 0
    known = [m.key for m in task.scoring.metrics]
    assert set(task.metrics(logits.detach(), targets)) <= set(known)
    told = torch.nn.functional.one_hot(targets, 3) if task.name == "classification" else targets.reshape(40, -1)
    features = told.float() + 0.01 * torch.randn(told.shape)
    assert task.fit(features, targets).score(features, targets) > 0.95
    assert task.problem(targets) is None
    assert task.online().name in ("probe", "multilabel_probe", "ridge_probe")


def test_splits_that_cannot_be_scored_say_why():
    assert "no sample" in Multilabel(2).problem(torch.zeros(4, 2))
    assert "R²" in Regression(1).problem(torch.ones(4))


def test_the_score_of_a_record_goes_by_its_tasks_name():
    assert scoring.validation_score({"validation_r2": -0.5}) == -0.5
    assert scoring.validation_score({"epoch": 1}) is None
    assert scoring.of({}).score.key == "accuracy"
    assert {s.score.unit for s in scoring.SCORINGS.values()} == {"share"}, "gaps and differences are in points for every task"
