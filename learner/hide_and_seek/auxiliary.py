"""Self-supervised losses that exploration, hiding, manipulation and seeking share (Weihs et al., appendix C.4)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from learner.hide_and_seek.means import mean_known

CHANGED_DISTANCE = 1e-3
"""A position of the first block's output has changed if its vector moved by more than this (paper)."""
CHANGED_SHARE = 0.1
"""A cell has changed if this share of its positions has (paper)."""


def next_sir_contrast(predictions: Tensor, embeddings: Tensor, firsts: Tensor) -> Tensor:
    """-log of the softmax, over the SIRs of the same episode, of E1(s_i) . E2(h_t, a_t) at i = t + 1.

    The SIRs are those of the unroll, since no more are known. Steps that end their episode, and steps whose next SIR
    is not among the embeddings, have no answer and are left out.

    Args:
        predictions: (T, B, E) E2(h_t, a_t).
        embeddings: (N, B, E) E1(s_i), N = T or T + 1.
        firsts: (N, B) bool, whether an episode begins at the observation.

    Returns:
        scalar, mean over the steps with an answer; 0 if there is none.
    """
    steps = len(embeddings) - 1
    episodes = firsts.cumsum(0)
    scores = torch.einsum("tbe,nbe->tbn", predictions[:steps], embeddings)
    same = episodes[:steps, :, None] == episodes.T[None]
    # Rows without an answer have finite scores as well, so that their gradient is 0 rather than NaN.
    answered = ~firsts[1:]
    scores = scores.masked_fill(~same & answered[..., None], -torch.inf)
    answers = torch.arange(1, steps + 1, device=scores.device)[:, None].expand(answered.shape)
    losses = cross_entropy(scores.flatten(0, 1), answers.flatten(), reduction="none")
    return mean_known(losses, answered.flatten())


@torch.no_grad()
def changed_cells(first_block: Tensor, firsts: Tensor) -> Tensor:
    """D: the cells of the 7x7 grid where the picture changed from the observation before to this one.

    Args:
        first_block: (T, B, c, h, w) output of the encoder's first block, h and w multiples of 7.
        firsts: (T, B) bool, whether an episode begins at the observation.

    Returns:
        (T, B, 7, 7) bool; no cell where the observation before is not known: at the unroll's first step and at the
        beginning of an episode.
    """
    cells = torch.zeros(*first_block.shape[:2], 7, 7, dtype=torch.bool, device=first_block.device)
    for step in range(1, len(first_block)):  # one step at a time: the block is the network's largest tensor
        distance = torch.linalg.vector_norm(first_block[step] - first_block[step - 1], dim=1)
        share = adaptive_avg_pool2d((distance > CHANGED_DISTANCE).float(), 7)
        cells[step] = (share >= CHANGED_SHARE) & ~firsts[step, :, None, None]
    return cells


def change_localisation(change_map: Tensor, cells: Tensor) -> Tensor:
    """-log sum_{ij} softmax(W)_{ij} D_{ij}.

    Args:
        change_map: (T, B, 7, 7) W, logits.
        cells: (T, B, 7, 7) bool D, of `changed_cells`.

    Returns:
        scalar, mean over the steps at which a cell changed; 0 if there is none.
    """
    logits, changed = change_map.flatten(2), cells.flatten(2)
    known = changed.any(-1)
    # Where nothing changed all cells count: the loss is 0 there, and its gradient is not NaN.
    inside = logits.masked_fill(~changed & known[..., None], -torch.inf)
    return mean_known(logits.logsumexp(-1) - inside.logsumexp(-1), known)
