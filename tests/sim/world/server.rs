//! Lobby and cores: what they take, and what becomes of what they say.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tsuji_core::{
    Command, Config, Datagram, Input, Limits, LocalAddress, Notice, Output, ParticipantId, Path,
    RoomId, Sfu, Time, Transport,
};
use tsuji_signaling::message::ServerMessage;
use tsuji_signaling::{ConnectionId, lobby};

use super::agenda::Event;
use super::{EPOCH, World};
use crate::engine::certificate;
use crate::tab::{Down, Up};
use crate::tape::Tape;

/// The address of the first core. Further ones have the ports after it.
pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 10_000);

/// When a runtime gives up on a page that does not answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A core with a socket of its own. A room is whole on one core.
#[derive(Debug)]
pub struct Core {
    /// The state machine.
    pub sfu: Sfu,
    /// Its socket.
    pub address: SocketAddr,
    tape: Option<Tape>,
}

impl Core {
    pub(super) fn new(number: u8, mut seed: [u8; 32], limits: &Limits, record: bool) -> Self {
        let mut address = SERVER;
        address.set_port(SERVER.port() + u16::from(number));
        let config = Config {
            addresses: vec![LocalAddress {
                transport: Transport::Udp,
                socket: address,
                advertised: address,
            }],
            certificate: certificate(),
            limits: limits.clone(),
            shard: number,
        };
        seed[8] ^= number;
        let sfu = Sfu::new(config.clone(), seed, EPOCH);
        let tape = record.then(|| Tape::new(&config, seed, EPOCH, &sfu));
        Self { sfu, address, tape }
    }

    pub(super) fn take_trace(&mut self) -> Option<Vec<u8>> {
        self.tape.take().map(Tape::finish)
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        self.sfu.deadline().is_some_and(|at| at <= now)
    }

    fn take(&mut self, t: Time, input: Input<'_>) {
        if let Some(tape) = &mut self.tape {
            tape.begin(t, &input);
        }
        self.sfu.handle(t, input);
    }

    fn poll(&mut self) -> Option<Output> {
        let output = self.sfu.poll()?;
        if let Some(tape) = &mut self.tape {
            tape.output(&output);
        }
        Some(output)
    }
}

impl World {
    /// On which core a room lives.
    fn home(&self, room: RoomId) -> usize {
        (room.0 % self.cores.len() as u64) as usize
    }

    /// On which core a participant lives. Somebody whom no core knows is as good on any.
    fn home_of(&self, participant: ParticipantId) -> usize {
        let member = self.ledger.member(participant);
        member.map_or(0, |member| self.home(member.room))
    }

    pub(super) fn core_receives(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let Some(core) = self.cores.iter().position(|core| core.address == to) else {
            return;
        };
        let datagram = Datagram {
            path: Path::udp(to, from),
            payload,
        };
        self.give_core(core, Input::Datagram(datagram));
    }

    pub(super) fn tell_core(&mut self, command: Command) {
        self.ledger.command(self.now, &command);
        let core = match &command {
            Command::Enter { room, .. } => self.home(*room),
            Command::Answer { participant, .. }
            | Command::Candidate { participant, .. }
            | Command::Mute { participant, .. }
            | Command::Share { participant, .. }
            | Command::View { participant, .. }
            | Command::Leave { participant }
            | Command::Signaling { participant, .. }
            | Command::Report { participant, .. }
            | Command::Restart { participant } => self.home_of(*participant),
        };
        self.give_core(core, Input::Command(command));
    }

    pub(super) fn give_core(&mut self, core: usize, input: Input<'_>) {
        self.steps += 1;
        self.cores[core].take(self.now, input);
        while let Some(output) = self.cores[core].poll() {
            match output {
                Output::Transmit(transmit) => {
                    self.check(|invariants, view| invariants.transmit(view, core, &transmit));
                    let Path { local, remote, .. } = transmit.path;
                    for datagram in transmit.datagrams() {
                        if self.options.digest {
                            self.digest.add(b'T', self.now, datagram);
                        }
                        self.send_to_browser(local, remote, datagram.to_vec());
                    }
                }
                Output::Notice(notice) => self.core_says(notice),
            }
        }
    }

    fn core_says(&mut self, notice: Notice) {
        if self.options.digest {
            let text = format!("{notice:?}");
            self.digest.add(b'N', self.now, text.as_bytes());
        }
        self.ledger.notice(self.now, &notice);
        self.check(|invariants, view| invariants.notice(view, &notice));
        if !matches!(notice, Notice::Offer { .. } | Notice::Candidate { .. }) {
            self.notices.push((self.now, notice.clone()));
        }
        let at = self.now + self.options.hop;
        self.agenda.push(at, Event::Notice(notice));
    }

    pub(super) fn lobby_receives(&mut self, connection: ConnectionId, up: Up) {
        let socket = self.sockets.get_mut(&connection);
        let Some(socket) = socket.filter(|socket| socket.open) else {
            return;
        };
        socket.open = !matches!(up, Up::Closed);
        match up {
            Up::Text(text) => self.tell_lobby(lobby::Input::Text {
                connection,
                text: &text,
            }),
            Up::Binary => self.tell_lobby(lobby::Input::Binary { connection }),
            Up::Oversized => self.tell_lobby(lobby::Input::Oversized { connection }),
            Up::Pong => self.tell_lobby(lobby::Input::Alive { connection }),
            Up::Closed => self.tell_lobby(lobby::Input::Closed { connection }),
        }
    }

    pub(super) fn tell_lobby(&mut self, input: lobby::Input<'_>) {
        let from = match &input {
            lobby::Input::Text { connection, .. } => {
                self.sockets.get(connection).map(|socket| socket.tab)
            }
            _ => None,
        };
        self.lobby.handle(self.now, input);
        while let Some(output) = self.lobby.poll() {
            if self.options.digest {
                let text = format!("{output:?}");
                self.digest.add(b'L', self.now, text.as_bytes());
            }
            match output {
                lobby::Output::Send { connection, text } => {
                    self.send_down(connection, Down::Text(text));
                }
                lobby::Output::Ping { connection } => self.send_down(connection, Down::Ping),
                lobby::Output::Close { connection, .. } => {
                    self.send_down(connection, Down::Close);
                    // Nobody may answer.
                    let at = self.now + CLOSE_TIMEOUT;
                    self.agenda.push(at, Event::Up(connection, Up::Closed));
                }
                lobby::Output::Event(_) => {}
                lobby::Output::Command(command) => {
                    if let (Command::Enter { participant, .. }, Some(from)) = (&command, from) {
                        self.ledger.admitted(*participant, from);
                    }
                    let at = self.now + self.options.hop;
                    self.agenda.push(at, Event::Command(command));
                }
            }
        }
    }

    /// Rooms have links that are known before anybody comes, as when somebody sends one around.
    pub(super) fn room_code(&mut self, room: u64) -> String {
        if let Some(code) = self.rooms.get(&room) {
            return code.clone();
        }
        let connection = ConnectionId(u64::MAX - room);
        let peer = [127, 0, 0, 1].into();
        let now = self.now;
        let text = r#"{"type":"join"}"#;
        let inputs = [
            lobby::Input::Opened { connection, peer },
            lobby::Input::Text { connection, text },
            lobby::Input::Closed { connection },
        ];
        let mut code = String::new();
        for input in inputs {
            self.lobby.handle(now, input);
            while let Some(output) = self.lobby.poll() {
                if let lobby::Output::Send { text, .. } = output
                    && let Ok(ServerMessage::Join { room, .. }) = serde_json::from_str(&text)
                {
                    code = room.to_string();
                }
            }
        }
        self.rooms.insert(room, code.clone());
        code
    }
}
