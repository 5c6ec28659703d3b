//! `tsuji why` and `tsuji export`: the history, in a terminal.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use tsuji_signaling::room_code::RoomCode;

use super::query::{Freeze, Meeting, Reader, Timeline};
use crate::replay::{ReplayFault, freezes};

/// How far from the moment that was asked for something is told. 2 min: people remember times so well.
pub(crate) const AROUND: i64 = 120_000;

/// Why did it freeze? What the history says of a room: whose picture stood still for whom, for how long,
/// and whose fault that was. The operator's page (--admin) shows the same. Or what a trace says, judged
/// again by this build
#[derive(Clone, Debug, Args)]
pub struct WhyOptions {
    /// The room, XXXX-XXX-XXXX
    #[arg(required_unless_present = "trace", conflicts_with = "trace")]
    pub room: Option<RoomCode>,

    /// What was around this time of day (UTC), such as 14:03, the last time that it was so late. By
    /// default the whole last meeting
    #[arg(long, value_name = "TIME", value_parser = time_of_day)]
    pub at: Option<Time>,

    /// The file of --history
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "trace",
        conflicts_with = "trace"
    )]
    pub history: Option<PathBuf>,

    /// Instead of a history: the first file of a trace, full or of decisions. It knows people by their
    /// numbers
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// Write the history to stdout: each meeting is an object of JSON on a line, with who was there, what
/// they saw, and what froze
#[derive(Clone, Debug, Args)]
pub struct ExportOptions {
    /// The file of --history
    #[arg(long, value_name = "FILE")]
    pub history: PathBuf,
}

/// Why nothing was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TellError {
    /// The file could not be read.
    #[error("cannot read the history in {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The history knows nothing of it.
    #[error("the history has no meeting in {0}{1}")]
    NoMeeting(RoomCode, &'static str),
    /// The trace says nothing.
    #[error(transparent)]
    Trace(#[from] ReplayFault),
    /// Nobody reads.
    #[error(transparent)]
    Output(#[from] io::Error),
}

fn time_of_day(text: &str) -> Result<Time, &'static str> {
    text.parse()
        .map_err(|_| "expected a time of day, such as 14:03 or 14:03:10")
}

fn read<T>(path: &Path, read: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, TellError> {
    read().map_err(|source| TellError::Read {
        path: path.to_owned(),
        source: source.into(),
    })
}

/// Says why it froze.
pub(crate) fn why(options: &WhyOptions, out: &mut impl Write) -> Result<(), TellError> {
    if let Some(trace) = &options.trace {
        return Ok(freezes::why(trace, options.at, out)?);
    }
    let (Some(code), Some(history)) = (options.room, &options.history) else {
        return Ok(());
    };
    let now = Timestamp::now();
    let at = options.at.map(|time| last(time, now).as_millisecond());
    let reader = read(history, || Reader::open(history))?;
    let room = code.to_string();
    let before = at.unwrap_or(i64::MAX);
    let found = read(history, || {
        let meeting = reader.meeting_in(&room, before)?;
        let timeline = meeting.map(|meeting| reader.timeline(meeting.id));
        timeline.transpose().map(Option::flatten)
    })?;
    let missing = if at.is_some() { " at that time" } else { "" };
    let timeline = found.ok_or(TellError::NoMeeting(code, missing))?;
    tell(&timeline, at, out)?;
    Ok(())
}

/// The last time that a clock showed it.
fn last(time: Time, now: Timestamp) -> Timestamp {
    let today = now.to_zoned(TimeZone::UTC);
    let on = |day: &Zoned| day.with().time(time).build();
    let yesterday = today.checked_sub(1.day());
    let candidates = [on(&today), yesterday.and_then(|day| on(&day))];
    let moments = candidates
        .into_iter()
        .flatten()
        .map(|zoned| zoned.timestamp());
    moments.filter(|moment| *moment <= now).max().unwrap_or(now)
}

fn tell(timeline: &Timeline, at: Option<i64>, out: &mut impl Write) -> io::Result<()> {
    let Meeting {
        room, began, ended, ..
    } = &timeline.meeting;
    let end = match ended {
        Some(ended) => format!("to {} UTC", clock(*ended)),
        None => "and goes on".to_owned(),
    };
    let day = moment(*began).strftime("%Y-%m-%d").to_string();
    writeln!(out, "{room}, {day} {} {end}", clock(*began))?;
    let near = |time: &i64| at.is_none_or(|at| (time - at).abs() <= AROUND);
    let freezes = timeline.freezes.iter().map(|freeze| {
        let end = freeze.ended.unwrap_or(freeze.began);
        let is_near = near(&freeze.began)
            || near(&end)
            || at.is_some_and(|at| (freeze.began..end).contains(&at));
        (freeze.began, is_near, sentence(timeline, freeze))
    });
    let marks = timeline.marks.iter().map(|mark| {
        let who = name(timeline, mark.person);
        (mark.at, near(&mark.at), format!("{who} reported a problem"))
    });
    let mut lines: Vec<_> = freezes.chain(marks).filter(|(_, near, _)| *near).collect();
    lines.sort();
    if lines.is_empty() {
        return writeln!(out, "Nothing froze.");
    }
    for (time, _, line) in lines {
        writeln!(out, "{}  {line}", clock(time))?;
    }
    Ok(())
}

/// The same as the operator's page says.
fn sentence(timeline: &Timeline, freeze: &Freeze) -> String {
    let (viewer, publisher) = (
        name(timeline, freeze.viewer),
        name(timeline, freeze.publisher),
    );
    let length = freeze.ended.map(|ended| {
        let ms = ended.saturating_sub(freeze.began);
        Duration::from_millis(ms.unsigned_abs())
    });
    let verdict = (freeze.culprit.as_str(), freeze.confidence);
    did_not_see(
        viewer,
        publisher,
        &freeze.source,
        length,
        &freeze.because,
        verdict,
    )
}

/// Who did not see, or hear, whom for how long, why, and whose fault that was, how surely.
pub(crate) fn did_not_see(
    viewer: &str,
    publisher: &str,
    source: &str,
    length: Option<Duration>,
    because: &str,
    (culprit, sure): (&str, i64),
) -> String {
    let what = match source {
        "screen" => format!("see {publisher}'s screen"),
        "screen_audio" => format!("hear {publisher}'s screen"),
        "microphone" => format!("hear {publisher}"),
        _ => format!("see {publisher}"),
    };
    let length = match length {
        Some(length) => format!("for {:.1} s", length.as_secs_f64()),
        None => "any more".to_owned(),
    };
    let because = match because {
        "" => String::new(),
        because => format!(" because {because}"),
    };
    let culprit = culprit.replace('_', " ");
    format!("{viewer} did not {what} {length}{because} ({culprit}, {sure} %)")
}

fn name(timeline: &Timeline, id: i64) -> &str {
    let mut people = timeline.people.iter();
    let found = people.find(|person| person.id == id);
    found.map_or("somebody", |person| &person.name)
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}

fn clock(ms: i64) -> String {
    moment(ms).strftime("%H:%M:%S").to_string()
}

/// Writes all of it.
pub(crate) fn export(options: &ExportOptions, out: &mut impl Write) -> Result<(), TellError> {
    let path = &options.history;
    let reader = read(path, || Reader::open(path))?;
    let meetings = read(path, || reader.meetings(0, u32::MAX))?;
    // The oldest first, as a log is read.
    for meeting in meetings.iter().rev() {
        if let Some(timeline) = read(path, || reader.timeline(meeting.id))? {
            serde_json::to_writer(&mut *out, &timeline).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::query::{Mark, Person};
    use super::*;

    fn timeline() -> Timeline {
        let person = |id, name: &str| Person {
            id,
            participant: format!("p{id}"),
            name: name.to_owned(),
            address: String::new(),
            entered: 0,
            exited: None,
            why: None,
        };
        let freeze = |began, because: &str| Freeze {
            viewer: 1,
            publisher: 2,
            source: "camera".to_owned(),
            began,
            ended: Some(began + 2_400),
            culprit: "publisher_uplink".to_owned(),
            confidence: 92,
            because: because.to_owned(),
            facts: String::new(),
        };
        Timeline {
            meeting: Meeting {
                id: 1,
                room: "KUMA-ARE-TSUJ".to_owned(),
                began: 1_750_000_000_000,
                ended: Some(1_750_000_900_000),
                people: 2,
                freezes: 2,
                frozen_ms: 4_800,
                marks: 1,
            },
            people: vec![person(1, "Mika"), person(2, "Ren")],
            pictures: Vec::new(),
            freezes: vec![
                freeze(1_750_000_010_000, "Ren's uplink lost 38 % of packets"),
                freeze(1_750_000_600_000, ""),
            ],
            marks: vec![Mark {
                person: 1,
                at: 1_750_000_601_000,
            }],
        }
    }

    fn told(at: Option<i64>) -> String {
        let mut out = Vec::new();
        tell(&timeline(), at, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_of_a_meeting_is_told_or_what_was_around_a_moment() {
        let all = "KUMA-ARE-TSUJ, 2025-06-15 15:06:40 to 15:21:40 UTC\n\
             15:06:50  Mika did not see Ren for 2.4 s because Ren's uplink lost 38 % of packets \
             (publisher uplink, 92 %)\n\
             15:16:40  Mika did not see Ren for 2.4 s (publisher uplink, 92 %)\n\
             15:16:41  Mika reported a problem\n";
        assert_eq!(told(None), all);
        let lines = |at| told(Some(at)).lines().count();
        assert_eq!(lines(1_750_000_000_000), 2);
        assert_eq!(lines(1_750_000_700_000), 3);
        assert!(told(Some(1_750_000_300_000)).ends_with("Nothing froze.\n"));
    }

    #[test]
    fn a_time_of_day_is_the_last_one() {
        let now: Timestamp = "2026-11-26T14:30:00Z".parse().unwrap();
        let last = |text: &str| last(time_of_day(text).unwrap(), now).to_string();
        assert_eq!(last("14:03"), "2026-11-26T14:03:00Z");
        assert_eq!(last("14:31"), "2026-11-25T14:31:00Z");
        assert!(time_of_day("25:00").is_err());
    }
}
