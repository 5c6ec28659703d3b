//! What can go wrong with real browsers, and whose fault that is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tsuji_core::freeze::Culprit;

/// Who has publishers' faults, and who has viewers'. The third has none.
pub(crate) const PUBLISHER: usize = 0;
/// See there.
pub(crate) const VIEWER: usize = 1;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Strength {
    Mild,
    Strong,
}

impl Strength {
    pub(crate) const ALL: [Strength; 2] = [Strength::Mild, Strength::Strong];

    pub(crate) fn of<T>(self, mild: T, strong: T) -> T {
        match self {
            Strength::Mild => mild,
            Strength::Strong => strong,
        }
    }
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// The process that gives the camera's pictures gets no time.
    CameraStops,
    /// Nothing of the publisher's browser gets time.
    PublisherStands,
    /// The publisher's page, with its encoders, gets little time: 60 ms of each half second or second.
    PublisherStarved,
    /// Nothing passes the publisher's uplink.
    UplinkCut,
    /// It loses packets.
    UplinkLoses,
    /// It is narrow.
    UplinkNarrow,
    /// The server gets no time.
    ServerStands,
    /// As the publisher's uplink.
    DownlinkCut,
    DownlinkLoses,
    DownlinkNarrow,
    /// Nothing of the viewer's browser gets time.
    ViewerStands,
    /// Its page with its decoders gets none, while what takes packets from the system does.
    ViewerPageStands,
    /// They get little: 60 ms of each half second or second.
    ViewerStarved,
}

/// A moment at which something begins or ends, since the fault began.
pub(crate) type Step = (Duration, bool);

impl Fault {
    pub(crate) const ALL: [Fault; 13] = [
        Fault::CameraStops,
        Fault::PublisherStands,
        Fault::PublisherStarved,
        Fault::UplinkCut,
        Fault::UplinkLoses,
        Fault::UplinkNarrow,
        Fault::ServerStands,
        Fault::DownlinkCut,
        Fault::DownlinkLoses,
        Fault::DownlinkNarrow,
        Fault::ViewerStands,
        Fault::ViewerPageStands,
        Fault::ViewerStarved,
    ];

    /// Whose fault it is.
    pub(crate) fn culprit(self) -> Culprit {
        match self {
            Fault::CameraStops | Fault::PublisherStands | Fault::PublisherStarved => {
                Culprit::PublisherDevice
            }
            Fault::UplinkCut | Fault::UplinkLoses | Fault::UplinkNarrow => Culprit::PublisherUplink,
            Fault::ServerStands => Culprit::Server,
            Fault::DownlinkCut | Fault::DownlinkLoses | Fault::DownlinkNarrow => {
                Culprit::ViewerDownlink
            }
            Fault::ViewerStands | Fault::ViewerPageStands | Fault::ViewerStarved => {
                Culprit::ViewerDevice
            }
        }
    }

    /// Whose fault it is if what one sees of another freezes then, if it has to do with it. Who has a browser
    /// that stands still is publisher and viewer at once.
    pub(crate) fn blame(self, viewer: usize, publisher: usize) -> Option<Culprit> {
        let device = |person: usize| match person {
            person if person == publisher => Some(Culprit::PublisherDevice),
            person if person == viewer => Some(Culprit::ViewerDevice),
            _ => None,
        };
        match self {
            Fault::PublisherStands | Fault::PublisherStarved => device(PUBLISHER),
            Fault::ViewerStands | Fault::ViewerPageStands | Fault::ViewerStarved => device(VIEWER),
            fault => match fault.culprit() {
                Culprit::PublisherDevice | Culprit::PublisherUplink if publisher != PUBLISHER => {
                    None
                }
                Culprit::ViewerDownlink if viewer != VIEWER => None,
                culprit => Some(culprit),
            },
        }
    }

    /// How long it lasts.
    pub(crate) fn lasts(self, strength: Strength) -> Duration {
        Duration::from_millis(match self {
            Fault::CameraStops | Fault::UplinkCut | Fault::DownlinkCut => strength.of(800, 2_500),
            Fault::PublisherStands | Fault::ViewerStands | Fault::ViewerPageStands => {
                strength.of(1_000, 2_500)
            }
            Fault::ServerStands => strength.of(600, 1_500),
            Fault::UplinkLoses | Fault::DownlinkLoses => 3_000,
            Fault::UplinkNarrow | Fault::DownlinkNarrow => 4_000,
            Fault::PublisherStarved | Fault::ViewerStarved => 4_000,
        })
    }

    /// What it does may be seen for so long after it.
    pub(crate) fn aftermath(self) -> Duration {
        Duration::from_secs(match self {
            // What waits in the queue of a link leaves it at the pace that it came in at.
            Fault::UplinkNarrow | Fault::DownlinkNarrow => 9,
            _ => 4,
        })
    }

    /// When it is to be on and off.
    pub(crate) fn steps(self, strength: Strength) -> Vec<Step> {
        let lasts = self.lasts(strength);
        if !matches!(self, Fault::PublisherStarved | Fault::ViewerStarved) {
            return vec![(Duration::ZERO, true), (lasts, false)];
        }
        let (round, runs) = (strength.of(500, 1_000), Duration::from_millis(60));
        let rounds = (0..lasts.as_millis() as u64).step_by(round as usize);
        let rounds = rounds.map(Duration::from_millis);
        let round = Duration::from_millis(round);
        rounds
            .flat_map(|at| [(at, true), (at + round - runs, false)])
            .collect()
    }
}
