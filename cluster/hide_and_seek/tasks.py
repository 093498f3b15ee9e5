"""The tasks of a run of hide and seek: each training room with each goal."""

from __future__ import annotations

from actors.hide_and_seek.learning.work import PlayTask
from actors.hide_and_seek.scenes import GOALS, scenes
from cluster.hide_and_seek.train_config import GameTrainConfig


def find_tasks(config: GameTrainConfig) -> list[PlayTask]:
    """All pairs of a training room and a goal. Each time that one is handed out, another game is drawn."""
    rooms = config.scenes or scenes("train", tuple(config.kinds))
    pairs = [(room, goal) for room in rooms for goal in GOALS]
    return [PlayTask(room, goal, index) for index, (room, goal) in enumerate(pairs)]
