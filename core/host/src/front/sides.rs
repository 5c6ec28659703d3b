//! The media sides, and who is on which.
//!
//! ```text
//!                          ┌─► queue ─► Shard 0: an Sfu, its own UDP ports, its own trace
//!  Desk ─► Sides ─ rooms ──┼─► queue ─► Shard 1
//!   ▲                      └─► …          │
//!   └──────────── queues ◄────────────────┘
//! ```
//! A room is on one of them from its first participant to its last: on that which has least to do
//! when it begins. Sides know nothing of each other. Where something comes in that is not from a room:
//! a TCP connection is the side's whose number its first ICE check names
//! ([`tsuji_core::shard_of`]), and what comes through a relay is for the side whose socket it is
//! sent to.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tsuji_core::{Command, ParticipantId, RoomId, shard_of};

use crate::messages::{FromMedia, ToMedia};
use crate::queue::{Receiver, SendError, Sender, Taken};

/// Pictures that one participant of a large room sees. What it costs to have somebody grows no further
/// with the room (`tsuji_core::Limits::first_slots`).
const SEEN: u64 = 9;

/// The number of a side.
pub(super) type SideId = usize;

/// One media side, as the front sees it.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) orders: Sender<ToMedia>,
    pub(crate) notices: Receiver<FromMedia>,
    /// Its UDP sockets.
    pub(crate) sockets: Vec<SocketAddr>,
}

/// All of them; there is at least one.
#[derive(Debug)]
pub(super) struct Sides {
    sides: Vec<Side>,
    rooms: BTreeMap<RoomId, Room>,
    people: BTreeMap<ParticipantId, RoomId>,
    /// Whose notices are taken next.
    next: SideId,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    side: SideId,
    people: u64,
}

impl Room {
    /// The pictures that are sent in it, and one more for each of its people.
    fn cost(self) -> u64 {
        self.people * (1 + SEEN.min(self.people.saturating_sub(1)))
    }
}

impl Sides {
    pub(super) fn new(sides: Vec<Side>) -> Self {
        Self {
            sides,
            rooms: BTreeMap::new(),
            people: BTreeMap::new(),
            next: 0,
        }
    }

    /// Tells a command to the side of its room. Nobody is told one of somebody who is not there any
    /// more.
    pub(super) fn command(&mut self, command: Command) -> Result<(), SendError> {
        let side = match &command {
            Command::Enter {
                room, participant, ..
            } => Some(self.enter(*room, *participant)),
            Command::Leave { participant } => self.leave(*participant),
            other => self.side_of(other.participant()),
        };
        side.map_or(Ok(()), |side| self.send(side, ToMedia::Command(command)))
    }

    /// A side has let go of somebody.
    pub(super) fn gone(&mut self, participant: ParticipantId) {
        self.leave(participant);
    }

    /// Whose a TCP connection is that begins with this frame.
    pub(super) fn named_by(&self, frame: &[u8]) -> Option<SideId> {
        let side = SideId::from(shard_of(frame)?);
        (side < self.sides.len()).then_some(side)
    }

    /// Whose socket that is.
    pub(super) fn with_socket(&self, socket: SocketAddr) -> Option<SideId> {
        let mut sides = self.sides.iter();
        sides.position(|side| side.sockets.contains(&socket))
    }

    pub(super) fn send(&mut self, side: SideId, message: ToMedia) -> Result<(), SendError> {
        self.sides[side].orders.send(message)
    }

    /// Tells all of them.
    pub(super) fn send_all(&mut self, message: &ToMedia) -> Result<(), SendError> {
        let mut sides = self.sides.iter_mut();
        sides.try_for_each(|side| side.orders.send(message.clone()))
    }

    /// As [`Sender::offer`].
    pub(super) fn offer(&mut self, side: SideId, message: ToMedia) -> bool {
        self.sides[side].orders.offer(message)
    }

    /// The next thing that one of them tells, each in its turn. `Closed`: one of them is gone.
    pub(super) fn take(&mut self) -> Taken<FromMedia> {
        for _ in 0..self.sides.len() {
            let side = self.next;
            self.next = (side + 1) % self.sides.len();
            match self.sides[side].notices.take() {
                Taken::Empty => {}
                taken => return taken,
            }
        }
        Taken::Empty
    }

    pub(super) fn flush(&mut self) -> Result<(), SendError> {
        // Each of them, whatever the others say.
        let flushed = self.sides.iter_mut().map(|side| side.orders.flush());
        flushed.fold(Ok(()), Result::and)
    }

    /// Whether one of them is behind with its commands.
    pub(super) fn is_behind(&self) -> bool {
        self.sides.iter().any(|side| side.orders.is_backlogged())
    }

    /// How many messages they have not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.sides.iter().map(|side| side.orders.waiting()).sum()
    }

    fn side_of(&self, participant: ParticipantId) -> Option<SideId> {
        let room = self.people.get(&participant)?;
        Some(self.rooms.get(room)?.side)
    }

    fn enter(&mut self, room: RoomId, participant: ParticipantId) -> SideId {
        let side = match self.rooms.get(&room) {
            Some(room) => room.side,
            None => self.least_loaded(),
        };
        if self.people.insert(participant, room).is_none() {
            let room = self.rooms.entry(room);
            room.or_insert(Room { side, people: 0 }).people += 1;
        }
        side
    }

    fn leave(&mut self, participant: ParticipantId) -> Option<SideId> {
        let id = self.people.remove(&participant)?;
        let room = self.rooms.get_mut(&id)?;
        let side = room.side;
        room.people -= 1;
        if room.people == 0 {
            self.rooms.remove(&id);
        }
        Some(side)
    }

    /// Asked when a room begins, which is seldom enough to look at all of them.
    fn least_loaded(&self) -> SideId {
        let mut costs = vec![0; self.sides.len()];
        for room in self.rooms.values() {
            costs[room.side] += room.cost();
        }
        let least = costs.iter().enumerate().min_by_key(|(_, cost)| **cost);
        least.map_or(0, |(side, _)| side)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tsuji_core::{IceMode, Negotiation};

    use super::*;
    use crate::queue::queue;

    struct World {
        sides: Sides,
        orders: Vec<Receiver<ToMedia>>,
        notices: Vec<Sender<FromMedia>>,
    }

    fn world(count: u16) -> World {
        let waker = || Waker::noop().clone();
        let (mut sides, mut orders, mut notices) = (Vec::new(), Vec::new(), Vec::new());
        for port in 0..count {
            let (orders_in, orders_out) = queue(64, 64, waker(), waker());
            let (notices_in, notices_out) = queue(64, 64, waker(), waker());
            sides.push(Side {
                orders: orders_in,
                notices: notices_out,
                sockets: vec![SocketAddr::from(([127, 0, 0, 1], 10_000 + port))],
            });
            orders.push(orders_out);
            notices.push(notices_in);
        }
        World {
            sides: Sides::new(sides),
            orders,
            notices,
        }
    }

    impl World {
        fn enter(&mut self, room: u64, participant: u64) {
            let enter = Command::Enter {
                room: RoomId(room),
                participant: ParticipantId(participant),
                ice: IceMode::Trickle,
            };
            self.sides.command(enter).unwrap();
        }

        fn told(&mut self) -> Vec<Vec<u64>> {
            let taken = |orders: &mut Receiver<ToMedia>| {
                let mut taken = Vec::new();
                while let Taken::Item(ToMedia::Command(command)) = orders.take() {
                    taken.push(command.participant().0);
                }
                taken
            };
            self.orders.iter_mut().map(taken).collect()
        }
    }

    #[test]
    fn a_room_is_whole_and_where_there_is_least_to_do() {
        let mut world = world(2);
        for (room, participant) in [(1, 1), (1, 2), (2, 3), (3, 4), (1, 5), (4, 6)] {
            world.enter(room, participant);
        }
        // Two people cost 4, one costs 1: rooms 2 and 3 fit beside each other.
        assert_eq!(world.told(), [vec![1, 2, 5], vec![3, 4, 6]]);
        let answer = |participant| Command::Answer {
            participant: ParticipantId(participant),
            negotiation: Negotiation(1),
            sdp: String::new(),
        };
        for participant in 1..=7 {
            world.sides.command(answer(participant)).unwrap();
        }
        assert_eq!(world.told(), [vec![1, 2, 5], vec![3, 4, 6]]);
    }

    #[test]
    fn a_room_that_is_empty_is_nowhere() {
        let mut world = world(2);
        world.enter(1, 1);
        world.enter(2, 2);
        world.enter(2, 3);
        world.sides.gone(ParticipantId(1));
        let leave = |participant| Command::Leave {
            participant: ParticipantId(participant),
        };
        world.sides.command(leave(1)).unwrap();
        world.sides.command(leave(2)).unwrap();
        world.sides.command(leave(3)).unwrap();
        assert_eq!(world.told(), [vec![1], vec![2, 3, 2, 3]]);
        world.enter(2, 4);
        assert_eq!(world.told(), [vec![4], vec![]]);
        assert_eq!((world.sides.rooms.len(), world.sides.people.len()), (1, 1));
    }

    #[test]
    fn each_side_is_heard_in_its_turn_and_the_end_of_one_is_the_end() {
        let mut world = world(2);
        let reject = |number| FromMedia::Reject {
            connection: tsuji_signaling::ConnectionId(number),
        };
        for number in [0, 1, 2] {
            world.notices[0].send(reject(number)).unwrap();
        }
        world.notices[1].send(reject(9)).unwrap();
        let order = [0, 9, 1, 2].map(reject);
        for expected in order {
            assert_eq!(world.sides.take(), Taken::Item(expected));
        }
        assert_eq!(world.sides.take(), Taken::Empty);
        world.notices.pop();
        assert_eq!(world.sides.take(), Taken::Closed);
    }

    #[test]
    fn a_socket_has_one_side() {
        let world = world(2);
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(world.sides.with_socket(at(10_001)), Some(1));
        assert_eq!(world.sides.with_socket(at(9)), None);
        assert_eq!(world.sides.named_by(b"no check"), None);
    }
}
