//! Where an application signs who may enter, nobody else may.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tsuji_core::WallTime;
use tsuji_signaling::ConnectionId;
use tsuji_signaling::error::ErrorCode::*;
use tsuji_signaling::message::{ClientMessage, Join, ServerMessage};
use tsuji_signaling::token::{BadJoinKey, JoinKey};

use crate::world::World;

const SECRET: &[u8] = b"a secret of the application, which has enough bytes";
const ROOM: &str = "KUMA-ARE-TSUJ";
/// 2026-01-01 00:00 UTC.
const BEGIN: u64 = 1_767_225_600;

/// RFC 8032, 7.1, test 1, as PKCS #8 (RFC 8410, 7).
const ED25519_SECRET: [u8; 48] =
    *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\
    \x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\
    \x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
const ED25519_PUBLIC: [u8; 32] =
    *b"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\
    \x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";

fn world(key: JoinKey) -> World {
    let mut world = World::new();
    let epoch = WallTime::from_unix_micros(BEGIN * 1_000_000);
    world.lobby.admit_bearers(key, epoch);
    world
}

fn hs256() -> World {
    world(JoinKey::hs256(SECRET).unwrap())
}

fn sign(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET);
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// For Ren, who may open the room, for an hour.
fn claims() -> Value {
    json!({ "room": ROOM, "name": "Ren", "exp": BEGIN + 3_600, "may-create": true })
}

fn with(field: &str, value: Value) -> String {
    let mut claims = claims();
    claims[field] = value;
    sign(&claims)
}

fn join(world: &mut World, room: Option<&str>, token: &str) -> ConnectionId {
    let connection = world.open();
    let join = Join {
        room: room.map(str::to_owned),
        token: Some(token.to_owned()),
        ..Join::default()
    };
    world.say(connection, &ClientMessage::Join(join));
    connection
}

#[test]
fn a_bearer_opens_its_room_and_has_the_name_that_was_signed() {
    let mut world = hs256();
    let ren = join(&mut world, None, &sign(&claims()));
    let joined = world.hears_json(ren);
    assert_eq!(
        joined,
        json!({ "type": "join", "room": ROOM, "participants": [], "name": "Ren" })
    );
    let me = world.call(ren, "Somebody else").unwrap();
    world.offer(me, 1, &[]);
    world.forget();

    let token = json!({ "room": ROOM, "exp": BEGIN + 3_600, "sub": "others may be there" });
    let mika = join(&mut world, Some("kuma are tsuj"), &sign(&token));
    let joined = world.hears_json(mika);
    assert_eq!(joined["participants"][0]["name"], "Ren");
    assert_eq!(joined.get("name"), None);
    world.call(mika, "Mika").unwrap();
    assert_eq!(world.hears_json(ren)["participant"]["name"], "Mika");
}

#[test]
fn without_a_token_nobody_looks_and_nobody_creates() {
    let mut world = hs256();
    let ren = join(&mut world, None, &sign(&claims()));
    world.heard(ren);
    let eve = world.open();
    for message in [ClientMessage::create(), ClientMessage::look(ROOM)] {
        world.say(eve, &message);
        world.is_refused(eve, TokenRequired);
    }
    assert_eq!(world.call(eve, "Eve"), None);
}

#[test]
fn who_may_not_create_waits_for_who_may() {
    let mut world = hs256();
    let guest = with("may-create", json!(false));
    let early = join(&mut world, None, &guest);
    world.is_refused(early, RoomNotFound);
    let host = join(&mut world, None, &sign(&claims()));
    world.heard(host);
    let late = join(&mut world, None, &guest);
    assert!(matches!(world.hears(late), ServerMessage::Join { .. }));
}

#[test]
fn a_token_that_is_not_right_in_everything_is_worth_nothing() {
    let good = sign(&claims());
    let (head, tail) = good.split_once('.').unwrap();
    let (payload, signature) = tail.split_once('.').unwrap();
    let other_key = EncodingKey::from_secret(&[7; 32]);
    let by_another = encode(&Header::new(Algorithm::HS256), &claims(), &other_key).unwrap();
    let with_hs512 = encode(
        &Header::new(Algorithm::HS512),
        &claims(),
        &EncodingKey::from_secret(SECRET),
    )
    .unwrap();
    // {"alg":"none","typ":"JWT"}: RFC 8725, 2.1.
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let mut no_room = claims();
    no_room.as_object_mut().unwrap().remove("room");
    let mut no_end = claims();
    no_end.as_object_mut().unwrap().remove("exp");
    let cases = [
        ("nothing", String::new()),
        ("no token", "KUMA-ARE-TSUJ".to_owned()),
        ("two parts", format!("{head}.{payload}")),
        ("no signature", format!("{head}.{payload}.")),
        (
            "half a signature",
            format!("{head}.{payload}.{}", &signature[..20]),
        ),
        (
            "another payload",
            format!(
                "{head}.{}.{signature}",
                with("name", json!("Eve")).split('.').nth(1).unwrap()
            ),
        ),
        ("the algorithm none", format!("{none}.{payload}.")),
        (
            "the algorithm none, signed",
            format!("{none}.{payload}.{signature}"),
        ),
        ("another key", by_another),
        ("another algorithm", with_hs512),
        ("expired", with("exp", json!(BEGIN - 31))),
        ("not yet valid", with("nbf", json!(BEGIN + 31))),
        ("no room", sign(&no_room)),
        ("no end", sign(&no_end)),
        ("a room that is none", with("room", json!("lobby"))),
        ("a name that is none", with("name", json!("\u{202e}"))),
        ("an end that is no number", with("exp", json!("tomorrow"))),
        (
            "megabytes",
            format!("{head}.{}.{signature}", "A".repeat(100_000)),
        ),
    ];
    let mut world = hs256();
    for (what, token) in cases {
        let eve = join(&mut world, None, &token);
        let heard = world.heard(eve);
        let refused = matches!(&heard[..], [ServerMessage::Error { code: BadToken, .. }]);
        assert!(refused, "{what}: {heard:?}");
        assert_eq!(world.call(eve, "Eve"), None, "{what}");
    }
    let other_room = join(&mut world, Some("AAAA-AAA-AAAA"), &good);
    world.is_refused(other_room, BadToken);
}

#[test]
fn time_is_the_time_that_the_lobby_is_told() {
    let mut world = hs256();
    let token = with("nbf", json!(BEGIN + 600));
    let early = join(&mut world, None, &token);
    world.is_refused(early, BadToken);
    world.wait(Duration::from_secs(600));
    let ren = join(&mut world, None, &token);
    assert!(matches!(world.hears(ren), ServerMessage::Join { .. }));
    world.wait(Duration::from_secs(3_000 + 30));
    let late = join(&mut world, None, &token);
    world.is_refused(late, BadToken);
}

#[test]
fn a_public_key_takes_its_own_signatures_only() {
    let mut world = world(JoinKey::ed25519(&ED25519_PUBLIC));
    let key = EncodingKey::from_ed_der(&ED25519_SECRET);
    let token = encode(&Header::new(Algorithm::EdDSA), &claims(), &key).unwrap();
    let ren = join(&mut world, None, &token);
    assert!(matches!(world.hears(ren), ServerMessage::Join { .. }));

    // The classic: the public key as the secret of another algorithm (RFC 8725, 2.1).
    let public = EncodingKey::from_secret(&ED25519_PUBLIC);
    let forged = encode(&Header::new(Algorithm::HS256), &claims(), &public).unwrap();
    let eve = join(&mut world, None, &forged);
    world.is_refused(eve, BadToken);
}

#[test]
fn a_secret_that_could_be_guessed_is_no_key() {
    assert_eq!(
        JoinKey::hs256(&[7; 31]).unwrap_err(),
        BadJoinKey::ShortSecret(31)
    );
    let shown = format!("{:?}", JoinKey::hs256(SECRET).unwrap());
    assert!(!shown.contains("secret"), "{shown}");
}
