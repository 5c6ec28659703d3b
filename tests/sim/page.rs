//! The page of a virtual browser: the client's half of `PROTOCOL.md`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use tsuji_core::{Layer, MediaKind, ParticipantId, Source, Time, VideoCodec};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{
    self, Candidate, ClientMessage, Ice, Id, Kind, Participant, Publish, ServerMessage, Slot,
    SlotReason, Tile,
};

use crate::browser::Browser;
use crate::garbage;
use crate::media::{Camera, Microphone, Picture};
use crate::scenario::Glance;

/// A participant that there never is.
const NOBODY: ParticipantId = ParticipantId(999_999);

/// How somebody takes part.
#[derive(Clone, Debug)]
pub struct Manner {
    /// How candidates travel.
    pub ice: Ice,
    /// What the camera sends.
    pub picture: Picture,
    /// The only codec of pictures that the browser has.
    pub codec: VideoCodec,
    /// Enters with the microphone on.
    pub audio: bool,
    /// Enters with the camera on.
    pub video: bool,
    /// Answers offers; who does not is a page that hangs.
    pub answers: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            ice: Ice::Trickle,
            picture: Picture::Full,
            codec: VideoCodec::Vp8,
            audio: true,
            video: true,
            answers: true,
        }
    }
}

/// What a page was told of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// The microphone is on.
    pub audio: bool,
    /// The camera is on.
    pub video: bool,
    /// The screen is shown.
    pub screen: bool,
    /// The sound of the screen is there.
    pub screen_audio: bool,
    /// When it was told.
    pub told: Time,
}

impl Other {
    fn new(t: Time, other: &Participant) -> Self {
        Self {
            audio: other.audio,
            video: other.video,
            screen: other.screen,
            screen_audio: other.screen_audio,
            told: t,
        }
    }

    /// Whether somebody is told of again as before.
    fn agrees(&self, other: &Self) -> bool {
        let told = |other: &Self| Source::ALL.map(|source| other.is_on(source));
        told(self) == told(other)
    }

    /// Whether it is said to be on.
    pub(crate) fn is_on(&self, source: Source) -> bool {
        match source {
            Source::Microphone => self.audio,
            Source::Camera => self.video,
            Source::Screen => self.screen,
            Source::ScreenAudio => self.screen_audio,
        }
    }
}

/// One page load.
#[derive(Debug)]
pub struct Page {
    base: Instant,
    seed: u64,
    address: SocketAddr,
    manner: Manner,
    entering: bool,
    /// The room that it was to enter last.
    room: Option<String>,
    /// What resumes its stay.
    token: Option<String>,
    /// Stays that it began and could not take up again, because its WebSocket was gone before it was
    /// told their tokens. The server may hold them for a while.
    pub(crate) unclaimed: usize,
    /// Offers may come again: it has just resumed.
    resumed: bool,
    /// The dominant speaker, as told.
    pub speaker: Option<ParticipantId>,
    /// Why its slots carry what they carry, by their m-lines, and since when it knows.
    pub reasons: BTreeMap<String, (Time, SlotReason)>,
    /// What it shares: its screen, and the sound of that.
    presents: (bool, bool),
    /// What it shows of others, once it says so.
    view: Option<Vec<Tile>>,
    /// Who it is, once an offer told it.
    pub me: Option<ParticipantId>,
    /// The others in the room, as told.
    pub others: BTreeMap<ParticipantId, Other>,
    /// Its connection, from the first offer to the end of its stay.
    pub browser: Option<Browser>,
    /// The primary SSRC that each m-line was offered with.
    pub offered_ssrcs: BTreeMap<String, u32>,
    /// What the server refused.
    pub errors: Vec<ErrorCode>,
    /// Against `PROTOCOL.md`, said by the server.
    pub contradictions: Vec<String>,
    /// Damages the next answer, from this seed.
    pub spoil_answer: Option<u64>,
    last_negotiation: u32,
    outbox: Vec<ClientMessage>,
}

impl Page {
    pub(crate) fn new(base: Instant, seed: u64, address: SocketAddr, manner: Manner) -> Self {
        Self {
            base,
            seed,
            address,
            manner,
            entering: false,
            room: None,
            token: None,
            unclaimed: 0,
            resumed: false,
            speaker: None,
            reasons: BTreeMap::new(),
            presents: (false, false),
            view: None,
            me: None,
            others: BTreeMap::new(),
            browser: None,
            offered_ssrcs: BTreeMap::new(),
            errors: Vec::new(),
            contradictions: Vec::new(),
            spoil_answer: None,
            last_negotiation: 0,
            outbox: Vec::new(),
        }
    }

    /// Joins a room and enters it at once.
    pub(crate) fn enter(&mut self, room: &str) {
        self.entering = true;
        self.room = Some(room.to_owned());
        self.say(ClientMessage::look(room));
    }

    /// It has another WebSocket: its stay goes on, or begins again.
    pub(crate) fn resume(&mut self) {
        // What it wanted to say is lost with the old one.
        self.outbox.clear();
        match &self.token {
            Some(token) => {
                let token = token.clone();
                self.say(ClientMessage::Resume { token });
            }
            None => {
                self.unclaimed += 1;
                self.enter_again();
            }
        }
    }

    fn enter_again(&mut self) {
        self.forget_stay();
        if let Some(room) = self.room.clone() {
            self.enter(&room);
        }
    }

    fn forget_stay(&mut self) {
        self.token = None;
        self.me = None;
        self.browser = None;
        self.others.clear();
        self.speaker = None;
        self.reasons.clear();
        self.presents = (false, false);
        self.view = None;
    }

    /// It has lost its WebSocket: nobody can tell it any more what is taken.
    pub(crate) fn alone(&mut self) {
        if let Some(browser) = &mut self.browser {
            for source in Source::ALL {
                browser.send_layers(source, &Layer::ALL);
            }
        }
    }

    fn resumed(&mut self, t: Time, me: ParticipantId, others: &[Participant], slots: Vec<Slot>) {
        if self.me != Some(me) {
            self.contradict(format!("resumed as {me}, not {:?}", self.me));
        }
        self.others = roster(t, others);
        self.slots(slots);
        self.resumed = true;
        // What was said while nobody heard it.
        let on = [
            (Kind::Audio, self.manner.audio),
            (Kind::Video, self.manner.video),
        ];
        for (kind, on) in on {
            self.say(ClientMessage::Mute { kind, muted: !on });
        }
        let (screen, audio) = self.presents;
        self.say(ClientMessage::Share { screen, audio });
        if let Some(tiles) = self.view.clone() {
            self.say(ClientMessage::View { tiles });
        }
    }

    /// Shows its screen beside the camera, with or without sound, or not any more.
    pub fn present(&mut self, t: Time, screen: bool, audio: bool) {
        let Some(browser) = &mut self.browser else {
            return;
        };
        browser.present(t, screen, audio);
        self.presents = (screen, audio);
        self.say(ClientMessage::Share { screen, audio });
    }

    /// Shows these of the others, and nobody else: by their place among them.
    pub fn look(&mut self, glances: &[Glance]) {
        if self.me.is_none() {
            return;
        }
        let others: Vec<_> = self.others.keys().collect();
        let tile = |glance: &Glance| Tile {
            // Somebody who was never there, now and then.
            participant: Id(**others.get(usize::from(glance.who)).unwrap_or(&&NOBODY)),
            source: match glance.screen {
                true => message::Source::Screen,
                false => message::Source::Camera,
            },
            width: glance.width,
            height: glance.height,
            pinned: false,
        };
        let tiles: Vec<_> = glances.iter().map(tile).collect();
        self.view = Some(tiles.clone());
        self.say(ClientMessage::View { tiles });
    }

    /// Leaves on purpose.
    pub(crate) fn leave(&mut self) {
        self.say(ClientMessage::Leave);
    }

    /// Asks for an ICE restart.
    pub(crate) fn restart(&mut self) {
        if self.me.is_some() {
            self.say(ClientMessage::Restart);
        }
    }

    /// Mutes or unmutes. `honest`: it stops sending as well.
    pub fn mute(&mut self, t: Time, kind: MediaKind, muted: bool, honest: bool) {
        match kind {
            MediaKind::Audio => self.manner.audio = !muted,
            MediaKind::Video => self.manner.video = !muted,
        }
        if let Some(browser) = &mut self.browser
            && (honest || !muted)
        {
            match (kind, &mut browser.microphone, &mut browser.camera) {
                (MediaKind::Audio, Some(microphone), _) => {
                    microphone.paused = muted;
                    microphone.wait_until(t);
                }
                (MediaKind::Video, _, Some(camera)) => {
                    camera.paused = muted;
                    camera.wait_until(t);
                }
                _ => {}
            }
        }
        let kind = match kind {
            MediaKind::Audio => Kind::Audio,
            MediaKind::Video => Kind::Video,
        };
        self.say(ClientMessage::Mute { kind, muted });
    }

    /// The page hangs: from now on it answers no offer.
    pub(crate) fn hang(&mut self) {
        self.manner.answers = false;
    }

    /// Whether it answers offers.
    pub fn answers(&self) -> bool {
        self.manner.answers
    }

    /// Says anything.
    pub(crate) fn say(&mut self, message: ClientMessage) {
        self.outbox.push(message);
    }

    /// Shows the screen in place of the camera, or the camera again.
    pub(crate) fn share(&mut self, t: Time, screen: bool) {
        let browser = self.browser.as_mut();
        if let Some(camera) = browser.and_then(|browser| browser.camera.as_mut()) {
            camera.share(t, screen);
        }
    }

    /// The browser has no time for its largest encoding, or has it again.
    pub(crate) fn overload(&mut self, overloaded: bool) {
        let browser = self.browser.as_mut();
        if let Some(camera) = browser.and_then(|browser| browser.camera.as_mut()) {
            camera.overload(overloaded);
        }
    }

    /// Whether it or its browser has something to send.
    pub(crate) fn has_outputs(&self) -> bool {
        let browser = self.browser.as_ref();
        !self.outbox.is_empty() || browser.is_some_and(|browser| !browser.outbox.is_empty())
    }

    /// What it has to say.
    pub(crate) fn take_outbox(&mut self) -> Vec<ClientMessage> {
        std::mem::take(&mut self.outbox)
    }

    /// The server said something.
    pub(crate) fn hear(&mut self, t: Time, text: &str) {
        let message = serde_json::from_str(text).expect("the server speaks the protocol");
        match message {
            ServerMessage::Join { .. } if std::mem::take(&mut self.entering) => {
                self.say(ClientMessage::Call {
                    name: "Somebody".to_owned(),
                    ice: self.manner.ice,
                    audio: self.manner.audio,
                    video: self.manner.video,
                });
            }
            ServerMessage::Offer {
                negotiation,
                sdp,
                self_id,
                token,
                participants,
                publish,
                slots,
                ..
            } => {
                let others = roster(t, &participants);
                let again = std::mem::take(&mut self.resumed);
                self.token = Some(token);
                let agrees = |(a, b): ((_, &Other), (_, &Other))| a.0 == b.0 && a.1.agrees(b.1);
                let agree = others.len() == self.others.len()
                    && others.iter().zip(&self.others).all(agrees);
                if self.me.replace(self_id.0) != Some(self_id.0) {
                    self.last_negotiation = 0;
                    self.browser = None;
                    self.reasons.clear();
                    self.offered_ssrcs.clear();
                } else if !agree {
                    let told = &self.others;
                    self.contradict(format!("{others:?} are there, told were {told:?}"));
                }
                self.others = others;
                let known = again && negotiation == self.last_negotiation;
                if negotiation != self.last_negotiation + 1 && !known {
                    self.contradict(format!("offer {negotiation} is not the next"));
                }
                self.last_negotiation = negotiation;
                self.offer(t, negotiation, &sdp, publish);
                self.slots(slots);
            }
            ServerMessage::Candidate {
                candidate: Some(candidate),
            } => {
                if let Some(browser) = &mut self.browser {
                    browser.candidate(t, &candidate.candidate);
                }
            }
            ServerMessage::Slots { slots } => self.slots(slots),
            ServerMessage::Call { participant } => {
                let other = Other::new(t, &participant);
                if self.others.insert(participant.id.0, other).is_some() {
                    self.contradict(format!("{} came twice", participant.id));
                }
            }
            ServerMessage::Mute {
                participant,
                kind,
                muted,
            } => {
                let Some(other) = self.others.get_mut(&participant.0) else {
                    return self.contradict(format!("{participant} mutes, and is not there"));
                };
                other.told = t;
                match kind {
                    Kind::Audio => other.audio = !muted,
                    Kind::Video => other.video = !muted,
                }
            }
            ServerMessage::Share {
                participant,
                screen,
                audio,
            } => {
                let Some(other) = self.others.get_mut(&participant.0) else {
                    return self.contradict(format!("{participant} shares, and is not there"));
                };
                other.told = t;
                (other.screen, other.screen_audio) = (screen, audio);
            }
            ServerMessage::Speaker { participant } => {
                self.speaker = participant.map(|id| id.0);
                let is_there =
                    |id: &ParticipantId| self.me == Some(*id) || self.others.contains_key(id);
                if let Some(id) = self.speaker.filter(|id| !is_there(id)) {
                    self.contradict(format!("{id} speaks, and is not there"));
                }
            }
            ServerMessage::Reasons { reasons } => {
                for reason in reasons {
                    self.reasons.insert(reason.mid.clone(), (t, reason));
                }
            }
            ServerMessage::Layers { source, layers } => {
                let layer = |layer| match layer {
                    message::Layer::Quarter => Layer::Quarter,
                    message::Layer::Half => Layer::Half,
                    message::Layer::Full => Layer::Full,
                };
                let layers: Vec<_> = layers.into_iter().map(layer).collect();
                if let Some(browser) = &mut self.browser {
                    browser.send_layers(source.into(), &layers);
                }
            }
            ServerMessage::Exit { participant, .. } => self.exit(participant.0),
            ServerMessage::Resume {
                self_id,
                participants,
                slots,
            } => self.resumed(t, self_id.0, &participants, slots),
            ServerMessage::Error { code, .. } => {
                self.errors.push(code);
                if code == ErrorCode::ResumeFailed {
                    self.enter_again();
                }
            }
            ServerMessage::Join { .. }
            | ServerMessage::Candidate { .. }
            | ServerMessage::Freeze { .. }
            | ServerMessage::Drain { .. } => {}
        }
    }

    fn exit(&mut self, id: ParticipantId) {
        if self.me == Some(id) || self.me.is_none() {
            self.forget_stay();
        } else if self.others.remove(&id).is_none() {
            self.contradict(format!("{id} left and was not there"));
        }
    }

    fn slots(&mut self, slots: Vec<Slot>) {
        for id in slots.iter().filter_map(|slot| slot.participant) {
            if !self.others.contains_key(&id.0) {
                self.contradict(format!("a slot shows {id}, who is not there"));
            }
        }
        if let Some(browser) = &mut self.browser {
            browser.slots = slots.iter().map(Slot::to_core).collect();
        }
    }

    fn offer(&mut self, t: Time, negotiation: u32, sdp: &str, publish: Publish) {
        self.offered_ssrcs.extend(primary_ssrcs(sdp));
        let me = self.me.unwrap_or(ParticipantId(0));
        let browser = self.browser.get_or_insert_with(|| {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&self.seed.to_be_bytes());
            seed[8..16].copy_from_slice(&me.0.to_be_bytes());
            let mut browser = Browser::seeded(self.base, t, self.address, seed, self.manner.codec);
            browser.set_source(me);
            let mut microphone = Microphone::new(t);
            microphone.paused = !self.manner.audio;
            browser.microphone = Some(microphone);
            let camera = Camera::new(t, (me.0 as u16).wrapping_mul(9_973));
            let camera = camera.with_codec(self.manner.codec);
            let mut camera = camera.with_picture(self.manner.picture);
            camera.paused = !self.manner.video;
            browser.camera = Some(camera);
            browser
        });
        if !self.manner.answers {
            return;
        }
        let mut sdp = browser.answer(t, sdp, &publish.to_core());
        let mut candidates = Vec::new();
        if self.manner.ice == Ice::Trickle {
            (sdp, candidates) = take_candidates(&sdp);
        }
        if let Some(seed) = self.spoil_answer.take() {
            sdp = garbage::spoil_text(&sdp, seed);
        }
        self.say(ClientMessage::Answer { negotiation, sdp });
        if self.manner.ice == Ice::Trickle && negotiation == 1 {
            for candidate in candidates {
                let candidate = Some(Candidate {
                    candidate,
                    ..Candidate::default()
                });
                self.say(ClientMessage::Candidate { candidate });
            }
            self.say(ClientMessage::Candidate { candidate: None });
        }
    }

    fn contradict(&mut self, what: String) {
        self.contradictions.push(what);
    }
}

/// The others, as told now.
fn roster(t: Time, others: &[Participant]) -> BTreeMap<ParticipantId, Other> {
    let others = others
        .iter()
        .map(|other| (other.id.0, Other::new(t, other)));
    others.collect()
}

/// The first SSRC of each m-line of an offer: the one of its FID group, or the only one (RFC 5576).
fn primary_ssrcs(sdp: &str) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut mid = "";
    for line in sdp.lines() {
        if let Some(value) = line.strip_prefix("a=mid:") {
            mid = value;
        }
        let ssrc = line
            .strip_prefix("a=ssrc-group:FID ")
            .or_else(|| line.strip_prefix("a=ssrc:"))
            .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok());
        if let Some(ssrc) = ssrc {
            found.entry(mid.to_owned()).or_insert(ssrc);
        }
    }
    found
}

/// Moves the candidates out of a description, once each.
fn take_candidates(sdp: &str) -> (String, Vec<String>) {
    let mut candidates: Vec<String> = Vec::new();
    let mut rest = String::with_capacity(sdp.len());
    for line in sdp.split_inclusive('\n') {
        let attribute = line.trim_end().strip_prefix("a=");
        match attribute.filter(|a| a.starts_with("candidate:")) {
            Some(candidate) if candidates.iter().any(|known| known == candidate) => {}
            Some(candidate) => candidates.push(candidate.to_owned()),
            None if line.starts_with("a=end-of-candidates") => {}
            None => rest.push_str(line),
        }
    }
    (rest, candidates)
}
