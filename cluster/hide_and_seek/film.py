"""The record of a game as the page shows it: a film strip and a map from above."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

from actors.hide_and_seek.locations import Place
from actors.hide_and_seek.record import GameRecord


def film(record: GameRecord) -> dict[str, Any]:
    """A record as a reply: plain values, with locations relative to the first pose and pictures as data addresses."""
    frame = record.frame
    return {
        "kind": "film",
        "scene": record.task.scene,
        "goal": record.task.goal,
        "seed": record.task.seed,
        "hider": record.hider,
        "seeker": record.seeker,
        "result": asdict(record.result),
        "places": [list(place) for place in record.places],
        "starts": {stage.value: list(location) for stage, location in record.starts.items()},
        "hidden_at": list(frame.place(record.place.pose.position)),
        "contained_in": record.place.contained_in.split("|")[0],
        "openable": {name: list(_place(record, name)) for name in record.openable if name in record.furniture},
        "steps": [
            {
                "stage": step.stage.value,
                "action": step.action,
                "succeeded": step.succeeded,
                "reward": round(step.reward, 4),
                "location": list(step.location),
                "opened": list(step.opened),
                "event": step.is_event,
            }
            for step in record.steps
        ],
        "pictures": {
            str(number): "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
            for number, data in record.thumbnails.items()
        },
    }


def _place(record: GameRecord, name: str) -> Place:
    x, z = record.furniture[name]
    return record.frame.place({"x": x, "z": z})
