"""Results keep what their makers gave them, through JSON and merging."""

from __future__ import annotations

import numpy as np

from veclink.tools.results import Keypoints, Result


def test_a_skeleton_of_ones_own_keeps_its_lines() -> None:
    def quadruped(x: float) -> Keypoints:
        points = np.array([[[x, 5.0], [x + 4, 6.0], [x + 8, 9.0]]])
        return Keypoints(points, np.ones((1, 3)), np.array([[x, 1.0, x + 9, 10.0]]), np.array([0.9]), ["cow"],
                         ["a cow"], (64, 48), ["nose", "withers", "rump"], [(0, 1), (1, 2)])

    one = quadruped(3.0)
    again = Result.from_dict(one.to_dict())
    assert again == one and isinstance(again, Keypoints) and again.edges == ((0, 1), (1, 2))
    assert Keypoints.merge([one, quadruped(20.0)]).edges == ((0, 1), (1, 2))


def test_merging_joins_skeletons_by_the_names_of_their_points() -> None:
    def one(names: list[str], edges: list[tuple[int, int]]) -> Keypoints:
        count = len(names)
        return Keypoints(np.full((1, count, 2), 5.0), np.ones((1, count)), np.array([[1.0, 1.0, 9.0, 9.0]]),
                         np.array([0.5]), ["x"], ["x"], (20, 20), names, edges)

    merged = Keypoints.merge([one(["nose", "rump"], [(0, 1)]), one(["rump", "tail"], [(0, 1)])])
    assert list(merged.names) == ["nose", "rump", "tail"] and merged.edges == ((0, 1), (1, 2))
    assert len(merged) == 2
