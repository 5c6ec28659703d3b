//! Connections in memory: bytes in, bytes out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::Waker;
use std::time::Duration;

use tsuji_core::{Notice, ParticipantId, Path, Time, WallTime};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::ice_server::TurnSecret;

use super::*;
use crate::dump::Bell;
use crate::front::relay::{Ground, Peers};
use crate::history::Keeper;
use crate::limits::Limits;
use crate::messages::{FromMedia, ToMedia};
use crate::metrics::Reporter;
use crate::queue::{Receiver, Sender, Taken, queue};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const REMOTE: SocketAddr = SocketAddr::new(PEER, 4_000);
/// The UDP socket of its media side.
const MEDIA: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 10_000);
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const JOIN: &[u8] = br#"{"type":"join"}"#;

/// A front without sockets.
struct World {
    desk: Desk,
    media: Receiver<ToMedia>,
    /// Dropped, the media side is gone.
    notices: Sender<FromMedia>,
}

impl World {
    fn new(limits: Limits) -> Self {
        let waker = || Waker::noop().clone();
        let (orders, media) = queue(limits.queue, limits.queue_backlog, waker(), waker());
        let (notices, notices_out) = queue(1, 1, waker(), waker());
        let signaling = tsuji_signaling::Limits::default();
        Self {
            desk: Desk::new(
                limits,
                signaling,
                [7; 32],
                vec![Side {
                    orders,
                    notices: notices_out,
                    sockets: vec![MEDIA],
                }],
                Links {
                    trace: Bell::default(),
                    drain: Drain::default(),
                    reporter: Reporter::default(),
                    keeper: Keeper::default(),
                    _admin: None,
                    relays: Some(Ground {
                        secret: TurnSecret::new(b"secret"),
                        epoch: WallTime::from_unix_micros(0),
                        peers: Peers::of(&[]),
                    }),
                },
            ),
            media,
            notices,
        }
    }

    fn admit(&mut self) -> (ConnectionId, Connection) {
        let (id, exchange) = self.desk.admit(Time::ZERO, PEER).expect("there is room");
        (
            id,
            Connection::new(id, REMOTE, exchange, self.desk.limits()),
        )
    }

    /// A connection that has become a WebSocket, and has been told so.
    fn open(&mut self) -> (ConnectionId, Connection) {
        let (id, mut connection) = self.admit();
        connection.receive(UPGRADE.as_bytes());
        let answer = self.run(&mut connection);
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        (id, connection)
    }

    /// Lets a connection do all that it can, with a peer that reads everything.
    fn run(&mut self, connection: &mut Connection) -> Vec<u8> {
        let mut sent = Vec::new();
        loop {
            connection.turn(Time::ZERO, &mut self.desk);
            connection.obey(Time::ZERO, &mut self.desk);
            let bytes = connection.to_send().to_vec();
            connection.sent(Time::ZERO, bytes.len());
            if connection.wants_to_finish() {
                connection.finish();
            }
            if bytes.is_empty() && !connection.wants_turn() {
                return sent;
            }
            sent.extend(bytes);
        }
    }
}

/// A frame of a client, its mask without effect.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x80 | opcode, 0x80 | 126], &length[..], &[0; 4], payload].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn requests_that_come_in_single_bytes_and_together_are_all_answered() {
    let mut world = World::new(Limits::default());
    let (_, mut connection) = world.admit();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for byte in request {
        assert!(connection.is_hungry());
        connection.receive(&[*byte]);
        connection.turn(Time::ZERO, &mut world.desk);
    }
    let first = world.run(&mut connection);
    assert!(first.starts_with(b"HTTP/1.1 200 "));
    connection.receive(&request.repeat(3));
    let answers = world.run(&mut connection);
    assert_eq!(text(&answers).matches("HTTP/1.1 200 ").count(), 3);
}

#[test]
fn a_message_right_behind_the_handshake_is_heard_and_its_answer_follows_the_response() {
    let mut world = World::new(Limits::default());
    let (_, mut connection) = world.admit();
    connection.receive(&[UPGRADE.as_bytes(), &frame(1, JOIN)].concat());
    let answer = text(&world.run(&mut connection));
    assert!(answer.starts_with("HTTP/1.1 101 "));
    assert!(answer.contains(r#"{"type":"join","room":""#), "{answer}");
}

#[test]
fn what_the_lobby_wants_of_the_media_side_is_told_to_it() {
    let mut world = World::new(Limits::default());
    let (_, mut connection) = world.open();
    connection.receive(&frame(1, JOIN));
    connection.receive(&frame(1, br#"{"type":"call","name":"Ren"}"#));
    world.run(&mut connection);
    world.desk.flush();
    assert!(matches!(
        world.media.take(),
        Taken::Item(ToMedia::Command(tsuji_core::Command::Enter { .. }))
    ));
}

/// Bounds that are reached with little.
fn tight() -> Limits {
    Limits {
        send_queue_bytes: 4_096,
        send_queue_pause_bytes: 1_024,
        ..Limits::default()
    }
}

#[test]
fn who_asks_without_reading_the_answers_is_not_read_from_and_given_up_in_the_end() {
    let limits = tight();
    let mut world = World::new(limits.clone());
    let (id, mut connection) = world.open();
    let t = Time::from_millis(7);
    let mut asked = 0;
    while connection.is_hungry() {
        connection.receive(&frame(2, b"not understood"));
        connection.turn(t, &mut world.desk);
        connection.sent(t, 0);
        asked += 1;
    }
    assert!(asked < 30, "{asked} answers fit into a KiB");
    assert!(connection.to_send().len() < limits.send_queue_pause_bytes + 256);
    let deadline = t + limits.send_stall;
    assert_eq!(connection.deadline(&limits), Some(deadline));
    connection.timeout(deadline, &mut world.desk);
    assert!(connection.is_gone() && !world.desk.knows(id));
}

#[test]
fn who_reads_nothing_of_what_it_is_told_is_given_up_when_its_queue_is_full() {
    let limits = tight();
    let mut world = World::new(limits.clone());
    let (id, mut connection) = world.open();
    connection.receive(&frame(1, JOIN));
    connection.receive(&frame(1, br#"{"type":"call","name":"Ren"}"#));
    world.run(&mut connection);
    let mut told = 0;
    while world.desk.knows(id) {
        let notice = Notice::Candidate {
            participant: ParticipantId(1),
            candidate: Some("c".repeat(100)),
        };
        world.notices.send(FromMedia::Notice(notice)).unwrap();
        world.desk.turn(Time::ZERO).unwrap();
        connection.obey(Time::ZERO, &mut world.desk);
        connection.sent(Time::ZERO, 0);
        told += 1;
        assert!(
            told * 100 < 2 * limits.send_queue_bytes,
            "more waits than may"
        );
    }
    assert!(told * 100 > limits.send_queue_bytes / 2);
    assert!(connection.is_gone());
}

#[test]
fn a_peer_that_vanishes_or_closes_is_gone_for_the_lobby_and_for_the_desk() {
    let mut world = World::new(Limits::default());
    let (id, mut connection) = world.open();
    connection.receive(&frame(8, &1000_u16.to_be_bytes()));
    let answer = world.run(&mut connection);
    assert_eq!(answer, [0x88, 2, 0x03, 0xe8], "a close frame is answered");
    assert!(world.desk.knows(id), "until the peer has closed too");
    connection.receive_end();
    world.run(&mut connection);
    assert!(connection.is_gone() && !world.desk.knows(id));

    let (id, mut connection) = world.open();
    connection.receive_end();
    world.run(&mut connection);
    assert!(connection.is_gone() && !world.desk.knows(id));
}

#[test]
fn broken_frames_are_answered_with_their_close_code_and_nothing_behind_them_is_heard() {
    let broken = [
        (frame(3, b""), 1002_u16),
        (frame(1, b"\xff"), 1007),
        (
            vec![0x81, 0x80 | 127, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            1009,
        ),
    ];
    for (bytes, code) in broken {
        let mut world = World::new(Limits::default());
        let (_, mut connection) = world.open();
        connection.receive(&bytes);
        connection.receive(&frame(1, JOIN));
        let answer = world.run(&mut connection);
        let close = answer.windows(2).any(|pair| pair == code.to_be_bytes());
        assert!(close, "{code}: {}", text(&answer));
        assert!(!text(&answer).contains(r#""room""#));
    }
}

#[test]
fn one_page_too_many_closes_the_oldest_and_one_connection_too_many_is_refused() {
    let limits = Limits {
        http_connections: 2,
        connections: 3,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let (_, _socket) = world.open();
    let (oldest, mut connection) = world.admit();
    let (second, _) = world.admit();
    assert!(world.desk.admit(Time::ZERO, PEER).is_none());
    world.desk.gone(Time::ZERO, second);
    let (_, _third) = world.admit();
    assert!(world.desk.knows(oldest));
    world.desk.gone(Time::ZERO, ConnectionId(0));
    let (_, _fourth) = world.admit();
    assert!(!world.desk.knows(oldest));
    connection.obey(Time::ZERO, &mut world.desk);
    assert!(connection.is_gone());
}

#[test]
fn a_shutdown_closes_websockets_with_1001_and_pages_behind_their_response() {
    let mut world = World::new(Limits::default());
    let (_, mut socket) = world.open();
    let (_, mut idle) = world.admit();
    let (_, mut page) = world.admit();
    page.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    page.turn(Time::ZERO, &mut world.desk);
    world.desk.shutdown(Time::ZERO);
    let last = world.run(&mut socket);
    assert!(last.windows(2).any(|pair| pair == 1001_u16.to_be_bytes()));
    assert!(world.run(&mut page).starts_with(b"HTTP/1.1 200 "));
    idle.obey(Time::ZERO, &mut world.desk);
    assert!(idle.is_gone());
    for connection in [&mut socket, &mut page] {
        connection.receive_end();
        world.run(connection);
    }
    assert_eq!(world.desk.connections(), 0);
}

#[test]
fn who_lingers_is_let_go_of() {
    let limits = Limits::default();
    let mut world = World::new(limits.clone());
    let (id, mut connection) = world.admit();
    connection.receive(b"nonsense\r\n\r\n");
    let answer = world.run(&mut connection);
    assert!(answer.starts_with(b"HTTP/1.1 400 "));
    connection.receive(b"and more of it");
    world.run(&mut connection);
    assert_eq!(
        connection.deadline(&limits),
        Some(Time::ZERO + limits.linger)
    );
    connection.timeout(
        Time::ZERO + limits.linger + Duration::from_micros(1),
        &mut world.desk,
    );
    assert!(connection.is_gone() && !world.desk.knows(id));
}

/// A STUN binding request as the first frame of a connection. It names somebody of shard 0.
const CHECK: [u8; 74] = *b"\0\x48\0\x01\0\x34\x21\x12\xa4\x42transaction.\
    \0\x06\0\x0eAAAAfragment:x\0\0\0\x24\0\x04prio\0\x08\0\x14message's integrity.";

/// What the media side was told.
fn told(world: &mut World) -> Vec<ToMedia> {
    world.desk.flush();
    let media = &mut world.media;
    let next = || match media.take() {
        Taken::Item(item) => Some(item),
        Taken::Empty | Taken::Closed => None,
    };
    std::iter::from_fn(next).collect()
}

fn tell(world: &mut World, message: FromMedia) {
    world.notices.send(message).unwrap();
    world.notices.flush().unwrap();
    world.desk.turn(Time::ZERO).unwrap();
}

#[test]
fn frames_of_media_pass_both_ways_until_the_media_side_rejects_them() {
    let mut world = World::new(Limits::default());
    let (id, mut connection) = world.admit();
    for byte in [&CHECK[..], b"\0\x02hi"].concat() {
        assert!(connection.is_hungry());
        connection.receive(&[byte]);
        assert_eq!(world.run(&mut connection), b"");
    }
    let frame = |payload: &[u8]| ToMedia::Frame {
        connection: id,
        payload: payload.to_vec(),
    };
    let opened = ToMedia::MediaOpened {
        connection: id,
        remote: REMOTE,
    };
    assert_eq!(told(&mut world), [opened, frame(&CHECK[2..]), frame(b"hi")]);

    let payload = b"there".to_vec();
    let answer = FromMedia::Frame {
        connection: id,
        payload,
    };
    tell(&mut world, answer);
    assert_eq!(world.run(&mut connection), b"\0\x05there");

    tell(&mut world, FromMedia::Reject { connection: id });
    world.run(&mut connection);
    assert!(connection.is_gone() && !world.desk.knows(id));
    assert_eq!(told(&mut world), [ToMedia::MediaClosed { connection: id }]);
}

#[test]
fn media_that_names_no_side_is_given_up_at_its_first_frame() {
    let mut other_shard = CHECK;
    let place = CHECK.iter().position(|byte| *byte == b'A').unwrap();
    other_shard[place] = b'B';
    let mut nobody = CHECK;
    nobody[place] = b'-';
    for frame in [other_shard, nobody] {
        let mut world = World::new(Limits::default());
        let (id, mut connection) = world.admit();
        connection.receive(&frame);
        world.run(&mut connection);
        assert!(connection.is_gone() && !world.desk.knows(id));
        assert_eq!(told(&mut world), []);
    }
}

#[test]
fn media_whose_owner_does_not_show_is_given_up_in_time_and_holds_no_place() {
    let limits = Limits {
        http_connections: 1,
        ..Limits::default()
    };
    let mut world = World::new(limits.clone());
    let (id, mut stranger) = world.admit();
    stranger.receive(&CHECK);
    world.run(&mut stranger);
    let deadline = stranger.deadline(&limits).unwrap();
    assert_eq!(deadline, Time::ZERO + limits.media_handshake);
    stranger.timeout(deadline, &mut world.desk);
    assert!(stranger.is_gone() && !world.desk.knows(id));

    let (id, mut stranger) = world.admit();
    stranger.receive(&CHECK);
    world.run(&mut stranger);
    world.admit();
    assert!(!world.desk.knows(id), "a page needed its place");
    let (opened, closed): (Vec<_>, Vec<_>) = told(&mut world)
        .into_iter()
        .filter(|message| !matches!(message, ToMedia::Frame { .. }))
        .partition(|message| matches!(message, ToMedia::MediaOpened { .. }));
    assert_eq!((opened.len(), closed.len()), (2, 2));
}

#[test]
fn media_for_a_slow_connection_is_lost_in_whole_frames_and_bounded() {
    let limits = Limits::default();
    let mut world = World::new(limits.clone());
    let (id, mut connection) = world.admit();
    connection.receive(&CHECK);
    world.run(&mut connection);
    let frames = 2 * limits.media_queue_bytes / 1_000;
    for number in 0..frames {
        let answer = FromMedia::Frame {
            connection: id,
            payload: vec![number as u8; 1_000],
        };
        tell(&mut world, answer);
        connection.obey(Time::ZERO, &mut world.desk);
        connection.sent(Time::ZERO, 0);
    }
    assert!(connection.is_hungry(), "it may still say something");
    let sent = world.run(&mut connection);
    assert!(sent.len() < limits.media_queue_bytes + limits.media_write_bytes + 2_000);
    let mut numbers = Vec::new();
    for frame in sent.chunks(1_002) {
        assert_eq!(frame[..2], 1_000_u16.to_be_bytes());
        assert!(frame[2..].iter().all(|byte| *byte == frame[2]));
        numbers.push(usize::from(frame[2]));
    }
    assert!(numbers.len() > 100 && numbers.len() < frames);
    assert!(
        numbers.iter().copied().eq(0..numbers.len()),
        "the first ones"
    );
}

#[test]
fn one_address_has_a_bounded_number_of_connections_with_media() {
    let limits = Limits {
        media_connections_per_address: 2,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let mut begin = || {
        let (id, mut connection) = world.admit();
        connection.receive(&CHECK);
        world.run(&mut connection);
        if world.desk.knows(id) { Some(id) } else { None }
    };
    let (first, second, third) = (begin(), begin(), begin());
    assert!(first.is_some() && second.is_some() && third.is_none());
    world.desk.gone(Time::ZERO, first.unwrap());
    let (id, mut connection) = world.admit();
    connection.receive(&CHECK);
    world.run(&mut connection);
    assert!(world.desk.knows(id), "one of them has ended");
}

/// An Allocate request of a relay without a password.
const ALLOCATE: [u8; 20] = [
    0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

#[test]
fn one_address_has_so_many_relays_and_others_have_theirs() {
    let limits = Limits {
        media_connections_per_address: 2,
        relays: 3,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let other = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
    let mut begin = |peer| {
        let (id, _) = world.desk.admit(Time::ZERO, peer).expect("there is room");
        let remote = SocketAddr::new(peer, 4_000);
        let grant = world.desk.relay_began(Time::ZERO, id, remote);
        assert_eq!(grant.is_some(), world.desk.knows(id));
        grant.map(|_| id)
    };
    let first = begin(PEER).expect("the first");
    assert!(begin(PEER).is_some());
    assert_eq!(begin(PEER), None, "too many for its address");
    assert!(begin(other).is_some());
    assert_eq!(begin(other), None, "too many in all");
    world.desk.gone(Time::ZERO, first);
    let (again, _) = world.admit();
    let grant = world.desk.relay_began(Time::ZERO, again, REMOTE);
    assert!(grant.is_some(), "one of them has ended");
    // Its address is none that was somebody's before.
    world
        .desk
        .hear_relayed(Time::ZERO, again, MEDIA, vec![7; 20]);
    world.desk.flush();
    let expected = ToMedia::Relayed {
        connection: again,
        path: Path::udp(MEDIA, "192.0.0.8:4".parse().unwrap()),
        payload: vec![7; 20],
    };
    let mut told = Vec::new();
    while let Taken::Item(item) = world.media.take() {
        told.push(item);
    }
    assert!(told.contains(&expected), "{told:?}");
}

#[test]
fn without_tls_there_is_no_relay() {
    let mut world = World::new(Limits::default());
    let (_, mut connection) = world.admit();
    connection.receive(&ALLOCATE);
    let answer = text(&world.run(&mut connection));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
