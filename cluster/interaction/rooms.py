"""`./playpen rooms`: draws contact sheets of rooms and of touches."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from actors.controller import SimulatorProcess
from actors.interaction.geometry import reach_keywords
from actors.launch import check_launch
from cluster.command.result_line import print_result
from cluster.interaction.config import RoomsConfig
from common.errors import UsageError
from common.progress import Progress
from evaluation.interaction.room_sheets import touches_sheet, views_sheet
from evaluation.interaction.rooms import StudiedTouch, View, fullest_views, study_touches


def run(config: RoomsConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    check_launch(config.simulator)
    keywords = reach_keywords(config.actors.reach, config.simulator)
    simulator = SimulatorProcess(config.simulator, renderInstanceSegmentation=True, **keywords)
    try:
        unknown = [scene for scene in config.scenes if scene.removesuffix("_physics") not in simulator.scenes]
        if unknown:
            raise UsageError(f"scenes: the simulator has no scene '{unknown[0]}'")
        rooms: list[list[View]] = []
        with Progress("rooms", len(config.scenes), "room") as progress:
            for scene in config.scenes:
                rooms.append(
                    fullest_views(simulator, scene, config.seed, config.actors, config.views, 4 * config.views)
                )
                progress.step()
        touches: list[StudiedTouch] = []
        random = np.random.default_rng(config.seed)
        with Progress("touches", config.touches, "touch") as progress:
            for rooms_left, views in zip(range(len(rooms), 0, -1), rooms, strict=True):
                # Touches are spread over the rooms; two thirds are at objects.
                share = math.ceil((config.touches - len(touches)) / rooms_left)
                if views:
                    at = views[0].location
                    touches += study_touches(simulator, at, config.actors, random, share - share // 3, share // 3)
                progress.update(len(touches))
    finally:
        simulator.stop()
    sheets = {"views": folder / "views.png", "touches": folder / "touches.png"}
    views_sheet(sheets["views"], rooms)
    touches_sheet(sheets["touches"], touches, config.actors.self_supervision.change_threshold)
    print(f"RUN {folder}")
    print_result(
        {
            "command": "rooms",
            "rooms": len(rooms),
            "things_in_reach": [view.objects for views in rooms for view in views],
            "touches": len(touches),
            "wall_s": round(time.monotonic() - started, 1),
            "seed": config.seed,
            "files": {name: str(path) for name, path in sheets.items()},
        }
    )
    return 0
