//! What speaks for a verdict, in words.

use serde::{Deserialize, Serialize};

/// One thing that speaks for a verdict. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Evidence {
    /// Packets of the picture were lost on their way from the publisher.
    UplinkLost {
        /// So many were missing at first.
        missed: u32,
        /// Of so many.
        expected: u32,
        /// So many of them came later.
        repaired: u32,
    },
    /// Nothing at all came from the publisher.
    UplinkSilent {
        /// For so long.
        ms: u32,
    },
    /// What came from the publisher was late.
    UplinkLate {
        /// By so much.
        ms: u32,
    },
    /// The publisher had no connection.
    UplinkDown,
    /// The publisher made no pictures: time passed, and no packet between is missing.
    NothingMade {
        /// For so long.
        ms: u32,
    },
    /// The publisher made no pictures, on a path that was late or lost much: browsers leave pictures out then.
    HeldBack {
        /// For so long.
        ms: u32,
    },
    /// No picture came while the sound did.
    OnlySound {
        /// For so long.
        ms: u32,
    },
    /// The publisher's camera gave nothing.
    CameraEnded,
    /// The publisher's tab was not visible.
    PublisherHidden,
    /// The publisher's page stood still.
    PublisherSlept {
        /// For so long.
        ms: u32,
    },
    /// The publisher's processor is busy.
    PublisherBusy,
    /// The server was late.
    ServerLate {
        /// By so much.
        ms: u32,
    },
    /// Datagrams never came, because the server's system had no room for them.
    Overflowed {
        /// So many, of anybody.
        datagrams: u32,
    },
    /// A keyframe was waited for.
    Waited {
        /// For so long.
        ms: u32,
        /// So often the publisher was asked for one.
        requests: u32,
    },
    /// Packets were lost on their way to the viewer.
    DownlinkLost {
        /// So many.
        lost: u32,
        /// Of so many.
        sent: u32,
        /// So many were sent again, and came.
        repairs: u32,
    },
    /// What was sent to the viewer came late.
    DownlinkLate {
        /// By so much.
        ms: u32,
    },
    /// The viewer's browser told nothing of what came.
    DownlinkSilent {
        /// For so long.
        ms: u32,
    },
    /// The viewer had no connection.
    DownlinkDown,
    /// The viewer's tab was not visible.
    ViewerHidden,
    /// The viewer's page stood still.
    ViewerSlept {
        /// For so long.
        ms: u32,
    },
    /// The viewer's browser threw pictures away.
    ViewerDropped {
        /// So many.
        dropped: u32,
        /// So many it decoded.
        decoded: u32,
    },
    /// The viewer's browser decodes slowly.
    ViewerSlow {
        /// So long each.
        ms: u32,
    },
    /// All pictures came in time, and the viewer's page says that they were not shown.
    CameInTime,
    /// For how many others it froze as well.
    Others {
        /// For so many.
        froze: u32,
        /// Of so many.
        of: u32,
    },
    /// How many other pictures of the viewer froze as well.
    OtherPictures {
        /// So many.
        froze: u32,
        /// Of so many.
        of: u32,
    },
    /// Pictures were left out, because the path to the viewer was taken to have no room for them.
    DownlinkNarrow {
        /// It was taken to carry so much, kbit/s.
        kbps: u32,
    },
}

impl Evidence {
    /// A sentence without its full stop, with the names that it is to have.
    pub fn sentence(&self, viewer: &str, publisher: &str) -> String {
        match *self {
            Self::UplinkLost {
                missed,
                expected,
                repaired,
            } => {
                let repaired = match repaired {
                    0 => "none came later".to_owned(),
                    all if all >= missed => "all came later".to_owned(),
                    some => format!("{some} came later"),
                };
                let share = percent(missed, expected);
                format!(
                    "{publisher}'s uplink lost {share} % of packets ({missed} of {expected}, {repaired})"
                )
            }
            Self::UplinkSilent { ms } => {
                format!("nothing at all came from {publisher} for {}", seconds(ms))
            }
            Self::UplinkLate { ms } => {
                format!("what {publisher} sent came up to {} late", seconds(ms))
            }
            Self::UplinkDown => format!("{publisher} had no connection"),
            Self::NothingMade { ms } => format!(
                "{publisher}'s browser made no picture for {}, and nothing was lost on the way",
                seconds(ms)
            ),
            Self::HeldBack { ms } => format!(
                "{publisher}'s browser left pictures out for {}, as its connection carried too little",
                seconds(ms)
            ),
            Self::OnlySound { ms } => format!(
                "no picture came from {publisher} for {}, while the sound went on",
                seconds(ms)
            ),
            Self::CameraEnded => format!("{publisher}'s camera gave nothing"),
            Self::PublisherHidden => format!("{publisher}'s tab was hidden"),
            Self::PublisherSlept { ms } => {
                format!("{publisher}'s page stood still for {}", seconds(ms))
            }
            Self::PublisherBusy => format!("{publisher}'s processor was busy"),
            Self::ServerLate { ms } => format!("the server was {} late", seconds(ms)),
            Self::Overflowed { datagrams } => {
                format!("the server's receive buffer had no room for {datagrams} packets")
            }
            Self::Waited { ms, requests } => format!(
                "a keyframe of {publisher} was waited for, for {}, and asked for {requests} times",
                seconds(ms)
            ),
            Self::DownlinkLost {
                lost,
                sent,
                repairs,
            } => {
                let share = percent(lost, sent);
                format!(
                    "{viewer}'s downlink lost {share} % of packets ({lost} of {sent}; {repairs} came when sent again)"
                )
            }
            Self::DownlinkLate { ms } => {
                format!("what was sent to {viewer} came up to {} late", seconds(ms))
            }
            Self::DownlinkSilent { ms } => format!(
                "{viewer}'s browser told of nothing that came for {}",
                seconds(ms)
            ),
            Self::DownlinkDown => format!("{viewer} had no connection"),
            Self::ViewerHidden => format!("{viewer}'s tab was hidden"),
            Self::ViewerSlept { ms } => format!("{viewer}'s page stood still for {}", seconds(ms)),
            Self::ViewerDropped { dropped, decoded } => {
                format!("{viewer}'s browser threw {dropped} pictures away, and decoded {decoded}")
            }
            Self::ViewerSlow { ms } => {
                format!("{viewer}'s browser took {ms} ms to decode a picture")
            }
            Self::CameInTime => format!("every picture came to {viewer} in time"),
            Self::Others { froze: 0, of } => {
                format!("{} that had the same picture saw no gap", others(of))
            }
            Self::Others { froze, of } => format!("{froze} of {} saw the same gap", others(of)),
            Self::DownlinkNarrow { kbps } => format!(
                "there was no room for all pictures on the way to {viewer}, which carried {kbps} kbit/s"
            ),
            Self::OtherPictures { froze, of } => {
                format!("{froze} of {viewer}'s {of} other pictures froze as well")
            }
        }
    }
}

fn others(count: u32) -> String {
    match count {
        1 => "1 other".to_owned(),
        count => format!("{count} others"),
    }
}

fn percent(part: u32, whole: u32) -> u64 {
    100 * u64::from(part) / u64::from(whole.max(1))
}

fn seconds(ms: u32) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        _ => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
    }
}
