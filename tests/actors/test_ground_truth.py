"""Which objects of an observation are its ground truth, on a hand-made answer of a simulator."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actors.interaction.config import ReachConfig
from actors.interaction.ground_truth import mass_class, objects_in_reach
from actors.observation import NEAR_PLANE
from tests.evaluation.helpers import rectangle

SPHERE = ReachConfig(shape="sphere", radius=1.5)


def item(name: str, mass: float = 1.0, moveable: bool = False, pickupable: bool = True) -> dict[str, Any]:
    return {
        "objectId": name,
        "objectType": name.split("|")[0],
        "mass": mass,
        "moveable": moveable,
        "pickupable": pickupable,
    }


def answer(objects: list[dict[str, Any]], masks: dict[str, np.ndarray]) -> Any:
    return SimpleNamespace(
        metadata={"objects": objects}, instance_masks=masks, instance_segmentation_frame=np.zeros((300, 300, 3))
    )


def find(event: Any, depth: np.ndarray, **changes: Any) -> list[Any]:
    arguments: dict[str, Any] = {
        "horizon": 0.0,
        "reach": SPHERE,
        "field_of_view": 90.0,
        "min_pixels": 10,
        "max_mass": 150.0,
    } | changes
    return objects_in_reach(event, depth, **arguments)


def test_only_light_moveable_objects_in_view_count() -> None:
    names = ["Mug|1", "Chair|2", "Wall|3", "Piano|4", "Box|5"]
    objects = [
        item("Mug|1", 0.3),
        item("Chair|2", 5.0, moveable=True, pickupable=False),
        item("Wall|3", 1.0, pickupable=False),
        item("Piano|4", 150.0),
        item("Box|5"),
    ]
    masks = {name: rectangle(30 * i, 90, 21, 30) for i, name in enumerate(names[:4])}  # the box is not in view
    found = find(answer(objects[::-1], masks), np.full((300, 300), 1.0))
    assert [(f.object_id, f.object_type, f.mass) for f in found] == [("Chair|2", "Chair", 5.0), ("Mug|1", "Mug", 0.3)]
    assert found[1].pixels_in_reach == found[1].mask.sum() == 630
    with pytest.raises(ValueError, match="renderInstanceSegmentation"):
        find(SimpleNamespace(instance_segmentation_frame=None), np.ones((300, 300)))


def test_pixels_within_reach_decide_and_the_mask_stays_whole() -> None:
    depth = np.full((300, 300), 3.0)
    depth[:, :33] = 1.5 - NEAR_PLANE - 1e-6  # just within reach: columns 30 to 32 of the mug
    event = answer([item("Mug|1"), item("Cup|2")], {"Mug|1": rectangle(30, 60, 60, 3), "Cup|2": rectangle(40, 0, 9, 9)})
    (mug,) = find(event, depth, min_pixels=9)
    assert mug.object_type == "Mug" and mug.pixels_in_reach == 9 and mug.mask.sum() == 180
    assert find(event, depth) == []
    assert len(find(event, depth, reach=ReachConfig(shape="infinite", radius=1.0))) == 2


def test_mass_class_borders() -> None:
    assert [mass_class(m) for m in (0.0, 0.49, 0.5, 1.99, 2.0, 100.0)] == [0, 0, 1, 1, 2, 2]


def test_each_pixel_counts_at_its_own_distance() -> None:
    depth = np.full((300, 300), 3.0)
    # Cup: of its cell only the centre pixel, row 31 and column 61, is within reach.
    depth[31, 61] = 1.0
    # Mug: of two cells all pixels but the centres, columns 121 and 124 of row 91, are within reach: 16 of 18.
    depth[90:93, 120:126] = 1.0
    depth[91, [121, 124]] = 3.0
    masks = {"Cup|1": rectangle(60, 30, 3, 3), "Mug|2": rectangle(120, 90, 6, 3)}
    event = answer([item("Cup|1"), item("Mug|2")], masks)
    assert {found.object_id: found.pixels_in_reach for found in find(event, depth, min_pixels=1)} == {
        "Cup|1": 1,
        "Mug|2": 16,
    }
    # The border is "at least": 16 pixels are enough for 16, not for 17.
    assert [found.object_id for found in find(event, depth, min_pixels=16)] == ["Mug|2"]
    assert find(event, depth, min_pixels=17) == []


def test_a_cylinder_is_tested_at_each_pixel_too() -> None:
    # One metre ahead at the right edge: column 299 lies 149.5/150 = 0.99667 m to the right, so sqrt(1 + 0.99667^2) =
    # 1.41186 m away on the floor; column 298 lies 0.99 m to the right, so 1.40716 m away.
    offsets = (np.arange(300) - 149.5) / 150
    depth = np.sqrt(1 + offsets[None, :] ** 2 + offsets[:, None] ** 2) - NEAR_PLANE
    event = answer([item("Cup|1")], {"Cup|1": rectangle(297, 150, 3, 3)})
    for radius, pixels in ((1.4119, 9), (1.4118, 6), (1.4071, 3)):
        (cup,) = find(event, depth, reach=ReachConfig(shape="cylinder", radius=radius), min_pixels=1)
        assert cup.pixels_in_reach == pixels
