"""Every setting of every room, read from a mapping so that nothing here touches the environment.

The defaults are the local stack's (`make up`), so a room started by hand next to it needs no setting at all. The same
names stand in `.env.example` and in docs/settings.md; a test compares them.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from schemas.shards import TableError, table

LOOPBACK = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})  # a supervisor's and a developer's way in
LOCAL_SECRET = "local-secret"  # noqa: S105 - the local stack's; `Settings.read` refuses it in production


def described(text: str) -> Meta:
    """The one line that docs/settings.md and `.env.example` show for a setting."""
    return Meta(description=text)


class SettingsError(ValueError):
    """A setting is missing or malformed; the message names it, its value and what was expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One field per environment variable, upper case: `kafka_brokers` is read from `KAFKA_BROKERS`."""

    environment: Annotated[
        Literal["local", "production"], described("`production` refuses the local stack's secrets and write key.")
    ] = "local"
    instance: Annotated[
        str, described("Stable, unique ordinal of this process (a pod's number); empty: no static group membership.")
    ] = ""
    docs: Annotated[bool, described("Serve /docs and /openapi.json to anyone who asks.")] = False

    public_url: Annotated[
        str, described("Where clients reach us: GET and WebSocket go to api, the rest to ingest.")
    ] = "http://127.0.0.1:8000"
    allowed_hosts: Annotated[
        str, described("Host names, separated by commas, that requests may ask for besides PUBLIC_URL's and loopback.")
    ] = ""
    ingest_bind: Annotated[str, described("host:port where ingest listens.")] = "127.0.0.1:8001"
    ingest_workers: Annotated[
        int, Meta(ge=1, le=64, description="Processes of ingest behind INGEST_BIND; about one per core it may have.")
    ] = 1
    api_bind: Annotated[str, described("host:port where api listens.")] = "127.0.0.1:8002"
    processors_bind: Annotated[str, described("host:port of the processors' /live, /ready and /metrics.")] = (
        "127.0.0.1:8003"
    )

    kafka_brokers: Annotated[str, described("host:port of some brokers, separated by commas.")] = "127.0.0.1:9092"
    kafka_partitions: Annotated[
        Literal["local", "production"],
        described("Which column of schemas/topics.py the bootstrap creates topics with."),
    ] = "local"
    kafka_replication: Annotated[int, Meta(ge=1, description="Replicas of each topic; production wants 3.")] = 1
    kafka_security: Annotated[
        Literal["plaintext", "ssl", "sasl_ssl"],
        described(
            "How ingest speaks to Kafka: `ssl` checks the broker's certificate, `sasl_ssl` also names ourselves."
        ),
    ] = "plaintext"
    kafka_ssl_ca: Annotated[
        str, described("PEM file of the authority that signs brokers' certificates; empty: the system's own.")
    ] = ""
    kafka_sasl_mechanism: Annotated[
        Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"], described("How `sasl_ssl` proves the password.")
    ] = "SCRAM-SHA-512"
    kafka_username: Annotated[str, described("Who ingest is to Kafka, with `sasl_ssl`.")] = ""
    kafka_password: Annotated[str, described("Its password.")] = ""

    spool_dir: Annotated[
        str, described("Folder on a local disk where ingest keeps accepted events while Kafka is away.")
    ] = ".local/default/data/spool"
    spool_max_bytes: Annotated[
        int, Meta(ge=0, description="Bytes that one worker's spool may hold; 0: none, and 503 while Kafka is away.")
    ] = 1 << 35
    spool_max_disk_share: Annotated[
        float, Meta(ge=0, le=1, description="Share (0..1) of its file system that one worker's spool may hold.")
    ] = 0.1

    redis_url: Annotated[
        str, described("Redis or Valkey that holds the views; several share the 64 buckets: `0-31=<url>,32-63=<url>`.")
    ] = "redis://127.0.0.1:6379/0"
    feed_pull_above: Annotated[
        int, Meta(ge=0, description="Active followers above which an author's photos are merged when a feed is read.")
    ] = 10_000
    redis_timeout_ms: Annotated[
        int, Meta(ge=1, description="Milliseconds after which a silent Redis counts as away for api's reads.")
    ] = 150
    shed_above_ms: Annotated[
        int, Meta(ge=0, description="Milliseconds that api's loop or Redis may be late before answers shrink; 0: any.")
    ] = 50

    s3_endpoint: Annotated[str, described("S3 address as the rooms see it; empty: AWS itself.")] = (
        "http://127.0.0.1:7070"
    )
    s3_public_endpoint: Annotated[str, described("S3 address put into upload tickets and media links.")] = (
        "http://127.0.0.1:7070"
    )
    s3_region: Annotated[str, described("S3 region.")] = "us-east-1"
    s3_bucket: Annotated[str, described("Bucket of originals and renditions; private.")] = "darkroom"
    s3_access_key: Annotated[str, described("S3 access key; empty: the default credential chain.")] = "local-access"
    s3_secret_key: Annotated[str, described("S3 secret key; empty: the default credential chain.")] = LOCAL_SECRET

    warehouse_project: Annotated[str, described("BigQuery project.")] = "local"
    warehouse_emulator: Annotated[str, described("host:restport:grpcport of the emulator; empty: Google itself.")] = (
        "127.0.0.1:9050:9060"
    )

    write_keys: Annotated[str, described("`key=app` pairs, separated by commas: who may post analytics batches.")] = (
        "local-write-key=darkroom-local"
    )
    write_keys_file: Annotated[
        str, described("JSON file of further write keys, hashed, limited, revoked (`python -m ingest keys`); or empty.")
    ] = ""
    write_key_events_per_s: Annotated[
        float, Meta(ge=0, description="Events per second that a write key without a limit of its own may post; 0: any.")
    ] = 0.0
    ingest_apps: Annotated[
        str, described("Apps that may post here, separated by commas; another app's key is answered 403. Empty: all.")
    ] = ""
    cors_origins: Annotated[
        str, described("Origins of web pages that may call ingest, separated by commas; `*`: any, without credentials.")
    ] = "http://localhost:3000,http://localhost:5173"
    sign_in_tries: Annotated[
        int, Meta(ge=1, description="Sign-ins that may fail at once per client address; one more every 30 s.")
    ] = 10
    comment_burst: Annotated[
        int, Meta(ge=1, description="Comments that a person may post at once; one more every 10 s.")
    ] = 60
    message_burst: Annotated[
        int, Meta(ge=1, description="Messages that a person may write at once; one more every second.")
    ] = 60
    trusted_proxies: Annotated[
        str, described("Networks, separated by commas, whose X-Forwarded-For is believed: `10.0.0.0/8`.")
    ] = ""
    operators: Annotated[
        str, described("User ids, separated by commas, of the people who may ask /v1/trace; empty: nobody.")
    ] = ""
    moderators: Annotated[
        str, described("User ids, separated by commas, of the people who may take photos down; empty: nobody.")
    ] = ""
    cursor_secret: Annotated[str, described("Signs page cursors; any long random text.")] = LOCAL_SECRET

    @property
    def moderator_ids(self) -> frozenset[str]:
        """`moderators`, one by one."""
        return frozenset(filter(None, self.moderators.replace(" ", "").split(",")))

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """Settings from an environment-like mapping; unknown names are ignored, a bad value raises `SettingsError`."""
        given = {name: env[name.upper()] for name in cls.__struct_fields__ if name.upper() in env}
        try:
            settings = msgspec.convert({name: _typed(name, text) for name, text in given.items()}, cls, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError(f"a setting is wrong: {error}") from error
        settings._refuse_local_secrets()
        try:
            table(settings.redis_url)
        except TableError as error:
            raise SettingsError(f"REDIS_URL is no table of buckets: {error}") from error
        return settings

    @property
    def brokers(self) -> list[str]:
        """host:port of each broker named in KAFKA_BROKERS."""
        return self.kafka_brokers.split(",")

    def hosts(self) -> frozenset[bytes]:
        """What a request's Host may be, lower case and without a port: any other is refused (`bad_host`)."""
        own = (self.public_url.rpartition("://")[2].partition("/")[0], *self.allowed_hosts.split(","))
        names = (re.sub(r":\d+$", "", name.strip().lower()) for name in own)
        return LOOPBACK | {name.encode() for name in names if name}

    def _refuse_local_secrets(self) -> None:
        if self.environment != "production":
            return
        local = {"s3_secret_key": LOCAL_SECRET, "cursor_secret": LOCAL_SECRET, "write_keys": Settings().write_keys}
        for name, value in local.items():
            if getattr(self, name) == value:
                raise SettingsError(f"{name.upper()} is the local stack's; expected one of your own in production")


def _typed(name: str, text: str) -> object:
    """`true/1/yes` for booleans, which msgspec's lax mode knows only in part; the rest is msgspec's own affair."""
    hint = get_type_hints(Settings)[name]
    if hint is not bool:
        return text
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if text.lower() not in words:
        raise SettingsError(f"{name.upper()} is {text!r}; expected 1 or 0")
    return words[text.lower()]


def address(bind: str) -> tuple[str, int]:
    """Host and port of a `host:port` setting; `SettingsError` when it is not one."""
    host, colon, port = bind.rpartition(":")
    if not (host and colon and port.isdigit()):
        raise SettingsError(f"address is {bind!r}; expected host:port")
    return host, int(port)


class Emulator(msgspec.Struct, frozen=True):
    """Where the BigQuery emulator listens: `rest` is a URL, `grpc` a host:port."""

    rest: str
    grpc: str


def emulator(text: str) -> Emulator | None:
    """The addresses of a `host:restport:grpcport` setting; None when it is empty (Google itself)."""
    if not text:
        return None
    host, *ports = text.split(":")
    if not host or len(ports) != 2 or not all(port.isdigit() for port in ports):
        raise SettingsError(f"warehouse emulator is {text!r}; expected host:restport:grpcport")
    return Emulator(f"http://{host}:{ports[0]}", f"{host}:{ports[1]}")


def explained() -> dict[str, tuple[str, str]]:
    """Environment name -> (default as text, explanation), for the docs and for the test that compares them."""
    hints = get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    return {name.upper(): (_shown(getattr(defaults, name)), _description(hints[name])) for name in hints}


def _shown(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _description(hint: object) -> str:
    if get_origin(hint) is Annotated:
        return next((m.description or "" for m in get_args(hint)[1:] if isinstance(m, Meta)), "")
    return ""
