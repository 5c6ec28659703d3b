//! A lobby with the people around it, on virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use tsuji_core::{
    Command, MediaKind, Mid, Negotiation, Notice, ParticipantId, PublishMids, Slot, Source, Time,
    TrackId,
};
use tsuji_signaling::message::{ClientMessage, Ice, Join, ServerMessage};
use tsuji_signaling::{ConnectionId, Event, Input, Limits, Lobby, Output};

pub(crate) struct World {
    pub(crate) lobby: Lobby,
    pub(crate) now: Time,
    pub(crate) commands: Vec<Command>,
    pub(crate) closes: BTreeMap<ConnectionId, u16>,
    pub(crate) pings: Vec<(Time, ConnectionId)>,
    /// What happened in rooms.
    pub(crate) events: Vec<Event>,
    /// Connections that do not answer pings.
    pub(crate) silent: BTreeSet<ConnectionId>,
    sent: BTreeMap<ConnectionId, Vec<ServerMessage>>,
    opened: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self {
            lobby: Lobby::new(limits, [1; 32]),
            now: Time::ZERO,
            commands: Vec::new(),
            events: Vec::new(),
            closes: BTreeMap::new(),
            pings: Vec::new(),
            silent: BTreeSet::new(),
            sent: BTreeMap::new(),
            opened: 0,
        }
    }

    pub(crate) fn open(&mut self) -> ConnectionId {
        self.open_from("127.0.0.1")
    }

    pub(crate) fn open_from(&mut self, peer: &str) -> ConnectionId {
        let peer: IpAddr = peer.parse().unwrap();
        self.opened += 1;
        let connection = ConnectionId(self.opened);
        self.input(Input::Opened { connection, peer });
        connection
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.input(Input::Closed { connection });
    }

    /// Leaves on purpose, then closes.
    pub(crate) fn go(&mut self, connection: ConnectionId) {
        self.say(connection, &ClientMessage::Leave);
        self.close(connection);
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.lobby.handle(self.now, input);
        let mut pinged = Vec::new();
        while let Some(output) = self.lobby.poll() {
            match output {
                Output::Send { connection, text } => {
                    assert!(
                        !self.closes.contains_key(&connection),
                        "sent after close: {text}"
                    );
                    let message = serde_json::from_str(&text).unwrap();
                    self.sent.entry(connection).or_default().push(message);
                }
                Output::Ping { connection } => {
                    self.pings.push((self.now, connection));
                    pinged.push(connection);
                }
                Output::Close {
                    connection,
                    code,
                    reason,
                } => {
                    assert!(reason.len() <= 123, "RFC 6455, 5.5: {reason}");
                    let before = self.closes.insert(connection, code);
                    assert_eq!(before, None, "closed once");
                }
                Output::Command(command) => self.commands.push(command),
                Output::Event(event) => self.events.push(event),
            }
        }
        for connection in pinged {
            if !self.silent.contains(&connection) {
                self.input(Input::Alive { connection });
            }
        }
    }

    pub(crate) fn text(&mut self, connection: ConnectionId, text: &str) {
        self.input(Input::Text { connection, text });
    }

    pub(crate) fn say(&mut self, connection: ConnectionId, message: &ClientMessage) {
        self.text(connection, &serde_json::to_string(message).unwrap());
    }

    /// What a connection was told since it was asked last.
    pub(crate) fn heard(&mut self, connection: ConnectionId) -> Vec<ServerMessage> {
        self.sent.remove(&connection).unwrap_or_default()
    }

    /// The one message that a connection was told.
    #[track_caller]
    pub(crate) fn hears(&mut self, connection: ConnectionId) -> ServerMessage {
        let mut heard = self.heard(connection);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    /// The one message as JSON.
    #[track_caller]
    pub(crate) fn hears_json(&mut self, connection: ConnectionId) -> serde_json::Value {
        serde_json::to_value(self.hears(connection)).unwrap()
    }

    pub(crate) fn commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Lets time pass, with every timeout when it is due.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.lobby.deadline().filter(|due| *due <= end) {
            assert!(due >= self.now, "a deadline in the past stays there");
            self.now = due;
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    /// Creates a room.
    pub(crate) fn create(&mut self, connection: ConnectionId) -> String {
        self.say(connection, &ClientMessage::create());
        match self.hears(connection) {
            ServerMessage::Join { room, .. } => room.to_string(),
            other => panic!("no room: {other:?}"),
        }
    }

    /// Looks at a room.
    pub(crate) fn look(&mut self, connection: ConnectionId, room: &str) {
        self.say(connection, &ClientMessage::look(room));
    }

    /// Creates a room with a password.
    pub(crate) fn create_locked(&mut self, connection: ConnectionId, password: &str) -> String {
        let join = Join {
            password: Some(password.to_owned()),
            ..Join::default()
        };
        self.say(connection, &ClientMessage::Join(join));
        match self.hears(connection) {
            ServerMessage::Join { room, .. } => room.to_string(),
            other => panic!("no room: {other:?}"),
        }
    }

    /// Looks at a room that has a password.
    pub(crate) fn unlock(&mut self, connection: ConnectionId, room: &str, password: &str) {
        let join = Join {
            room: Some(room.to_owned()),
            password: Some(password.to_owned()),
            ..Join::default()
        };
        self.say(connection, &ClientMessage::Join(join));
    }

    /// Enters the room that was joined; no offer yet.
    pub(crate) fn call(&mut self, connection: ConnectionId, name: &str) -> Option<ParticipantId> {
        let call = ClientMessage::Call {
            name: name.to_owned(),
            ice: Ice::Trickle,
            audio: true,
            video: true,
        };
        self.say(connection, &call);
        match self.commands.last() {
            Some(Command::Enter { participant, .. }) => Some(*participant),
            _ => None,
        }
    }

    /// Enters a room and gets the first offer, as the core makes it. Nothing is left to be heard.
    pub(crate) fn enter(&mut self, room: &str, name: &str) -> (ConnectionId, ParticipantId) {
        let connection = self.open();
        self.look(connection, room);
        let participant = self.call(connection, name).unwrap();
        self.offer(participant, 1, &[None]);
        self.forget();
        (connection, participant)
    }

    /// The core offers, with a slot for each source.
    pub(crate) fn offer(
        &mut self,
        participant: ParticipantId,
        negotiation: u32,
        sources: &[Option<ParticipantId>],
    ) {
        self.input(Input::Notice(Notice::Offer {
            participant,
            negotiation: Negotiation(negotiation),
            sdp: "v=0\r\n".to_owned(),
            publish: PublishMids {
                audio: Mid("0".to_owned()),
                video: Mid("1".to_owned()),
                screen: Mid("98".to_owned()),
                screen_audio: Mid("99".to_owned()),
            },
            slots: slots(sources),
        }));
    }

    /// Drops what was said and commanded so far.
    pub(crate) fn forget(&mut self) {
        self.sent.clear();
        self.commands.clear();
    }
}

/// A slot for sound and one for pictures for each of these.
pub(crate) fn slots(sources: &[Option<ParticipantId>]) -> Vec<Slot> {
    let track = |participant, source| TrackId {
        participant,
        source,
    };
    let slots = sources.iter().enumerate().flat_map(|(place, id)| {
        [
            Slot {
                mid: Mid((2 * place + 2).to_string()),
                kind: MediaKind::Audio,
                track: id.map(|id| track(id, Source::Microphone)),
            },
            Slot {
                mid: Mid((2 * place + 3).to_string()),
                kind: MediaKind::Video,
                track: id.map(|id| track(id, Source::Camera)),
            },
        ]
    });
    slots.collect()
}
