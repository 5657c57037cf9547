"""Pictures of the voxel world, with their truth."""

from veclink.envs.voxel.render.frame import JOINTS, LABELS, Camera, Frame, SeenMob
from veclink.envs.voxel.render.renderer import Renderer
from veclink.envs.voxel.render.scene import Scene
from veclink.envs.voxel.render.textures import Textures

__all__ = ["JOINTS", "LABELS", "Camera", "Frame", "Renderer", "Scene", "SeenMob", "Textures"]
