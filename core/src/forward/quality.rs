//! How much of a picture a viewer gets: one of its encodings, and of that all pictures or fewer a second.

use serde::{Deserialize, Serialize};

use crate::ids::Layer;

/// How many of the temporal layers of an encoding: pictures of a higher layer can be left out without
/// harm to those of lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Temporal {
    /// Only those on which all others depend: of three layers, mostly every fourth picture.
    Base,
    /// The lowest two layers: of three, mostly every second picture.
    Middle,
    All,
}

impl Temporal {
    /// All, the fewest first.
    pub(crate) const ALL: [Temporal; 3] = [Temporal::Base, Temporal::Middle, Temporal::All];

    /// Those that a picture of this temporal layer (TID) belongs to, at least.
    pub(crate) fn of(tid: u8) -> Self {
        match tid {
            0 => Temporal::Base,
            1 => Temporal::Middle,
            _ => Temporal::All,
        }
    }
}

/// Bits a second of an encoding, for each [`Temporal`] that there is of it.
pub(crate) type Rates = [Option<u64>; Temporal::ALL.len()];

/// What a viewer gets of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Quality {
    pub(crate) layer: Layer,
    pub(crate) temporal: Temporal,
}

impl Quality {
    /// All pictures of an encoding.
    pub(crate) fn all(layer: Layer) -> Self {
        Self {
            layer,
            temporal: Temporal::All,
        }
    }
}
