"""The mental seeker: an LSTM that walks about the hider's map as if the object were hidden somewhere in it.

Source: Weihs et al., appendices C.3 and D.4. Ours: the seeker also knows its pose relative to the hypothetical hiding
place, its posture, and its last action; a slice of the map is the cell it stands on and the cells ahead, left and right
of it, all seen in its direction.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.hide_and_seek.action_table import SEEK_STAGE, STAGE_ACTIONS
from models.hide_and_seek.metric_map import AHEAD, relative
from models.hide_and_seek.perspective_config import PerspectiveConfig

SEEK_ACTIONS = STAGE_ACTIONS[SEEK_STAGE]
"""Numbers of the 58 actions that are legal in stage seek: moves, rotations, postures, OpenAt, CloseObjects and
ClaimVisible. A mental action is an index into them; for the first seven the two are the same."""
CLAIM = len(SEEK_ACTIONS) - 1
"""Mental action ClaimVisible."""
NO_ACTION = 2 * len(SEEK_ACTIONS)
"""Stands for the last action at the first step; other last actions are 2 (mental action) + success."""
MOVES = (0, 3, 1)
"""By mental action 0 to 2 (MoveAhead, MoveLeft, MoveRight): quarter turns from the agent's direction to the move's."""
TURNS = (3, 1)
"""By mental action 3 and 4 (RotateLeft, RotateRight): quarter turns."""
STAND, CROUCH = 5, 6
"""Mental actions that change the posture."""
OUTCOMES = 2 * 3 * 7 * 7 + 1
"""Outcomes of object hiding: 147 standing + 49 modality + 7 row + column; the last is "none"."""
FACTORS = 2 + 3 + 7 + 7 + 1
"""Length of an outcome's description: one-hot posture, modality, row and column; "none"."""
FAR = 10.0
"""Steps by which offsets and distances are divided, so that they are about 1 in a room."""
_POSE = 2 + 1 + 4 + 1


def outcome_factors() -> Tensor:
    """(295, 20) float: each outcome's posture, modality, row and column as one-hot vectors; "none" has its own."""
    numbers = torch.arange(OUTCOMES - 1)
    parts = [
        F.one_hot(number, count)
        for number, count in (
            (numbers // 147, 2),
            (numbers // 49 % 3, 3),
            (numbers // 7 % 7, 7),
            (numbers % 7, 7),
        )
    ]
    return torch.block_diag(torch.cat(parts, dim=1).float(), torch.ones(1, 1))


class Room(NamedTuple):
    """The intermediate representation M1 of B maps, over one box of places."""

    features: Tensor
    """(B, 4, h, w, C) float; the second axis is the rotation / 90 degrees in which a cell is seen, h runs along z."""
    visited: Tensor
    """(B, h, w) bool: whether the hider stood there."""
    low: Tensor
    """(2,) long: x and z of the first cell."""


class Hiding(NamedTuple):
    """Hypothetical hidings, with any leading dimensions."""

    locations: Tensor
    """(..., 3) long: x and z in steps, rotation / 90 degrees; where the hider stands."""
    outcomes: Tensor
    """(...,) long: 0 to 294."""


class Poses(NamedTuple):
    """Where mental seekers are, with any leading dimensions."""

    locations: Tensor
    """(..., 4) long: x and z in steps, rotation / 90 degrees, standing; relative to the hider's first pose."""
    last_actions: Tensor
    """(...,) long: NO_ACTION, or 2 (mental action) + success."""


def start(count: int, device: torch.device) -> Poses:
    """Poses of `count` seekers at the hider's first pose, where the seeker begins the game."""
    first = torch.tensor([0, 0, 0, 1], device=device)
    return Poses(first.repeat(count, 1), torch.full((count,), NO_ACTION, device=device))


def moved(poses: Poses, actions: Tensor, succeeded: Tensor) -> Poses:
    """Poses after a mental action each. Failed actions change nothing but the last action.

    Args:
        poses: of N seekers.
        actions: (N,) long, mental actions.
        succeeded: (N,) bool.
    """
    device = actions.device
    x, z, rotation, standing = poses.locations.unbind(-1)
    way = (rotation + torch.tensor(MOVES, device=device)[actions.clamp(max=2)]) % 4
    step = torch.tensor(AHEAD, device=device)[way] * (succeeded & (actions < 3)).long()[:, None]
    turning = succeeded & ((actions == 3) | (actions == 4))
    turn = torch.tensor(TURNS, device=device)[(actions - 3).clamp(0, 1)] * turning.long()
    standing = torch.where(succeeded & (actions == STAND), 1, standing)
    standing = torch.where(succeeded & (actions == CROUCH), 0, standing)
    locations = torch.stack([x + step[:, 0], z + step[:, 1], (rotation + turn) % 4, standing], dim=-1)
    return Poses(locations, 2 * actions + succeeded.long())


def relative_pose(locations: Tensor, places: Tensor) -> Tensor:
    """(..., 8) float: `places` as seen from `locations`: steps ahead and right and the distance, each divided by FAR;
    one-hot rotation relative to the location's; the location's posture.

    Args:
        locations: (..., 4) long, as in `Poses`.
        places: (..., 3) long, as in `Hiding`.
    """
    right, ahead, turn = (part[..., 0] for part in relative(F.pad(places, (0, 1))[..., None, :], locations))
    offset = torch.stack([ahead, right], dim=-1) / FAR
    distance = offset.norm(dim=-1, keepdim=True)
    return torch.cat([offset, distance, F.one_hot(turn, 4).float(), locations[..., 3:].float()], dim=-1)


class MentalSeeker(nn.Module):
    """Policy and success of a seeker in M_(l,e), the map M1 with an object hidden from location l with outcome e.

    The network that makes M_(l,e) of M1 and the embedding of e consists of 1x1 convolutions (ours), so a slice needs no
    cells but its own: `observe` evaluates it where the seeker stands, and the whole tensor is never made.
    """

    factors: Tensor

    def __init__(self, config: PerspectiveConfig) -> None:
        super().__init__()
        size, channels = config.seeker_size, config.seeker_channels
        self.slice = nn.Linear(config.channels, channels)
        self.outcome = nn.Linear(FACTORS, channels)
        self.last_action = nn.Embedding(NO_ACTION + 1, channels)
        self.place = nn.Linear(6 * channels + 4 + _POSE, size)
        self.lstm = nn.LSTM(size, size)
        self.policy = nn.Linear(size, len(SEEK_ACTIONS))
        self.success = nn.Linear(size, len(SEEK_ACTIONS))
        self.register_buffer("factors", outcome_factors(), persistent=False)

    def slices(self, room: Room) -> Tensor:
        """(B, 4, h + 2, w + 2, c + 1): what the seeker reads of each cell, and whether the hider visited it; a border
        of zeros stands for all cells outside the box."""
        seen = torch.relu(self.slice(room.features))
        visited = room.visited[:, None, ..., None].expand(-1, 4, -1, -1, -1)
        return F.pad(torch.cat([seen, visited.to(seen.dtype)], dim=-1), (0, 0, 1, 1, 1, 1))

    def observe(self, slices: Tensor, low: Tensor, rooms: Tensor, hiding: Hiding, poses: Poses) -> Tensor:
        """(..., S) float: inputs of the LSTM.

        Args:
            slices: of `slices`.
            low: (2,) long, see `Room`.
            rooms: (...,) long: index into the maps.
            hiding: where the object is hidden, leading dimensions as `rooms`.
            poses: of the seekers, leading dimensions as `rooms`.
        """
        x, z, rotation, _ = poses.locations.unbind(-1)
        ways = torch.tensor(AHEAD, device=x.device)
        last_z, last_x = slices.shape[2] - 1, slices.shape[3] - 1
        parts = []
        for turn in (None, *MOVES):  # its own cell; those ahead, left and right
            step = 0 * ways[rotation] if turn is None else ways[(rotation + turn) % 4]
            column = (x + step[..., 0] - low[0] + 1).clamp(0, last_x)
            row = (z + step[..., 1] - low[1] + 1).clamp(0, last_z)
            parts.append(slices[rooms, rotation, row, column])
        parts.append(self.outcome(self.factors[hiding.outcomes]))
        parts.append(self.last_action(poses.last_actions))
        parts.append(relative_pose(poses.locations, hiding.locations))
        return torch.relu(self.place(torch.cat(parts, dim=-1)))

    def unroll(
        self, observed: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Policy logits (T, N, 58), success logits (T, N, 58), and the LSTM's state.

        Args:
            observed: (T, N, S), of `observe`.
            state: of an earlier call; None: the first step of a rollout.
        """
        hidden, state = self.lstm(observed, state)
        return self.policy(hidden), self.success(hidden), state
