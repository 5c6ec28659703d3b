//! Who speaks.
//!
//! The dominant speaker is found as Volfin and Cohen describe it (Dominant Speaker Identification for
//! Multipoint Videoconferencing, IEEE 27th Convention of Electrical and Electronics Engineers in
//! Israel, 2012): speech is scored over three spans, of which each counts how much of the one below
//! is active, and who is to take over has to be better in all of them. Coughs and slamming doors
//! are loud for one span only.
//!
//! ```text
//!  immediate  20 ms   bands of loudness above the own noise     of 13
//!  medium    100 ms   immediates that are loud                  of 5
//!  long        1 s    mediums that are mostly loud              of 10
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::participant::Index;
use crate::time::Time;

/// One immediate: what a packet of sound mostly holds.
const IMMEDIATE: Duration = Duration::from_millis(20);
/// Bands of an immediate.
const BANDS: u8 = 13;
/// Immediates of a medium, and how many bands make one count.
const MEDIUM: usize = 5;
const LOUD_BANDS: u8 = 7;
/// Mediums of a long, and how many loud immediates make one count.
const LONG: usize = 10;
const LOUD_IMMEDIATES: usize = 4;
/// Half of all is active by chance, and how much more each counts where somebody speaks: immediate,
/// medium, long (the paper's p and lambda).
const CHANCE: f64 = 0.5;
const LAMBDA: [f64; 3] = [0.78, 24.0, 47.0];
/// By how much who is to take over has to be better, as a logarithm: the paper's C1, C2, C3.
const BETTER: [f64; 3] = [3.0, 2.0, 0.0];
/// A score that is no more than chance.
const LEAST: f64 = 1e-10;
/// How often the dominant speaker is looked for.
const DECISION: Duration = Duration::from_millis(300);

/// One band, dB: between noise and shouting are about 45.
const BAND: i16 = 3;
/// The least noise that is believed, −dBov: some browsers send digital silence.
const QUIETEST: i16 = -70;
/// Immediates after which the noise is believed to be 1 dB louder, if it does not fall below.
const NOISE_RISES: u8 = 50;
/// What is taken for the level of who does not tell it (RFC 6464), −dBov: less than speech, more
/// than silence, so that nobody is never heard.
const UNTOLD: i16 = -40;

/// How often the loudest are looked for.
const CHOICE: Duration = Duration::from_millis(100);
/// Immediates that count for loudness: half a second.
const RECENT: usize = 25;
/// By how much somebody has to be louder than who gives way, in bands over all of these. 50: two
/// bands all the time, or speech for a tenth of a second where nobody spoke.
const LOUDER: u32 = 50;

/// What was heard of somebody lately.
#[derive(Debug, Serialize, Deserialize)]
struct Activity {
    /// Bands of the last immediates, the newest last.
    immediates: VecDeque<u8>,
    /// When the newest began.
    last: Time,
    /// The level of silence, dBov.
    noise: i16,
    /// Immediates since that last rose.
    risen: u8,
}

impl Activity {
    fn new(t: Time) -> Self {
        Self {
            immediates: VecDeque::from(vec![0; MEDIUM * LONG]),
            last: t,
            noise: QUIETEST,
            risen: 0,
        }
    }

    fn hear(&mut self, t: Time, level: Option<i8>) {
        self.pass_until(t);
        let level = level.map_or(UNTOLD, i16::from);
        if level <= self.noise {
            self.noise = level.max(QUIETEST);
        } else {
            self.risen += 1;
            if self.risen == NOISE_RISES {
                self.risen = 0;
                self.noise += 1;
            }
        }
        let bands = ((level - self.noise) / BAND).clamp(0, BANDS.into());
        self.push(bands as u8);
        self.last = t;
    }

    /// Nothing came of it: silence, as from who sends none (RFC 7587, 3.1.3).
    fn pass_until(&mut self, t: Time) {
        let silent = t.since(self.last).as_millis() / IMMEDIATE.as_millis();
        // What is late comes together.
        for _ in 2..silent.min(1 + (MEDIUM * LONG) as u128) {
            self.push(0);
            self.last = self.last + IMMEDIATE;
        }
    }

    fn push(&mut self, bands: u8) {
        self.immediates.pop_front();
        self.immediates.push_back(bands);
    }

    fn loudness(&self) -> u32 {
        let recent = self.immediates.iter().rev().take(RECENT);
        recent.map(|bands| u32::from(*bands)).sum()
    }

    /// Immediate, medium and long.
    fn scores(&self) -> [f64; 3] {
        let newest = self.immediates.back().copied().unwrap_or_default();
        let loud = |immediates: &[u8]| immediates.iter().filter(|b| **b >= LOUD_BANDS).count();
        let immediates: Vec<u8> = self.immediates.iter().copied().collect();
        let mediums: Vec<usize> = immediates.chunks(MEDIUM).map(loud).collect();
        let medium = mediums.last().copied().unwrap_or_default();
        let long = mediums.iter().filter(|n| **n >= LOUD_IMMEDIATES).count();
        [
            score(newest.into(), BANDS.into(), LAMBDA[0]),
            score(medium, MEDIUM, LAMBDA[1]),
            score(long, LONG, LAMBDA[2]),
        ]
    }
}

/// How much better speech explains it that `active` of `all` are, than chance does: the paper's
/// logarithm of the ratio of likelihoods.
fn score(active: usize, all: usize, lambda: f64) -> f64 {
    let choose = (0..active).map(|i| (all - i) as f64 / (i + 1) as f64);
    let (active, rest) = (active as f64, (all - active) as f64);
    let chance = choose.product::<f64>().ln() + active * CHANCE.ln() + rest * (1.0 - CHANCE).ln();
    (chance - lambda.ln() + lambda * active).max(LEAST)
}

/// The speakers of a room.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Speakers {
    people: BTreeMap<Index, Activity>,
    dominant: Option<Index>,
    /// Who is to be heard where not everybody can be.
    loudest: Vec<Index>,
    decide_at: Time,
    choose_at: Time,
}

/// What a packet of sound has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Somebody else is dominant.
    pub(crate) dominant: Option<Index>,
    /// Others are the loudest.
    pub(crate) loudest: bool,
}

impl Speakers {
    /// Who is to be heard first.
    pub(crate) fn loudest(&self) -> &[Index] {
        &self.loudest
    }

    /// A packet of sound came, with its level in dBov. `voices`: how many can be heard at once.
    pub(crate) fn hear(
        &mut self,
        t: Time,
        index: Index,
        level: Option<i8>,
        voices: usize,
    ) -> Change {
        let activity = self.people.entry(index);
        activity.or_insert_with(|| Activity::new(t)).hear(t, level);
        let mut change = Change::default();
        if self.choose_at <= t {
            self.choose_at = t + CHOICE;
            self.people
                .values_mut()
                .for_each(|activity| activity.pass_until(t));
            // Nobody hears itself, so one more.
            change.loudest = self.choose(voices + 1);
        }
        if self.decide_at <= t {
            self.decide_at = t + DECISION;
            change.dominant = self.decide();
        }
        change
    }

    /// Somebody left, or muted.
    pub(crate) fn forget(&mut self, index: Index) {
        self.people.remove(&index);
        self.loudest.retain(|known| *known != index);
        self.dominant = self.dominant.filter(|known| *known != index);
    }

    fn choose(&mut self, count: usize) -> bool {
        let loudness = |index: &Index| self.people.get(index).map_or(0, Activity::loudness);
        let others = self
            .people
            .keys()
            .filter(|index| !self.loudest.contains(index));
        // Of the equally loud, who came first.
        let best = others.max_by_key(|index| (loudness(index), usize::MAX - **index));
        let Some(best) = best.copied().filter(|best| loudness(best) >= LOUDER) else {
            return false;
        };
        if self.loudest.len() < count {
            self.loudest.push(best);
            return true;
        }
        let weakest = (0..self.loudest.len()).min_by_key(|place| loudness(&self.loudest[*place]));
        match weakest {
            Some(place) if loudness(&best) >= loudness(&self.loudest[place]) + LOUDER => {
                self.loudest[place] = best;
                true
            }
            _ => false,
        }
    }

    fn decide(&mut self) -> Option<Index> {
        let dominant = self.dominant.and_then(|index| self.people.get(&index));
        let dominant = dominant.map_or([LEAST; 3], Activity::scores);
        let mut best = (0.0, None);
        for (index, activity) in &self.people {
            let scores = activity.scores();
            let better: [f64; 3] = std::array::from_fn(|i| (scores[i] / dominant[i]).ln());
            let takes_over = (0..3).all(|i| better[i] > BETTER[i]);
            if takes_over && Some(*index) != self.dominant && better[1] > best.0 {
                best = (better[1], Some(*index));
            }
        }
        if best.1.is_some() {
            self.dominant = best.1;
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: i8 = -70;
    const SPEECH: i8 = -28;

    /// Lets everybody send at these levels for so long; what changed.
    fn pass(
        speakers: &mut Speakers,
        from: &mut u64,
        millis: u64,
        levels: &[(Index, i8)],
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..millis / 20 {
            *from += 20;
            for (index, level) in levels {
                let t = Time::from_millis(*from);
                let change = speakers.hear(t, *index, Some(*level), 3);
                if change != Change::default() {
                    changes.push(change);
                }
            }
        }
        changes
    }

    fn dominant(changes: &[Change]) -> Vec<Index> {
        changes
            .iter()
            .filter_map(|change| change.dominant)
            .collect()
    }

    #[test]
    fn who_speaks_becomes_dominant_within_a_second_and_stays_while_nobody_else_does() {
        let (mut speakers, mut now) = (Speakers::default(), 0);
        let quiet = [(1, SILENCE), (2, SILENCE), (3, SILENCE)];
        assert_eq!(dominant(&pass(&mut speakers, &mut now, 3_000, &quiet)), []);
        let one = [(1, SPEECH), (2, SILENCE), (3, SILENCE)];
        assert_eq!(dominant(&pass(&mut speakers, &mut now, 1_000, &one)), [1]);
        assert_eq!(dominant(&pass(&mut speakers, &mut now, 5_000, &quiet)), []);
        let other = [(1, SILENCE), (2, SILENCE), (3, SPEECH)];
        assert_eq!(dominant(&pass(&mut speakers, &mut now, 1_000, &other)), [3]);
    }

    #[test]
    fn a_cough_and_steady_noise_are_no_speech() {
        let (mut speakers, mut now) = (Speakers::default(), 0);
        let speaks = [(1, SPEECH), (2, SILENCE)];
        pass(&mut speakers, &mut now, 3_000, &speaks);
        let coughs = [(1, SPEECH), (2, -5)];
        assert_eq!(dominant(&pass(&mut speakers, &mut now, 100, &coughs)), []);
        assert_eq!(dominant(&pass(&mut speakers, &mut now, 2_000, &speaks)), []);
        let (mut speakers, mut now) = (Speakers::default(), 0);
        let fan = [(1, SILENCE), (2, -50)];
        pass(&mut speakers, &mut now, 60_000, &fan);
        assert_eq!(speakers.dominant, None);
    }

    #[test]
    fn the_loudest_are_few_and_give_way_only_to_who_is_clearly_louder() {
        let (mut speakers, mut now) = (Speakers::default(), 0);
        let mut levels: Vec<_> = (0..10).map(|index| (index, SILENCE)).collect();
        pass(&mut speakers, &mut now, 1_000, &levels);
        assert!(speakers.loudest().is_empty());
        for (_, level) in &mut levels[..4] {
            *level = SPEECH;
        }
        pass(&mut speakers, &mut now, 1_000, &levels);
        let mut loudest = speakers.loudest().to_vec();
        loudest.sort_unstable();
        assert_eq!(loudest, [0, 1, 2, 3]);
        // A little louder is not enough.
        levels[7].1 = SPEECH + 3;
        assert!(
            pass(&mut speakers, &mut now, 2_000, &levels)
                .iter()
                .all(|change| !change.loudest)
        );
        levels[2].1 = SILENCE;
        pass(&mut speakers, &mut now, 600, &levels);
        assert!(speakers.loudest().contains(&7) && !speakers.loudest().contains(&2));
        speakers.forget(7);
        assert!(!speakers.loudest().contains(&7));
    }

    #[test]
    fn who_sends_nothing_falls_silent() {
        let (mut speakers, mut now) = (Speakers::default(), 0);
        pass(&mut speakers, &mut now, 2_000, &[(1, SPEECH), (2, SILENCE)]);
        pass(&mut speakers, &mut now, 800, &[(2, SILENCE)]);
        assert_eq!(speakers.people[&1].loudness(), 0);
        let untold = speakers.hear(Time::from_millis(now + 20), 3, None, 3);
        assert_eq!(untold.dominant, None);
    }
}
