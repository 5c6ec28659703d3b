//! Which of the two: writing, or reading.

use super::call::Call;
use super::script::Script;
use super::writer::Writer;
use crate::output::Notice;
use crate::participant::Index;

/// What an [`Sfu`](crate::Sfu) does with a trace of decisions.
#[derive(Debug, Default)]
pub(crate) enum Tape {
    /// Nothing.
    #[default]
    Off,
    /// It writes one.
    Write(Box<Writer>),
    /// It has no connections: a trace says what they gave.
    Read(Box<Script>),
}

impl Tape {
    pub(crate) fn writer(&mut self) -> Option<&mut Writer> {
        match self {
            Tape::Write(writer) => Some(writer),
            Tape::Off | Tape::Read(_) => None,
        }
    }

    pub(crate) fn script(&mut self) -> Option<&mut Script> {
        match self {
            Tape::Read(script) => Some(script),
            Tape::Off | Tape::Write(_) => None,
        }
    }

    /// A connection is asked for something.
    pub(crate) fn call(&mut self, index: Index, call: &Call<'_>) {
        match self {
            Tape::Off => {}
            Tape::Write(writer) => writer.call(index, call),
            Tape::Read(script) => script.call(index, call),
        }
    }

    /// Signaling is told something.
    pub(crate) fn notice(&mut self, notice: &Notice) {
        match self {
            Tape::Off => {}
            Tape::Write(writer) => writer.notice(notice),
            Tape::Read(script) => script.notice(notice),
        }
    }
}
