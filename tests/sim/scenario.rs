//! What happens in a run: who comes over which link, and what they do when.
//!
//! One `u64` makes a scenario, and the same generator feeds `proptest`, which knows how to make a
//! failing one smaller.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::{Deserialize, Serialize};
use tsuji_core::{MediaKind, VideoCodec};

use crate::media::Picture;
use crate::network::{Burst, Conditions};

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Decides what links, garbage and cryptography draw.
    pub seed: u64,
    /// Who comes.
    pub people: Vec<Person>,
    /// What they do, in any order.
    pub deeds: Vec<Deed>,
    /// When everybody leaves, milliseconds.
    pub duration_ms: u32,
    /// One way, a WebSocket's messages, milliseconds.
    pub signaling_ms: u32,
    /// Between lobby and cores, microseconds.
    pub hop_us: u32,
    /// Cores that the rooms are spread over.
    #[serde(default = "one")]
    pub cores: u8,
    /// Whether the cores estimate what each path carries.
    #[serde(default)]
    pub estimates: bool,
    /// The codec of everybody's pictures.
    #[serde(default)]
    pub codec: VideoCodec,
}

fn one() -> u8 {
    1
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Where to.
    pub room: u8,
    /// When it enters first, milliseconds.
    pub enters_ms: u32,
    /// All candidates inside the descriptions.
    pub vanilla: bool,
    /// How much its camera sends.
    pub picture: Picture,
    /// Enters with the microphone on.
    pub audio: bool,
    /// Enters with the camera on.
    pub video: bool,
    /// To the server.
    pub up: Conditions,
    /// From the server.
    pub down: Conditions,
    /// How it ends, when everybody leaves.
    pub end: End,
}

/// Something that somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When, milliseconds.
    pub at_ms: u32,
    /// Who: counted around.
    pub who: u8,
    /// What.
    pub what: Action,
}

/// How a stay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// Says `leave`, then closes the tab.
    Leave,
    /// Closes the tab.
    Close,
    /// The tab crashes.
    Vanish,
}

/// What people do. What makes no sense at the moment does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Comes (again).
    Enter,
    /// Ends its stay.
    End(End),
    /// Closes the tab and comes again at once.
    Reload,
    /// Mutes, and unmutes some time later.
    Mute {
        /// The camera, or else the microphone.
        video: bool,
        /// Stops sending as well.
        honest: bool,
        /// Until it unmutes, milliseconds.
        for_ms: u32,
    },
    /// Unmutes.
    Unmute {
        /// The camera, or else the microphone.
        video: bool,
    },
    /// Shows the screen in place of the camera (`RTCRtpSender.replaceTrack`) for so many
    /// milliseconds.
    Share(u32),
    /// Shows the screen beside the camera for so many milliseconds.
    Present {
        /// With its sound.
        sound: bool,
        /// Until it ends, milliseconds.
        for_ms: u32,
    },
    /// Its page shows these of the others from now on, and nobody else.
    Look(Vec<Glance>),
    /// The browser has no time for the largest encoding of its camera for so many milliseconds.
    Overload(u32),
    /// The link changes.
    Link {
        /// To the server.
        up: Conditions,
        /// From the server.
        down: Conditions,
    },
    /// Nothing passes for so many milliseconds.
    Partition {
        /// To the server.
        up_ms: u32,
        /// From the server.
        down_ms: u32,
    },
    /// Its WebSocket is gone, and comes back after so many milliseconds.
    Cut {
        /// The server does not notice.
        half_open: bool,
        /// Until it is back.
        for_ms: u32,
    },
    /// Its page asks for an ICE restart.
    Restart,
    /// A NAT gives it another port; or it comes from another address altogether.
    Rebind {
        /// The address, not only the port.
        whole: bool,
    },
    /// Sends what nobody should.
    Garbage(Garbage),
}

/// What a page shows of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance {
    /// Whom: by the place among the others, or nobody.
    pub who: u8,
    /// The screen, or else the camera.
    pub screen: bool,
    /// Device pixels.
    pub width: u16,
    /// Device pixels.
    pub height: u16,
}

/// What nobody should send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Garbage {
    /// Datagrams, from its own address, RTP packets that claim its m-lines among them: somebody
    /// forges them.
    Datagrams,
    /// Datagrams, from an address that nobody knows.
    StrangersDatagrams,
    /// Text messages.
    Texts,
    /// Candidate messages.
    Candidates,
    /// A binary frame.
    Binary,
    /// A message that is too long.
    Oversized,
    /// Far too many messages.
    Flood,
    /// Its next answer is damaged.
    Answer,
    /// Hangs: does not answer any more.
    Silence,
}

impl Scenario {
    /// The scenario of a seed.
    pub fn from_seed(seed: u64) -> Self {
        Self::tree(seed).current()
    }

    /// The scenario of a seed, with what is simpler than it.
    pub fn tree(seed: u64) -> impl ValueTree<Value = Self> {
        let mut bytes = [0x5a; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let strategy = scenarios().prop_map(move |scenario| Self { seed, ..scenario });
        strategy
            .new_tree(&mut runner)
            .expect("the generator rejects nothing")
    }

    /// Its text form, which a later generator of scenarios does not change.
    pub fn to_json(&self) -> String {
        // Numbers, lists and names always have one.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads [`Scenario::to_json`].
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if read.people.is_empty() {
            return Err("nobody comes".to_owned());
        }
        Ok(read)
    }

    /// How long people are there.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.duration_ms.into())
    }

    /// A steady meeting without trouble: to measure speed with.
    pub fn meeting(seed: u64, people: usize, picture: Picture, seconds: u32) -> Self {
        let person = Person {
            room: 0,
            enters_ms: 0,
            vanilla: false,
            picture,
            audio: true,
            video: true,
            up: Conditions::default(),
            down: Conditions::default(),
            end: End::Leave,
        };
        Self {
            seed,
            people: vec![person; people],
            deeds: Vec::new(),
            duration_ms: seconds * 1_000,
            signaling_ms: 10,
            hop_us: 100,
            cores: 1,
            estimates: false,
            codec: VideoCodec::Vp8,
        }
    }
}

impl Action {
    /// Until it is undone, milliseconds.
    pub(crate) fn lasts_ms(&self) -> Option<u32> {
        match self {
            Action::Mute { for_ms, .. }
            | Action::Share(for_ms)
            | Action::Present { for_ms, .. }
            | Action::Overload(for_ms)
            | Action::Cut { for_ms, .. } => Some(*for_ms),
            _ => None,
        }
    }

    /// Which kind of media a mute is about.
    pub(crate) fn kind(video: bool) -> MediaKind {
        if video {
            MediaKind::Video
        } else {
            MediaKind::Audio
        }
    }
}

/// All scenarios.
///
/// Nothing in them depends on anything else, so that each part can be made smaller by itself.
pub fn scenarios() -> impl Strategy<Value = Scenario> {
    let cores = prop_oneof![3 => Just(1_u8), 1 => 2..4_u8];
    let others = prop::sample::select(&VideoCodec::ALL[1..]);
    let codec = prop_oneof![1 => Just(VideoCodec::Vp8), 1 => others];
    let shape = (
        4_000..20_000_u32,
        0..80_u32,
        0..3_000_u32,
        cores,
        any::<bool>(),
        codec,
    );
    let parts = (any::<u64>(), shape, vec(person(), 2..6), vec(deed(), 0..12));
    parts.prop_map(|(seed, shape, people, deeds)| {
        let (duration_ms, signaling_ms, hop_us, cores, estimates, codec) = shape;
        let deeds = deeds.into_iter().map(|(when, who, what)| Deed {
            at_ms: (f64::from(duration_ms) * when) as u32,
            who,
            what,
        });
        Scenario {
            seed,
            people,
            deeds: deeds.collect(),
            duration_ms,
            signaling_ms,
            hop_us,
            cores,
            estimates,
            codec,
        }
    })
}

fn person() -> impl Strategy<Value = Person> {
    let picture = prop_oneof![
        6 => Just(Picture::Light),
        3 => Just(Picture::Layers),
        1 => Just(Picture::Full),
    ];
    let room = prop_oneof![4 => Just(0_u8), 1 => 1..3_u8];
    let on = || prop::bool::weighted(0.85);
    let manner = (room, 0..3_000_u32, any::<bool>(), picture, on(), on());
    (manner, conditions(), conditions(), end()).prop_map(|(manner, up, down, end)| {
        let (room, enters_ms, vanilla, picture, audio, video) = manner;
        Person {
            room,
            enters_ms,
            vanilla,
            picture,
            audio,
            video,
            up,
            down,
            end,
        }
    })
}

/// When, as a part of the whole; who; what.
fn deed() -> impl Strategy<Value = (f64, u8, Action)> {
    (0.0..1.0, 0..6_u8, action())
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Leave), Just(End::Close), Just(End::Vanish)]
}

fn action() -> impl Strategy<Value = Action> {
    let mute = (any::<bool>(), prop::bool::weighted(0.7), 100..6_000_u32);
    let mute = mute.prop_map(|(video, honest, for_ms)| Action::Mute {
        video,
        honest,
        for_ms,
    });
    let cut = (
        any::<bool>(),
        prop_oneof![4 => 10..5_000_u32, 1 => 5_000..20_000_u32],
    );
    let cut = cut.prop_map(|(half_open, for_ms)| Action::Cut { half_open, for_ms });
    let present = (any::<bool>(), 500..8_000_u32);
    let present = present.prop_map(|(sound, for_ms)| Action::Present { sound, for_ms });
    let link = (conditions(), conditions()).prop_map(|(up, down)| Action::Link { up, down });
    let nothing = || prop_oneof![1 => Just(0), 3 => 50..8_000_u32];
    let partition = (nothing(), nothing());
    let partition = partition.prop_map(|(up_ms, down_ms)| Action::Partition { up_ms, down_ms });
    prop_oneof![
        4 => Just(Action::Enter),
        3 => end().prop_map(Action::End),
        2 => Just(Action::Reload),
        6 => mute,
        2 => any::<bool>().prop_map(|video| Action::Unmute { video }),
        3 => (500..8_000_u32).prop_map(Action::Share),
        3 => present,
        4 => vec(glance(), 0..6).prop_map(Action::Look),
        2 => (500..8_000_u32).prop_map(Action::Overload),
        2 => link,
        2 => partition,
        3 => cut,
        2 => Just(Action::Restart),
        2 => any::<bool>().prop_map(|whole| Action::Rebind { whole }),
        4 => garbage().prop_map(Action::Garbage),
    ]
}

fn glance() -> impl Strategy<Value = Glance> {
    let screen = prop::bool::weighted(0.3);
    let glance = (0..6_u8, screen, 1..2_000_u16, 1..1_200_u16);
    glance.prop_map(|(who, screen, width, height)| Glance {
        who,
        screen,
        width,
        height,
    })
}

fn garbage() -> impl Strategy<Value = Garbage> {
    prop_oneof![
        Just(Garbage::Datagrams),
        Just(Garbage::StrangersDatagrams),
        Just(Garbage::Texts),
        Just(Garbage::Candidates),
        Just(Garbage::Binary),
        Just(Garbage::Oversized),
        Just(Garbage::Flood),
        Just(Garbage::Answer),
        Just(Garbage::Silence),
    ]
}

/// Half of the links are good, most others lose a little, one in eight is bad.
fn conditions() -> impl Strategy<Value = Conditions> {
    let good = (1..80_u32, 0..20_u32).prop_map(|(delay_ms, jitter_ms)| Conditions {
        delay_ms,
        jitter_ms,
        ..Conditions::default()
    });
    let faults = (0..20_u32, 0..30_u32, 0..20_u32, 0..10_u32);
    let fair = (good.clone(), faults).prop_map(|(good, faults)| {
        let (loss, reorder, duplicate, corrupt) = faults;
        Conditions {
            loss,
            reorder,
            duplicate,
            corrupt,
            ..good
        }
    });
    let burst = (1..50_u32, 50..500_u32, 200..1_000_u32);
    let burst = burst.prop_map(|(enter, leave, loss)| Burst { enter, leave, loss });
    let narrow = (
        prop_oneof![Just(0), 50..3_000_u32],
        3_000..200_000_u32,
        600..1_500_u32,
    );
    let faults = (0..300_u32, 0..300_u32, 0..300_u32, 0..100_u32);
    let slow = (1..600_u32, 0..200_u32);
    let bad = (narrow, faults, slow, prop::option::of(burst));
    let bad = bad.prop_map(|(narrow, faults, slow, burst)| {
        let (bandwidth_kbps, queue_bytes, mtu) = narrow;
        let (loss, reorder, duplicate, corrupt) = faults;
        let (delay_ms, jitter_ms) = slow;
        Conditions {
            bandwidth_kbps,
            queue_bytes,
            delay_ms,
            jitter_ms,
            loss,
            burst,
            reorder,
            duplicate,
            corrupt,
            mtu,
            ..Conditions::default()
        }
    });
    prop_oneof![4 => good, 3 => fair, 1 => bad]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_scenario_and_others_make_others() {
        assert_eq!(Scenario::from_seed(1), Scenario::from_seed(1));
        assert_ne!(Scenario::from_seed(1), Scenario::from_seed(2));
        let text = Scenario::from_seed(3).to_json();
        assert_eq!(Scenario::from_json(&text), Ok(Scenario::from_seed(3)));
    }
}
