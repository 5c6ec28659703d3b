//! A lobby with the connections around it, and what it promises about its outputs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tsuji_core::{
    Command, MediaKind, Mid, Negotiation, Notice, ParticipantId, PublishMids, Slot, Source, Time,
    TrackId,
};
use tsuji_signaling::message::ServerMessage;
use tsuji_signaling::{ConnectionId, Input, Limits, Lobby, Output};

/// A lobby, and who is connected.
pub(crate) struct Crowd {
    pub(crate) lobby: Lobby,
    pub(crate) now: Time,
    /// Open connections, and whether the lobby has closed them.
    open: BTreeMap<ConnectionId, bool>,
    opened: u64,
    /// The name of the room that was last created or looked at.
    pub(crate) room: String,
    /// For the core, oldest first.
    pub(crate) commands: Vec<Command>,
    /// The token of the last offer.
    pub(crate) token: String,
    /// Candidates of the core: who resumes a stay may be told all of them again.
    candidates: usize,
    /// The last message sent to each connection.
    pub(crate) last: BTreeMap<ConnectionId, ServerMessage>,
}

impl Crowd {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            lobby: Lobby::new(limits, [3; 32]),
            now: Time::ZERO,
            open: BTreeMap::new(),
            opened: 0,
            room: String::new(),
            commands: Vec::new(),
            token: String::new(),
            candidates: 0,
            last: BTreeMap::new(),
        }
    }

    pub(crate) fn open(&mut self, peer: IpAddr) -> ConnectionId {
        self.opened += 1;
        let connection = ConnectionId(self.opened);
        self.open.insert(connection, false);
        self.input(Input::Opened { connection, peer });
        connection
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.open.remove(&connection);
        self.input(Input::Closed { connection });
    }

    /// Closes everything and lets time pass until nothing is due any more.
    ///
    /// # Panics
    /// When something is left.
    pub(crate) fn end(&mut self) {
        while let Some((connection, _)) = self.open.pop_first() {
            self.input(Input::Closed { connection });
        }
        for _ in 0..10_000 {
            let Some(due) = self.lobby.deadline() else {
                return;
            };
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        panic!("after everybody left, something is still due");
    }

    pub(crate) fn text(&mut self, connection: ConnectionId, text: &str) {
        self.input(Input::Text { connection, text });
    }

    /// Hands in an input and checks what comes out.
    ///
    /// # Panics
    /// When the lobby does more than it promises.
    pub(crate) fn input(&mut self, input: Input<'_>) {
        // Those who have lost their WebSocket are there for a while.
        let people = self.open.len() + 1 + self.lobby.sizes().participants;
        self.candidates += usize::from(matches!(input, Input::Notice(Notice::Candidate { .. })));
        let waits = matches!(input, Input::Timeout);
        // Each input concerns each connection at most once and its own a few times; a timeout may
        // be the last moment of all of them, of which each then tells all others.
        let most = match input {
            Input::Timeout | Input::Shutdown => people * (people + 4),
            _ => 2 * people + 4 + self.candidates,
        };
        self.lobby.handle(self.now, input);
        let mut outputs = 0;
        while let Some(output) = self.lobby.poll() {
            outputs += 1;
            let (connection, closes) = match output {
                Output::Send { connection, text } => {
                    self.sent(connection, &text);
                    (connection, false)
                }
                Output::Ping { connection } => (connection, false),
                Output::Close {
                    connection, reason, ..
                } => {
                    assert!(reason.len() <= 123, "RFC 6455, 5.5");
                    (connection, true)
                }
                Output::Command(command) => {
                    self.commands.push(command);
                    continue;
                }
                // It is said to nobody.
                Output::Event(_) => {
                    outputs -= 1;
                    continue;
                }
            };
            let closed = self.open.get_mut(&connection);
            let closed = closed.expect("output to a connection that is gone");
            assert!(!*closed, "output to a connection behind its Close");
            *closed = closes;
        }
        assert!(
            outputs <= most,
            "{outputs} outputs, at most {most} expected"
        );
        if waits {
            let due = self.lobby.deadline();
            assert!(due.is_none_or(|due| due > self.now), "a timeout stays due");
        }
    }

    fn sent(&mut self, connection: ConnectionId, text: &str) {
        let message = serde_json::from_str(text).expect("a message can be read back");
        if let ServerMessage::Join { room, .. } = &message {
            self.room = room.to_string();
        }
        if let ServerMessage::Offer { token, .. } = &message {
            self.token.clone_from(token);
        }
        self.last.insert(connection, message);
    }

    /// Lets time pass, with every timeout when it is due.
    pub(crate) fn wait(&mut self, millis: u64) {
        let end = self.now + std::time::Duration::from_millis(millis);
        while let Some(due) = self.lobby.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        self.now = end;
    }
}

/// An offer as the core makes it.
pub(crate) fn offer(participant: ParticipantId, sdp: String, source: Option<u64>) -> Notice {
    Notice::Offer {
        participant,
        negotiation: Negotiation(1),
        sdp,
        publish: PublishMids {
            audio: Mid("0".to_owned()),
            video: Mid("1".to_owned()),
            screen: Mid("98".to_owned()),
            screen_audio: Mid("99".to_owned()),
        },
        slots: slots(source),
    }
}

pub(crate) fn slots(source: Option<u64>) -> Vec<Slot> {
    vec![Slot {
        mid: Mid("2".to_owned()),
        kind: MediaKind::Video,
        track: source.map(|id| TrackId {
            participant: ParticipantId(id),
            source: Source::Camera,
        }),
    }]
}
