from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from api.objects import Objects, open_objects
from schemas.settings import Settings
from tests.builders import NOON

KEY = "4242/5ec7e7/large.jpg"
LINKS = open_objects(Settings())


def signed_at(link: str) -> datetime:
    (stamp,) = parse_qs(urlsplit(link).query)["X-Amz-Date"]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def test_a_link_is_the_one_boto3_would_sign_at_that_time() -> None:
    local = Settings()
    client = boto3.client(
        "s3",
        endpoint_url=local.s3_public_endpoint,
        region_name=local.s3_region,
        aws_access_key_id=local.s3_access_key,
        aws_secret_access_key=local.s3_secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    theirs = client.generate_presigned_url("get_object", Params={"Bucket": "darkroom", "Key": KEY}, ExpiresIn=3600)

    at = signed_at(theirs)  # boto3 signs now; our windows begin at full ten minutes, so ours is asked at that very time
    exact = Objects(LINKS.base, LINKS.region, LINKS.session, window=timedelta(seconds=1))

    assert exact.link(KEY, at) == theirs


@settings(deadline=None)  # a busy machine stalls; that is not the law's affair
@given(st.timedeltas(timedelta(0), timedelta(days=5000)))
def test_a_link_is_good_for_fifty_to_sixty_minutes(later: timedelta) -> None:
    now = NOON + later
    link = LINKS.link(KEY, now)

    until = signed_at(link) + timedelta(seconds=int(parse_qs(urlsplit(link).query)["X-Amz-Expires"][0]))

    assert timedelta(minutes=50) < until - now <= timedelta(hours=1)


def test_a_link_is_the_same_within_ten_minutes_and_in_every_process() -> None:
    other = open_objects(Settings())

    assert LINKS.link(KEY, NOON) == other.link(KEY, NOON + timedelta(seconds=599))
    assert LINKS.link(KEY, NOON) != LINKS.link(KEY, NOON + timedelta(seconds=600))


def test_at_aws_the_bucket_stands_in_the_host() -> None:
    objects = open_objects(Settings(s3_public_endpoint="", s3_region="eu-west-1", s3_bucket="pictures"))

    assert objects.link(KEY, NOON).startswith(f"https://pictures.s3.eu-west-1.amazonaws.com/{KEY}?")
