//! What went into a simulated core, to be handed to another one that is the same: for whoever measures
//! the core and nothing around it.

use tsuji_core::trace::{Decoder, Header, Item, frame};
use tsuji_core::{Command, Datagram, Input, Path, Sfu, Time};

use crate::world::World;

/// The inputs of a core.
#[derive(Debug)]
pub struct Rehearsal {
    header: Header,
    /// In order, each with its time.
    pub inputs: Vec<(Time, Taken)>,
}

/// An [`Input`] with its bytes.
#[derive(Clone, Debug)]
pub enum Taken {
    /// A datagram arrived.
    Datagram(Path, Vec<u8>),
    /// A path is no more.
    Closed(Path),
    /// Datagrams never came.
    Overflow(u32),
    /// Signaling wants something.
    Command(Command),
    /// The deadline has come.
    Timeout,
}

impl Rehearsal {
    /// All that went into the first core of a world that [records](crate::WorldOptions::record).
    ///
    /// # Panics
    /// When it does not.
    pub fn of(world: &mut World) -> Self {
        let trace = world.take_traces().swap_remove(0);
        let (header, taken) = Header::parse(&trace).expect("a trace");
        let (mut decoder, mut inputs) = (Decoder::new(&header), Vec::new());
        let mut rest = &trace[taken..];
        while let Some((frame, taken)) = frame(rest).expect("whole frames") {
            if let Some(Item::Input(record)) = decoder.decode(frame).expect("what was recorded") {
                inputs.push((record.at, Taken::from(record.input)));
            }
            rest = &rest[taken..];
        }
        Self { header, inputs }
    }

    /// A core like that one, before its first input.
    ///
    /// # Panics
    /// Never: the trace is a full one.
    pub fn sfu(&self) -> Sfu {
        let secrets = self.header.secrets.as_ref().expect("a full trace");
        let config = self.header.config().expect("a full trace");
        Sfu::new(config, secrets.seed, self.header.epoch)
    }

    /// The place of the first input of which that is so.
    pub fn find(&self, is_it: impl Fn(&Taken) -> bool) -> Option<usize> {
        self.inputs.iter().position(|(_, taken)| is_it(taken))
    }

    /// The place of the first input at `t`, or after it.
    pub fn place_at(&self, t: Time) -> usize {
        self.inputs.partition_point(|(at, _)| *at < t)
    }
}

impl Taken {
    /// As the core takes it.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Datagram(path, payload) => Input::Datagram(Datagram {
                path: *path,
                payload,
            }),
            Self::Closed(path) => Input::Closed(*path),
            Self::Command(command) => Input::Command(command.clone()),
            Self::Timeout => Input::Timeout,
            Self::Overflow(datagrams) => Input::Overflow {
                datagrams: *datagrams,
            },
        }
    }
}

impl From<Input<'_>> for Taken {
    fn from(input: Input<'_>) -> Self {
        match input {
            Input::Datagram(Datagram { path, payload }) => Self::Datagram(path, payload.to_vec()),
            Input::Closed(path) => Self::Closed(path),
            Input::Command(command) => Self::Command(command),
            Input::Timeout => Self::Timeout,
            Input::Overflow { datagrams } => Self::Overflow(datagrams),
        }
    }
}

/// Hands these to a core, and takes what comes out.
pub fn hand(sfu: &mut Sfu, inputs: &[(Time, Taken)]) {
    for (at, taken) in inputs {
        sfu.handle(*at, taken.input());
        while let Some(output) = sfu.poll() {
            drop(output);
        }
    }
}
