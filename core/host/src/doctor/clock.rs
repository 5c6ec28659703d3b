//! Whether the clock is right: certificates and tokens are checked by it, and traces tell it.

use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::Finding;

/// When this was written (2026-01-01 00:00 UTC); no clock that is right shows less.
const WRITTEN: i64 = 1_767_225_600;

const CLOCK: &str = "clock";

/// What the system says of its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// A service has set it over the network.
    Right,
    /// There is such a service, and it has not.
    NotYet,
    /// Nobody tells.
    Unknown,
}

pub(super) fn check() -> Finding {
    judge(Timestamp::now().as_second(), kept())
}

/// `now`: in seconds since 1970.
pub(super) fn judge(now: i64, kept: Kept) -> Finding {
    let time = Timestamp::from_second(now).map(|time| time.to_string());
    let time = time.unwrap_or_default();
    if now < WRITTEN {
        return Finding::failure(
            CLOCK,
            format!("it shows {time}, which is before this program was made: set it"),
        );
    }
    match kept {
        Kept::Right => Finding::fine(CLOCK, format!("{time}, set over the network")),
        Kept::NotYet => Finding::warning(
            CLOCK,
            format!(
                "it shows {time}, and was not set over the network: `timedatectl set-ntp true`"
            ),
        ),
        Kept::Unknown => Finding::fine(
            CLOCK,
            format!("{time}; nobody here tells whether it is set over the network"),
        ),
    }
}

fn kept() -> Kept {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Kept::Right;
    }
    let told = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stderr(Stdio::null())
        .output();
    match told.map(|output| output.stdout) {
        Ok(text) if text.starts_with(b"yes") => Kept::Right,
        Ok(text) if text.starts_with(b"no") => Kept::NotYet,
        _ => Kept::Unknown,
    }
}
