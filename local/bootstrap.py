"""What must exist before the first record: topics, bucket, warehouse. May be run twice, on a running stack too."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import CoordinatorNotAvailableError, GroupIdNotFoundError, TopicAlreadyExistsError

from local import health
from local.stack import ROOT, Stack
from local.supervision import SupervisionError
from schemas.topics import TOPICS, Topic

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CORSConfigurationTypeDef

ADMIN_S = 30.0
ANY_BROWSER: "CORSConfigurationTypeDef" = {  # uploads carry a signed policy; the browser's page need not be ours
    "CORSRules": [
        {
            "AllowedOrigins": ["*"],
            "AllowedMethods": ["GET", "HEAD", "POST"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 3600,
        }
    ]
}


def bootstrap(stack: Stack, say: Callable[[str], None]) -> None:
    """Creates what is missing; what exists is left as it is, except the topics' settings, which follow the schema."""
    say(f"topics: {_topics(stack)}")
    say(f"bucket {stack.settings.s3_bucket}: {_bucket(stack)}")
    say(f"warehouse: {_warehouse(stack)}")


def _topics(stack: Stack) -> str:
    with health.admin(stack, ADMIN_S) as admin:
        there = set(admin.list_topics())
        missing = [topic for topic in TOPICS if topic.name not in there]
        if missing:
            _create(admin, stack, missing)
        admin.alter_configs([_resource(topic) for topic in TOPICS])
        _ask_for_a_coordinator(admin)
    made = ", ".join(topic.name for topic in missing)
    return f"created {made}" if made else f"{len(TOPICS)} there"


def _ask_for_a_coordinator(admin: Any) -> None:
    """The first such question makes the broker create its offsets topic; better now than when the processors join."""
    with suppress(CoordinatorNotAvailableError, GroupIdNotFoundError):
        admin.describe_groups(["bootstrap"])


def _create(admin: Any, stack: Stack, topics: Iterable[Topic]) -> None:
    wanted = {topic.name: _options(topic, stack) for topic in topics}
    try:
        admin.create_topics(wanted, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # another bootstrap was quicker


def _options(topic: Topic, stack: Stack) -> dict[str, object]:
    local = stack.settings.kafka_partitions == "local"
    return {
        "num_partitions": topic.partitions_local if local else topic.partitions_production,
        "replication_factor": stack.settings.kafka_replication,
        "configs": dict(topic.config),
    }


def _resource(topic: Topic) -> Any:
    return ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=dict(topic.config))


def _bucket(stack: Stack) -> str:
    """Private: nobody reads it without a signature."""
    client, name = health.bucket_client(stack), stack.settings.s3_bucket
    made = "there"
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        client.create_bucket(Bucket=name)
        made = "created"
    client.put_bucket_cors(Bucket=name, CORSConfiguration=ANY_BROWSER)
    return made


def _warehouse(stack: Stack) -> str:
    """The warehouse's own tool, as an analyst would call it; tables are made, not filled."""
    argv = (sys.executable, "-m", "sql", "apply", "--days", "0")
    done = subprocess.run(argv, cwd=ROOT, env=stack.env(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SupervisionError(f"python -m sql apply failed:\n{done.stdout}{done.stderr}")
    return f"{len(done.stdout.splitlines())} steps applied"
