"""Dark pictures as a camera would expose them: under ground all there is to see lies in the lowest of 255 levels.

The core is shown such frames, when it is trained and when it is asked.
"""

from __future__ import annotations

import cv2
import numpy as np

DARK, BRIGHT = 40, 60  # levels of the brightest tenth of a frame: darker frames are brightened, to so much
SOFT = 0.7  # pixels by which a brightened frame is blurred, as few levels make hard edges


def brightened(rgb: np.ndarray, bright: float = BRIGHT) -> np.ndarray:
    """A frame as a camera would expose it.

    Args:
        rgb: (H, W, 3) uint8; the answer too, the same where it is bright enough.
        bright: level that the brightest tenth comes to.
    """
    top = float(np.quantile(rgb.max(-1), 0.9))
    if top >= DARK:
        return rgb
    lit = np.clip(rgb.astype(np.float32) * (bright / max(1.0, top)), 0, 255)
    return cv2.GaussianBlur(lit, (0, 0), SOFT).astype(np.uint8)
