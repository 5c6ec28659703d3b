//! Which STUN and TURN servers people are told of.

use serde_json::{Value, json};
use tsuji_core::WallTime;
use tsuji_signaling::Input;
use tsuji_signaling::ice_server::{Access, IceServer, IceServers, TurnSecret, good_until};

use crate::world::World;

fn servers() -> IceServers {
    IceServers {
        servers: vec![IceServer {
            url: "stun:stun.example".to_owned(),
            access: Access::Free,
        }],
        relay: Some(TurnSecret::new(b"secret")),
        epoch: WallTime::from_unix_micros(1_700_000_000_000_000),
    }
}

/// What the first and the second offer name to somebody who reached the server by this `Host`.
fn told(host: Option<&str>) -> (Value, Value) {
    let mut world = World::new();
    world.lobby.tell_ice_servers(servers());
    let connection = world.open();
    if let Some(host) = host {
        let host = host.parse().unwrap();
        world.input(Input::SecureHost { connection, host });
    }
    world.create(connection);
    let participant = world.call(connection, "Mika").unwrap();
    world.offer(participant, 1, &[None]);
    let first = world.hears_json(connection)["iceServers"].clone();
    world.offer(participant, 2, &[None]);
    let second = world.hears_json(connection)["iceServers"].clone();
    (first, second)
}

#[test]
fn the_first_offer_names_the_relay_by_the_host_that_was_asked_and_later_ones_nothing() {
    let (first, second) = told(Some("meet.example:8443"));
    assert_eq!(first[0]["urls"], "turns:meet.example:8443?transport=tcp");
    let user = first[0]["username"].as_str().unwrap();
    assert_eq!(good_until(user), Some(1_700_000_000 + 24 * 3_600));
    let password = TurnSecret::new(b"secret").password(user);
    assert_eq!(first[0]["credential"], password);
    assert_eq!(first[1], json!({"urls": "stun:stun.example"}));
    assert_eq!(second, Value::Null);
}

#[test]
fn without_tls_of_our_own_or_with_an_absurd_host_there_is_no_relay() {
    let absurd = format!("{}.example", "a".repeat(300));
    for host in [None, Some(absurd.as_str())] {
        let (first, _) = told(host);
        assert_eq!(first, json!([{"urls": "stun:stun.example"}]), "{host:?}");
    }
}
