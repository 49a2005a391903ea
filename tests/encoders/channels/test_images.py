import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from encoders.channels.attributes import ChannelConfig
from encoders.channels.features import encode_graph
from encoders.channels.images import ImageEncoder, add_images, encode_images
from encoders.models.hashing import HashingEncoder
from kg.errors import ArtefactError, ConfigError

COLOURS = {"red.png": (255, 0, 0), "blue.png": (0, 0, 255), "green.jpg": (0, 255, 0)}


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A CLIP of two random layers, saved as sentence-transformers saves its own."""
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    folder = tmp_path_factory.mktemp("clip")
    inside = folder / "0_CLIPModel"
    inside.mkdir()
    shape = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    config = CLIPConfig(
        text_config={**shape, "vocab_size": 6, "bos_token_id": 0, "eos_token_id": 1},
        vision_config={**shape, "image_size": 16, "patch_size": 8},
        projection_dim=12,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        CLIPModel(config).save_pretrained(inside)
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "b</w>", "a", "b"]
    vocabulary = {word: number for number, word in enumerate(words)}
    (inside / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (inside / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    images = CLIPImageProcessorPil(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
    tokens = CLIPTokenizer.from_pretrained(inside)
    CLIPProcessor(image_processor=images, tokenizer=tokens).save_pretrained(inside)
    module = {"idx": 0, "name": "0", "path": "0_CLIPModel"}
    module["type"] = "sentence_transformers.models.CLIPModel"
    (folder / "modules.json").write_text(json.dumps([module]), encoding="utf-8")
    return folder


@pytest.fixture
def posters(tmp_path: Path) -> Path:
    for name, colour in COLOURS.items():
        Image.new("RGB", (20, 30), colour).save(tmp_path / name)
    Image.new("L", (9, 9), 100).save(tmp_path / "grey.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "red.png").read_bytes()[:40])
    (tmp_path / "text.png").write_text("no image", encoding="utf-8")
    return tmp_path


def test_images_become_unit_vectors(clip: Path, posters: Path) -> None:
    paths = [posters / "red.png", None, posters / "blue.png", posters / "grey.png"]
    vectors = encode_images(paths, ImageEncoder(clip))
    assert vectors.shape == (4, 12)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1, 1], rtol=1e-5)
    assert not np.allclose(vectors[0], vectors[2])
    alone = encode_images([posters / "blue.png"], ImageEncoder(clip))
    np.testing.assert_allclose(alone[0], vectors[2], atol=1e-5)


def test_what_is_no_image_is_zero_and_said_in_the_log(clip: Path, posters: Path, caplog) -> None:
    names = ["broken.png", "text.png", "nowhere.png", ".", "red.png"]
    with caplog.at_level(logging.WARNING, logger="encoders.channels.images"):
        vectors = encode_images([posters / name for name in names], ImageEncoder(clip))
    assert vectors.any(axis=1).tolist() == [False, False, False, False, True]
    (record,) = [r for r in caplog.records if r.name == "encoders.channels.images"]
    expected = "4 of 5 images cannot be read: broken.png, text.png, nowhere.png and 1 more"
    assert record.getMessage() == expected


def test_the_same_bytes_are_encoded_once(clip: Path, posters: Path, tmp_path: Path) -> None:
    class Counting(ImageEncoder):
        opened = 0

        def encode(self, paths):
            self.opened += len(paths)
            return super().encode(paths)

    (posters / "copy.png").write_bytes((posters / "red.png").read_bytes())
    paths = [posters / "red.png", posters / "copy.png", posters / "blue.png"]
    first, second = Counting(clip), Counting(clip)
    vectors = encode_images(paths, first, cache=tmp_path / "cache")
    again = encode_images(paths, second, cache=tmp_path / "cache")
    np.testing.assert_array_equal(vectors, again)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert (first.opened, second.opened) == (2, 0)


def test_images_are_a_channel_of_the_types_that_name_files(
    clip: Path, posters: Path, make_graph, tmp_path: Path
) -> None:
    graph = make_graph([("ann", "a")], {"a": "books", "b": "books", "c": "films"})
    names = pa.table({"poster": ["red.png", None, "blue.png"]})
    items = replace(graph.items, attributes=names)
    graph = replace(graph, nodes={**graph.nodes, "item": items})
    features = encode_graph(graph, HashingEncoder(dim=4))
    config = ChannelConfig(images="poster", image_folder=posters, image_model=str(clip))

    found = add_images(features, graph, config, cache=tmp_path / "cache")

    assert found.channels["item"]["image"].any(axis=1).tolist() == [True, False, True]
    assert found.fingerprint != features.fingerprint
    assert add_images(features, graph, ChannelConfig()) is features
    with pytest.raises(ConfigError, match="no node has such an attribute"):
        add_images(features, graph, replace(config, images="cover"))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="holds no model"):
        ImageEncoder(tmp_path)
