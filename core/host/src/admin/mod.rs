//! The operator's page: meetings, what everybody saw of whom, what froze and why.
//!
//! ```text
//!   GET /admin, /admin/meeting        the page (tsuji_web::AdminAssets)
//!   GET /admin/api/meetings?since=MS  the meetings since then, the newest first
//!   GET /admin/api/meeting?id=N       all of one
//! ```
//! Everything it says is in the history; the page draws it. It has an address of its own, and nothing but
//! GET: there is nothing that somebody else's page could make an operator's browser do.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tsuji_web::AdminAssets;

use crate::aside::{Answer, Answers, PLAIN};
use crate::history::query::Reader;

/// Meetings in one answer. 1,000: more than anybody looks through.
const MOST: u32 = 1_000;

const JSON: &str = "application/json";

/// Answers the operator.
#[derive(Debug)]
pub(crate) struct Admin {
    history: PathBuf,
}

impl Admin {
    /// For the database there.
    pub(crate) fn new(history: PathBuf) -> Self {
        Self { history }
    }

    fn ask<T: Serialize>(
        &self,
        question: impl FnOnce(&Reader) -> rusqlite::Result<Option<T>>,
    ) -> Answer {
        let answer = Reader::open(&self.history).and_then(|reader| question(&reader));
        let answer = answer.map(|found| found.map(|found| serde_json::to_vec(&found)));
        match answer {
            Ok(Some(Ok(body))) => Answer::new("200 OK", JSON, body),
            Ok(Some(Err(error))) => failed(&error),
            Ok(None) => Answer::new("404 Not Found", PLAIN, "There is no such meeting.\n"),
            Err(error) => failed(&error),
        }
    }
}

impl Answers for Admin {
    const NAME: &'static str = "tsuji-admin";

    fn answer(self: &Arc<Self>, path: &str, query: &str) -> Answer {
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            value.parse::<i64>().ok()
        };
        match path {
            "/" | "/admin" | "/admin/" => file("index.html"),
            "/admin/api/meetings" => {
                let since = number("since").unwrap_or(0);
                self.ask(|reader| reader.meetings(since, MOST).map(Some))
            }
            "/admin/api/meeting" => match number("id") {
                Some(id) => self.ask(|reader| reader.timeline(id)),
                None => Answer::new("400 Bad Request", PLAIN, "Which? Say ?id=NUMBER.\n"),
            },
            _ => file(path.strip_prefix("/admin/").unwrap_or_default()),
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Answer {
    tracing::warn!(%error, "the history was not read");
    Answer::new(
        "500 Internal Server Error",
        PLAIN,
        format!("The history could not be read: {error}\n"),
    )
}

fn file(name: &str) -> Answer {
    match AdminAssets::get(name) {
        Some(file) => Answer::new("200 OK", file.metadata.mimetype(), file.data.into_owned()),
        None => Answer::new("404 Not Found", PLAIN, "There is /admin.\n"),
    }
}
