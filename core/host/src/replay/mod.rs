//! `tsuji replay`: makes a recorded meeting happen again and says whether it was the same.

mod account;
mod datagram;
mod decisions;
mod extract;
mod files;
pub(crate) mod freezes;
mod moment;
mod narrator;
mod pcap;
mod person;
mod story;
mod streams;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use tsuji_core::trace::{
    Divergence, Expected, Header, HeaderError, Kind, Record, Replay, ReplayError,
};
use tsuji_core::{Input, ParticipantId, Time};

use account::Account;
use extract::Extract;
use files::{Next, Stop, Trace};
pub use moment::Moment;
use pcap::Pcap;

/// Replay a recorded meeting and compare what the server sends with what it sent then.
///
/// A full trace gives every byte again, a trace of decisions every forwarding decision. Goes on
/// through the files that follow in the same directory. The exit code is 0 when everything was the
/// same, 1 when something was not, and 2 when a part of the trace could not be replayed.
#[derive(Clone, Debug, Args)]
pub struct ReplayOptions {
    /// The first file of a trace, as `tsuji --record` wrote it: tsuji-…-000.trace
    pub file: PathBuf,

    /// Stop at this moment: seconds since the start (12.5), or the time of day (14:03:10, UTC)
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,

    /// Tell what happened to this participant, for example p7
    #[arg(long, value_name = "pN", value_parser = participant)]
    pub participant: Option<ParticipantId>,

    /// Tell what happened to everybody, and what was sent in every second; with --participant, to
    /// that one
    #[arg(long, short)]
    pub verbose: bool,

    /// Write the headers of all datagrams to this file, for Wireshark. Media is left out
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,

    /// Write the decisions of a full trace to this file: a trace without media, keys and addresses,
    /// which can be given to others
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,

    /// What the replayed server logs (to stderr), as in --log of the server
    #[arg(long, value_name = "FILTER", default_value = "error", value_parser = crate::options::log_filter)]
    pub log: String,
}

/// How a replay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every output was the same.
    Equal,
    /// An output was not the same.
    Different,
    /// Every output was the same, up to a place beyond which nothing could be replayed.
    Incomplete,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayFault {
    /// A file can't be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a trace that can be replayed.
    #[error("{}: {source}", .path.display())]
    Header {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: HeaderError,
    },
    /// It is a trace, but not one to begin with.
    #[error("{}: {source}", .path.display())]
    Replay {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ReplayError,
    },
    /// The result can't be written.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
    /// A file can't be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A trace of decisions has not what was asked for.
    #[error("{} is a trace of decisions: {lacks}", .path.display())]
    NotFull {
        /// Which.
        path: PathBuf,
        /// What it lacks.
        lacks: &'static str,
    },
    /// The capture can't be written.
    #[error("cannot write {}: {reason}", .path.display())]
    Pcap {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What was replayed.
#[derive(Debug, Default)]
struct Tally {
    datagrams: u64,
    commands: u64,
    timeouts: u64,
    closed: u64,
    overflowed: u64,
    bytes_in: u64,
    transmits: u64,
    notices: u64,
    bytes_out: u64,
}

impl Tally {
    fn note(&mut self, record: &Record<'_>) {
        match &record.input {
            Input::Datagram(datagram) => {
                self.datagrams += 1;
                self.bytes_in += datagram.payload.len() as u64;
            }
            Input::Command(_) => self.commands += 1,
            Input::Timeout => self.timeouts += 1,
            Input::Closed(_) => self.closed += 1,
            Input::Overflow { datagrams } => self.overflowed += u64::from(*datagrams),
        }
        for output in &record.outputs {
            match output {
                Expected::Transmit { fingerprint, .. } => {
                    self.transmits += 1;
                    self.bytes_out += fingerprint.length() as u64;
                }
                Expected::Notice(_) => self.notices += 1,
            }
        }
    }
}

/// Where it ended.
#[derive(Debug)]
enum End {
    /// At the moment asked for.
    Until,
    /// Where the trace ends, or can't be followed.
    Stop(Stop),
    /// At a difference.
    Different(Box<Divergence>),
}

/// Replays a trace and writes an account of it to `out`.
///
/// # Errors
/// When there is nothing to replay, or nowhere to write.
pub fn replay(options: &ReplayOptions, out: &mut dyn Write) -> Result<Verdict, ReplayFault> {
    let mut trace = Trace::open(&options.file)?;
    let header = trace.header().clone();
    heading(&header, out)?;
    if header.kind == Kind::Decisions {
        let lacks = match (&options.pcap, &options.decisions) {
            (Some(_), _) => Some("it holds no datagrams for --pcap"),
            (None, Some(_)) => Some("there is nothing to leave out of it for --decisions"),
            (None, None) => None,
        };
        if let Some(lacks) = lacks {
            let path = options.file.clone();
            return Err(ReplayFault::NotFull { path, lacks });
        }
        return decisions::replay(options, &header, trace, out);
    }
    let mut replay = Replay::new(&header).map_err(|source| ReplayFault::Replay {
        path: options.file.clone(),
        source,
    })?;
    let mut account = Account::new(&header, options.participant, options.verbose);
    let mut extract = match &options.decisions {
        Some(path) => Some(Extract::create(path, &header, &mut replay)?),
        None => None,
    };
    let mut pcap = match &options.pcap {
        Some(path) => Some(Pcap::create(path, header.epoch)?),
        None => None,
    };
    let until = options.until.map(|moment| moment.since(header.epoch));
    let mut tally = Tally::default();
    let mut reached = Time::ZERO;
    let started = Instant::now();
    let end = loop {
        let record = match trace.next()? {
            Next::Input(record) => record,
            Next::Stop(stop) => break End::Stop(stop),
        };
        if until.is_some_and(|until| until < record.at) {
            break End::Until;
        }
        reached = record.at;
        let outcome = replay.step(&record);
        account.note(&record, &replay, out)?;
        if let Some(pcap) = &mut pcap {
            pcap.note(&record)?;
        }
        if let Some(extract) = &mut extract {
            extract.note(&replay)?;
        }
        if let Err(divergence) = outcome {
            break End::Different(divergence);
        }
        tally.note(&record);
    };
    let took = started.elapsed();
    account.finish(reached, &replay, out)?;
    if let Some(pcap) = pcap {
        pcap.finish()?;
    }
    if let Some(extract) = extract {
        extract.finish(&mut replay)?;
    }
    summary(&tally, reached, took, out)?;
    verdict(&header, &tally, &end, out)
}

fn heading(header: &Header, out: &mut dyn Write) -> io::Result<()> {
    let kind = match header.kind {
        Kind::Full => "full",
        Kind::Decisions => "decisions",
    };
    writeln!(
        out,
        "A {kind} trace of shard {}, by tsuji {}, from {} UTC",
        header.shard,
        header.build,
        moment::wall_clock(header.epoch, Time::ZERO, "%Y-%m-%d %H:%M:%S%.3f")
    )
}

fn summary(
    tally: &Tally,
    reached: Time,
    took: std::time::Duration,
    out: &mut dyn Write,
) -> io::Result<()> {
    let duration = reached.since(Time::ZERO);
    writeln!(
        out,
        "{:.3} s, replayed in {:.3} s: {:.0} times faster than real time",
        duration.as_secs_f64(),
        took.as_secs_f64(),
        duration.as_secs_f64() / took.as_secs_f64().max(1e-6)
    )?;
    let closed = match tally.closed {
        0 => String::new(),
        count => format!(", {count} ends of TCP connections"),
    };
    let overflowed = match tally.overflowed {
        0 => String::new(),
        count => format!(", {count} datagrams for which the system had no room"),
    };
    writeln!(
        out,
        "in:  {} datagrams ({} bytes), {} commands, {} timeouts{closed}{overflowed}",
        tally.datagrams, tally.bytes_in, tally.commands, tally.timeouts
    )?;
    writeln!(
        out,
        "out: {} datagrams ({} bytes), {} notices",
        tally.transmits, tally.bytes_out, tally.notices
    )
}

fn verdict(
    header: &Header,
    tally: &Tally,
    end: &End,
    out: &mut dyn Write,
) -> Result<Verdict, ReplayFault> {
    let equal = format!(
        "All {} output bytes and {} notices are equal",
        tally.bytes_out, tally.notices
    );
    let verdict = match end {
        End::Until => {
            writeln!(out, "{equal} up to that moment.")?;
            Verdict::Equal
        }
        End::Stop(Stop::Complete) => {
            writeln!(out, "{equal}.")?;
            Verdict::Equal
        }
        End::Stop(stop @ Stop::CutOff { .. }) => {
            writeln!(out, "{equal} up to where the trace ends.\n{stop}")?;
            Verdict::Equal
        }
        End::Stop(stop) => {
            writeln!(
                out,
                "{equal} up to here, and nothing can be replayed beyond.\n{stop}"
            )?;
            Verdict::Incomplete
        }
        End::Different(divergence) => {
            writeln!(out, "DIFFERENT {divergence}.")?;
            another_build(header, out)?;
            if !header.hermetic {
                writeln!(
                    out,
                    "It was recorded on a platform where bytes depend on more than the inputs."
                )?;
            }
            Verdict::Different
        }
    };
    Ok(verdict)
}

/// Says so if the trace is of another build: then a difference is no wonder.
fn another_build(header: &Header, out: &mut dyn Write) -> io::Result<()> {
    let (then, now) = (&header.build, crate::record::BUILD);
    if then == now {
        return Ok(());
    }
    writeln!(
        out,
        "The trace was written by tsuji {then}, this is {now}: where they behave differently, so \
         does the replay."
    )
}

fn participant(text: &str) -> Result<ParticipantId, String> {
    let number = text
        .strip_prefix('p')
        .and_then(|number| number.parse().ok());
    let number = number.ok_or("expected p and a number, such as p7")?;
    Ok(ParticipantId(number))
}
