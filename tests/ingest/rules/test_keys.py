from hashlib import sha256

import pytest

from ingest.rules.keys import KeysFile, WriteKey, added, decode, encode, fingerprint, of_setting, quota, revoked, valid
from ingest.rules.quotas import Quota
from tests.builders import NOON


def a_key(text: str = "k", app: str = "shop", **members: object) -> WriteKey:
    return WriteKey(sha256=fingerprint(text), app=app, **members)  # type: ignore[arg-type] # each test names its own


def test_a_key_is_kept_as_its_sha_256() -> None:
    assert fingerprint("k") == sha256(b"k").hexdigest()


def test_the_setting_names_an_app_per_key() -> None:
    assert of_setting("k1=shop, k2,") == (a_key("k1", "shop"), a_key("k2", "k2"))
    assert of_setting("") == ()


def test_a_file_reads_back_as_it_was_written() -> None:
    file = KeysFile((a_key("a", name="web", events_per_s=0.5, burst=3), a_key("b", revoked_at=NOON)))

    assert decode(encode(file)) == file


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "truncated"),
        (b"{}{}", "trailing"),
        (b'{"kyes":[]}', "unknown field"),
        (b'{"keys":[{"sha256":"ABC","app":"a"}]}', "regex"),
        (b'{"keys":[{"app":"a"}]}', "sha256"),
        (encode(KeysFile((a_key(), a_key(app="blog")))), "twice"),
    ],
)
def test_a_file_that_is_none_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode(raw)


def test_of_a_key_that_stands_twice_the_file_decides() -> None:
    assert valid((a_key(),), (a_key(app="blog"),)) == (a_key(app="blog"),)
    assert valid((a_key(),), (a_key(revoked_at=NOON),)) == ()


def test_a_key_has_its_own_limit_or_the_setting_s_or_none() -> None:
    assert quota(a_key(events_per_s=100, burst=7), 5, workers=1) == Quota(100, 7)
    assert quota(a_key(), 5, workers=1) == Quota(5, 50)
    assert quota(a_key(events_per_s=0), 5, workers=1) is None
    assert quota(a_key(), 0, workers=1) is None


def test_workers_share_what_comes_in_the_long_run_and_each_takes_a_burst() -> None:
    assert quota(a_key(events_per_s=100), 0, workers=4) == Quota(25, 1_000)


def test_a_key_is_revoked_by_the_beginning_of_its_hash_and_stays_so() -> None:
    file = added(added(KeysFile(), a_key("a")), a_key("b"))

    ended = revoked(file, fingerprint("b")[:12], NOON)

    assert [key.revoked_at for key in ended.keys] == [None, NOON]
    assert revoked(ended, fingerprint("b")[:12], NOON.replace(year=2030)) == ended


@pytest.mark.parametrize("start", ["", "zz"])
def test_what_names_not_exactly_one_key_revokes_none(start: str) -> None:
    file = KeysFile((a_key("a"), a_key("b")))

    with pytest.raises(ValueError, match="expected one"):
        revoked(file, start, NOON)
