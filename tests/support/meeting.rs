//! Two people who talk while a test does something beside them.

use std::ops::Range;
use std::time::Instant;

use tsuji_signaling::message::{Ice, Id};

use super::journal::Experience;
use super::peer::{Arrivals, Peer, Tally};
use super::server::Server;

/// Two people in a room, each of whom receives all that the other sends.
#[derive(Debug)]
pub struct Meeting {
    people: [Peer; 2],
    ids: [Id; 2],
}

impl Meeting {
    /// What its server is to be told: that nothing is held back. On a busy machine a path may look too
    /// narrow for a picture.
    pub const NEEDS: &str = "--no-bandwidth-estimation";

    /// Begins, and waits until sound and pictures flow both ways.
    pub fn start(server: &Server) -> Self {
        let mika = Peer::call(server.address(), None, "Mika", Ice::Trickle);
        let ren = Peer::call(server.address(), Some(mika.room()), "Ren", Ice::Vanilla);
        let id = |peer: &Peer| peer.wait_until("an offer", |tally| tally.me.is_some()).me;
        let ids = [&mika, &ren].map(|peer| id(peer).expect("it was waited for"));
        let meeting = Self {
            people: [mika, ren],
            ids,
        };
        meeting.goes_on();
        meeting
    }

    /// Its room.
    pub fn room(&self) -> &str {
        self.people[0].room()
    }

    /// Waits until each has received something that the other sends from now on.
    pub fn goes_on(&self) {
        for [sender, receiver] in [[0, 1], [1, 0]] {
            let sent = self.people[sender].tally();
            self.people[receiver].wait_until("the meeting goes on", |tally| {
                let [audio, video] = self.received(tally, sender);
                audio.last > sent.sent_audio && video.last > sent.sent_video
            });
        }
    }

    /// How it was, within a time that is over. Waits for what is still under way.
    pub fn experience(&self, times: &Range<Instant>) -> Experience {
        self.goes_on();
        let journals = [0, 1].map(|place| self.people[place].journal());
        let [there, back] = [[0, 1], [1, 0]].map(|[sender, receiver]| {
            journals[receiver].experience(&journals[sender], self.ids[sender], times)
        });
        there.and(back)
    }

    /// Ends it without a word about packets that were lost.
    pub fn disperse(self) {
        self.goes_on();
    }

    /// Ends it. Fails if one packet was lost, or one of the two was let go or told an error.
    pub fn end(self) {
        let sent = [0, 1].map(|sender| self.people[sender].quiet());
        for [sender, receiver] in [[0, 1], [1, 0]] {
            let sent = &sent[sender];
            let seen = self.people[receiver].wait_until("all that was sent", |tally| {
                let [audio, video] = self.received(tally, sender);
                audio.is_whole_to(sent.sent_audio) && video.is_whole_to(sent.sent_video)
            });
            assert_eq!(seen.end, None);
            assert_eq!(seen.errors, [""; 0]);
            let gone = seen.exits.iter().any(|(id, _)| self.ids.contains(id));
            assert!(!gone, "{:?}", seen.exits);
        }
    }

    fn received(&self, tally: &Tally, sender: usize) -> [Arrivals; 2] {
        let id = &self.ids[sender];
        [&tally.audio, &tally.video].map(|from| from.get(id).cloned().unwrap_or_default())
    }
}
