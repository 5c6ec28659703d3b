//! What a page said and heard.

use serde_json::Value;

/// The messages of a page since it was loaded.
#[derive(Clone, Debug)]
pub struct Wire {
    /// What it said to the server.
    pub said: Vec<Value>,
    /// What the server said.
    pub heard: Vec<Value>,
    /// The states that `RTCPeerConnection.signalingState` went through.
    pub signaling: Vec<String>,
}

impl Wire {
    /// What was said of one type.
    pub fn said_of(&self, kind: &str) -> Vec<&Value> {
        of(&self.said, kind)
    }

    /// What was heard of one type.
    pub fn heard_of(&self, kind: &str) -> Vec<&Value> {
        of(&self.heard, kind)
    }

    /// Trickle ICE (RFC 8838): descriptions without candidates, candidates as they are found, and
    /// the end of them said.
    pub fn check_trickle(&self) {
        for description in self.descriptions() {
            assert!(!description.contains("a=candidate"), "{description}");
            assert!(description.contains("a=ice-options:") && description.contains("trickle"));
        }
        for (side, candidates) in self.candidates() {
            let (last, found) = candidates.split_last().expect("candidates");
            assert!(last.is_null(), "{side} ends with {last}");
            assert!(!found.is_empty(), "{side} found nothing");
            for candidate in found {
                let line = candidate["candidate"].as_str().unwrap_or_default();
                assert!(line.starts_with("candidate:"), "{side}: {candidate}");
            }
        }
    }

    /// Vanilla ICE: complete descriptions, and nothing after them. The server says so in its own
    /// (RFC 8840, 4.2); a browser always claims that it could trickle.
    pub fn check_vanilla(&self) {
        for description in self.descriptions() {
            assert!(description.contains("a=candidate:"), "{description}");
        }
        for offer in self.heard_of("offer") {
            let sdp = offer["sdp"].as_str().expect("a description");
            assert!(!sdp.contains("trickle"), "{sdp}");
            assert!(sdp.contains("a=end-of-candidates"), "{sdp}");
        }
        for (side, candidates) in self.candidates() {
            assert!(candidates.is_empty(), "{side}: {candidates:?}");
        }
    }

    fn descriptions(&self) -> impl Iterator<Item = &str> {
        let offers = self.heard_of("offer");
        let answers = self.said_of("answer");
        assert!(!offers.is_empty() && offers.len() == answers.len());
        let messages = offers.into_iter().chain(answers);
        messages.map(|message| message["sdp"].as_str().expect("a description"))
    }

    fn candidates(&self) -> [(&str, Vec<&Value>); 2] {
        [("the page", &self.said), ("the server", &self.heard)].map(|(side, messages)| {
            let candidates = of(messages, "candidate");
            let inner = candidates.into_iter().map(|message| &message["candidate"]);
            (side, inner.collect())
        })
    }
}

impl From<&Value> for Wire {
    fn from(value: &Value) -> Self {
        let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            said: list("sent"),
            heard: list("heard"),
            signaling: list("signaling").into_iter().map(text).collect(),
        }
    }
}

fn of<'a>(messages: &'a [Value], kind: &str) -> Vec<&'a Value> {
    messages
        .iter()
        .filter(|message| message["type"] == kind)
        .collect()
}
