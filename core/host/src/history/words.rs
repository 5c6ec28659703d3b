//! Names of things, as the protocol has them.

use serde::Serialize;
use tsuji_core::freeze;
use tsuji_signaling::message::{Culprit, ExitReason, Reason};

/// Why somebody is no longer there.
pub(super) fn exit(reason: ExitReason) -> String {
    name(reason)
}

/// Why a picture comes or does not.
pub(super) fn reason(reason: tsuji_core::Reason) -> String {
    name(Reason::from(reason))
}

/// Whose fault.
pub(crate) fn culprit(culprit: freeze::Culprit) -> String {
    name(Culprit::from(culprit))
}

fn name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        // They all are names.
        _ => String::new(),
    }
}
