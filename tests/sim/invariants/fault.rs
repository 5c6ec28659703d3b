//! No fault of ours shows.

use tsuji_core::{GoneReason, Notice};

use super::{Finding, Invariant, View};

/// Nothing panics. A core that contains a panic says so.
#[derive(Debug)]
pub struct NoPanic;

impl Invariant for NoPanic {
    fn name(&self) -> &'static str {
        "no_panic"
    }

    fn promise(&self) -> &'static str {
        "nothing panics, and nobody is let go for a fault inside a core, whatever anybody sends"
    }

    fn notice(&mut self, _: &View<'_>, notice: &Notice) -> Finding {
        match notice {
            Notice::Gone {
                participant,
                reason: GoneReason::Internal,
            } => Err(format!("{participant} is let go for a fault in the server")),
            _ => Ok(()),
        }
    }
}
