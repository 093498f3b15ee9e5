"""Contrast of the next SIR and localisation of changes: by hand, across episode ends, and learned from one batch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from learner.hide_and_seek.auxiliary import change_localisation, changed_cells, next_sir_contrast


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def firsts(steps: int, *rows: set[int]) -> Tensor:
    return torch.tensor([[step in row for row in rows] for step in range(steps)])


def test_contrast_is_a_softmax_over_the_sirs_of_the_episode() -> None:
    predictions, embeddings = random(5, 2, 3, seed=0), random(6, 2, 3, seed=1)
    # Row 0: the unroll begins within an episode, and others begin at 2 and 5. Row 1: one episode.
    begins = firsts(6, {2, 5}, {0})
    episodes = {0: [[0, 1], [2, 3, 4], [5]], 1: [[0, 1, 2, 3, 4, 5]]}
    expected = []
    for row, found in episodes.items():
        for episode in found:
            for t in episode[:-1]:
                scores = [float(predictions[t, row] @ embeddings[i, row]) for i in episode]
                answer = scores[episode.index(t + 1)]
                expected.append(math.log(sum(map(math.exp, scores))) - answer)
    assert len(expected) == 8  # of 10 steps: two end their episode
    loss = next_sir_contrast(predictions, embeddings, begins)
    assert float(loss) == pytest.approx(sum(expected) / 8, rel=1e-10)
    # Without the observation after the last step, that step has no answer.
    shorter = next_sir_contrast(predictions, embeddings[:5], begins[:5])
    cut = next_sir_contrast(predictions[:4], embeddings[:5], begins[:5])
    assert float(shorter) == pytest.approx(float(cut), rel=1e-12)
    assert float(shorter) != pytest.approx(float(loss), rel=1e-3)


def test_contrast_ignores_other_episodes_and_has_a_finite_gradient() -> None:
    predictions, embeddings, begins = random(4, 1, 3, seed=0), random(5, 1, 3, seed=1), firsts(5, {0, 3})
    before = next_sir_contrast(predictions[:2], embeddings[:3], begins[:3])
    embeddings[3:] = 1e4
    predictions[2] = 1e4  # the step that ends the first episode
    predictions.requires_grad_()
    embeddings.requires_grad_()
    together = next_sir_contrast(predictions, embeddings, begins)
    # The second episode has one step with an answer, between two equal SIRs: ln 2.
    assert together.item() == pytest.approx((2 * float(before) + math.log(2)) / 3, rel=1e-10)
    together.backward()
    assert predictions.grad is not None and predictions.grad.isfinite().all() and not predictions.grad[2].any()
    assert predictions.grad[0].any()
    assert embeddings.grad is not None and embeddings.grad.isfinite().all()


def test_contrast_without_answers_is_zero() -> None:
    predictions = random(2, 1, 3, seed=0).requires_grad_()
    found = next_sir_contrast(predictions, random(3, 1, 3, seed=1), firsts(3, {0, 1, 2}))
    found.backward()
    assert found.item() == 0
    assert predictions.grad is not None and not predictions.grad.any()


def test_contrast_learns_one_batch() -> None:
    torch.manual_seed(0)
    core, sirs, begins = torch.randn(6, 4, 16), torch.randn(7, 4, 16), firsts(7, {0}, {0, 3}, {2}, set())
    first, second = nn.Linear(16, 8), nn.Linear(16, 8)
    optimiser = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.03)
    losses = []
    for _ in range(150):
        loss = next_sir_contrast(second(core), first(sirs), begins)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 1 and losses[-1] < 0.05


def test_changed_cells_need_a_tenth_of_their_positions() -> None:
    # 28 x 28 positions: a cell has 4 x 4, of which two are more than a tenth and one is less.
    block = torch.zeros(3, 2, 2, 28, 28)
    block[1, 0, 0, 0, 0:2] = 1  # cell (0, 0): two positions
    block[1, 0, 1, 4, 27] = 1  # cell (1, 6): one position
    block[1, 0, :, 8, 0:3] = 0.9e-3 / math.sqrt(2)  # cell (2, 0): too small a distance, sqrt(2) times either channel
    block[1, 0, :, 12, 0:3] = 1.1e-3 / math.sqrt(2)  # cell (3, 0): large enough
    block[1, 1] = 1  # row 1: everything, but an episode begins
    found = changed_cells(block, firsts(3, {0}, {1}))
    assert found[1, 0].nonzero().tolist() == [[0, 0], [3, 0]]
    assert not found[0].any() and not found[1, 1].any()
    assert found[2, 1].all()  # back to zero
    assert found[2, 0].nonzero().tolist() == [[0, 0], [3, 0]]


def test_localisation_is_minus_the_log_of_the_mass() -> None:
    weights = random(2, 2, 7, 7, seed=0)
    cells = torch.zeros(2, 2, 7, 7, dtype=torch.bool)
    cells[0, 0, 2, 3] = cells[0, 0, 6, 6] = cells[1, 1, 0, 0] = True
    one = weights[0, 0].exp() / weights[0, 0].exp().sum()
    other = weights[1, 1].exp() / weights[1, 1].exp().sum()
    expected = -(math.log(float(one[2, 3] + one[6, 6])) + math.log(float(other[0, 0]))) / 2
    weights.requires_grad_()
    found = change_localisation(weights, cells)
    assert found.item() == pytest.approx(expected, rel=1e-10)
    found.backward()
    assert weights.grad is not None and weights.grad.isfinite().all() and not weights.grad[0, 1].any()
    assert float(change_localisation(weights.detach(), torch.zeros_like(cells))) == 0
    assert float(change_localisation(weights.detach(), torch.ones_like(cells))) == pytest.approx(0, abs=1e-12)


def test_localisation_learns_one_batch() -> None:
    torch.manual_seed(0)
    features, layer = torch.randn(3, 5, 20), nn.Linear(20, 49)
    cells = torch.rand(3, 5, 7, 7) < 0.05
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    losses = []
    for _ in range(100):
        loss = change_localisation(layer(features).unflatten(-1, (7, 7)), cells)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 1.5 and losses[-1] < 0.05
