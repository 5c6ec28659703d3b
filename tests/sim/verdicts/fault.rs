//! What can go wrong, and whose fault that is.

use std::time::Duration;

use tsuji_core::Time;
use tsuji_core::freeze::Culprit;
use tsuji_signaling::ConnectionId;

use crate::browser::Browser;
use crate::network::{Burst, Conditions};
use crate::world::World;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Enough to be seen.
    Mild,
    /// Bad.
    Strong,
}

impl Strength {
    /// All.
    pub const ALL: [Strength; 2] = [Strength::Mild, Strength::Strong];

    fn of<T>(self, mild: T, strong: T) -> T {
        match self {
            Strength::Mild => mild,
            Strength::Strong => strong,
        }
    }
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The camera gives nothing for a while.
    CameraStops,
    /// The encoder has no time: a picture now and then.
    EncoderStarved,
    /// The publisher's computer stands still: no picture, no sound.
    PublisherSleeps,
    /// The publisher's uplink loses packets.
    UplinkLoses,
    /// Nothing passes the publisher's uplink.
    UplinkCut,
    /// The publisher's uplink becomes narrow.
    UplinkNarrow,
    /// The publisher's uplink holds packets back.
    UplinkJitters,
    /// The publisher's tab is hidden: its camera gives a picture now and then.
    PublisherHidden,
    /// The camera's track ends, and is there again.
    CameraEnds,
    /// The server's thread gets no time.
    ServerStalls,
    /// The server's receive buffer has no room for packets.
    ServerOverflows,
    /// The viewer's downlink loses packets.
    DownlinkLoses,
    /// Nothing passes the viewer's downlink.
    DownlinkCut,
    /// The viewer's downlink becomes narrow.
    DownlinkNarrow,
    /// The viewer's downlink holds packets back.
    DownlinkJitters,
    /// The viewer's decoder has no time: pictures are late, or dropped.
    DecoderLate,
    /// The viewer's page and decoder stand still.
    TabFrozen,
}

impl Fault {
    /// All.
    pub const ALL: [Fault; 17] = [
        Fault::CameraStops,
        Fault::EncoderStarved,
        Fault::PublisherSleeps,
        Fault::PublisherHidden,
        Fault::CameraEnds,
        Fault::UplinkLoses,
        Fault::UplinkCut,
        Fault::UplinkNarrow,
        Fault::UplinkJitters,
        Fault::ServerStalls,
        Fault::ServerOverflows,
        Fault::DownlinkLoses,
        Fault::DownlinkCut,
        Fault::DownlinkNarrow,
        Fault::DownlinkJitters,
        Fault::DecoderLate,
        Fault::TabFrozen,
    ];

    /// Whose fault it is.
    pub fn culprit(self) -> Culprit {
        match self {
            Fault::CameraStops
            | Fault::EncoderStarved
            | Fault::PublisherSleeps
            | Fault::PublisherHidden
            | Fault::CameraEnds => Culprit::PublisherDevice,
            Fault::UplinkLoses | Fault::UplinkCut | Fault::UplinkNarrow | Fault::UplinkJitters => {
                Culprit::PublisherUplink
            }
            Fault::ServerStalls | Fault::ServerOverflows => Culprit::Server,
            Fault::DownlinkLoses
            | Fault::DownlinkCut
            | Fault::DownlinkNarrow
            | Fault::DownlinkJitters => Culprit::ViewerDownlink,
            Fault::DecoderLate | Fault::TabFrozen => Culprit::ViewerDevice,
        }
    }

    /// How long it lasts.
    pub fn lasts(self, strength: Strength) -> Duration {
        Duration::from_millis(match self {
            Fault::CameraStops | Fault::TabFrozen => strength.of(700, 2_500),
            Fault::EncoderStarved | Fault::DecoderLate => strength.of(2_000, 3_000),
            Fault::CameraEnds => strength.of(1_500, 3_000),
            Fault::PublisherSleeps => strength.of(900, 3_000),
            Fault::UplinkCut | Fault::DownlinkCut => strength.of(600, 2_500),
            Fault::ServerStalls => strength.of(400, 1_500),
            _ => 3_000,
        })
    }

    /// What it does may be seen for so long after it.
    pub(super) fn aftermath(self) -> Duration {
        Duration::from_secs(match self {
            // What waits in the queue of a link leaves it at the pace that it came in at.
            Fault::UplinkNarrow | Fault::DownlinkNarrow => 9,
            _ => 4,
        })
    }

    /// It begins. Between two looks, 20 ms apart, it goes on.
    pub(super) fn go_on(
        self,
        strength: Strength,
        world: &mut World,
        (publisher, viewer): (ConnectionId, ConnectionId),
        since: Duration,
        first: bool,
    ) {
        let (now, left) = (world.now, self.lasts(strength).saturating_sub(since));
        if matches!(self, Fault::EncoderStarved | Fault::PublisherHidden) {
            // A picture every so often.
            let pause = u128::from(strength.of(450_u32, 800));
            if first && self == Fault::PublisherHidden {
                device(world, publisher, |browser| browser.device.hidden = true);
            }
            if first || since.as_millis() % pause < 20 {
                let until = now + Duration::from_millis(pause as u64 - 10).min(left);
                stop(world, publisher, until, false);
            }
            return;
        }
        if self == Fault::ServerOverflows {
            if first {
                world.overflow(left, strength.of(50, 80));
            }
            if since.as_millis() % 500 < 20 {
                world.tell_overflow();
            }
            return;
        }
        if !first {
            return;
        }
        match self {
            Fault::CameraStops => stop(world, publisher, now + left, false),
            Fault::PublisherSleeps => {
                stop(world, publisher, now + left, true);
                device(world, publisher, |browser| {
                    browser.device.stands_until = now + left;
                });
            }
            Fault::CameraEnds => {
                stop(world, publisher, now + left, false);
                device(world, publisher, |browser| browser.device.ended = true);
            }
            Fault::DecoderLate => device(world, viewer, |browser| {
                let takes = Duration::from_millis(strength.of(450, 800));
                let decoders = browser.decoders.values_mut();
                decoders.for_each(|decoder| decoder.screen.slow_down(takes, now + left));
            }),
            Fault::TabFrozen => device(world, viewer, |browser| {
                browser.device.stands_until = now + left;
                let decoders = browser.decoders.values_mut();
                decoders.for_each(|decoder| decoder.screen.stand(now + left));
            }),
            Fault::ServerStalls => world.stall(left),
            Fault::UplinkCut => cut(world, publisher, left, Duration::ZERO),
            Fault::DownlinkCut => cut(world, viewer, Duration::ZERO, left),
            Fault::EncoderStarved | Fault::PublisherHidden | Fault::ServerOverflows => {}
            Fault::UplinkLoses | Fault::UplinkNarrow | Fault::UplinkJitters => {
                change(world, publisher, self.link(strength), true);
            }
            Fault::DownlinkLoses | Fault::DownlinkNarrow | Fault::DownlinkJitters => {
                change(world, viewer, self.link(strength), false);
            }
        }
    }

    /// It is over.
    pub(super) fn end(
        self,
        world: &mut World,
        people: (ConnectionId, ConnectionId),
        before: &Conditions,
    ) {
        match self {
            Fault::UplinkLoses | Fault::UplinkNarrow | Fault::UplinkJitters => {
                change(world, people.0, before.clone(), true);
            }
            Fault::DownlinkLoses | Fault::DownlinkNarrow | Fault::DownlinkJitters => {
                change(world, people.1, before.clone(), false);
            }
            Fault::ServerOverflows => world.tell_overflow(),
            Fault::PublisherHidden | Fault::CameraEnds => device(world, people.0, |browser| {
                (browser.device.hidden, browser.device.ended) = (false, false);
            }),
            _ => {}
        }
    }

    fn link(self, strength: Strength) -> Conditions {
        let line = Conditions {
            delay_ms: 20,
            ..Conditions::default()
        };
        match self {
            Fault::UplinkLoses | Fault::DownlinkLoses => Conditions {
                burst: Some(Burst {
                    enter: 60,
                    leave: strength.of(60, 20),
                    loss: strength.of(800, 950),
                }),
                ..line
            },
            Fault::UplinkNarrow | Fault::DownlinkNarrow => Conditions {
                // What is enough for a picture of somebody is not for those of three.
                bandwidth_kbps: match self {
                    Fault::UplinkNarrow => strength.of(80, 60),
                    _ => strength.of(120, 60),
                },
                queue_bytes: 60_000,
                ..line
            },
            _ => Conditions {
                jitter_ms: strength.of(450, 900),
                ..line
            },
        }
    }
}

fn device(world: &mut World, tab: ConnectionId, change: impl FnOnce(&mut Browser)) {
    let tab = world.tabs.get_mut(&tab);
    if let Some(browser) = tab.and_then(|tab| tab.page.browser.as_mut()) {
        change(browser);
    }
}

fn stop(world: &mut World, tab: ConnectionId, until: Time, sound: bool) {
    let browser = world.tabs.get_mut(&tab);
    let Some(browser) = browser.and_then(|tab| tab.page.browser.as_mut()) else {
        return;
    };
    browser
        .camera
        .iter_mut()
        .for_each(|camera| camera.starve(until));
    if sound {
        let sounds = browser.microphone.iter_mut();
        sounds.for_each(|sound| sound.starve(until));
    }
}

fn cut(world: &mut World, tab: ConnectionId, up: Duration, down: Duration) {
    let now = world.now;
    if let Some(tab) = world.tabs.get_mut(&tab) {
        tab.partition(now, up, down);
    }
}

fn change(world: &mut World, tab: ConnectionId, conditions: Conditions, up: bool) {
    world.change_link(tab, up, conditions);
}
