//! Which calls are made.

use std::time::Duration;

use tsuji_core::VideoCodec;

use super::fault::{Fault, Strength};
use crate::media::Picture;
use crate::network::Conditions;

/// A call, and what goes wrong in it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the report calls it.
    pub name: String,
    /// What cameras send.
    pub picture: Picture,
    /// In which codec.
    pub codec: VideoCodec,
    /// Everybody's links, both ways.
    pub link: Conditions,
    /// What goes wrong, how badly, and when: since everybody is there.
    pub faults: Vec<(Fault, Strength, Duration)>,
}

/// When the first thing goes wrong. By then everybody has had enough pictures to judge by.
const FIRST: Duration = Duration::from_millis(5_000);
/// How much later the second does: both are at once.
const SECOND: Duration = Duration::from_millis(400);

const CODECS: [(Picture, VideoCodec); 3] = [
    (Picture::Layers, VideoCodec::Vp8),
    (Picture::Light, VideoCodec::H264),
    (Picture::Light, VideoCodec::Vp9),
];

impl Plan {
    fn of(number: usize, name: String, faults: Vec<(Fault, Strength, Duration)>) -> Self {
        let (picture, codec) = CODECS[number % CODECS.len()];
        Self {
            name,
            picture,
            codec,
            link: line(),
            faults,
        }
    }
}

fn line() -> Conditions {
    Conditions {
        delay_ms: 20,
        jitter_ms: 5,
        ..Conditions::default()
    }
}

/// Each fault alone.
pub fn singles() -> Vec<Plan> {
    let mut plans = Vec::new();
    for fault in Fault::ALL {
        for strength in Strength::ALL {
            let name = format!("{fault:?}, {strength:?}");
            // Each fault meets each codec, as seeds go on.
            plans.push(Plan::of(plans.len(), name, vec![(fault, strength, FIRST)]));
        }
    }
    plans
}

/// Two faults of different culprits.
pub fn pairs() -> Vec<Plan> {
    let mut plans = Vec::new();
    for (place, first) in Fault::ALL.into_iter().enumerate() {
        for second in &Fault::ALL[place + 1..] {
            if first.culprit() == second.culprit() {
                continue;
            }
            let strength = Strength::ALL[plans.len() % 2];
            let faults = vec![
                (first, strength, FIRST),
                (*second, strength, FIRST + SECOND),
            ];
            let name = format!("{first:?} and {second:?}, {strength:?}");
            plans.push(Plan::of(plans.len(), name, faults));
        }
    }
    plans
}

/// Calls in which nothing goes wrong, but what links do that are good enough.
pub fn healthy() -> Vec<Plan> {
    let mut plans = Vec::new();
    let lossy = Conditions { loss: 5, ..line() };
    let far = Conditions {
        delay_ms: 90,
        jitter_ms: 20,
        ..line()
    };
    for (name, link) in [("good", line()), ("0.5 % lost", lossy), ("far", far)] {
        for (picture, codec) in CODECS.into_iter().chain([
            (Picture::Full, VideoCodec::Vp8),
            (Picture::Light, VideoCodec::Av1),
        ]) {
            plans.push(Plan {
                name: format!("healthy, {name}, {picture:?}, {codec:?}"),
                picture,
                codec,
                link: link.clone(),
                faults: Vec::new(),
            });
        }
    }
    plans
}
