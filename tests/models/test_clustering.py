"""Clustering against instances worked by hand, and against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.interaction.clustering import Instances, cluster_instances
from models.interaction.network import NetworkOutput


def prediction(score: torch.Tensor, embedding: torch.Tensor, force: torch.Tensor | None = None) -> NetworkOutput:
    """Maps (B, H, W) and (B, C, H, W); clustering works on grids of any size."""
    batch, height, width = score.shape
    return NetworkOutput(score, torch.zeros(batch, 3, height, width) if force is None else force, embedding)


def row(scores: list[float], embeddings: list[float]) -> NetworkOutput:
    """One image of one row with embeddings of one component."""
    return prediction(torch.tensor([[scores]]), torch.tensor([[[embeddings]]]))


def cells(instances: Instances, n: int) -> list[int]:
    """Columns of instance n of a one-row image."""
    return instances.masks[0, n, 0].nonzero()[:, 0].tolist()


def test_recentring_moves_the_mask_by_hand() -> None:
    # Seed: column 2 (e = 1.0). Within squared distance 1 (exclusive): 0.1, 0.2, 1.0, 1.9; not 2.05, 0.0, -0.5.
    # Their mean is 0.8; within 1 of it: 0.0 joins, 0.1, 0.2, 1.0 stay, and 1.9 is out (1.21).
    embeddings = [0.0, 0.1, 1.0, 1.9, 0.2, 2.05, -0.5]
    output = row([0.0, 1.0, 5.0, 2.0, 0.0, 3.0, 0.0], embeddings)
    found = cluster_instances(output, 3)
    assert found.seeds[0, :, 1].tolist() == [2, 5, 6]
    assert cells(found, 0) == [0, 1, 2, 4]
    # Next seed: column 5 (2.05) with 1.9 near it. Then only column 6 is left.
    assert cells(found, 1) == [3, 5]
    assert cells(found, 2) == [6]
    assert found.valid.tolist() == [[True, True, True]]
    torch.testing.assert_close(found.scores[0], torch.sigmoid(torch.tensor([5.0, 3.0, 0.0])))


def test_cells_that_are_taken_do_not_pull_the_next_centre() -> None:
    # Columns 0 and 1 go first (mean -0.125). The next seed, 0.9, is near column 1 (0.35), which is taken: its mean is
    # that of 0.9 and 1.5, 1.2, which is near 2.1; with column 1 it would have been 0.917, which is not.
    output = row([9.0, 0.0, 5.0, 1.0, 0.0], [-0.6, 0.35, 0.9, 1.5, 2.1])
    found = cluster_instances(output, 2)
    assert cells(found, 0) == [0, 1]
    assert cells(found, 1) == [2, 3, 4]


def test_the_distance_is_squared_and_its_bound_exclusive() -> None:
    output = prediction(torch.tensor([[[1.0, 0.0, 0.0]]]), torch.tensor([[[[0.0, 0.75, 1.0]], [[0.0, 0.75, 0.0]]]]))
    # Squared distances from the seed: 0, 1.125, 1: with threshold 1 neither is near, with 1.01 the last one is.
    assert cells(cluster_instances(output, 1), 0) == [0]
    # Recentred on (0.5, 0): 0.25, 0.625, 0.25.
    assert cells(cluster_instances(output, 1, threshold=1.01), 0) == [0, 1, 2]


def test_a_seed_is_never_found_twice_even_if_its_embedding_is_infinite() -> None:
    found = cluster_instances(row([2.0, 1.0, 0.0], [torch.inf, 0.0, 0.0]), 3)
    assert found.valid.all() and found.seeds[0, :, 1].tolist() == [0, 1, 2]


def test_stability_by_hand() -> None:
    # The seed 0.0 takes 0.0, 0.6 and 0.9, whose mean is 0.5; recentred, they stay, at squared distances 0.25, 0.01 and
    # 0.16, and 1.6 (1.21) stays outside the mask, but within 1.5. All three are within 0.5: stability 3 / 4.
    # The next seed, 1.6, is alone in its mask. Within 1.5 of it are itself, 0.9 (0.49), and 0.6 (1.0): stability 1 / 3,
    # since 0.9 is within 0.5 but not in the mask. The last cell, 9.0, is alone: 1.
    output = row([3.0, 0.0, 0.0, 2.0, 1.0], [0.0, 0.6, 0.9, 1.6, 9.0])
    found = cluster_instances(output, 4, confidence="stability")
    assert found.seeds[0, :, 1].tolist() == [4, 0, 3, 0]
    assert [cells(found, n) for n in range(4)] == [[4], [0, 1, 2], [3], []]
    wanted = torch.sigmoid(torch.tensor([1.0, 3.0, 2.0])) * torch.tensor([1, 3 / 4, 1 / 3])
    torch.testing.assert_close(found.scores[0], torch.cat([wanted, torch.zeros(1)]))
    assert found.valid.tolist() == [[True, True, True, False]]


def test_stability_changes_the_order_of_the_instances_alone() -> None:
    random = torch.Generator().manual_seed(3)
    output = prediction(torch.randn(2, 9, 9, generator=random), torch.randn(2, 2, 9, 9, generator=random))
    plain, stable = cluster_instances(output, 12), cluster_instances(output, 12, confidence="stability")
    assert (plain.scores.diff() <= 0).all() and (stable.scores.diff() <= 0).all()
    assert plain.valid.sum() == stable.valid.sum()
    for image in range(2):
        one, other = (
            {(*seed.tolist(), int(force)): mask for seed, force, mask in zip(*parts, strict=True)}
            for parts in (
                (found.seeds[image][v], found.force[image][v], found.masks[image][v])
                for found in (plain, stable)
                for v in (found.valid[image],)
            )
        )
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_force_and_score_are_read_at_the_seed() -> None:
    force = torch.zeros(1, 3, 1, 3)
    force[0, 2, 0, 1] = 1.0
    force[0, 1, 0, 2] = 4.0
    output = prediction(torch.tensor([[[0.0, 2.0, -1.0]]]), torch.tensor([[[[0.0, 0.0, 9.0]]]]), force)
    found = cluster_instances(output, 2)
    assert found.force.tolist() == [[2, 1]]
    torch.testing.assert_close(found.scores, torch.tensor([[2.0, -1.0]]).sigmoid())


def test_no_cell_left_and_minimum_logit_end_the_list() -> None:
    output = row([3.0, 1.0, -2.0], [0.0, 5.0, 9.0])
    found = cluster_instances(output, 5)
    assert found.valid.tolist() == [[True, True, True, False, False]]
    assert not found.masks[0, 3:].any() and not found.seeds[0, 3:].any() and not found.scores[0, 3:].any()
    assert cluster_instances(output, 5, minimum_logit=1.0).valid.tolist() == [[True, True, False, False, False]]
    assert cluster_instances(output, 5, minimum_logit=-100.0).valid.sum() == 3


def test_images_of_a_batch_do_not_touch_each_other() -> None:
    generator = torch.Generator().manual_seed(0)
    score = torch.randn(3, 20, 20, generator=generator)
    embedding = 2 * torch.randn(3, 2, 20, 20, generator=generator)
    force = torch.randn(3, 3, 20, 20, generator=generator)
    together = cluster_instances(prediction(score, embedding, force), 6)
    for b in range(3):
        alone = cluster_instances(prediction(score[b : b + 1], embedding[b : b + 1], force[b : b + 1]), 6)
        assert all(torch.equal(x[b], y[0]) for x, y in zip(together, alone, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, embedding = rng.normal(size=(12, 9)), 1.5 * rng.normal(size=(3, 12, 9))
    found = cluster_instances(prediction(torch.tensor(score)[None], torch.tensor(embedding)[None]), 15)
    free = np.ones((12, 9), bool)
    for n in range(15):
        if not free.any():
            assert not found.valid[0, n:].any()
            break
        i, j = np.unravel_index(np.where(free, score, -np.inf).argmax(), score.shape)
        center = embedding[:, i, j]
        for _ in range(2):
            mask = free & (((embedding - center[:, None, None]) ** 2).sum(axis=0) < 1)
            center = embedding[:, mask].mean(axis=1)
        mask[i, j] = True
        assert tuple(found.seeds[0, n].tolist()) == (i, j)
        np.testing.assert_array_equal(found.masks[0, n].numpy(), mask)
        free &= ~mask


def test_bad_arguments_are_refused() -> None:
    output = row([0.0], [0.0])
    with pytest.raises(ValueError, match="count must be at least 1, not 0"):
        cluster_instances(output, 0)
    with pytest.raises(ValueError, match="threshold must be positive, not 0"):
        cluster_instances(output, 1, threshold=0)
