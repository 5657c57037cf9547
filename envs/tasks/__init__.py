"""Tasks: what is asked of the player, how the world begins, what is paid and when it is done.

`spec(name)` finds one, `ids()` names all, `Judge(spec)` pays and decides, `coverage()` says which ones a world can
give. MineDojo's 1,572 programmatic tasks, its creative ones and its playthrough are read from its own files (see
`veclink.envs.tasks.files`); a few of our own need nothing.
"""

from __future__ import annotations

from veclink.envs.tasks.catalogue import ids, is_task, spec
from veclink.envs.tasks.judge import Judge
from veclink.envs.tasks.model import CATEGORIES, Stack, TaskSpec
from veclink.envs.tasks.spawns import may_spawn

__all__ = ["CATEGORIES", "Judge", "Stack", "TaskSpec", "ids", "is_task", "may_spawn", "spec"]
