"""How texts become vectors: the settings of every encoder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PoolingMode = Literal["auto", "mean", "cls", "last", "max"]
Dtype = Literal["auto", "float32", "bfloat16", "float16", "int8"]
Storage = Literal["float32", "float16", "int8"]


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """How node texts become vectors."""

    model: str = "minilm"  # "minilm", "lsa", "hashing", a Hugging Face name, a folder
    revision: str | None = None  # commit, branch or tag of a Hugging Face model
    max_length: int = 64  # tokens read of a text, by language models
    dim: int | None = None  # 128 for "lsa" and "hashing"; language models are truncated to it
    pooling: PoolingMode = "auto"  # "auto": what the model's files say
    prompt: str = ""  # a name among the model's prompts, or the text itself; "": its default
    dtype: Dtype = "auto"
    device: str = "auto"  # "cpu", "cuda" (every visible one), "cuda:0,cuda:1"
    trust_remote_code: bool = False
    endpoint: str = ""  # base URL of an OpenAI-compatible server, such as http://localhost:8080/v1
    endpoint_key: str = ""  # name of the environment variable that holds its key
    storage: Storage = "float32"  # of cached vectors
    cache: Path = Path("~/.cache/isthmus/encodings")

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise ValueError(f"max_length = {self.max_length}: must be 1 or more")
        if self.dim is not None and self.dim < 1:
            raise ValueError(f"dim = {self.dim}: must be 1 or more")
        if self.endpoint_key and not self.endpoint:
            raise ValueError("endpoint_key needs endpoint, the server that the key is for")
        if self.endpoint_key and not self.endpoint_key.isidentifier():
            # Not shown: it may be the key itself.
            raise ValueError("endpoint_key must be the name of an environment variable")
