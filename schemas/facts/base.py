"""What every fact has."""

from datetime import datetime
from typing import Literal

import msgspec

from schemas.ids import FactId, UserId

Visibility = Literal["public", "private"]


class BaseFact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """Its id is the same however often it stands in the log; `at` is when we accepted it, `by` who did it."""

    id: FactId
    at: datetime
    by: UserId
