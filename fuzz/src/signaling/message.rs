//! One text, at each place where a connection can stand.

use tsuji_core::ParticipantId;
use tsuji_signaling::message::ClientMessage;
use tsuji_signaling::{Input, Limits};

use super::crowd::{Crowd, offer};

/// The input is the text; what is no UTF-8 never gets this far in a server, and is a binary
/// message here.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let mut crowd = Crowd::new(Limits::default());
    let loopback = [127, 0, 0, 1].into();
    let greeting = crowd.open(loopback);
    let looking = crowd.open(loopback);
    let host = crowd.open(loopback);
    let guest = crowd.open(loopback);
    crowd.text(host, r#"{"type":"join"}"#);
    let look = format!(r#"{{"type":"join","room":"{}"}}"#, crowd.room);
    crowd.text(looking, &look);
    crowd.text(guest, &look);
    for (number, connection) in [(1, host), (2, guest)] {
        crowd.text(connection, r#"{"type":"call","name":"x"}"#);
        let offer = offer(ParticipantId(number), "v=0\r\n".to_owned(), None);
        crowd.input(Input::Notice(offer));
    }
    match std::str::from_utf8(data) {
        Ok(text) => {
            for connection in [greeting, looking, host] {
                crowd.text(connection, text);
            }
            round_trip(text);
        }
        Err(_) => crowd.input(Input::Binary { connection: host }),
    }
    // The others are as they were.
    crowd.text(guest, r#"{"type":"mute","kind":"audio","muted":true}"#);
    crowd.text(guest, r#"{"type":"leave"}"#);
    crowd.end();
}

/// What was understood can be said again, and means the same.
fn round_trip(text: &str) {
    let Ok(message) = ClientMessage::parse(text) else {
        return;
    };
    let again = serde_json::to_string(&message).expect("a message can be written");
    assert_eq!(ClientMessage::parse(&again), Ok(message), "{again}");
}
