//! Everybody, on one thread.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use tsuji_core::Time;
use tsuji_host::udp::{Batching, Inbox};
use tsuji_signaling::message::Id;
use tsuji_tests::Picture;

use crate::member::{Entry, Member, Role, batching};
use crate::options::Options;
use crate::window::{Sorted, Window};

/// How long people may take to connect, and all pictures to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// People in a room in which nobody sends.
const IDLE_ROOM: u32 = 10;
/// Whose turn it is at once, at most: publishers whose time has come wait for all of these.
const TOGETHER: usize = 16;
/// Tokens of sockets that only receive begin here.
const BASINS: usize = 1 << 32;

/// The crowd went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrowdError {
    /// The system refused.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
    /// Somebody could not go on.
    #[error("person {0} of {1}: {2}")]
    Member(usize, usize, String),
    /// Not everybody got there.
    #[error("{0} of {1} people {2} within {PATIENCE:?}")]
    Late(usize, usize, &'static str),
}

/// All people, and what they measure.
pub(crate) struct Crowd {
    options: Options,
    poll: Poll,
    started: Instant,
    members: Vec<Member>,
    /// When each of them wants its turn.
    deadlines: Vec<Time>,
    /// Those whose turn it is.
    ready: Vec<usize>,
    /// Sockets to which the floor sends.
    basins: Vec<(UdpSocket, Batching)>,
    inbox: Inbox,
    pub(crate) window: Window,
}

impl Crowd {
    /// Lets everybody in. `progress` is told how many are.
    pub(crate) fn gather(
        options: &Options,
        server: SocketAddr,
        mut progress: impl FnMut(usize),
    ) -> Result<Self, CrowdError> {
        let mut crowd = Self {
            options: options.clone(),
            poll: Poll::new()?,
            started: Instant::now(),
            members: Vec::new(),
            deadlines: Vec::new(),
            ready: Vec::new(),
            basins: Vec::new(),
            inbox: Inbox::default(),
            window: Window::default(),
        };
        let publishers = options.publishers as usize;
        let active = options.rooms as usize;
        let rooms = (0..active).map(|room| (room, options.people_per_room()));
        // Who enters is told to everybody in the room, which should not be what is measured.
        let left = |room: u32| options.idle.saturating_sub(room * IDLE_ROOM).min(IDLE_ROOM);
        let idle = (active..).zip((0..options.idle.div_ceil(IDLE_ROOM)).map(left));
        for (room, people) in rooms.chain(idle) {
            let is_idle = room >= active;
            let mut code = None;
            for place in 0..people as usize {
                let role = match place < publishers && !is_idle {
                    true => Role::Publisher,
                    false => Role::Subscriber,
                };
                let entry = Entry {
                    server,
                    name: format!("{room}-{place}"),
                    role,
                    room: (room, code.take()),
                    viewers: u64::from(people) - 1,
                    gro: options.gro,
                };
                code = Some(crowd.enter(entry)?);
                progress(crowd.members.len());
            }
        }
        crowd.wait_for("connected", Member::is_connected)?;
        Ok(crowd)
    }

    fn enter(&mut self, entry: Entry) -> Result<String, CrowdError> {
        let index = self.members.len();
        let tokens = [Token(2 * index), Token(2 * index + 1)];
        let now = self.now();
        let entered = Member::enter(entry, self.started, now, self.poll.registry(), tokens);
        let (member, code) = entered?;
        self.members.push(member);
        self.deadlines.push(now);
        // Others want their answers meanwhile.
        self.turn(now)?;
        Ok(code)
    }

    /// Publishers send, and everybody gets all of them.
    pub(crate) fn begin(&mut self) -> Result<(), CrowdError> {
        self.show()?;
        self.publish();
        let alone = self.options.publishers < 2;
        let idle = self.options.rooms as usize;
        self.wait_for("got media", move |member| {
            let gets_none = alone && member.role == Role::Publisher;
            member.first.is_some() || gets_none || member.room >= idle
        })
    }

    /// Everybody's page shows all who publish in its room.
    fn show(&mut self) -> Result<(), CrowdError> {
        let of_room = |room| {
            let members = self.members.iter();
            let publishers =
                members.filter(move |member| member.room == room && member.role == Role::Publisher);
            publishers.filter_map(Member::id).collect::<Vec<Id>>()
        };
        let rooms: Vec<Vec<Id>> = (0..self.options.rooms as usize).map(of_room).collect();
        let count = self.members.len();
        for (index, member) in self.members.iter_mut().enumerate() {
            let Some(publishers) = rooms.get(member.room) else {
                continue;
            };
            let shown = member.show(publishers);
            shown.map_err(|why| CrowdError::Member(index, count, why))?;
        }
        Ok(())
    }

    /// Publishers send (again), their frames spread over time.
    pub(crate) fn publish(&mut self) {
        let now = self.now();
        let picture = self.picture();
        let audio = self.options.audio;
        let publishers = self.options.rooms * self.options.publishers;
        let between = Duration::from_micros(33_333) / publishers.max(1);
        let members = self.members.iter_mut().enumerate();
        let publishing = members.filter(|(_, member)| member.role == Role::Publisher);
        for (place, (index, member)) in (0..).zip(publishing) {
            member.publish(now + between * place, picture, audio);
            self.deadlines[index] = now;
        }
    }

    fn picture(&self) -> Picture {
        let frame = self.options.frame();
        Picture::Even {
            parts: frame.packets,
            bytes: frame.payload,
        }
    }

    /// Nobody sends for now.
    pub(crate) fn pause(&mut self) {
        self.members.iter_mut().for_each(Member::pause);
    }

    /// Goes on for so long.
    pub(crate) fn run_for(&mut self, duration: Duration) -> Result<(), CrowdError> {
        let end = self.now() + duration;
        while self.now() < end {
            self.turn(end)?;
        }
        Ok(())
    }

    /// What is made within `duration` from now on counts, and goes on until it is over.
    pub(crate) fn measure(&mut self, duration: Duration) -> Result<(), CrowdError> {
        let now = self.now();
        self.window = Window::open(now..now + duration);
        self.run_for(duration)
    }

    /// What was measured; nothing is from now on. What is still under way is waited for.
    pub(crate) fn measured(&mut self) -> Result<Window, CrowdError> {
        self.run_for(Duration::from_millis(300))?;
        Ok(std::mem::take(&mut self.window))
    }

    /// From joining to the first packet of media.
    pub(crate) fn waited(&self) -> Sorted {
        Sorted::of(self.members.iter().filter_map(Member::waited).collect())
    }

    /// Addresses of as many sockets that receive and forget.
    pub(crate) fn basins(&mut self, count: usize) -> io::Result<Vec<SocketAddr>> {
        while self.basins.len() < count {
            let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
            let token = Token(BASINS + self.basins.len());
            let registry = self.poll.registry();
            registry.register(&mut socket, token, Interest::READABLE)?;
            let batching = batching(&socket, self.options.gro)?;
            self.basins.push((socket, batching));
        }
        let sockets = self.basins.iter().map(|(socket, _)| socket.local_addr());
        sockets.collect()
    }

    /// Everybody leaves.
    pub(crate) fn disperse(mut self) {
        self.members.iter_mut().for_each(Member::leave);
    }

    fn wait_for(
        &mut self,
        what: &'static str,
        is_there: impl Fn(&Member) -> bool,
    ) -> Result<(), CrowdError> {
        let end = self.now() + PATIENCE;
        loop {
            let there = self
                .members
                .iter()
                .filter(|member| is_there(member))
                .count();
            if there == self.members.len() {
                return Ok(());
            }
            if self.now() >= end {
                return Err(CrowdError::Late(there, self.members.len(), what));
            }
            let soon = self.now() + Duration::from_millis(50);
            self.turn(soon)?;
        }
    }

    /// Waits for something to do, at most until `end`, and does it.
    fn turn(&mut self, end: Time) -> Result<(), CrowdError> {
        let deadline = self.deadlines.iter().copied().fold(end, Time::min);
        let mut events = Events::with_capacity(TOGETHER);
        match self
            .poll
            .poll(&mut events, Some(deadline.since(self.now())))
        {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let count = self.members.len();
        let failed = |index: usize| move |why| CrowdError::Member(index, count, why);
        let started = self.started;
        for event in events.iter() {
            let token = event.token().0;
            if let Some(basin) = token.checked_sub(BASINS) {
                self.empty(basin)?;
                continue;
            }
            let (index, is_media) = (token / 2, token % 2 == 1);
            let Some(member) = self.members.get_mut(index) else {
                continue;
            };
            let done = match is_media {
                true => member.receive(&mut self.inbox, || since(started)),
                false => member.listen(since(started)),
            };
            done.map_err(failed(index))?;
            self.ready.push(index);
        }
        let now = self.now();
        let due = (0..count).filter(|index| self.deadlines[*index] <= now);
        self.ready.extend(due);
        let picture = self.picture();
        for index in self.ready.drain(..) {
            let member = &mut self.members[index];
            if member.may_begin() {
                member.publish(since(started), picture, self.options.audio);
            }
            let turned = member.turn(since(started), &mut self.window);
            self.deadlines[index] = turned.map_err(failed(index))?;
        }
        Ok(())
    }

    fn empty(&mut self, basin: usize) -> io::Result<()> {
        let Some((socket, batching)) = self.basins.get(basin) else {
            return Ok(());
        };
        loop {
            match self.inbox.receive(batching, socket.into()) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn now(&self) -> Time {
        since(self.started)
    }
}

fn since(started: Instant) -> Time {
    let micros = started.elapsed().as_micros();
    Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}
