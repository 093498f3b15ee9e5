"""Colours and materials of rooms: natural palettes, and small textures that are made once per process.

Textures are light grey patterns, which the colour of a geom tints. So a few small images serve all rooms, and a room's
model holds only those that it uses.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.things.shapes import Color

Option = TypeVar("Option")

TEXTURE_SIZE = 96
"""Side of flat textures, pixels."""
CUBE_SIZE = 48
"""Side of the six faces of textures that wrap around objects, pixels."""

PALETTES: dict[str, tuple[str, ...]] = {
    "ceramic": ("f2efe6", "e8dcc3", "8fa391", "5b7a94", "b5653f", "3f4448", "c9a24a", "a8b8c4", "7b3f3a", "d9b8a6"),
    "wood": ("c79a63", "a9743f", "7a4e2d", "e0c090", "5a3a26", "b5835a", "8f6a45"),
    "fabric": ("d6c7ad", "7d7f82", "39485e", "6b7350", "a4553a", "4d7d80", "cfa8a0", "6a4a5e", "e6e0d4", "b08a3e"),
    "plastic": ("f0f0ee", "9a9da0", "2f3133", "a83b32", "34608f", "4f8159", "d6b545", "c97a3a", "6fa3b8", "d8cfc0"),
    "metal": ("b9bcbf", "8d9093", "34363a", "a86a44", "b4975a", "d2d4d6"),
    "dark": ("25272a", "33363b", "3b2f2a", "2b3440", "4a4d50"),
    "white": ("f4f4f1", "ecebe6", "e3e6e8", "f1ece0"),
    "paper": ("efe9da", "f5f3ec", "d9d2c0", "e7dfcc"),
    "carton": ("b98d5b", "a87f50", "c79f6d", "94683c"),
    "book": ("7c2d2a", "2c4a6b", "35593f", "b08a3e", "3a3a3c", "8a5a7a", "c2b8a0", "a3582c", "4f7f8c"),
    "plant": ("3f6b3a", "557f45", "2f5336", "6f8f4f", "4a7a5a"),
    "clay": ("b5653f", "9a5436", "c98a66", "d8d2c6", "6b6f72", "42474b", "3f5f73"),
    "glass": ("7fa38f", "9fb8bf", "5f7f5a", "a9713a", "7f95a8"),
    "wine": ("23352a", "3b2a1e", "1f2a24", "4a5a3a"),
    "red_fruit": ("a8322a", "b8483a", "8f2a2a", "9fae4a", "c46a3a"),
    "tomato": ("c23b2a", "b5402c", "cc5a34"),
    "potato": ("b08a5a", "a07a4f", "8f6c46", "c2a070"),
    "bread": ("b57a3c", "a3682f", "c48f55", "8f5a2c"),
    "lettuce": ("7fa84f", "8fb562", "6a9548"),
    "bear": ("8f6238", "b58a5a", "d2b48a", "6b4a33", "a8a09a"),
    "ball": ("b8602c", "a8522a", "c2703a"),
    "soap": ("e6d9b8", "d8a8a8", "a8c4b0", "b0b8d8", "e8e0d0"),
    "banana": ("d9bf4a", "cbb042", "dcc766"),
    "foil": ("c4c7ca", "b3b6ba", "d0d2d4"),
    "package": ("b8433a", "3f6f95", "d0a84a", "5f8a5a", "c9743f", "e3dcc8", "7a5a86", "4a4f57"),
    "straw": ("b58a55", "9a7040", "c9a878", "7a5a3a", "d8c4a0"),
    "leather": ("6b4530", "3b2f2a", "8a5a38", "a37850", "2f2d2e"),
    "toy": ("b8483a", "3f6f95", "d0a848", "5a8a5f", "7f6a92", "cf8449", "5f9aa3"),
    "towel": ("e8e4da", "5f7f95", "8f9f86", "b5755f", "4a5568", "d2b890", "7a6a80"),
    "wall": ("e6e0d4", "dfe3e0", "e9e4da", "d3dbd6", "e4d9c8", "cdd4d9", "ddd2c6", "efece6", "c8cfc0"),
    "bath_wall": ("e4eaea", "d6e0e2", "e8e6df", "cfdcd6", "dfe3ea"),
    "floor_wood": ("a87d52", "8a6340", "b99468", "70513a", "c4a27a", "7d6a58"),
    "floor_tile": ("b9b5ac", "8f9396", "c9c0b0", "a49a8c", "6f7478"),
    "carpet": ("8f8a80", "a39a8a", "6f7a80", "9a8478", "7f8570", "b5a898"),
    "counter": ("e2ddd2", "3a3c3f", "8b8781", "c9b79a", "555a5c", "d9d6d0"),
    "cabinet": ("e9e6de", "7f8a80", "5f6f7f", "a9743f", "c79a63", "b7b9b4", "4a5560", "d8cdb8"),
    "porcelain": ("f3f3f0", "ecebe6", "e6e8ea"),
}
"""Name -> base colours, hexadecimal sRGB."""


_COLORS: dict[str, tuple[Color, ...]] = {
    name: tuple((int(code[0:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:6], 16) / 255) for code in palette)
    for name, palette in PALETTES.items()
}


@lru_cache(maxsize=4096)
def _hsv(color: Color) -> Color:
    return colorsys.rgb_to_hsv(*color)


def color_distance(one: Color, other: Color) -> float:
    """Squared distance in HSV with circular hue: how well a difference image shows one colour replacing the other."""
    h1, s1, v1 = _hsv(one)
    h2, s2, v2 = _hsv(other)
    hue = min(abs(h1 - h2), 1 - abs(h1 - h2)) * min(s1, s2)  # the hue of a grey means little
    return hue**2 + (s1 - s2) ** 2 + (v1 - v2) ** 2


class Draw:
    """Draws numbers, choices and colours for one room from one random generator."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator
        self.avoid: list[Color] = []
        """Colours of tops, from which the colours of objects should differ."""

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        return low + (high - low) * float(self.generator.random())

    def integer(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return int(self.generator.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True with `probability`."""
        return bool(self.generator.random() < probability)

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options."""
        return options[int(self.generator.integers(len(options)))]

    def plain_color(self, palette: str) -> Color:
        """A colour of the palette, slightly varied in brightness and tint."""
        base = self.pick(_COLORS[palette])
        bright, red, green, blue = self.generator.random(4).tolist()
        bright = 0.9 + 0.18 * bright
        return (
            min(max(base[0] * bright + 0.04 * red - 0.02, 0.02), 0.98),
            min(max(base[1] * bright + 0.04 * green - 0.02, 0.02), 0.98),
            min(max(base[2] * bright + 0.04 * blue - 0.02, 0.02), 0.98),
        )

    def color(self, palette: str) -> Color:
        """A colour of the palette that stands out from the room's tops, if one is found in a few draws."""
        best, best_distance = (0.0, 0.0, 0.0), -1.0
        for _ in range(5):
            option = self.plain_color(palette)
            distance = min((color_distance(option, other) for other in self.avoid), default=1.0)
            if distance > best_distance:
                best, best_distance = option, distance
            if best_distance > 0.06:
                break
        return best


def shade(color: Color, factor: float) -> Color:
    """The colour made darker (factor < 1) or lighter (> 1, towards white)."""
    if factor <= 1:
        return color[0] * factor, color[1] * factor, color[2] * factor
    mix = min(factor - 1, 1.0)
    return tuple(channel + (1 - channel) * mix for channel in color)  # type: ignore[return-value]


def _noise(generator: np.random.Generator, size: int, stretch: tuple[float, float], roughness: float) -> NDArray:
    """(size, size) smooth periodic noise of mean 0 and deviation 1, made by shaping a random spectrum."""
    spectrum = np.fft.fft2(generator.standard_normal((size, size)))
    rows = np.fft.fftfreq(size)[:, None] * size * stretch[0]
    columns = np.fft.fftfreq(size)[None, :] * size * stretch[1]
    field = np.fft.ifft2(spectrum / (1.0 + rows**2 + columns**2) ** (roughness / 2)).real
    field -= field.mean()
    return field / field.std()


def _to_image(values: NDArray, tint: NDArray | None = None) -> NDArray[np.uint8]:
    image = np.repeat(values[..., None], 3, axis=2)
    if tint is not None:
        image = image + tint[..., None] * np.array([0.03, 0.0, -0.03])
    return np.clip(image * 255, 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def _texture_bank() -> dict[str, NDArray[np.uint8]]:
    """Name -> (side, side, 3) image. Takes about 10 ms, once per process."""
    generator = np.random.default_rng(20)
    size = TEXTURE_SIZE
    position = np.arange(size)
    bank = {}
    grain = _noise(generator, size, (3.0, 0.35), 1.6)
    bank["wood"] = _to_image(0.9 + 0.05 * grain, grain)
    board = position // (size // 4)
    planks = 0.9 + 0.045 * grain + np.array([0.03, -0.05, 0.0, -0.02])[board][:, None]
    planks[position % (size // 4) == 0] *= 0.72
    joints = (board * 37 + 11) % size
    planks[position, joints] *= 0.8
    bank["planks"] = _to_image(planks, grain)
    tiles = 0.93 + 0.02 * _noise(generator, size, (1.0, 1.0), 1.5)
    half = size // 2
    tiles *= 1 + 0.03 * np.where((position[:, None] // half + position[None] // half) % 2 == 0, 1, -1)
    tiles[(position % half) < 2] = 0.72
    tiles[:, (position % half) < 2] = 0.72
    bank["tile"] = _to_image(tiles)
    bank["carpet"] = _to_image(0.9 + 0.05 * _noise(generator, size, (0.2, 0.2), 0.8))
    stone = _noise(generator, size, (0.8, 0.8), 2.0)
    bank["stone"] = _to_image(0.91 + 0.045 * stone, stone)
    small = CUBE_SIZE
    weave = 0.9 + 0.05 * _noise(generator, small, (0.2, 0.2), 0.6)
    weave += 0.03 * np.sign(np.sin(np.arange(small) * np.pi / 2 + 0.5))[:, None]
    bank["cloth"] = _to_image(weave)
    bank["timber"] = _to_image(0.9 + 0.06 * _noise(generator, small, (2.5, 0.4), 1.5))
    bank["rough"] = _to_image(0.9 + 0.06 * _noise(generator, small, (0.5, 0.5), 1.2))
    stripes = np.where((np.arange(small) // 6) % 2 == 0, 0.98, 0.8)
    seams = np.full((small, small), 0.95)
    seams[small // 2 - 1 : small // 2 + 1] = seams[:, small // 2 - 1 : small // 2 + 1] = 0.25
    bank["ball"] = _to_image(seams)
    bank["stripes"] = _to_image(np.repeat(stripes[:, None], small, axis=1))
    return bank


FINISHES: dict[str, tuple[str, float, float, float]] = {
    # name: (texture, repeats per metre for flat ones, specular, shininess)
    "plain": ("", 0.0, 0.15, 0.3),
    "glossy": ("", 0.0, 0.6, 0.7),
    "metal": ("", 0.0, 0.7, 0.5),
    "wood": ("wood", 1.6, 0.15, 0.3),
    "planks": ("planks", 0.9, 0.15, 0.3),
    "tile": ("tile", 1.7, 0.3, 0.5),
    "carpet": ("carpet", 1.5, 0.0, 0.0),
    "stone": ("stone", 1.2, 0.3, 0.5),
    "cloth": ("cloth", 0.0, 0.0, 0.0),
    "timber": ("timber", 0.0, 0.15, 0.3),
    "rough": ("rough", 0.0, 0.05, 0.1),
    "stripes": ("stripes", 0.0, 0.0, 0.0),
    "ball": ("ball", 0.0, 0.05, 0.1),
    "glow": ("", 0.0, 0.0, 0.0),
}
"""Materials by name."""

_CUBES = frozenset({"cloth", "timber", "rough", "stripes", "ball"})


def add_materials(spec: mujoco.MjSpec, finishes: Iterable[str]) -> None:
    """Adds the named materials and their textures to the spec."""
    bank = _texture_bank()
    for name in sorted(set(finishes)):
        texture, repeat, specular, shininess = FINISHES[name]
        material = spec.add_material(name=name, specular=specular, shininess=shininess)
        material.emission = 0.55 if name == "glow" else 0.0
        if not texture:
            continue
        pixels = bank[texture]
        side = pixels.shape[0]
        image = spec.add_texture(name=texture, nchannel=3, width=side, height=side)
        if texture in _CUBES:
            # The same image on all six faces, stacked as MuJoCo stores cubes.
            image.type = mujoco.mjtTexture.mjTEXTURE_CUBE
            image.height = 6 * side
            image.data = np.tile(pixels, (6, 1, 1)).tobytes()
        else:
            image.type = mujoco.mjtTexture.mjTEXTURE_2D
            image.data = pixels.tobytes()
            material.texrepeat = (repeat, repeat)
            material.texuniform = True
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture
