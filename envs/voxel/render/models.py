"""Mobs, drops, shots and the hand as turned boxes: poses from facts/models.json, joints, and lists by picture tile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.facts.tables import table
from veclink.envs.voxel.entities import MOB
from veclink.envs.voxel.render.brush import Grain
from veclink.envs.voxel.render.frame import JOINTS
from veclink.envs.voxel.render.looks import METAS, SIDES
from veclink.envs.voxel.render.textures import Textures

# a box's row: centre 0:3, its axes in the world 3:12, half sizes 12:15, owner 15, textures 16:22 (-1 none),
# colour 22:25, shines 25, part 26, label `kind` 27
ROW = 28
MOVES = ("", "head", "swing+", "swing-", "reach+", "reach-", "wag", "wing+", "wing-", "flap+", "flap-", "crawl+",
         "crawl-")
ALWAYS, COAT, SADDLE, COLLAR = 0, 1, 2, 3  # layers of parts
PART_SIDES = ("right", "left", "bottom", "top", "back", "front")  # as -x +x -y +y -z +z of the mob
FULL_SWING, BABY_SCALE, BABY_HEAD = 0.75, 0.5, 1.45
TILE = 8  # pixels
NEAREST = 0.02  # blocks ahead: what comes nearer may show anywhere in the picture
SHEEP_COLOURS = (
    (1, 1, 1), (0.95, 0.52, 0.2), (0.78, 0.36, 0.78), (0.42, 0.62, 0.86),
    (0.93, 0.84, 0.2), (0.5, 0.8, 0.12), (0.95, 0.6, 0.72), (0.33, 0.33, 0.34),
    (0.63, 0.63, 0.63), (0.3, 0.52, 0.62), (0.56, 0.28, 0.7), (0.22, 0.3, 0.72),
    (0.42, 0.3, 0.2), (0.42, 0.52, 0.2), (0.66, 0.22, 0.2), (0.12, 0.12, 0.13),
)


@dataclass(frozen=True)
class Models:
    """All models as arrays.

    Attributes:
        parts: (n, 20) float64: centre, half sizes, pivot (blocks), move, turns (radians), textures, layer.
        kinds: (kinds, 5) float64: first part, parts, scale, whether `size` scales it, whether it shines.
        joints: by kind (n, 4): part, place in blocks from the part's centre.
        plans: by kind.
        coats: (kinds, 16, 3) float64 colour factors by variant.
        sheep: kind of sheep, whose coat alone is coloured.
        textures: the set that the parts' numbers belong to.
        faces: (256, 16, 6) int16 of blocks, for drops and the hand.
        items: (items,) int32 texture of an item's picture, -1 where it is drawn as a block.
    """

    parts: np.ndarray
    kinds: np.ndarray
    joints: tuple[np.ndarray, ...]
    plans: tuple[str, ...]
    coats: np.ndarray
    sheep: int
    textures: Textures
    faces: np.ndarray
    items: np.ndarray


def load(textures: Textures, faces: np.ndarray, jitter: float = 0.0, seed: int = 0) -> Models:
    """Read the table; every kind of MOBS has a model.

    Args:
        jitter, seed: see `jittered`.
    """
    data = table("models")
    parts: list[list[float]] = []
    kinds, joints, plans = [], [], []
    coats = np.ones((len(MOBS.names), METAS, 3))
    for number, name in enumerate(MOBS.names):
        entry = jittered(data["models"][name], jitter, Grain(seed, f"body of {name}"))
        layers = (("parts", ALWAYS), ("coat", COAT), ("saddle", SADDLE), ("collar", COLLAR))
        own = [(part, layer) for key, layer in layers for part in entry.get(key, ())]
        kinds.append([len(parts), len(own), entry.get("scale", 1.0), entry.get("sized", False),
                      entry.get("glow", False)])
        parts += [_part_row(part, layer, textures) for part, layer in own]
        plans.append(entry["plan"])
        joints.append(_joint_rows(entry))
        if entry.get("tints"):
            base = np.array(entry["tint_base"], float)
            for variant in range(METAS):
                coats[number, variant] = np.array(entry["tints"][variant % len(entry["tints"])]) / base
    sheep = MOBS.id("sheep")
    coats[sheep] = SHEEP_COLOURS
    items = np.full(len(ITEMS.names), -1, np.int32)
    for number, name in enumerate(ITEMS.names):
        if name in data["items"]:
            items[number] = textures.index(data["items"][name])
    return Models(np.array(parts, float), np.array(kinds, float), tuple(joints), tuple(plans), coats, sheep, textures,
                  faces, items)


def jittered(entry: dict[str, Any], amount: float, grain: Grain) -> dict[str, Any]:
    """A model of other proportions: wider, taller, longer, with another head, each by a factor of 1 +- `amount`.

    Args:
        entry: of the table, left as it is. amount: 0..0.5; 0 for the model itself.
    """
    if amount == 0:
        return entry
    body = 1 + amount * (2 * grain.uniform(3) - 1)
    head = 1 + amount * float(2 * grain.uniform(1)[0] - 1)
    pivots = [np.array(part["pivot"]) for part in entry["parts"] if part.get("move") == "head" and "pivot" in part]

    def grown(part: dict[str, Any]) -> dict[str, Any]:
        of_head = part.get("move") == "head"
        size = np.array(part["size"]) * body * (head if of_head else 1.0)
        moved = {key: placed(part[key], of_head) for key in ("at", "pivot") if key in part}
        return {**part, **moved, "size": [float(v) for v in size]}

    def placed(at: Any, of_head: bool) -> list[float]:
        place = np.array(at, float)
        if of_head and pivots:
            place = pivots[0] + (place - pivots[0]) * head
        return [float(v) for v in place * body]

    out = dict(entry)
    for layer in ("parts", "coat", "saddle", "collar"):
        if layer in entry:
            out[layer] = [grown(part) for part in entry[layer]]
    heads = {part["part"] for part in entry["parts"] if part.get("move") == "head"}
    out["points"] = {joint: [point[0], *placed(point[1:], point[0] in heads)]
                     for joint, point in entry.get("points", {}).items()}
    return out


def _part_row(part: dict[str, Any], layer: int, textures: Textures) -> list[float]:
    skin = part["skin"]
    sides = [skin if isinstance(skin, str) else skin.get(side, skin["all"]) for side in PART_SIDES]
    pivot = part.get("pivot", part["at"])
    return [*(v / 16 for v in part["at"]), *(v / 32 for v in part["size"]), *(v / 16 for v in pivot),
            MOVES.index(part.get("move", "")), *(math.radians(v) for v in part.get("turn", (0, 0, 0))),
            *(textures.index(side) for side in sides), layer]


def _joint_rows(entry: dict[str, Any]) -> np.ndarray:
    """(n, 4) part and offset of the plan's joints, worked out from the parts' names and the table's points."""
    at = {part["part"]: number for number, part in enumerate(entry["parts"])}
    rows = []
    for joint in JOINTS[entry["plan"]]:
        side = joint.split("_")[0]
        if joint in entry.get("points", {}):
            name, *place = entry["points"][joint]
        elif joint in ("head", "neck"):
            name = "head"
            part = entry["parts"][at[name]]
            place = part["at"] if joint == "head" else part["pivot"]
        else:
            limb = joint.split("_")[1:-1]  # "front", "hind" of quadrupeds
            if limb:
                name = f"{limb[0]}_leg_{side}"
            else:
                name = f"{'arm' if joint.split('_')[1] in ('shoulder', 'elbow', 'hand') else 'leg'}_{side}"
            part = entry["parts"][at[name]]
            half = part["size"][1] / 2
            rise = {"shoulder": min(half, part["pivot"][1] - part["at"][1]), "elbow": 0.0, "hand": -half + 1.0,
                    "hip": half - 0.5, "knee": 0.0, "foot": -half + 0.6}[joint.split("_")[-1]]
            place = [part["at"][0], part["at"][1] + rise, part["at"][2]]
        centre = entry["parts"][at[name]]["at"]
        rows.append([at[name], *((place[k] - centre[k]) / 16 for k in range(3))])
    return np.array(rows, float).reshape(-1, 4)


# -- poses -------------------------------------------------------------------------------------------------------------


@njit(cache=True)
def _rotate(m, axis, angle):
    """Turn the matrix (3, 3) in place, from the left, about x (what points down goes forward), y or z."""
    c, s = math.cos(angle), math.sin(angle)
    for k in range(3):
        x, y, z = m[0, k], m[1, k], m[2, k]
        if axis == 0:
            m[1, k], m[2, k] = c * y + s * z, c * z - s * y
        elif axis == 1:
            m[0, k], m[2, k] = c * x - s * z, s * x + c * z
        else:
            m[0, k], m[1, k] = c * x - s * y, s * x + c * y


@njit(cache=True)
def _pose(m, part, phase, swing, head_yaw, head_pitch, clock):
    """Fill m (3, 3) with a part's turn within its mob. Angles in radians."""
    m[:] = 0.0
    m[0, 0] = m[1, 1] = m[2, 2] = 1.0
    if part[12] != 0.0:
        _rotate(m, 2, part[12])
    if part[11] != 0.0:
        _rotate(m, 1, part[11])
    if part[10] != 0.0:
        _rotate(m, 0, part[10])
    move, wave = int(part[9]), math.sin(phase) * swing
    if move == 1:
        _rotate(m, 0, -head_pitch)
        _rotate(m, 1, head_yaw)
    elif move == 2 or move == 3:
        _rotate(m, 0, FULL_SWING * (wave if move == 2 else -wave))
    elif move == 4 or move == 5:
        _rotate(m, 0, 1.45 + 0.1 * math.sin(clock * 0.07 + move) + 0.12 * (wave if move == 4 else -wave))
    elif move == 6:
        _rotate(m, 1, 0.25 * wave + 0.1 * math.sin(clock * 0.1))
    elif move == 7 or move == 8:
        _rotate(m, 2, (0.1 + 0.5 * abs(wave)) * (1.0 if move == 7 else -1.0))
    elif move == 9 or move == 10:
        _rotate(m, 2, 0.75 * math.sin(clock * 0.8) * (1.0 if move == 9 else -1.0))
    elif move == 11 or move == 12:
        _rotate(m, 1, 0.4 * (wave if move == 11 else -wave))


@njit(cache=True)
def _place(row, m, cx, cy, cz, x, y, z, yaw):
    """Write a box's centre and axes: turn m and place c within a body at x, y, z that faces `yaw` (radians)."""
    c, s = math.cos(yaw), math.sin(yaw)
    row[0], row[1], row[2] = x + cx * c - cz * s, y + cy, z + cx * s + cz * c
    for k in range(3):
        row[3 + 3 * k] = m[0, k] * c - m[2, k] * s
        row[4 + 3 * k] = m[1, k]
        row[5 + 3 * k] = m[0, k] * s + m[2, k] * c


@njit(cache=True)
def mob_boxes(body, flags, colour, parts, kinds, out, count):
    """Append the boxes of mobs to `out` (n, ROW), which has room.

    body: (mobs, 11) float64 x, y, z, yaw, head yaw, head pitch (radians, of the world), phase, swing, clock, size, lit;
    flags: (mobs, 6) int64 kind, owner, baby, has coat, has saddle, has collar; colour: (mobs, 2, 3) of the body and of
    the coat. Returns the number of rows in use.
    """
    m = np.zeros((3, 3))
    for n in range(len(body)):
        b, kind = body[n], flags[n, 0]
        first, scale = int(kinds[kind, 0]), kinds[kind, 2] * (b[9] if kinds[kind, 3] > 0 else 1.0)
        baby = flags[n, 2] > 0
        if baby:
            scale *= BABY_SCALE
        for p in range(first, first + int(kinds[kind, 1])):
            part, layer = parts[p], int(parts[p, 19])
            if layer > 0 and flags[n, 2 + layer] == 0:
                continue
            _pose(m, part, b[6], b[7], b[4] - b[3], b[5], b[8])
            row, big = out[count], BABY_HEAD if baby and int(part[9]) == 1 else 1.0
            dx, dy, dz = (part[0] - part[6]) * big, (part[1] - part[7]) * big, (part[2] - part[8]) * big
            cx = part[6] + m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz
            cy = part[7] + m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz
            cz = part[8] + m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz
            _place(row, m, cx * scale, cy * scale, cz * scale, b[0], b[1], b[2], b[3])
            row[12:15] = part[3:6] * (scale * big)
            row[15], row[16:22] = flags[n, 1], part[13:19]
            row[22:25] = colour[n, 1 if layer == COAT else 0]
            row[25], row[26], row[27] = kinds[kind, 4], p - first, kind + 1
            count += 1
    return count


def mob_rows(mobs: np.ndarray, models: Models, colours: np.ndarray, clock: int) -> np.ndarray:
    """(boxes, ROW) float64 of mobs (records of MOB, all drawn); owner is 1 + the place in `mobs`.

    Args:
        colours: (mobs, 3) light on each, times what recolours it.
    """
    body = np.zeros((len(mobs), 11))
    for column, name in enumerate(("x", "y", "z")):
        body[:, column] = mobs[name]
    for column, name in enumerate(("yaw", "head_yaw", "head_pitch")):
        body[:, 3 + column] = np.radians(mobs[name])
    body[:, 6], body[:, 7], body[:, 8] = mobs["phase"], np.clip(mobs["swing"], 0, 1), clock
    body[:, 9] = np.maximum(mobs["size"], 1)
    flags = np.zeros((len(mobs), 6), np.int64)
    flags[:, 0], flags[:, 1], flags[:, 2] = mobs["kind"], np.arange(1, len(mobs) + 1), mobs["baby"]
    flags[:, 3], flags[:, 4], flags[:, 5] = ~mobs["shorn"], mobs["saddled"], mobs["tame"]
    kind, variant = mobs["kind"].astype(int), mobs["variant"].astype(int) % METAS
    coat = models.coats[kind, variant]
    skin = np.where((kind == models.sheep)[:, None], 1.0, coat)
    colour = np.stack([skin, coat], axis=1) * colours[:, None, :]
    hurt = mobs["hurt"] > 0
    colour[hurt] *= (1.15, 0.45, 0.45)
    total = int(models.kinds[kind, 1].sum())
    out = np.zeros((total, ROW))
    used = mob_boxes(body, flags, colour, models.parts, models.kinds, out, 0)
    return out[:used]


def joints_of(rows: np.ndarray, owner: int, kind: int, models: Models) -> np.ndarray:
    """(n, 3) float64 places in the world of a mob's joints, from the rows of its boxes."""
    spots = models.joints[kind]
    own = rows[rows[:, 15] == owner]
    by_part = {int(row[26]): row for row in own}
    first = int(models.kinds[kind, 0])
    out = np.zeros((len(spots), 3))
    for n, (part, *offset) in enumerate(spots):
        row = by_part[int(part)]
        grown = row[12:15] / models.parts[first + int(part), 3:6]  # the part's scale
        out[n] = row[:3] + (np.array(offset) * grown) @ row[3:12].reshape(3, 3)
    return out


def box_row(at: np.ndarray, axes: np.ndarray, half: tuple[float, float, float], textures: np.ndarray | int,
            colour: np.ndarray, label: int, shines: bool = False) -> np.ndarray:
    """(ROW,) of one box that is no mob; axes (3, 3), a row each."""
    row = np.zeros(ROW)
    row[:3], row[3:12], row[12:15] = at, axes.ravel(), half
    row[16:22], row[22:25], row[25], row[27] = textures, colour, float(shines), label
    return row


def flat(texture: np.ndarray | int) -> np.ndarray:
    """(6,) textures of a thin upright plate: a picture in front and on the back, nothing on the edges."""
    out = np.full(6, -1.0)
    out[4:] = texture if isinstance(texture, int) else texture[4:]
    return out


def item_look(item: int, variant: int, models: Models) -> tuple[np.ndarray | int, bool]:
    """Textures of an item's box, and whether it is a full block rather than a flat picture."""
    if 0 <= item < len(models.items) and models.items[item] >= 0:
        return int(models.items[item]), False
    block = int(ITEMS.block[item]) if 0 <= item < len(ITEMS.names) else BLOCKS.id("stone")
    faces = models.faces[block, variant % METAS]
    return faces.astype(float), bool(BLOCKS.shape[block] in (1, 3))


assert len(SIDES) == len(PART_SIDES)


# -- tiles -------------------------------------------------------------------------------------------------------------


@njit(cache=True)
def _reach(row, view, height, width, out):
    """Rectangle of tiles x0, y0, x1, y1 (ends included) that a box may show in; False where it cannot."""
    # view: eye 0:3, forward 3:6, right * tan 6:9, up * tan 9:12
    x, y, z = row[0] - view[0], row[1] - view[1], row[2] - view[2]
    ahead = x * view[3] + y * view[4] + z * view[5]
    radius = math.sqrt(row[12] ** 2 + row[13] ** 2 + row[14] ** 2)
    if ahead < -radius or ahead - radius > view[12]:
        return False
    wide = math.sqrt(view[6] ** 2 + view[7] ** 2 + view[8] ** 2)
    high = math.sqrt(view[9] ** 2 + view[10] ** 2 + view[11] ** 2)
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    if ahead - radius < NEAREST:
        out[0], out[1], out[2], out[3] = 0, 0, tiles_x - 1, tiles_y - 1
        return True
    lo_u, hi_u, lo_v, hi_v = 1e9, -1e9, 1e9, -1e9
    for corner in range(8):
        a = row[12] if corner & 1 else -row[12]
        b = row[13] if corner & 2 else -row[13]
        c = row[14] if corner & 4 else -row[14]
        px = x + a * row[3] + b * row[6] + c * row[9]
        py = y + a * row[4] + b * row[7] + c * row[10]
        pz = z + a * row[5] + b * row[8] + c * row[11]
        depth = px * view[3] + py * view[4] + pz * view[5]
        u = (px * view[6] + py * view[7] + pz * view[8]) / (wide * wide * depth)
        v = (px * view[9] + py * view[10] + pz * view[11]) / (high * high * depth)
        lo_u, hi_u, lo_v, hi_v = min(lo_u, u), max(hi_u, u), min(lo_v, v), max(hi_v, v)
    if hi_u < -1.0 or lo_u > 1.0 or hi_v < -1.0 or lo_v > 1.0:
        return False
    out[0] = max(int((lo_u + 1) * 0.5 * width - 1), 0) // TILE
    out[2] = min(max(int((hi_u + 1) * 0.5 * width + 1), 0) // TILE, tiles_x - 1)
    out[1] = max(int((1 - hi_v) * 0.5 * height - 1), 0) // TILE
    out[3] = min(max(int((1 - lo_v) * 0.5 * height + 1), 0) // TILE, tiles_y - 1)
    return True


@njit(cache=True)
def tile_lists(boxes, view, height, width):
    """Which boxes each tile of TILE x TILE pixels may see: starts (tiles + 1,) int32, boxes one tile after another."""
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    spans = np.empty((len(boxes), 4), np.int32)
    shown = np.zeros(len(boxes), np.bool_)
    starts = np.zeros(tiles_x * tiles_y + 1, np.int32)
    for n in range(len(boxes)):
        if _reach(boxes[n], view, height, width, spans[n]):
            shown[n] = True
            for ty in range(spans[n, 1], spans[n, 3] + 1):
                for tx in range(spans[n, 0], spans[n, 2] + 1):
                    starts[ty * tiles_x + tx + 1] += 1
    for tile in range(tiles_x * tiles_y):
        starts[tile + 1] += starts[tile]
    listed = np.zeros(max(starts[-1], 1), np.int32)
    at = starts[:-1].copy()
    for n in range(len(boxes)):
        if shown[n]:
            for ty in range(spans[n, 1], spans[n, 3] + 1):
                for tx in range(spans[n, 0], spans[n, 2] + 1):
                    tile = ty * tiles_x + tx
                    listed[at[tile]] = n
                    at[tile] += 1
    return starts, listed


def alive(mobs: np.ndarray, hidden: frozenset[int]) -> np.ndarray:
    """The records that are drawn."""
    seen = mobs[mobs["alive"]]
    return seen[~np.isin(seen["id"], list(hidden))] if hidden else seen


NO_MOBS = np.zeros(0, MOB)
