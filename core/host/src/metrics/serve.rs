//! Answering those who watch over the server.

use std::sync::Arc;

use super::text::{CONTENT_TYPE, text};
use super::{Health, Watch};
use crate::aside::{Answer, Answers, PLAIN};

impl Answers for Watch {
    const NAME: &'static str = "tsuji-metrics";

    fn answer(self: &Arc<Self>, path: &str, _query: &str) -> Answer {
        match path {
            "/metrics" => match text(self) {
                Ok(text) => Answer::new("200 OK", CONTENT_TYPE, text),
                Err(_) => Answer::new("500 Internal Server Error", PLAIN, "There is no text.\n"),
            },
            "/healthz" => health(self),
            _ => Answer::new("404 Not Found", PLAIN, "There are /metrics and /healthz.\n"),
        }
    }
}

fn health(watch: &Watch) -> Answer {
    let (status, text) = match watch.health() {
        Health::Ready => ("200 OK", "ok\n".to_owned()),
        Health::Draining => (UNAVAILABLE, "draining\n".to_owned()),
        Health::Stopping => (UNAVAILABLE, "stopping\n".to_owned()),
        Health::Hangs(side) => (UNAVAILABLE, format!("the {side} side hangs\n")),
    };
    Answer::new(status, PLAIN, text)
}

const UNAVAILABLE: &str = "503 Service Unavailable";
