"""The one schema of an experiment. Nothing here imports torch: a wrong setting is refused in well under a second."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

from asgml.lab.config import address, earlier, modalities, study
from asgml.lab.config.augment import Augment
from asgml.lab.datasets import settings
from asgml.lab.datasets.settings import (
    AVDigits,
    Clips,
    CremaD,
    Food101,
    ImportedDataset,
    Keypad,
    Manifest,
    Mosi,
    Ucf101,
)  # fmt: skip
from asgml.lab.encoders import EncoderChoice
from asgml.lab.errors import did_you_mean, short
from asgml.lab.fusions import FusionChoice
from asgml.lab.fusions.concat import Concat
from asgml.lab.methods import METHODS, Entry
from asgml.lab.parts.settings import Settings

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$"


def _dataset_tag(value: Any) -> str:
    if isinstance(value, dict):
        return "import" if "import" in value or "import_" in value else short(value.get("name", "keypad"), quoted=False)
    return "import" if isinstance(value, ImportedDataset) else str(getattr(value, "name", None))


Dataset = Annotated[
    Annotated[Keypad, Tag("keypad")]
    | Annotated[AVDigits, Tag("avdigits")]
    | Annotated[CremaD, Tag("cremad")]
    | Annotated[Manifest, Tag("manifest")]
    | Annotated[Clips, Tag("ave")]
    | Annotated[Clips, Tag("kinetics_sounds")]
    | Annotated[Clips, Tag("vggsound")]
    | Annotated[Food101, Tag("food101")]
    | Annotated[Ucf101, Tag("ucf101")]
    | Annotated[Mosi, Tag("mosi")]
    | Annotated[Mosi, Tag("mosei")]
    | Annotated[ImportedDataset, Tag("import")],
    Discriminator(_dataset_tag),
]


def _entry(value: Any, method: str) -> Any:
    """Turn what people write, `{frequency: {modality: audio, k: 2}}`, into `{kind: frequency, modality: audio, k: 2}`."""
    if not isinstance(value, dict) or "kind" in value:
        return value
    if "import" in value:
        return {"kind": "import", **value}
    if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict | None):
        return {"kind": short(next(iter(value)), quoted=False), **(inner or {})}
    if method in METHODS and not value.keys() & METHODS.keys():
        return {"kind": method, **value}
    raise ValueError(_not_an_entry(value, method))


def _not_an_entry(value: dict[str, Any], method: str) -> str:
    kinds = [kind for kind in value if kind in METHODS]
    if len(kinds) > 1:
        return (
            f"`methods.{method}`: must be a list to hold {' and '.join(kinds)}: one entry per item, in the order of execution"
        )
    if kinds and len(kinds) == len(value):
        return f"`methods.{method}.{kinds[0]}`: must be a mapping of its settings, found {short(value[kinds[0]])}"
    choice = ", ".join(METHODS)
    return f"`methods.{method}`: must be one of {choice} or import, each with its settings, found {short(value)}"


def _entries(value: Any) -> Any:
    """A method is an entry, a list of entries, or nothing; the name of a built-in may stand for its own entry."""
    if not isinstance(value, dict):
        return {} if value is None else value
    entries = {str(name): e if isinstance(e, list | tuple) else [] if e in (None, {}) else [e] for name, e in value.items()}
    return {name: [_entry(e, short(name, quoted=False)) for e in listed] for name, listed in entries.items()}


Methods = Annotated[dict[Annotated[str, Field(pattern=NAME)], tuple[Entry, ...]], BeforeValidator(_entries)]


class Model(Settings):
    """Late fusion: an encoder per modality, and a fusion of their features."""

    encoders: dict[str, EncoderChoice] = Field(default_factory=dict)
    """Per modality; one that is not named gets `cnn` for images, spectrograms and frames, `char_cnn` for text, else `mlp`."""
    fusion: FusionChoice = Concat()
    feature_dim: int = Field(default=64, ge=2)
    """The size D of every encoder's feature (B, D)."""


class Train(Settings):
    """How every cell is trained: SGD with momentum; the epoch is chosen on validation."""

    epochs: int = Field(default=15, ge=1)
    batch_size: int = Field(default=64, ge=2)
    lr: float | None = Field(default=None, gt=0)
    """None: the data set's own (`asgml list datasets` shows it, and whether it was tuned)."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float | None = Field(default=None, ge=0)
    """None: the data set's own, as `lr`."""
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    """cosine: to zero at the last epoch; step: x 0.1 after 70 % of the epochs."""
    unimodal_loss: float = Field(default=0.0, ge=0)
    """gamma: adds gamma times the sum of the cross-entropies of one own linear head per modality; 0: plain joint training."""
    steer: float = Field(default=0.0, ge=0, lt=1)
    """The share of the training split that no method trains on, so that some may decide by it; 0: none is set aside."""
    augment: Augment | None = None
    """Random changes of training samples; None: none."""
    look: Literal["every_epoch", "chosen"] = "every_epoch"
    """chosen: probes, training and test scores of the chosen epoch alone, once training is over."""
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    """auto: a GPU where there is one. Numbers of a CPU and of a GPU differ in their last digits."""
    amp: bool = False
    """Encoders run under autocast in bfloat16 where the cell trains on a GPU; on a CPU it changes nothing."""
    threads: int = Field(default=1, ge=1, le=1024)
    """Intra-op threads of a cell's process: part of its config, since one thread and two differ in bits."""
    processes: int = Field(default=1, ge=1, le=1024)
    """Processes that share every batch of a cell, under torchrun, each on a GPU of its own where the cell trains on GPUs."""

    @model_validator(mode="after")
    def _two_rows_for_each_process(self) -> Train:
        if self.batch_size < 2 * self.processes:
            least = f"{2 * self.processes} or more, found {self.batch_size}"
            raise ValueError(f"`train.batch_size`: must have two rows for each of `train.processes`, {least}")
        return self


Loggers = tuple[Literal["tensorboard", "wandb"], ...]
Keep = Literal["best", "none"]


class Cell(Settings):
    """One (data set, method, seed): all that a child process needs, and all that its numbers depend on."""

    version: Literal[1] = 1
    dataset: Dataset
    model: Model
    train: Train
    method: str
    entries: tuple[Entry, ...]
    seed: int
    loggers: Loggers = ("tensorboard",)
    keep: Keep = "best"

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_meant(cls, found: Any) -> Any:
        """A cell is made of settings; one of plain values comes out of a folder, which an earlier version may have written."""
        return earlier.filled(found)

    @property
    def address(self) -> str:
        """A hash of the config; two cells of one address have the same numbers."""
        return address.of(self.model_dump(mode="json", by_alias=True))

    @property
    def methods(self) -> dict[str, tuple[Entry, ...]]:
        """Its one method, as an experiment has several."""
        return {self.method: self.entries}

    @property
    def epochs(self) -> int:
        """The epochs that it trains: `train.epochs` times what its entries make of them."""
        factor = math.prod(e.epoch_factor for e in self.entries)
        return max(1, math.floor(self.train.epochs * factor + 0.5))


STUDY = ("datasets", "grid", "tune", "primary")
"""The settings that a plain experiment does without."""


class Experiment(Settings):
    """Methods x seeds on one data set; or on several data sets and at every point of a grid, tuned or not."""

    name: str = Field(pattern=NAME)
    dataset: Dataset = Keypad()
    datasets: dict[Annotated[str, Field(pattern=NAME)], Dataset] = Field(default_factory=dict)
    """Several, each under a name of its own, in place of `dataset`."""
    grid: study.Grid = Field(default_factory=dict)
    """Dotted setting -> values: the whole experiment at every combination of them."""
    model: Model = Model()
    train: Train = Train()
    tune: study.Tune | None = None
    primary: study.Primary = Field(default=(), max_length=study.MOST)
    """The comparisons that carry a p, 4 at most; all others are exploratory."""
    seeds: study.Seeds = Field(default=(0, 1, 2), min_length=1)
    loggers: Loggers = ("tensorboard",)
    """Where numbers go beside `metrics.jsonl`."""
    keep: Keep = "best"
    """best: the chosen epoch's weights as `model.safetensors`; none: no weights but the last checkpoint's."""
    methods: Methods = Field(min_length=1)

    @property
    def several(self) -> bool:
        """Whether it has more than one data set or point, so that each has a folder of its own."""
        return bool(self.datasets or self.grid)

    @model_validator(mode="after")
    def _seeds_differ(self) -> Experiment:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"`seeds`: must differ from each other, found {short(list(self.seeds))}")
        if self.tune and (both := sorted(set(self.tune.seeds) & set(self.seeds))):
            raise ValueError(f"`tune.seeds`: must be none of `seeds`, since a reported seed must not have chosen anything, "
                             f"found {short(both)} in both")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _one_way_to_name_data(self) -> Experiment:
        if self.datasets and "dataset" in self.model_fields_set:
            raise ValueError("`datasets`: must not be given beside `dataset`; keep one of them")
        return self

    @model_validator(mode="after")
    def _primary_is_known(self) -> Experiment:
        for i, one in enumerate(self.primary):
            named = [("method", one.method, list(self.methods)), ("against", one.against, list(self.methods))]
            named += [] if one.dataset is None else [("dataset", one.dataset, list(self.datasets))]
            for key, name, known in named:
                if name not in known:
                    of = "datasets" if key == "dataset" else "methods"
                    raise ValueError(f"`primary.{i}.{key}`: must be one of `{of}`, found {name!r}{did_you_mean(name, known)}")
            if one.method == one.against or one in self.primary[:i]:
                raise ValueError(f"`primary.{i}`: must compare two methods that no other one compares, "
                                 f"found {short(one.method)} against {short(one.against)}")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _methods_are_no_files(self) -> Experiment:
        for name in self.methods:
            if name.endswith((".md", ".html", ".json")):  # a method's folder stands beside the report's files
                raise ValueError(f"`methods.{name}`: a method's name must not end like a file's of the report, found {name!r}")
            if self.tune and name == "tuning":
                raise ValueError("`methods.tuning`: must have another name, since the trials of `tune` take this folder")
        return self

    @model_validator(mode="after")
    def _modalities_exist(self) -> Experiment:
        if isinstance(self.dataset, ImportedDataset | Manifest) or self.several:
            return self  # known once it is opened (`asgml run` does that before anything trains); seen at each point
        if words := modalities.refusal(self, {m: m for m in self.dataset.modalities}, self.dataset.name):
            raise ValueError(words)
        return self

    @model_validator(mode="after")
    def _steering_has_samples(self) -> Experiment:
        for name, entries in self.methods.items() if not self.several else ():
            for e in entries:
                if not self.train.steer and (e.steered or e.trains_on_steer):
                    raise ValueError(f"`methods.{name}.{e.kind}`: needs samples set aside by `train.steer` (a share of the "
                                     "training split, such as 0.15), found 0")  # fmt: skip
        return self

    def tuned(self) -> Experiment:
        """Fill `train.lr` and `train.weight_decay` in where the experiment leaves them to the one data set."""
        if self.several:
            return self
        best = settings.DatasetSettings.tuned if isinstance(self.dataset, ImportedDataset) else self.dataset.tuned
        train = {key: best[key] for key in ("lr", "weight_decay") if getattr(self.train, key) is None}
        return self.model_copy(update={"train": self.train.model_copy(update=train)})

    def cells(self) -> list[Cell]:
        """Every cell, seed by seed, so that an early look has every method."""
        return [self.cell(name, seed) for seed in self.seeds for name in self.methods]

    def cell(self, method: str, seed: int) -> Cell:
        """The cell of a method and any seed."""
        return Cell(dataset=self.dataset, model=self.model, train=self.train, method=method, entries=self.methods[method],
                    seed=seed, loggers=self.loggers, keep=self.keep)  # fmt: skip

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = {"dataset"} if self.datasets else set()
        return {k: v for k, v in whole(self).items() if k not in absent and (v or k not in STUDY)}
