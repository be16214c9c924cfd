"""Pictures as they come out of the darkroom, and how alike two of them are."""

from datetime import date
from io import BytesIO

from PIL import Image, ImageChops, ImageStat

from processors.rules.film import Developed, Rendition, develop
from tests import photographs as pictures

FILM = "darkroom-400"
LOSSY_APART = 12  # levels that JPEG, grain and resampling may move the mean of a picture's quarter


def landscape() -> Image.Image:
    return Image.open(BytesIO(pictures.landscape())).convert("RGB")


def developed(original: bytes, film: str = FILM, day: date | None = None) -> Developed:
    outcome = develop(original, film, day)
    assert isinstance(outcome, Developed), outcome
    return outcome


def opened(rendition: Rendition) -> Image.Image:
    return Image.open(BytesIO(rendition.jpeg))


def quarters(picture: Image.Image) -> list[float]:
    """Mean brightness of the four quarters: enough to tell which way up a picture is."""
    return list(picture.convert("L").resize((2, 2), Image.Resampling.BOX).tobytes())


def apart(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)
