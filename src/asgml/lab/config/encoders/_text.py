"""Encoders of text: ids (L,), 0 for padding."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from asgml.lab.config.encoders._base import EncoderSettings, Sample
from asgml.lab.config.encoders._images import Attention
from asgml.lab.parts.settings import Local

TEXT: tuple[Sample, ...] = ("text",)


class CharCnn(EncoderSettings):
    """An embedding of characters, a convolution, and the maximum over the text."""

    takes: ClassVar[tuple[Sample, ...]] = TEXT
    kind: Literal["char_cnn"] = "char_cnn"


class BagOfWords(EncoderSettings):
    """The mean of the embeddings of a text's words, hashed into buckets (Joulin et al., EACL 2017); their order is lost."""

    takes: ClassVar[tuple[Sample, ...]] = TEXT
    kind: Literal["bag_of_words"] = "bag_of_words"
    separator: int | None = None
    """The id between words where ids are characters; None: every id is a word."""
    buckets: int = Field(default=4096, ge=2)


class Bert(Attention):
    """BERT (Devlin et al., NAACL 2019), from transformers; the feature is that of the first token."""

    takes: ClassVar[tuple[Sample, ...]] = TEXT
    package: ClassVar[str | None] = "transformers"
    kind: Literal["bert"] = "bert"
    folder: Local | None = None
    """A local folder with a pretrained model, whose tokenizer must have made the ids. None: built anew, a random start."""
    vocabulary: int = Field(default=128, ge=2)
    """Ids lie below it."""
