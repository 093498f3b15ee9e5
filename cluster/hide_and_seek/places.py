"""`./playpen places`: makes files of hiding places, and draws some of them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from actors.hide_and_seek.metrics import Difficulty
from actors.hide_and_seek.play import Simulators
from actors.hide_and_seek.world import World
from actors.launch import check_launch
from cluster.command.result_line import print_result
from cluster.hide_and_seek.checks import check_scenes
from cluster.hide_and_seek.places_config import PlacesConfig
from cluster.run.run_folder import inside_run
from common.errors import UsageError
from evaluation.hide_and_seek.places_folder import made_from, places_folder, places_path
from evaluation.hide_and_seek.places_job import Finished, make_files
from evaluation.hide_and_seek.places_sheet import Shown, examples, places_sheet, show


def run(config: PlacesConfig, folder: Path) -> int:
    """Runs the command and returns its exit code.

    Args:
        config: what is made.
        folder: not used; `config.folder` holds the files.
    """
    started = time.monotonic()
    settings = made_from(config.rules(), config.simulator, config.actors)
    at, wanted = places_folder(config.folder, settings), config.wanted()
    if inside_run(at.resolve()):
        raise UsageError(f"folder={at} is in the folder of a run; choose another")
    if not all(places_path(at, *pair).exists() for pair in wanted):
        check_launch(config.simulator)
        check_scenes(config.simulator, [scene for scene, _ in wanted])
    finished = make_files(wanted, at, config.rules(), config.actors, config.simulator, config.workers)
    for one in finished:
        numbers = one.content.statistics
        classes = ", ".join(f"{numbers[name.value]} {name.value}" for name in Difficulty)
        print(
            f"{one.path}: {len(one.content.places)} places of {numbers['candidates']} candidates: {classes}, "
            f"{numbers['unseeable']} that cannot be found, {numbers['moved']} that did not stay"
        )
    sheet = _draw(config, finished[0]) if config.pictures else None
    print_result(_result(config, finished, time.monotonic() - started, at, sheet))
    return 0


def _draw(config: PlacesConfig, finished: Finished) -> Path:
    """Draws some places of each difficulty; returns the path of the picture, which lies beside the places."""
    rules = replace(config.actors, augment_images=False)
    chosen = examples(finished.content.places, config.pictures)

    def work(world: World) -> list[Shown]:
        return [show(world, place, rules) for place in chosen]

    path = finished.path.with_suffix(".png")
    with Simulators(config.simulator) as simulators:
        places_sheet(path, simulators.run(work))
    return path


def _result(
    config: PlacesConfig, finished: list[Finished], seconds: float, at: Path, sheet: Path | None
) -> dict[str, object]:
    places = [place for one in finished for place in one.content.places]
    totals = {
        name: sum(one.content.statistics[name] for one in finished) for name in ("candidates", "moved", "unseeable")
    }
    made = [one.seconds for one in finished if one.seconds]
    counted = {name.value: sum(place.difficulty == name for place in places) for name in Difficulty}
    return {
        "command": "places",
        "system": config.system,
        "files": len(finished),
        "places": len(places),
        **counted,
        "inside_share": round(sum(bool(place.contained_in) for place in places) / len(places), 3),
        "candidates": totals["candidates"],
        "unseeable_share": round(totals["unseeable"] / totals["candidates"], 4),
        "moved_share": round(totals["moved"] / totals["candidates"], 4),
        "seconds_per_file": round(sum(made) / len(made), 1) if made else None,
        "wall_s": round(seconds, 1),
        "seed": config.seed,
        "folder": str(at),
        "sheet": None if sheet is None else str(sheet),
    }
