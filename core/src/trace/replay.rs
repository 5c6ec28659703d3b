//! Making it happen again.

use super::difference::{Difference, Divergence, Side};
use super::format::Header;
use super::full::{Expected, Record};
use crate::ids::ParticipantId;
use crate::output::{Notice, Output, Transmit};
use crate::sfu::Sfu;
use crate::transport::CertificateError;

/// Why a trace can't be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It has no seed and no certificate.
    #[error("the trace holds no keys, so its bytes cannot be made again")]
    NoSecrets,
    /// It is not the first file.
    #[error("this is file {0} of a trace; a replay begins with file 0")]
    NotTheBeginning(u32),
    /// No connection can be made with its certificate.
    #[error("the trace is damaged or was changed: {0}")]
    Certificate(#[from] CertificateError),
}

/// An [`Sfu`] that gets recorded inputs, and whose outputs are compared with those recorded.
#[derive(Debug)]
pub struct Replay {
    seed: [u8; 32],
    sfu: Sfu,
    outputs: Vec<Output>,
}

impl Replay {
    /// Makes the `Sfu` of a trace again.
    ///
    /// # Errors
    /// When the trace is not the beginning of a full one, or its certificate can't be used.
    pub fn new(header: &Header) -> Result<Self, ReplayError> {
        if header.segment != 0 {
            return Err(ReplayError::NotTheBeginning(header.segment));
        }
        let config = header.config().ok_or(ReplayError::NoSecrets)?;
        config.certificate.check()?;
        let seed = header.secrets.as_ref().map(|secrets| secrets.seed);
        let seed = seed.ok_or(ReplayError::NoSecrets)?;
        Ok(Self {
            seed,
            sfu: Sfu::new(config, seed, header.epoch),
            outputs: Vec::new(),
        })
    }

    /// Keeps the decisions of what is replayed, the last `max_bytes` of them: as
    /// [`Sfu::keep_decisions`] does, which makes of a trace with media one that can be given away.
    pub fn keep_decisions(&mut self, max_bytes: usize) {
        self.sfu.keep_decisions(self.seed, max_bytes);
    }

    /// Brings [`Sfu::decisions`] up to date.
    pub fn flush_decisions(&mut self) {
        self.sfu.flush_decisions();
    }

    /// The `Sfu`, as it is after the last input.
    pub fn sfu(&self) -> &Sfu {
        &self.sfu
    }

    /// The outputs of the last input, each datagram by itself.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Hands in the next input and compares what comes out.
    ///
    /// # Errors
    /// When that is not what was recorded. Going on is allowed, and tells whether more differs;
    /// after a difference that mattered to somebody everything of theirs will.
    pub fn step(&mut self, record: &Record<'_>) -> Result<(), Box<Divergence>> {
        self.outputs.clear();
        self.sfu.handle(record.at, record.input.clone());
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Transmit(transmit) => {
                    let each = |datagram: &[u8]| Transmit::new(transmit.path, datagram.to_vec());
                    let each = transmit.datagrams().map(each);
                    self.outputs.extend(each.map(Output::Transmit));
                }
                Output::Notice(_) => self.outputs.push(output),
            }
        }
        let pairs = record.outputs.len().max(self.outputs.len());
        for place in 0..pairs {
            let recorded = record.outputs.get(place);
            let replayed = self.outputs.get(place);
            if let Some(difference) = difference(recorded, replayed) {
                return Err(Box::new(Divergence {
                    at: record.at,
                    input: record.number,
                    output: place,
                    participant: self.owner(recorded, replayed),
                    difference,
                }));
            }
        }
        Ok(())
    }

    fn owner(
        &self,
        recorded: Option<&Expected<'_>>,
        replayed: Option<&Output>,
    ) -> Option<ParticipantId> {
        let of = |side: Side| match side {
            Side::Notice(notice) => Some(notice.participant()),
            Side::Transmit { path, .. } => self.sfu.participant_at(&path),
        };
        recorded
            .and_then(|expected| of(recorded_side(expected)))
            .or_else(|| replayed.and_then(|output| of(replayed_side(output))))
    }
}

impl Notice {
    /// Whom it is about.
    pub fn participant(&self) -> ParticipantId {
        match self {
            Notice::Offer { participant, .. }
            | Notice::Candidate { participant, .. }
            | Notice::Slots { participant, .. }
            | Notice::Reasons { participant, .. }
            | Notice::Layers { participant, .. }
            | Notice::Freeze { participant, .. }
            | Notice::Speaker { participant }
            | Notice::Connected { participant }
            | Notice::Refused { participant, .. }
            | Notice::Gone { participant, .. } => *participant,
        }
    }
}

fn difference(recorded: Option<&Expected<'_>>, replayed: Option<&Output>) -> Option<Difference> {
    match (recorded, replayed) {
        (None, None) => None,
        (Some(recorded), None) => Some(Difference::Missing(recorded_side(recorded))),
        (None, Some(replayed)) => Some(Difference::Unexpected(replayed_side(replayed))),
        (Some(Expected::Notice(recorded)), Some(Output::Notice(replayed))) => {
            (**recorded != *replayed).then(|| Difference::Notice {
                recorded: recorded.clone(),
                replayed: Box::new(replayed.clone()),
            })
        }
        (Some(Expected::Transmit { path, fingerprint }), Some(Output::Transmit(transmit)))
            if *path == transmit.path =>
        {
            let same = fingerprint.is_of(&transmit.payload);
            (!same).then(|| Difference::Bytes {
                path: *path,
                lengths: (fingerprint.length(), transmit.payload.len()),
                ranges: fingerprint.differences(&transmit.payload),
            })
        }
        (Some(recorded), Some(replayed)) => Some(Difference::Other {
            recorded: recorded_side(recorded),
            replayed: replayed_side(replayed),
        }),
    }
}

fn recorded_side(expected: &Expected<'_>) -> Side {
    match expected {
        Expected::Transmit { path, fingerprint } => Side::Transmit {
            path: *path,
            bytes: fingerprint.length(),
        },
        Expected::Notice(notice) => Side::Notice(notice.clone()),
    }
}

fn replayed_side(output: &Output) -> Side {
    match output {
        Output::Transmit(transmit) => Side::Transmit {
            path: transmit.path,
            bytes: transmit.payload.len(),
        },
        Output::Notice(notice) => Side::Notice(Box::new(notice.clone())),
    }
}
