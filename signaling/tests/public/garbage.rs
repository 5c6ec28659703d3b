//! Whatever comes, in whatever order: no panic, and each input has a bounded effect.

use std::time::Duration;

use proptest::prelude::*;
use tsuji_core::{CommandError, GoneReason, Mid, Negotiation, Notice};
use tsuji_core::{ParticipantId, PublishMids, Time};
use tsuji_signaling::message::ClientMessage;
use tsuji_signaling::{ConnectionId, Exchange, Input, Limits, Lobby, Output, Step};

use crate::world::slots;

const PEOPLE: u64 = 6;

#[derive(Clone, Debug)]
enum Event {
    Opened(u64),
    Text(u64, String),
    Binary(u64),
    Oversized(u64),
    Alive(u64),
    Closed(u64),
    Notice(Notice),
    Timeout,
    Shutdown,
    Wait(u64),
}

fn text() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        Just(r#""audio""#.to_owned()),
        Just(r#"{"candidate":"candidate:1 1 udp"}"#.to_owned()),
    ];
    let kind = prop::sample::select([&ClientMessage::TYPES[..], &["x"]].concat());
    let names = prop::sample::select(vec![
        "room",
        "name",
        "ice",
        "audio",
        "sdp",
        "negotiation",
        "candidate",
        "kind",
        "muted",
        "again",
        "token",
    ]);
    let fields = prop::collection::vec((names, field), 0..4);
    let shaped = (kind, fields).prop_map(|(kind, fields)| {
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!(r#","{name}":{value}"#))
            .collect();
        format!(r#"{{"type":"{kind}"{fields}}}"#)
    });
    prop_oneof![
        2 => any::<String>(),
        4 => shaped,
        4 => Just(r#"{"type":"join"}"#.to_owned()),
        4 => Just(r#"{"type":"call","name":"x"}"#.to_owned()),
        2 => Just(r#"{"type":"leave"}"#.to_owned()),
        2 => Just(r#"{"type":"mute","kind":"video","muted":true}"#.to_owned()),
    ]
}

fn notice() -> impl Strategy<Value = Notice> {
    let participant = (0..12_u64).prop_map(ParticipantId);
    let other = prop::option::of((0..12_u64).prop_map(ParticipantId));
    (participant, other, any::<Option<String>>(), 0..6).prop_map(
        |(participant, other, text, which)| match which {
            0 => Notice::Offer {
                participant,
                negotiation: Negotiation(1),
                sdp: text.unwrap_or_default(),
                publish: PublishMids {
                    audio: Mid("0".into()),
                    video: Mid("1".into()),
                    screen: Mid("98".into()),
                    screen_audio: Mid("99".into()),
                },
                slots: slots(&[other]),
            },
            1 => Notice::Candidate {
                participant,
                candidate: text,
            },
            2 => Notice::Slots {
                participant,
                slots: slots(&[other]),
            },
            3 => Notice::Connected { participant },
            4 => Notice::Refused {
                participant,
                error: CommandError::BadDescription(text.unwrap_or_default()),
            },
            _ => Notice::Gone {
                participant,
                reason: GoneReason::ConnectionLost,
            },
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..PEOPLE;
    prop_oneof![
        3 => who.clone().prop_map(Event::Opened),
        20 => (who.clone(), text()).prop_map(|(who, text)| Event::Text(who, text)),
        1 => who.clone().prop_map(Event::Binary),
        1 => who.clone().prop_map(Event::Oversized),
        2 => who.clone().prop_map(Event::Alive),
        2 => who.prop_map(Event::Closed),
        6 => notice().prop_map(Event::Notice),
        2 => Just(Event::Timeout),
        3 => (0..700_000_u64).prop_map(Event::Wait),
        1 => prop::bool::weighted(0.02).prop_map(|stop| if stop { Event::Shutdown } else { Event::Timeout }),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_the_lobby_does_little_and_does_not_panic(
        events in prop::collection::vec(event(), 0..200)
    ) {
        let limits = Limits { rooms: 3, participants_per_room: 4, ..Limits::default() };
        let mut lobby = Lobby::new(limits, [3; 32]);
        let mut now = Time::ZERO;
        let mut open = std::collections::BTreeMap::<u64, (ConnectionId, bool)>::new();
        let mut next = 0;
        for event in &events {
            let id = |who: &u64| open.get(who).map_or(ConnectionId(u64::MAX), |(id, _)| *id);
            let input = match event {
                Event::Opened(who) => {
                    if open.contains_key(who) { continue }
                    next += 1;
                    open.insert(*who, (ConnectionId(next), false));
                    Input::Opened { connection: ConnectionId(next), peer: [203, 0, 113, 5].into() }
                }
                Event::Text(who, text) => Input::Text { connection: id(who), text },
                Event::Binary(who) => Input::Binary { connection: id(who) },
                Event::Oversized(who) => Input::Oversized { connection: id(who) },
                Event::Alive(who) => Input::Alive { connection: id(who) },
                Event::Closed(who) => {
                    let connection = id(who);
                    open.remove(who);
                    Input::Closed { connection }
                }
                Event::Notice(notice) => Input::Notice(notice.clone()),
                Event::Timeout => Input::Timeout,
                Event::Shutdown => Input::Shutdown,
                Event::Wait(millis) => {
                    now = now + Duration::from_millis(*millis);
                    Input::Timeout
                }
            };
            let bound = match input {
                Input::Timeout | Input::Shutdown => 12 * PEOPLE,
                _ => PEOPLE + 4,
            };
            lobby.handle(now, input);
            let mut outputs = 0;
            while let Some(output) = lobby.poll() {
                outputs += 1;
                let (connection, closes) = match output {
                    Output::Send { connection, .. } | Output::Ping { connection } => (connection, false),
                    Output::Close { connection, .. } => (connection, true),
                    Output::Command(_) | Output::Event(_) => continue,
                };
                let known = open.values_mut().find(|(id, _)| *id == connection);
                let Some((_, closed)) = known else {
                    return Err(TestCaseError::fail("output to a connection that is gone"));
                };
                prop_assert!(!*closed, "output after Close");
                *closed = closes;
            }
            prop_assert!(outputs <= bound, "{outputs} outputs for {event:?}");
            prop_assert!(lobby.deadline().is_none_or(|due| due > now || !matches!(event, Event::Timeout | Event::Wait(_))));
        }
    }

    #[test]
    fn whatever_bytes_come_http_answers_or_waits_within_its_bounds(
        chunks in prop::collection::vec(chunk(), 0..20)
    ) {
        let mut exchange = Exchange::new(&Limits::default(), Time::ZERO);
        for chunk in &chunks {
            let mut step = exchange.receive(Time::ZERO, chunk);
            let mut responses = 0;
            loop {
                match step {
                    Step::Read => break,
                    Step::Upgrade { .. } => return Ok(()),
                    Step::Respond { bytes, close } | Step::WriteTrace { bytes, close } => {
                        prop_assert!(bytes.is_empty() && close || bytes.starts_with(b"HTTP/1.1 "));
                        if close { return Ok(()) }
                    }
                }
                responses += 1;
                prop_assert!(responses <= chunks.iter().map(Vec::len).sum::<usize>() / 16);
                step = exchange.receive(Time::ZERO, &[]);
            }
        }
    }
}

fn chunk() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD /r/x HTTP/1.1\r\nHost: a\r\n",
        b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"\n",
        b"GET /%00/../x HTTP/1.0\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
    ]
}
