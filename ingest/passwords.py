"""Door to Argon2: hashing takes 19 MiB and ~20-40 ms of a core, so few run at a time and few may wait."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from schemas.problems import refusal

WORKERS = 2  # one per core of the smallest box; more only makes each of them slower
MAX_WAITING = 32  # about half a second's work: beyond it answering 503 is kinder than a timeout

# RFC 9106 allows less memory for more passes; these are OWASP's minimum for Argon2id
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Hashes and verifies in threads (the C code releases the GIL)."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys = _hasher.hash("the password of nobody")

    async def hash(self, password: str) -> str:
        """The password's hash with a salt of its own."""
        return str(await self._run(password))

    async def matches(self, password: str, hash: str | None) -> bool:
        """Whether the password is the hash's. None (no such user) takes as long, and never matches."""
        matched = await self._run(password, hash or self._nobodys)
        return bool(matched) and hash is not None

    async def _run(self, password: str, hash: str | None = None) -> str | bool:
        if self._waiting >= MAX_WAITING:
            raise refusal("unavailable", "too many sign-ins at once", retry_after_s=1)
        self._waiting += 1
        work = (_verified, hash, password) if hash is not None else (_hasher.hash, password)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, *work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Lets running hashes finish."""
        self._pool.shutdown(wait=True)


def _verified(hash: str, password: str) -> bool:
    try:
        return _hasher.verify(hash, password)
    except VerificationError:
        return False
