"""The settings of every data set: plain pydantic models, free of torch, so that a wrong one is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from asgml.lab.parts.settings import Settings, Share, absolute_path

Tuned = dict[str, float]
ENDINGS = {".csv": ",", ".tsv": "\t", ".jsonl": "", ".ndjson": "", ".xlsx": "", ".parquet": ""}
"""Of a manifest -> what stands between its cells; nothing in JSON Lines."""


class DatasetSettings(Settings):
    """What every data set has."""

    tuned: ClassVar[Tuned] = {"lr": 0.05, "weight_decay": 1e-4}
    """`train.lr` and `train.weight_decay` where the experiment gives none; `tuned_how` says whether they were tuned, for plain
    joint training alone, or not."""

    tuned_how: ClassVar[str] = "a common choice, not tuned here"
    """How these were chosen."""

    name: str
    seed: int | None = Field(default=None, ge=0)
    """Draws pairs, noise and the split. None: every run draws anew from its own seed."""
    content: str | None = None
    """The digest of the files that it reads, which asgml run fills in: the place of the data may change, they may not."""

    @model_serializer(mode="wrap")
    def _without_an_unknown_content(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in whole(self).items() if key != "content" or value is not None}

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities in the data set's order."""
        return ("audio", "visual")


class Keypad(DatasetSettings):
    """Real handwritten digits (scikit-learn) seen, the telephone keypad's dual tone (ITU-T Q.23) heard; no download."""

    tuned: ClassVar[Tuned] = {"lr": 0.1, "weight_decay": 1e-4}
    tuned_how: ClassVar[str] = "tuned"
    name: Literal["keypad"] = "keypad"
    snr_db: float = Field(default=-8.5, ge=-60, le=60)
    """Signal-to-noise ratio in dB: mean power of the tone while it sounds over that of the white noise (0-2,000 Hz)."""
    image_noise: float = Field(default=0.35, ge=0, le=10)
    """Standard deviation of the noise added to the images, whose pixels lie in 0-1."""
    tones_per_image: int = Field(default=1, ge=1, le=100)
    """Training samples that share one image, each with a tone and a noise of its own; validation and test have one."""
    wrong_share: dict[str, Share] = Field(default_factory=dict)
    """Per modality: the share of each split whose content is a random digit's. Ceiling of its accuracy: 1 - 0.9 share."""
    train_size: int | None = Field(default=None, ge=10, le=1077)
    """Distinct training images, stratified by digit; None: all that the split leaves (1,077)."""
    train_sounds: int | None = Field(default=None, ge=10)
    """Distinct training sounds, noise included, which samples of their digit share; None: every sample has its own."""
    task: Literal["digit", "sum_mod_10", "same_or_not"] = "digit"
    """digit: both show the label; the others draw two digits: the label is their sum modulo 10, or whether they are equal."""
    third_modality: bool = False
    """Adds `text`: the English word of the digit (of the one heard, where two are drawn), with typing errors."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """`audio`, `visual`, and `text` where there is a third."""
        return ("audio", "visual", "text") if self.third_modality else ("audio", "visual")

    @model_validator(mode="after")
    def _one_thing_is_shared(self) -> Self:
        if self.train_sounds and self.tones_per_image > 1:
            raise ValueError("`train_sounds`: must stand without tones_per_image, since samples are grouped by what they "
                             f"share, found tones_per_image {self.tones_per_image}")  # fmt: skip
        return self

    @field_validator("wrong_share")
    @classmethod
    def _known(cls, shares: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(shares) - {"audio", "visual", "text"}):
            raise ValueError(f"names must be modalities (audio, visual, text), found {unknown}")
        return shares


class AVDigits(DatasetSettings):
    """Spoken digits (Free Spoken Digit Dataset) paired by label with scikit-learn's handwritten digits, as AV-MNIST."""

    tuned: ClassVar[Tuned] = {"lr": 0.1, "weight_decay": 1e-3}
    tuned_how: ClassVar[str] = "tuned"
    name: Literal["avdigits"] = "avdigits"
    root: Path
    """The folder that holds `{digit}_{speaker}_{index}.wav`."""
    snr_db: float | None = Field(default=-2.0, ge=-60, le=60)
    """White noise (0-4,000 Hz) added to the recordings: mean power of a recording over that of the noise, in dB; None: none."""
    image_noise: float = Field(default=0.4, ge=0, le=10)
    """Standard deviation of the noise added to the images, whose pixels lie in 0-1."""
    train_size: int | None = Field(default=None, ge=10)
    """Training recordings, stratified by digit and speaker; None: all that the split leaves (official: 2,400)."""
    split: Literal["official", "speaker"] = "official"
    """official: recordings 0-4 of each speaker and digit are the test set; speaker: one speaker out, another for validation."""

    _absolute = field_validator("root")(absolute_path)


class StoredDataset(DatasetSettings):
    """What every data set out of a prepared store has."""

    tuned: ClassVar[Tuned] = {"lr": 1e-3, "weight_decay": 1e-4}
    tuned_how: ClassVar[str] = "as published, not tuned here"
    root: Path
    """The folder of the prepared store."""
    split: str = "published"

    _absolute = field_validator("root")(absolute_path)


class Manifest(DatasetSettings):
    """One's own files: a CSV or JSON Lines with a row per sample (id, label, split, group) and a column per modality."""

    name: Literal["manifest"] = "manifest"
    path: Path
    """The file: `.csv`, `.tsv` or `.jsonl`. Files that it names are relative to its folder."""
    task: Literal["classification", "multilabel", "regression"] | None = None
    """None: as the labels are written."""
    columns: dict[str, Literal["audio", "image", "video", "array", "vector", "text", "ignore"]] = Field(default_factory=dict)
    """Column -> what it holds; one that is not named is decided by its cells."""
    arrays: Literal["scaled", "as_they_are"] = "scaled"
    """scaled: numbers out of `.npy` files have mean 0 and standard deviation 1 over training rows, as those in cells have."""
    bad_rows: Literal["refuse", "leave_out"] = "refuse"
    """leave_out: rows that cannot be used are counted in the data set's note, and listed by `asgml data check`."""
    validation: float = Field(default=0.2, gt=0, lt=1)
    """The share of all rows, where the manifest names no validation rows."""
    test: float = Field(default=0.2, gt=0, lt=1)
    """The share of all rows, where the manifest names no splits at all."""
    spectrum: Literal["mel", "ogm"] = "mel"
    """Of audio: log power in mel bands (16,000 Hz), or the log magnitude of the OGM-GE line (22,050 Hz)."""
    audio_seconds: float | None = Field(default=None, gt=0, le=600)
    """A shorter sound is repeated until it is that long; of a longer one the rest is left out. None: as long as the column's
    longest clip, at least 1 and at most 10 s, and less where its spectra would take more than 2 GB."""
    audio_bands: int = Field(default=64, ge=8, le=256)
    """Mel bands."""
    image_size: int = Field(default=32, ge=4, le=1024)
    """Images and frames are resized to this many pixels square."""
    frames: int = Field(default=4, ge=1, le=64)
    """Frames of a video, even over the whole clip."""
    text_length: int = Field(default=128, ge=3, le=4096)
    """Characters of a text; longer ones are cut, and counted in the note."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """None: they are known when the file is read."""
        return ()

    _absolute = field_validator("path")(absolute_path)

    @model_validator(mode="after")
    def _something_to_train_on(self) -> Manifest:
        if self.validation + self.test >= 1:
            raise ValueError(f"`dataset.validation` and `dataset.test`: must leave something for training, found "
                             f"{self.validation:g} and {self.test:g}")  # fmt: skip
        return self


class CremaD(StoredDataset):
    """CREMA-D: 91 actors speak twelve sentences in six emotions; a store that `asgml data prepare cremad` made."""

    name: Literal["cremad"] = "cremad"
    split: Literal["published", "actor"] = "published"
    """published: the OGM-GE line's lists, which share every actor between training and test; actor: no actor in two splits."""


class Clips(StoredDataset):
    """AVE, Kinetics-Sounds or VGGSound: audio-visual clips; a store that `asgml data prepare` made, split as published."""

    name: Literal["ave", "kinetics_sounds", "vggsound"]
    split: Literal["published"] = "published"


class Food101(StoredDataset):
    """UPMC Food-101: pictures of 101 dishes with the title of the page; a store that `asgml data prepare food101` made."""

    name: Literal["food101"] = "food101"
    split: Literal["published"] = "published"

    @property
    def modalities(self) -> tuple[str, ...]:
        """Picture and title."""
        return ("visual", "text")


class Ucf101(StoredDataset):
    """UCF-101: frames and optical flow of 101 actions; a store that `asgml data prepare ucf101` made."""

    name: Literal["ucf101"] = "ucf101"
    split: Literal["published1", "published2", "published3"] = "published1"
    """The published lists 01, 02 or 03; validation is cut from training by group."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Frames and flow."""
        return ("visual", "flow")


class Mosi(DatasetSettings):
    """CMU-MOSI or CMU-MOSEI: sentiment from -3 to 3 in text, audio and visual features, from a pickle of the MMSA toolkit."""

    name: Literal["mosi", "mosei"]
    path: Path
    """The pickle; one that asks for anything but arrays and plain values is refused."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Three."""
        return ("text", "audio", "visual")

    _absolute = field_validator("path")(absolute_path)


class ImportedDataset(BaseModel):
    """One's own: `import: my_pkg.my_module:my_dataset`; every other key is its argument."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    import_: str = Field(alias="import", pattern=r"^[\w.]+:\w+$")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `import`."""
        return dict(self.__pydantic_extra__ or {})


BUILT_IN: dict[str, type[DatasetSettings]] = {"keypad": Keypad, "avdigits": AVDigits, "manifest": Manifest, "cremad": CremaD}
BUILT_IN |= dict.fromkeys(("ave", "kinetics_sounds", "vggsound"), Clips)
BUILT_IN["food101"], BUILT_IN["ucf101"] = Food101, Ucf101
BUILT_IN |= dict.fromkeys(("mosi", "mosei"), Mosi)
