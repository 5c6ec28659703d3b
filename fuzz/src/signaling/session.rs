//! A whole story, one event a line, so that seeds can be read and a dictionary helps:
//!
//! ```text
//!  o3 a        connection 3 opens, from address a    t3 TEXT   it sends a text; %R: the last room
//!  b3  z3      it sends a binary, an oversized one   a3        another frame
//!  c3          it is closed                          w500      500 ms pass, with every timeout
//!  W500        500 ms pass, with one timeout         s         the server stops
//!  f1 2 SDP    the core offers to p1, who sees p2    k1 LINE   a candidate of the core for p1
//!  l1 2        slots of p1 show p2                   u1        p1 is connected
//!  r1 TEXT     a command of p1 is refused            g1 3      p1 is gone, third reason
//! ```
//! `%T` in a text is the token of the last offer. A first line `small` makes every limit small. What is no event is a text from connection 0.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tsuji_core::{CommandError, GoneReason, Notice, ParticipantId};
use tsuji_signaling::{ConnectionId, Input, Limits};

use super::crowd::{Crowd, offer, slots};

/// Lines beyond are not read: a story may be long, but has an end.
const LINES: usize = 400;

/// The input is a story as above.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let story = String::from_utf8_lossy(data);
    let small = story.starts_with("small");
    let limits = if small {
        small_limits()
    } else {
        Limits::default()
    };
    let mut teller = Teller {
        crowd: Crowd::new(limits),
        connections: BTreeMap::new(),
    };
    for line in story.lines().take(LINES) {
        teller.event(line);
    }
    teller.crowd.end();
}

fn small_limits() -> Limits {
    Limits {
        message_bytes: 256,
        connections: 6,
        connections_per_address: 3,
        rooms: 2,
        participants: 5,
        participants_per_room: 3,
        guesses: 3,
        message_burst: 8,
        excess_messages: 4,
        ..Limits::default()
    }
}

struct Teller {
    crowd: Crowd,
    connections: BTreeMap<u8, ConnectionId>,
}

impl Teller {
    fn event(&mut self, line: &str) {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut letters = head.chars();
        let verb = letters.next().unwrap_or(' ');
        let number: u64 = letters.as_str().parse().unwrap_or(0);
        let who = (number % 10) as u8;
        let gone = ConnectionId(u64::MAX);
        let connection = self.connections.get(&who).copied().unwrap_or(gone);
        let participant = ParticipantId(number);
        match verb {
            'o' => self.open(who, rest),
            't' => self.text(connection, rest),
            'b' => self.crowd.input(Input::Binary { connection }),
            'z' => self.crowd.input(Input::Oversized { connection }),
            'a' => self.crowd.input(Input::Alive { connection }),
            'c' => {
                if self.connections.remove(&who).is_some() {
                    self.crowd.close(connection);
                }
            }
            'w' => self.crowd.wait(number.min(3_600_000)),
            'W' => {
                let jump = std::time::Duration::from_millis(number.min(86_400_000));
                self.crowd.now = self.crowd.now + jump;
                self.crowd.input(Input::Timeout);
            }
            's' => self.crowd.input(Input::Shutdown),
            'f' => {
                let (source, sdp) = rest.split_once(' ').unwrap_or((rest, ""));
                self.notice(offer(participant, sdp.to_owned(), source.parse().ok()));
            }
            'k' => self.notice(Notice::Candidate {
                participant,
                candidate: (!rest.is_empty()).then(|| rest.to_owned()),
            }),
            'l' => self.notice(Notice::Slots {
                participant,
                slots: slots(rest.parse().ok()),
            }),
            'u' => self.notice(Notice::Connected { participant }),
            'r' => self.notice(Notice::Refused {
                participant,
                error: CommandError::BadDescription(rest.to_owned()),
            }),
            'g' => self.notice(Notice::Gone {
                participant,
                reason: reason(rest),
            }),
            _ => self.text(connection, line),
        }
    }

    fn open(&mut self, who: u8, address: &str) {
        let address: IpAddr = match address.as_bytes() {
            [] => [127, 0, 0, 1].into(),
            [letter, ..] => [203, 0, 113, *letter].into(),
        };
        if !self.connections.contains_key(&who) {
            let connection = self.crowd.open(address);
            self.connections.insert(who, connection);
        }
    }

    fn text(&mut self, connection: ConnectionId, text: &str) {
        let text = text.replace("%R", &self.crowd.room);
        let text = text.replace("%T", &self.crowd.token);
        self.crowd.text(connection, &text);
    }

    fn notice(&mut self, notice: Notice) {
        self.crowd.input(Input::Notice(notice));
    }
}

fn reason(text: &str) -> GoneReason {
    match text {
        "1" => GoneReason::Full,
        "2" => GoneReason::NeverConnected,
        "3" => GoneReason::ConnectionLost,
        "4" => GoneReason::NoAnswer,
        "5" => GoneReason::BadAnswer,
        "7" => GoneReason::Unreachable,
        _ => GoneReason::Internal,
    }
}
