"""MineDojo's eight-slot action: what each part does to the player and the world, and what lasts from step to step.

A function that is given in consecutive steps counts as a held key: eating, drawing a bow and breaking a block go on,
a blow falls again as soon as the arm is ready, and other uses repeat every fourth tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from veclink.envs.facts import ITEMS
from veclink.envs.facts.blocks import TOOLS
from veclink.envs.voxel import health, motion, placing, using
from veclink.envs.voxel.crafting import craft
from veclink.envs.voxel.fishing import Fishing
from veclink.envs.voxel.inventory import SLOTS, WORN_AT
from veclink.envs.voxel.mining import Mining
from veclink.envs.voxel.physics import HEAD_IN_WATER, IN_WATER, ON_LADDER, ray
from veclink.envs.voxel.using import Hit

REACH, MOB_REACH = 4.5, 3.0  # blocks
USE_EVERY = 4  # ticks between two uses while the key is held
CAMERA_STEP, CAMERA_MOST = 15.0, 180.0  # degrees of one camera index, degrees of index 0 below none
MOVES, SIDES = (0, 1, -1), (0, 1, -1)  # slot 0: nothing, forward, back; slot 1: nothing, left, right
JUMP, SNEAK, SPRINT = 1, 2, 3
NOOP, USE, DROP, ATTACK, CRAFT, EQUIP, PLACE, DESTROY = range(8)
FULL_SWING, WEAK = 0.9, 0.2  # share of readiness for a full blow; share of damage of an unready one
CRITICAL = 1.5
SPRINT_KNOCK = 2.25  # a sprinter's blow pushes so much farther: 0.4 + 0.5 blocks a tick
SPRINT_BRAKE = 0.6
TICKS = 20.0
SWORD, HOE = TOOLS.index("sword"), TOOLS.index("hoe")


class Actions:
    """What the player does with the hands.

    Attributes:
        mining: the block that is being broken. fishing: the line.
        using: ticks for which the held item has been used, 0 when it is not; way: "eat", "drink", "draw" or "".
        use_rest: ticks until a held use key works again. swing_age: ticks since the last blow. pearl_rest: ticks until
            another ender pearl can be thrown.
        pressed: the function of the last action.
    """

    def __init__(self) -> None:
        self.mining, self.fishing = Mining(), Fishing()
        self.using, self.way, self.use_rest, self.swing_age, self.pearl_rest = 0, "", 0, 100, 0
        self.pressed, self.in_hand = NOOP, 0
        self._eye, self._look = np.zeros(3), np.zeros(3)

    # -- one action ----------------------------------------------------------------------------------------------------

    def apply(self, world: Any, action: Sequence[int] | np.ndarray) -> None:
        """Do one action.

        Args:
            world: `VoxelWorld` or what has its attributes.
            action: eight integers: 0 nothing, forward, back; 1 nothing, left, right; 2 nothing, jump, sneak, sprint;
                3, 4 pitch and yaw, 12 no turn, 15 degrees a step; 5 function; 6 craft index; 7 slot, 0 the main hand's.
        """
        move, side, pose, pitch, yaw, function, index, slot = (int(part) for part in action)
        player = world.player
        if player.sleeping:
            if pose == SNEAK or move:
                player.wake()
            return
        if pitch != 12 or yaw != 12:
            player.turn(pitch * CAMERA_STEP - CAMERA_MOST, yaw * CAMERA_STEP - CAMERA_MOST)
        self._notice_hand(player)
        if function != ATTACK and self.mining.target is not None:
            self.mining.stop()
        if function != USE and self.using:
            self._release(world)
        if self.fishing.out:
            self.fishing.pass_time(world)
        if function:
            self._function(world, function, index, slot)
        self.pressed = function
        player.wish(MOVES[move], SIDES[side], pose == JUMP, pose == SNEAK, pose == SPRINT, self.using > 0)

    def _function(self, world: Any, function: int, index: int, slot: int) -> None:
        player = world.player
        if function == USE:
            self._use(world)
        elif function == ATTACK:
            self._attack(world)
        elif function == CRAFT:
            craft(world, index)
        elif function == DROP:
            world.drops.throw(player, player.held, 1)
        else:
            slot = self.slot_of(player, slot)
            if function == EQUIP:
                self.equip(player, slot)
            elif function == PLACE:
                self._place(world, slot)
            elif function == DESTROY:
                player.inventory.take(slot, int(player.inventory.count[slot]), "destroyed")

    @staticmethod
    def slot_of(player: Any, slot: int) -> int:
        """The bag's slot that MineDojo's index means: 0 is the main hand's."""
        return player.held if slot == 0 else 0 if slot == player.held else slot

    def _notice_hand(self, player: Any) -> None:
        """Another item in the hand is not ready to strike, and what the old one did is over."""
        item = int(player.inventory.item[player.held])
        if item != self.in_hand:
            self.in_hand, self.swing_age = item, 0
            self.using, self.way = 0, ""
            self.fishing.stop()

    def pass_time(self) -> None:
        """A tick."""
        self.swing_age += 1
        if self.use_rest > 0:
            self.use_rest -= 1
        if self.pearl_rest > 0:
            self.pearl_rest -= 1

    def stop(self) -> None:
        """Let go of everything."""
        self.mining.stop()
        self.fishing.stop()
        self.using, self.way, self.pressed = 0, "", NOOP

    # -- what one looks at ---------------------------------------------------------------------------------------------

    def target(self, world: Any) -> tuple[int, Hit | None]:
        """The mob (its slot, else -1) or the block that the player looks at, within reach."""
        player, grid = world.player, world.grid
        self._eye[:], self._look[:] = player.eye, player.look
        hit, x, y, z, face, far = ray(grid.blocks, grid.meta, grid.bounds, self._eye, self._look, REACH)
        if world.mobs.records["alive"].any():
            slot, near = world.mobs.hit_by(self._eye, self._look, min(MOB_REACH, far))
            if slot >= 0 and near <= far:
                return slot, None
        if not hit:
            return -1, None
        return -1, (int(x), int(y), int(z), int(face), float(self._eye[1] + self._look[1] * far - y))

    # -- use -----------------------------------------------------------------------------------------------------------

    def _use(self, world: Any) -> None:
        player = world.player
        if self.using:
            self.using += 1
            if self.way != "draw" and self.using >= using.EATING:
                way, self.using, self.way = self.way, 0, ""
                world.events.append(("use", {"item": using.held_name(player)}))
                using.finish(world, way)
                self.use_rest = USE_EVERY
            return
        if self.pressed == USE and self.use_rest > 0:
            return
        self.use_rest = USE_EVERY
        item = using.held_name(player)
        mob, hit = self.target(world)
        if self._touch(world, mob, hit):
            return  # a chest or a cow was used, not the item
        if mob < 0 and hit is not None and using.use_on_block(world, hit):
            world.events.append(("use", {"item": item}))
            return
        self.way = using.lasts(player)
        if self.way:
            self.using = 1
        elif using.use_in_air(world):
            world.events.append(("use", {"item": item}))

    @staticmethod
    def _touch(world: Any, mob: int, hit: Hit | None) -> bool:
        """Use a mob or a block for itself; whether anything came of it."""
        player = world.player
        if mob >= 0:
            return world.mobs.interact(mob, player)
        busy = player.sneaking and player.inventory.count[player.held]
        return hit is not None and not busy and world.rules.use(world, *hit[:4])

    def _release(self, world: Any) -> None:
        ticks, way, self.using, self.way = self.using, self.way, 0, ""
        if way == "draw" and using.shoot(world, ticks):
            world.events.append(("use", {"item": "bow"}))

    # -- attack --------------------------------------------------------------------------------------------------------

    def readiness(self, player: Any) -> float:
        """How far the arm is ready for the next blow, 0..1."""
        period = TICKS / float(ITEMS.swing[player.inventory.item[player.held]])
        return min(1.0, (self.swing_age + 0.5) / period)

    def _attack(self, world: Any) -> None:
        player = world.player
        mob, hit = self.target(world)
        if mob >= 0:
            self.mining.stop()
            if self.pressed != ATTACK or self.readiness(player) >= 1.0:
                self._strike(world, mob)
        elif hit is not None:
            self.mining.dig(world, *hit[:4])
        else:
            self.mining.stop()
            if self.pressed != ATTACK:
                fireball, _ = world.shots.hit_by(self._eye, self._look, MOB_REACH)
                if fireball >= 0:
                    world.shots.deflect(fireball, player.yaw, player.pitch)
                self.swing_age = 0

    def _strike(self, world: Any, mob: int) -> None:
        """A blow: as hard as the arm is ready, harder when falling, with a push from a sprint."""
        player = world.player
        bag, held, ready = player.inventory, player.held, self.readiness(player)
        item = int(bag.item[held])
        amount = float(ITEMS.damage[item]) * (WEAK + (1 - WEAK) * ready * ready)
        falls = player.body[motion.FALL] > 0 and not player.on_ground and not player.sprinting and not player.bits & (
            IN_WATER | HEAD_IN_WATER | ON_LADDER)
        runs = player.sprinting and ready > FULL_SWING
        if falls and ready > FULL_SWING:
            amount *= CRITICAL
        self.swing_age = 0
        world.mobs.hurt(mob, amount, "mob", True, knock=SPRINT_KNOCK if runs else 1.0)
        if runs:
            player.vel[0], player.vel[2] = player.vel[0] * SPRINT_BRAKE, player.vel[2] * SPRINT_BRAKE
            player.sprinting = False
        tool = int(ITEMS.tool[item])
        if tool:
            world.events.append(("use", {"item": ITEMS.names[item]}))
            bag.wear(held, 1 if tool in (SWORD, HOE) else 2)
        player.tire(health.STRIKES)

    # -- equip, place --------------------------------------------------------------------------------------------------

    def equip(self, player: Any, slot: int) -> bool:
        """Armour goes to its own slot, everything else to the main hand; what was there comes in exchange."""
        bag = player.inventory
        if not 0 <= slot < SLOTS or bag.count[slot] == 0:
            return False
        if ITEMS.wearable[bag.item[slot]]:
            return self.wear(player, slot)
        bag.swap(slot, player.held)
        return True

    @staticmethod
    def wear(player: Any, slot: int) -> bool:
        """Put a slot's armour (or shield) on; what was worn comes into the slot."""
        bag = player.inventory
        place = WORN_AT[int(ITEMS.slot[bag.item[slot]])]
        if bag.count[slot] > 1:  # a stack of heads: one is worn, where nothing is
            if bag.count[place]:
                return False
            item, variant, _, durability = bag.stack(slot)
            bag.take(slot, 1)
            bag.put(place, item, variant, 1, durability=durability)
        else:
            bag.swap(slot, place)
        return True

    def _place(self, world: Any, slot: int) -> bool:
        """Place a slot's block where one looks."""
        player = world.player
        if not 0 <= slot < SLOTS or player.inventory.count[slot] == 0:
            return False
        item = int(player.inventory.item[slot])
        mob, hit = self.target(world)
        if mob >= 0 or hit is None or not placing.place(world, slot, hit):
            return False
        world.events.append(("use", {"item": ITEMS.names[item]}))
        return True

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """To be saved."""
        fields = ("using", "way", "use_rest", "swing_age", "pearl_rest", "pressed", "in_hand")
        return {**{name: getattr(self, name) for name in fields}, "mining": self.mining.state(),
                "fishing": [self.fishing.wait, self.fishing.bite]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        for name in ("using", "way", "use_rest", "swing_age", "pearl_rest", "pressed", "in_hand"):
            setattr(self, name, state[name])
        self.mining.restore(state["mining"])
        self.fishing.wait, self.fishing.bite = state["fishing"]
