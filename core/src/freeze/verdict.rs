//! Whose fault a freeze was.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::Limitation;
use super::evidence::Evidence;
use super::facts::{Device, Facts, Inflow};
use crate::reason::Reason;

/// Who, or what, a freeze is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Culprit {
    /// The publisher's camera, encoder, browser or computer.
    PublisherDevice,
    /// The way from the publisher to the server.
    PublisherUplink,
    /// The server.
    Server,
    /// The way from the server to the viewer.
    ViewerDownlink,
    /// The viewer's decoder, browser or computer.
    ViewerDevice,
    /// The facts do not say.
    Unknown,
}

impl Culprit {
    /// All, from the camera to the screen.
    pub const ALL: [Culprit; 6] = [
        Culprit::PublisherDevice,
        Culprit::PublisherUplink,
        Culprit::Server,
        Culprit::ViewerDownlink,
        Culprit::ViewerDevice,
        Culprit::Unknown,
    ];
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Culprit::PublisherDevice => "the publisher's device",
            Culprit::PublisherUplink => "the publisher's uplink",
            Culprit::Server => "the server",
            Culprit::ViewerDownlink => "the viewer's downlink",
            Culprit::ViewerDevice => "the viewer's device",
            Culprit::Unknown => "unknown",
        })
    }
}

/// Whose fault a freeze was, how sure that is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whose.
    pub culprit: Culprit,
    /// How sure, from 0 to 100.
    pub confidence: u8,
    /// What speaks for it, the strongest first.
    pub evidence: Vec<Evidence>,
}

impl Verdict {
    /// What speaks for it as one sentence without its full stop, with these names.
    pub fn because(&self, viewer: &str, publisher: &str) -> String {
        let sentences = self.evidence.iter();
        let sentences = sentences.map(|evidence| evidence.sentence(viewer, publisher));
        sentences.collect::<Vec<_>>().join("; ")
    }
}

/// Something that can cause a freeze was seen.
struct Sign {
    culprit: Culprit,
    /// How much of the freeze it explains, and how surely, from 0 to 100.
    weight: u32,
    evidence: Evidence,
}

/// A sign below this is none.
const LEAST: u32 = 30;

/// A sign above this leaves nothing to explain.
const SURE: u32 = 60;

/// Whose fault it was.
pub fn verdict(facts: &Facts) -> Verdict {
    let mut signs = Vec::new();
    let late = facts.uplink.picture.late_ms().max(facts.server.late_ms);
    // What a picture's way here held up may still be too little for a gap of what left.
    let held_up =
        (only_shown(facts) && is_much(facts, late)).then(|| departed(facts.length_ms, facts));
    let facts = held_up.as_ref().unwrap_or(facts);
    let upstream = share(facts.departed_ms, facts.length_ms);
    if upstream >= 40 {
        server(facts, &mut signs);
        uplink(facts, &mut signs);
        publisher(facts, &mut signs);
    }
    if upstream < 80 {
        downlink(facts, &mut signs);
        viewer(facts, &mut signs);
    }
    if upstream >= 80 && signs.iter().all(|sign| sign.weight < SURE) {
        // Of pictures that all came, the server keeps those back that the way down has no room for.
        let facts = departed(0, facts);
        signs.extend(doubtful(|signs| {
            downlink(&facts, signs);
            left_out(&facts, signs);
        }));
    }
    if signs.is_empty() && upstream < 40 {
        // What nothing on the way down explains, may have been too small a gap as it left.
        let facts = departed(facts.length_ms, facts);
        signs.extend(doubtful(|signs| {
            server(&facts, signs);
            uplink(&facts, signs);
        }));
    }
    let best = signs.iter().max_by_key(|sign| sign.weight);
    let Some(culprit) = best.map(|best| best.culprit) else {
        return Verdict {
            culprit: Culprit::Unknown,
            confidence: 0,
            evidence: Vec::new(),
        };
    };
    let weight_of = |is_it: &dyn Fn(Culprit) -> bool| {
        let weights = signs.iter().filter(|sign| is_it(sign.culprit));
        weights.map(|sign| sign.weight).max().unwrap_or(0)
    };
    let (mine, others) = (weight_of(&|c| c == culprit), weight_of(&|c| c != culprit));
    signs.retain(|sign| sign.culprit == culprit);
    signs.sort_by_key(|sign| std::cmp::Reverse(sign.weight));
    let mut evidence: Vec<_> = signs.iter().map(|sign| sign.evidence).collect();
    let around = around(facts, culprit, &mut evidence);
    let doubt = others.saturating_sub(mine.saturating_sub(40)) / 2;
    let confidence = (mine + around).min(99).saturating_sub(doubt).max(1);
    Verdict {
        culprit,
        confidence: u8::try_from(confidence).unwrap_or(99),
        evidence,
    }
}

/// The same facts, if nothing that could be decoded had left for so long.
fn departed(departed_ms: u32, facts: &Facts) -> Facts {
    Facts {
        departed_ms,
        ..facts.clone()
    }
}

/// Signs that are less sure than others: they explain what was not seen where it should have been.
fn doubtful(look: impl FnOnce(&mut Vec<Sign>)) -> Vec<Sign> {
    let mut signs = Vec::new();
    look(&mut signs);
    for sign in &mut signs {
        sign.weight = sign.weight * 2 / 3;
    }
    signs
}

/// Percent of the whole.
fn share(part: u32, whole: u32) -> u32 {
    let percent = 100 * u64::from(part) / u64::from(whole.max(1));
    u32::try_from(percent).unwrap_or(u32::MAX)
}

fn put(signs: &mut Vec<Sign>, culprit: Culprit, weight: u32, evidence: Evidence) {
    if weight >= LEAST {
        signs.push(Sign {
            culprit,
            weight,
            evidence,
        });
    }
}

fn server(facts: &Facts, signs: &mut Vec<Sign>) {
    let server = &facts.server;
    let late = share(server.late_ms, facts.departed_ms);
    let ms = server.late_ms;
    // A little of it is in every gap.
    let weight = if ms >= 80 && late >= 40 {
        (late + 30).min(97)
    } else {
        0
    };
    put(signs, Culprit::Server, weight, Evidence::ServerLate { ms });
    // What the system had no room for is missing as if a network had lost it.
    let missed = facts.uplink.picture.missed;
    let weight = match share(server.overflowed, missed) {
        _ if server.overflowed == 0 || missed == 0 => 0,
        part @ 0..50 => 50 + part / 2,
        _ => 97,
    };
    let evidence = Evidence::Overflowed {
        datagrams: server.overflowed,
    };
    put(signs, Culprit::Server, weight, evidence);
    let waited = share(server.waiting_ms, facts.departed_ms);
    let evidence = Evidence::Waited {
        ms: server.waiting_ms,
        requests: server.requests,
    };
    put(signs, Culprit::Server, (waited / 2).min(50), evidence);
}

fn uplink(facts: &Facts, signs: &mut Vec<Sign>) {
    let (uplink, gap) = (&facts.uplink, facts.departed_ms);
    let picture = &uplink.picture;
    let culprit = Culprit::PublisherUplink;
    if !uplink.connected {
        put(signs, culprit, 93, Evidence::UplinkDown);
    }
    let idle = made_nothing(facts) || publisher_stood(facts);
    let silent = share(uplink.silence_ms, gap);
    let evidence = Evidence::UplinkSilent {
        ms: uplink.silence_ms,
    };
    if silent >= 60 && !idle {
        put(signs, culprit, 85, evidence);
    }
    // Of what is lost, a picture waits for what is repaired, or for a keyframe.
    let lost = picture.missed > 0 && !idle;
    let evidence = Evidence::UplinkLost {
        missed: picture.missed,
        expected: picture.expected,
        repaired: picture.repaired,
    };
    let weight = 75 + share(picture.missed, picture.expected).min(20);
    put(signs, culprit, if lost { weight } else { 0 }, evidence);
    let mut ms = picture.delay_ms;
    if held_back(facts) {
        let skipped = picture.skipped_ms;
        put(signs, culprit, 86, Evidence::HeldBack { ms: skipped });
        ms = ms.max(uplink.sound.map_or(0, |sound| sound.delay_ms));
    }
    let late = share(ms, gap);
    let weight = if late >= 35 { (late + 30).min(88) } else { 0 };
    put(signs, culprit, weight, Evidence::UplinkLate { ms });
}

/// What comes later than the quickest by so much, milliseconds, waited in front of a link.
const QUEUED: u32 = 500;

/// Whether the browser left pictures out because of the path: it went on sending all the time, but what it sent was
/// lost, or waited. That a camera stops at such a moment is less likely.
fn held_back(facts: &Facts) -> bool {
    let uplink = &facts.uplink;
    let struggles =
        |inflow: &Inflow| inflow.delay_ms >= QUEUED || share(inflow.missed, inflow.expected) >= 5;
    let alive = share(uplink.silence_ms, facts.departed_ms) < 40;
    let sound = uplink.sound.as_ref().is_some_and(struggles);
    made_nothing(facts) && alive && (struggles(&uplink.picture) || sound)
}

/// Whether the longest silence of the picture is one in which nothing was made.
fn made_nothing(facts: &Facts) -> bool {
    let Inflow { skipped_ms, .. } = facts.uplink.picture;
    // Of a sound, nothing is made whenever nobody speaks.
    !facts.sound && share(skipped_ms, facts.departed_ms) >= 60
}

/// Whether the publisher's device stood still as long as nothing at all came from it.
fn publisher_stood(facts: &Facts) -> bool {
    let slept = facts.publisher.map_or(0, |device| device.slept_ms);
    // Of pauses with little between them, each is shorter than what they make together.
    share(facts.uplink.silence_ms, facts.departed_ms) >= 40 && share(slept, facts.departed_ms) >= 50
}

/// The same of the viewer's device.
fn viewer_stood(facts: &Facts) -> bool {
    let slept = facts.viewer.map_or(0, |device| device.slept_ms);
    let rest = facts.length_ms.saturating_sub(facts.departed_ms);
    share(facts.downlink.mute_ms, rest) >= 60 && share(slept, rest) >= 50
}

/// Whether only the viewer's page saw it.
fn only_shown(facts: &Facts) -> bool {
    facts.departed_ms == 0 && facts.arrived_ms == 0 && facts.shown_ms > 0
}

/// Whether what was late by so much explains most of a freeze.
fn is_much(facts: &Facts, ms: u32) -> bool {
    ms >= 250 && share(ms, facts.length_ms) >= 60
}

fn publisher(facts: &Facts, signs: &mut Vec<Sign>) {
    let picture = &facts.uplink.picture;
    let culprit = Culprit::PublisherDevice;
    let mut weight = 0;
    if let Some(device) = facts.publisher.filter(|_| publisher_stood(facts)) {
        weight = 92;
        let ms = device.slept_ms;
        put(signs, culprit, weight, Evidence::PublisherSlept { ms });
    }
    if made_nothing(facts) && !held_back(facts) {
        weight = 90;
        let ms = picture.skipped_ms;
        put(signs, culprit, weight, Evidence::NothingMade { ms });
    }
    // Nothing shows yet whether something is lost: the sound does.
    let silent = share(picture.silence_ms, facts.departed_ms) >= 60;
    let heard = facts.uplink.sound.filter(|sound| {
        share(sound.silence_ms, facts.departed_ms) < 50
            && share(sound.missing(), sound.expected) < 20
    });
    if silent && picture.missed == 0 && heard.is_some() && weight == 0 {
        weight = 80;
        let ms = picture.silence_ms;
        put(signs, culprit, weight, Evidence::OnlySound { ms });
    }
    let Some(device) = facts.publisher else {
        return;
    };
    let Device {
        hidden, slept_ms, ..
    } = device;
    let supports = |yes: bool, alone: u32| match (yes, weight) {
        (false, _) => 0,
        (true, 0) => alone,
        (true, weight) => (weight + 5).min(97),
    };
    put(
        signs,
        culprit,
        supports(device.ended, 40),
        Evidence::CameraEnded,
    );
    let slept = share(slept_ms, facts.length_ms) >= 50 && !publisher_stood(facts);
    let evidence = Evidence::PublisherSlept { ms: slept_ms };
    put(signs, culprit, supports(slept, 40), evidence);
    put(
        signs,
        culprit,
        supports(hidden, 0),
        Evidence::PublisherHidden,
    );
    let busy = device.limitation == Limitation::Cpu;
    put(signs, culprit, supports(busy, 0), Evidence::PublisherBusy);
}

fn downlink(facts: &Facts, signs: &mut Vec<Sign>) {
    let down = &facts.downlink;
    let culprit = Culprit::ViewerDownlink;
    let rest = facts.length_ms.saturating_sub(facts.departed_ms);
    if !down.connected {
        put(signs, culprit, 93, Evidence::DownlinkDown);
    }
    let late = is_much(facts, down.delay_ms) || (down.lost > 0 && is_much(facts, down.silence_ms));
    let lost = share(down.lost, down.came + down.lost);
    let shown = facts.arrived_ms == 0 && share(facts.shown_ms, facts.length_ms) >= 50;
    if shown && !late && lost < LOSSY {
        // Too little for a gap as pictures came, but what was repaired was a little late.
        let short = facts.length_ms < SHORT && down.lost > 0;
        let evidence = lost_down(facts);
        put(signs, culprit, if short { 82 } else { 0 }, evidence);
        return;
    }
    let silent = share(down.silence_ms, rest);
    let ms = down.silence_ms;
    let weight = if silent >= 50 && ms >= 300 { 88 } else { 0 };
    put(signs, culprit, weight, Evidence::DownlinkSilent { ms });
    // A picture that was repaired in time for the server came late to the page even so.
    let least = if shown && lost >= LOSSY { 84 } else { 70 };
    let weight = (70 + lost.min(25)).max(least);
    put(
        signs,
        culprit,
        if down.lost > 0 { weight } else { 0 },
        lost_down(facts),
    );
    let late = share(down.delay_ms, rest);
    let ms = down.delay_ms;
    let weight = if late >= 35 { (late + 30).min(90) } else { 0 };
    put(signs, culprit, weight, Evidence::DownlinkLate { ms });
}

fn lost_down(facts: &Facts) -> Evidence {
    let down = &facts.downlink;
    Evidence::DownlinkLost {
        lost: down.lost,
        sent: down.came + down.lost,
        repairs: down.repairs,
    }
}

/// A picture that waits for a repair stands still for less, milliseconds.
const SHORT: u32 = 400;

/// Of a path that loses so much, percent, pictures come late though all of them come.
const LOSSY: u32 = 8;

/// A path that was taken to carry less than this, kbit/s, has no room for some pictures of a few people.
const NARROW: u32 = 500;

/// Whether the server left pictures out that came to it.
fn left_out(facts: &Facts, signs: &mut Vec<Sign>) {
    let picture = &facts.uplink.picture;
    let came = picture.missed == 0 && share(picture.silence_ms, facts.length_ms) < 60;
    let Some(kbps) = facts.downlink.estimate_kbps.filter(|_| came) else {
        return;
    };
    let weight = match facts.reason {
        Reason::NoBandwidth => 90,
        _ if kbps < NARROW => 75,
        _ => 0,
    };
    let evidence = Evidence::DownlinkNarrow { kbps };
    put(signs, Culprit::ViewerDownlink, weight, evidence);
}

fn viewer(facts: &Facts, signs: &mut Vec<Sign>) {
    let culprit = Culprit::ViewerDevice;
    if let Some(device) = facts.viewer.filter(|_| viewer_stood(facts)) {
        let ms = device.slept_ms;
        put(signs, culprit, 96, Evidence::ViewerSlept { ms });
        return;
    }
    // What the server knows of the picture's way does not explain it.
    let on_the_way = facts.arrived_ms.max(facts.departed_ms);
    if share(on_the_way, facts.length_ms) >= 60 {
        return;
    }
    let mut weight = 0;
    if facts.shown_ms > 0 {
        weight = 80;
        put(signs, culprit, weight, Evidence::CameInTime);
    }
    let Some(device) = facts.viewer else {
        return;
    };
    let plus = |yes: bool| if yes { (weight + 12).max(50) } else { 0 };
    put(signs, culprit, plus(device.hidden), Evidence::ViewerHidden);
    let ms = device.slept_ms;
    let slept = share(ms, facts.length_ms) >= 50;
    put(signs, culprit, plus(slept), Evidence::ViewerSlept { ms });
    let (dropped, decoded) = (device.dropped, device.decoded);
    let evidence = Evidence::ViewerDropped { dropped, decoded };
    put(signs, culprit, plus(4 * dropped > decoded), evidence);
    let ms = device.decoding_ms;
    put(signs, culprit, plus(ms >= 30), Evidence::ViewerSlow { ms });
}

/// Adds what was so with others, and says how much that speaks for it.
fn around(facts: &Facts, culprit: Culprit, evidence: &mut Vec<Evidence>) -> u32 {
    let (others, own) = (facts.others, facts.downlink.others);
    if others.of > 0 {
        let (froze, of) = (others.froze, others.of);
        evidence.push(Evidence::Others { froze, of });
    }
    let is_all = others.of > 0 && others.froze == others.of;
    match culprit {
        Culprit::PublisherDevice | Culprit::PublisherUplink if is_all => 8,
        Culprit::ViewerDownlink if own.of > 0 && own.froze > 0 => {
            let (froze, of) = (own.froze, own.of);
            evidence.push(Evidence::OtherPictures { froze, of });
            if others.froze == 0 { 8 } else { 4 }
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
