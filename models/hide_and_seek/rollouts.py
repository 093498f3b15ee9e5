"""Mental rollouts: which hidings the hider imagines, how long the mental seeker needs, and which location that favours.

Source: Weihs et al., appendix C.3. All draws come from one `torch.Generator` on the tensors' device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.hide_and_seek.mental import CLAIM, Hiding, MentalSeeker, Poses, Room, moved, start

DRAWN = 3
"""Outcomes drawn at each place (paper); `outcome_weights` is made for three."""
COMPACT = 8
"""Steps after which finished rollouts are taken out of the arrays."""


def gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise of the shape of `like`: the argmax of logits plus noise is a draw from their softmax."""
    return -torch.empty_like(like).exponential_(generator=generator).log()


def draw_without_replacement(logits: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(..., count) long: draws one after another, each in proportion to softmax(logits) among the entries left.

    Args:
        logits: (..., K); entries of -inf are drawn last.
        count: at most K.
    """
    return (logits + gumbel(logits, generator)).topk(count, dim=-1).indices


def outcome_weights(first: Tensor, second: Tensor) -> Tensor:
    """(..., 3): weights with which sum_j w_j mu_j is an unbiased estimate of sum_e p_e mu_e.

    The paper states that such weights exist. Ours average three unbiased estimates (Des Raj 1956): mu_1;
    p_1 mu_1 + (1 - p_1) mu_2; p_1 mu_1 + p_2 mu_2 + (1 - p_1 - p_2) mu_3.

    Args:
        first, second: (...) probabilities p of the outcomes drawn first and second, without replacement.
    """
    return torch.stack([1 + 2 * first, 1 - first + second, 1 - first - second], dim=-1) / 3


def best_and_random(scores: Tensor, best: int, random: int, generator: torch.Generator) -> Tensor:
    """(B, n) long: indices of the best-scored candidates, then of random others.

    Args:
        scores: (B, N) float; -inf: no candidate.
        best, random: how many of each. There are fewer if some map has fewer candidates: n is at most their number.
    """
    fewest = int((scores > -torch.inf).sum(dim=1).min())
    best = min(best, fewest)
    chosen = scores.topk(best, dim=1).indices
    others = torch.zeros_like(scores).masked_fill(scores == -torch.inf, -torch.inf).scatter(1, chosen, -torch.inf)
    drawn = draw_without_replacement(others, min(random, fewest - best), generator)
    return torch.cat([chosen, drawn], dim=1)


def simulate(
    seeker: MentalSeeker,
    room: Room,
    rooms: Tensor,
    hiding: Hiding,
    *,
    steps: int,
    failure_length: int,
    generator: torch.Generator,
) -> Tensor:
    """(N,) float: steps that each mental seeker takes until its ClaimVisible succeeds, that one included.

    At each step it draws an action from its policy, and whether the action succeeds from its own estimate. A move out
    of the box of `room` fails. Runs without gradients.

    Args:
        seeker: the model.
        room: M1 of B maps.
        rooms: (N,) long: index into the maps.
        hiding: of N rollouts.
        steps: largest number of steps that are simulated.
        failure_length: length of a rollout that did not end within them.
        generator: of all draws, on the device of `room`.
    """
    with torch.no_grad():
        slices = seeker.slices(room)
        lengths = torch.full(rooms.shape, float(failure_length), device=rooms.device)
        shape = torch.tensor(room.visited.shape[:0:-1], device=rooms.device)
        running = torch.arange(len(rooms), device=rooms.device)
        alive = torch.ones_like(running, dtype=torch.bool)
        poses, state = start(len(rooms), rooms.device), None
        for step in range(1, steps + 1):
            observed = seeker.observe(slices, room.low, rooms, hiding, poses)
            policy, success, state = seeker.unroll(observed[None], state)
            actions = (policy[0] + gumbel(policy[0], generator)).argmax(dim=-1)
            chance = success[0].gather(1, actions[:, None])[:, 0].sigmoid()
            succeeded = torch.empty_like(chance).uniform_(generator=generator) < chance
            cells = moved(poses, actions, succeeded).locations[:, :2] - room.low
            succeeded &= ((cells >= 0) & (cells < shape)).all(dim=1)
            found = alive & succeeded & (actions == CLAIM)
            lengths[running[found]] = step
            alive &= ~found
            poses = moved(poses, actions, succeeded)
            if step % COMPACT == 0:
                if not alive.any():
                    break
                running, rooms = running[alive], rooms[alive]
                hiding = Hiding(hiding.locations[alive], hiding.outcomes[alive])
                poses = Poses(poses.locations[alive], poses.last_actions[alive])
                state = (state[0][:, alive], state[1][:, alive])
                alive = alive[alive]
        return lengths
