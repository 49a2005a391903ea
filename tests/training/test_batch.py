import pytest
import torch

from gnn.model import Embeddings
from training.batch import Batch, Contest, Embedded, Triples
from training.negatives import Negatives

GENRE = ("item", "genre", "genre")
BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")


def negatives(*rows):
    return Negatives(torch.tensor(rows), torch.zeros(len(rows)))


@pytest.fixture
def batch():
    chosen = torch.tensor([True, False])
    return Batch(
        users=torch.tensor([5, 2]),
        items=torch.tensor([7, 7]),
        contests=[Contest(chosen=chosen, negatives=negatives(3, 9, 3))],
        aligned={"user": (torch.tensor([8]), torch.tensor([2]))},
        triples=[
            Triples(
                edge_type=GENRE,
                index=0,
                head=torch.tensor([1]),
                tail=torch.tensor([4]),
                negatives=negatives(0, 4),
            )
        ],
    )


def test_wanted_is_everything_that_was_drawn_once(batch):
    wanted = {name: rows.tolist() for name, rows in batch.wanted("user", "item").items()}

    assert wanted == {"user": [2, 5, 8], "item": [1, 3, 7, 9], "genre": [0, 4]}


def test_embeddings_are_asked_for_by_the_rows_of_the_graph(batch):
    wanted = batch.wanted("user", "item")
    z = {name: rows[:, None].double() * 10 for name, rows in wanted.items()}
    views = {BOOKS: wanted["user"][:, None] + 0.25, FILMS: wanted["user"][:, None] * 100.0}
    bias = wanted["item"] + 0.5
    embedded = Embedded(wanted, Embeddings(z=z, item_bias=bias, domain_views=views))

    assert embedded.z("user", torch.tensor([5, 2, 5])).tolist() == [[50], [20], [50]]
    assert embedded.z("genre", torch.tensor([4])).dtype == torch.float32
    assert embedded.bias("item", torch.tensor([9, 1])).tolist() == [9.5, 1.5]
    assert embedded.view([BOOKS], torch.tensor([8])).tolist() == [[8.25]]
    assert embedded.view([BOOKS, FILMS], torch.tensor([8])).tolist() == [[808.25]]
