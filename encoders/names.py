"""Vectors of names, for links between the nearest."""

from collections.abc import Sequence

from encoders.base import FloatArray
from encoders.load import encoder_of
from encoders.settings import EncoderConfig


def encode_names(model: str, texts: Sequence[str]) -> FloatArray:
    """Return vectors by the encoder of this name, behind the cache; `[len(texts), dim]`.

    An encoder that must be fitted is fitted on these very texts.

    Raises:
        ConfigError: there is no such encoder.
    """
    encoder = encoder_of(EncoderConfig(model=model))
    if not encoder.fitted:
        encoder.fit(texts)
    return encoder.encode(texts)
