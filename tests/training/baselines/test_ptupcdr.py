import numpy as np
import torch

from training.baselines.factors import Interactions
from training.baselines.ptupcdr import Bridge


def make_bridge(task) -> tuple[Bridge, torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    books = Interactions.of(task, [task.split.train.item_mask("books")])
    users, items = torch.randn(80, 4, generator=draws), torch.randn(50, 4, generator=draws)
    return Bridge(books, users, items, draws), users, items


def test_equals_the_definition(random_task, dense):
    task = random_task("user-cold")
    bridge, vectors, items = make_bridge(task)
    matrix = dense(task)
    users = torch.tensor([5, 3, 40, 79])
    for row, user in enumerate(users.tolist()):
        history = np.flatnonzero(matrix[user, :25])
        shares = bridge.attention(items[history]).flatten().softmax(dim=0)
        characteristic = shares @ items[history]
        torch.testing.assert_close(bridge.characteristic(users)[row], characteristic)
        expected = bridge.meta(characteristic).view(4, 4) @ vectors[user]
        torch.testing.assert_close(bridge(users)[row], expected)


def test_users_with_another_history_have_another_bridge(random_task):
    bridge, _, _ = make_bridge(random_task("user-cold"))
    characteristics = bridge.characteristic(torch.arange(10))
    assert len(characteristics.unique(dim=0)) > 8


def test_great_logits_do_not_overflow(random_task):
    bridge, _, _ = make_bridge(random_task("user-cold"))
    with torch.no_grad():
        bridge.attention[2].bias += 500
    assert bridge.characteristic(torch.arange(80)).isfinite().all()


def test_without_a_source_history_nothing_is_said(make_task):
    task = make_task("warm", ["b", "f"], 3, [(0, 0), (1, 1)])
    books = Interactions.of(task, [task.split.train.item_mask("books")])
    draws = torch.Generator().manual_seed(0)
    bridge = Bridge(books, torch.ones(3, 4), torch.ones(2, 4), draws)
    assert (bridge.characteristic(torch.tensor([1, 2])) == 0).all()
    assert bridge(torch.tensor([], dtype=torch.long)).shape == (0, 4)
