"""What a fact or a secret does to the views that people read: profiles, graph, rolls, photos, reactions, sessions.

Facts about different things come in any order, so each writes fields and members of its own and none reads another's.
"""

from collections.abc import Iterator

from processors.intents import Claim, Exclude, Forget, Include, Insert, Point, Remove, Save, Until, ViewIntent
from processors.rules import conversations, moderation, reactions
from schemas import hashes, projections
from schemas.facts import (
    ConversationFact,
    Fact,
    FollowAccepted,
    FollowDeclined,
    FollowedFact,
    FollowerRemoved,
    FollowRequested,
    ModerationFact,
    PersonFact,
    PhotoCaptured,
    PhotoDeleted,
    PhotoDeveloped,
    PhotoFact,
    PhotoSpoiled,
    PreferencesChanged,
    ReactionFact,
    RollClosed,
    RollFact,
    RollInviteCreated,
    RollInviteRevoked,
    RollJoined,
    RollLeft,
    RollMemberRemoved,
    RollOpened,
    RollRenamed,
    SuspensionFact,
    UserBlocked,
    UserErased,
    UserFollowed,
    UserMuted,
    UserRegistered,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from schemas.hashes import Card, Invite, Profile, Roll, Size
from schemas.ids import PhotoId, RollId, UserId
from schemas.projections import Key
from schemas.secrets import Ended, Password, Secret, Session

Changes = Iterator[ViewIntent]


def changes(value: Fact | Secret) -> Changes:
    """What `value` does to the views, as intents that may be applied twice."""
    if isinstance(value, PersonFact):
        yield from _people(value)
    elif isinstance(value, FollowedFact):
        yield from _followed(value)
    elif isinstance(value, RollFact):
        yield from _rolls(value)
    elif isinstance(value, PhotoCaptured):
        yield from _captured(value)
    elif isinstance(value, PhotoFact):
        yield from _fate(value)
    elif isinstance(value, ReactionFact):
        yield from reactions.changes(value)
    elif isinstance(value, ModerationFact):
        yield from moderation.changes(value)
    elif isinstance(value, SuspensionFact):
        yield from moderation.suspension(value)
    elif isinstance(value, ConversationFact):
        yield from conversations.changes(value)
    else:
        yield from _secret(value)


def _people(fact: PersonFact) -> Changes:
    match fact:
        case UserRegistered(by=user):
            yield _tells(user, hashes.fields(_profile(fact)))
            yield Claim(projections.username(fact.personal.username), user)
            yield Point(projections.entity(fact.id), user)
        case PreferencesChanged(by=user, visibility=visibility):
            yield _tells(user, {"visibility": visibility})
        case UserErased(by=user):
            yield _tells(user, {"username": "", "display_name": "", "tz": "UTC", "erased_at": hashes.text(fact.at)})
        case FollowRequested(by=reader, whom=author):
            yield Include(projections.follow_requests(author), reader)
        case UserFollowed(by=reader, whom=author):
            yield from _follows(reader, author)
        case UserUnfollowed(by=reader, whom=author):
            yield from _follows_no_more(reader, author)
        case _:
            yield from _shunned(fact)


def _tells(user: UserId, fields: hashes.Fields) -> Save:
    """What people say of themselves; that they erased themselves is the last word, and no late copy brings any back.

    That field decides: every read asks the profile, and it hides all that they made, whenever it comes. Who may learn
    that they were here is told by what stays: whether they were private, and who followed them.
    """
    return Save(projections.profile(user), fields, unless="erased_at")


def _followed(fact: FollowedFact) -> Changes:
    """What whoever is followed says of a follow: the log keeps it beside what the follower says."""
    match fact:
        case FollowAccepted(by=author, whom=reader):
            yield from _follows(reader, author)
        case FollowDeclined(by=author, whom=reader):
            yield Exclude(projections.follow_requests(author), reader)
        case FollowerRemoved(by=author, whom=reader):
            yield from _follows_no_more(reader, author)


def _follows(reader: UserId, author: UserId) -> Changes:
    yield Include(projections.following(reader), author)
    yield Include(projections.followers(author), reader)
    yield Exclude(projections.follow_requests(author), reader)


def _follows_no_more(reader: UserId, author: UserId) -> Changes:
    yield Exclude(projections.following(reader), author)
    yield Exclude(projections.followers(author), reader)
    yield Exclude(projections.follow_requests(author), reader)


def _shunned(fact: UserBlocked | UserUnblocked | UserMuted | UserUnmuted) -> Changes:
    match fact:
        case UserBlocked(by=user, whom=other):
            yield Include(projections.blocks(user), other)
            yield Include(projections.blocked_by(other), user)
        case UserUnblocked(by=user, whom=other):
            yield Exclude(projections.blocks(user), other)
            yield Exclude(projections.blocked_by(other), user)
        case UserMuted(by=user, whom=other):
            yield Include(projections.mutes(user), other)
        case UserUnmuted(by=user, whom=other):
            yield Exclude(projections.mutes(user), other)


def _rolls(fact: RollFact) -> Changes:
    match fact:
        case RollOpened(roll=roll):
            yield Save(projections.roll(roll), hashes.fields(_roll(fact)))
            yield Point(projections.entity(fact.id), roll)
            yield from _membership(fact)
        case RollRenamed(roll=roll):
            yield Save(projections.roll(roll), {"renamed": fact.personal.name})
        case RollClosed(roll=roll):
            yield Save(projections.roll(roll), {"closed_at": hashes.text(fact.at)})
        case RollInviteCreated(token_sha256=token):
            yield Save(projections.invite(token), hashes.fields(_invite(fact)))
        case RollInviteRevoked(token_sha256=token):
            yield Save(projections.invite(token), {"revoked_at": hashes.text(fact.at)})
        case RollJoined() | RollLeft() | RollMemberRemoved():
            yield from _membership(fact)


def _membership(fact: RollOpened | RollJoined | RollLeft | RollMemberRemoved) -> Changes:
    match fact:
        case RollOpened(roll=roll, by=user) | RollJoined(roll=roll, by=user):
            yield Include(projections.members(roll), user)
            yield Include(projections.user_rolls(user), roll)
        case RollLeft(roll=roll, by=user):
            yield from _membership_ends(roll, user)
        case RollMemberRemoved(roll=roll, whom=user):
            yield from _membership_ends(roll, user)
            yield Save(projections.removed_members(roll), {user: hashes.text(fact.at)})


def _membership_ends(roll: RollId, user: UserId) -> Changes:
    """Their photos stay in the roll; `may they see it` is asked of the members at every read."""
    yield Exclude(projections.members(roll), user)
    yield Exclude(projections.user_rolls(user), roll)


def _captured(fact: PhotoCaptured) -> Changes:
    place = projections.place(fact.photo)
    card = Card(
        author=fact.by,
        roll=fact.roll,
        visibility=fact.visibility,
        reveal_at=fact.reveal_at,
        captured_at=fact.at,
        taken_at=fact.taken_at,
        film=fact.film,
        caption=fact.personal.caption,
    )
    yield _note(fact.photo, card)
    yield Insert(projections.user_photos(fact.by), place)
    if fact.roll is not None:
        yield Insert(projections.roll_photos(fact.roll), place)
    yield Point(projections.entity(fact.id), fact.photo)


def _fate(fact: PhotoDeveloped | PhotoSpoiled | PhotoDeleted) -> Changes:
    match fact:
        case PhotoDeveloped(photo=photo):
            yield _note(photo, _developed(fact))
        case PhotoSpoiled(photo=photo, reason=reason):
            yield _note(photo, Card(spoiled=reason))
        case PhotoDeleted(photo=photo, by=author, roll=roll):
            gone = hashes.fields(Card(deleted_at=fact.at))  # what counts: every read asks the card
            yield Save(projections.card(photo), {**gone, "caption": ""})
            yield Remove(projections.user_photos(author), projections.place(photo))
            if roll:
                yield Remove(projections.roll_photos(roll), projections.place(photo))
            yield from moderation.settled(photo)


def _note(photo: PhotoId, card: Card) -> Save:
    """Only the fields that `card` has are written; those of other facts stay."""
    return Save(projections.card(photo), hashes.fields(card))


def _developed(fact: PhotoDeveloped) -> Card:
    return Card(
        developed_at=fact.at,
        placeholder=fact.placeholder,
        width_px=fact.width_px,
        height_px=fact.height_px,
        sizes=tuple(Size(name=r.name, key=r.key, width_px=r.width_px, height_px=r.height_px) for r in fact.renditions),
    )


def _profile(fact: UserRegistered) -> Profile:
    text = fact.personal
    return Profile(username=text.username, display_name=text.display_name, tz=fact.tz, registered_at=fact.at)


def _roll(fact: RollOpened) -> Roll:
    return Roll(
        owner=fact.by,
        name=fact.personal.name,
        film=fact.film,
        develop=fact.develop,
        tz=fact.tz,
        visibility=fact.visibility,
        opened_at=fact.at,
    )


def _invite(fact: RollInviteCreated) -> Invite:
    return Invite(roll=fact.roll, expires_at=fact.expires_at, created_at=fact.at)


def _secret(secret: Secret) -> Changes:
    match secret:
        case Password(user=user):
            yield Point(projections.password(user), secret.hash)
        case Session(token_sha256=token, user=user, expires_at=expires_at):
            yield Point(projections.session(token), user, expires_at)
            own = projections.sessions(user, expires_at)
            yield Include(own, token)
            yield Until(own, projections.day_after(expires_at))
        case Ended(key=key):
            yield Forget(_ended(key))


def _ended(key: str) -> Key:
    match key.partition(":"):
        case ("password", _, user):
            return projections.password(UserId(user))
        case ("session", _, token):
            return projections.session(token)
        case _:
            raise ValueError(f"key of a secret is {key!r}; expected password:<user> or session:<sha256>")
