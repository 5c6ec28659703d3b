//! Replaying a trace of decisions.

use std::io::Write;
use std::time::Instant;

use tsuji_core::Time;
use tsuji_core::trace::{Arrived, DecisionsReplay, Happened, Header, Odd, Reading, Step};

use super::files::{NextFrame, Stop, Trace};
use super::story::Story;
use super::{ReplayFault, ReplayOptions, Verdict, another_build};

/// What was replayed.
#[derive(Debug, Default)]
struct Tally {
    began: Option<Time>,
    entries: u64,
    packets: u64,
    forwarded: u64,
    notices: u64,
    snapshots: u64,
    missing: u64,
}

impl Tally {
    fn note(&mut self, happened: &Happened) {
        self.began.get_or_insert(happened.at);
        self.entries += 1;
        self.notices += happened.notices.len() as u64;
        for step in &happened.steps {
            match step {
                Step::Packet { .. } => self.packets += 1,
                Step::Forwarded { .. } => self.forwarded += 1,
                _ => {}
            }
        }
    }
}

/// Where it ended.
enum End {
    Until,
    Stop(Stop),
    Odd(Odd),
}

/// Replays it and writes an account to `out`.
pub(super) fn replay(
    options: &ReplayOptions,
    header: &Header,
    mut trace: Trace,
    out: &mut dyn Write,
) -> Result<Verdict, ReplayFault> {
    let mut replay = DecisionsReplay::new(header);
    let mut story = Story::new(header.epoch, options.participant, options.verbose);
    let until = options.until.map(|moment| moment.since(header.epoch));
    let mut tally = Tally::default();
    let started = Instant::now();
    let end = loop {
        let reading = match trace.next_frame()? {
            NextFrame::Frame(frame) => replay.load(frame),
            NextFrame::Stop(stop) => break End::Stop(stop),
        };
        match reading {
            Ok(Reading::End) => break End::Stop(Stop::Complete),
            Ok(Reading::Snapshot) => tally.snapshots += 1,
            Ok(Reading::Gap { missing }) => {
                tally.missing += missing;
                story.gap(replay.now(), missing, out)?;
            }
            Ok(_) => {}
            Err(odd) => break End::Odd(odd),
        }
        match steps(&mut replay, until, &mut tally, &mut story, out)? {
            None => {}
            Some(end) => break end,
        }
    };
    let took = started.elapsed();
    story.finish(replay.now(), out)?;
    let sfu = replay.sfu();
    if story.is_wanted() {
        let (people, rooms) = (sfu.participants(), sfu.rooms());
        writeln!(
            out,
            "At {}: {people} participants in {rooms} rooms",
            replay.now()
        )?;
    }
    let began = tally.began.unwrap_or_default();
    let length = replay.now().since(began).as_secs_f64();
    let took = took.as_secs_f64();
    let faster = length / took.max(1e-6);
    writeln!(
        out,
        "{length:.3} s from {:.3} s on, replayed in {took:.3} s: {faster:.0} times faster than \
         real time",
        began.since(Time::ZERO).as_secs_f64()
    )?;
    writeln!(
        out,
        "in:  {} inputs, among them {} media packets",
        tally.entries, tally.packets
    )?;
    writeln!(
        out,
        "out: {} packets forwarded, {} notices; {} snapshots of the state",
        tally.forwarded, tally.notices, tally.snapshots
    )?;
    verdict(header, &tally, &end, &trace, out)
}

/// Replays what is loaded; says whether that was the end.
fn steps(
    replay: &mut DecisionsReplay,
    until: Option<Time>,
    tally: &mut Tally,
    story: &mut Story,
    out: &mut dyn Write,
) -> Result<Option<End>, ReplayFault> {
    loop {
        if let (Some(until), Some(next)) = (until, replay.next_at())
            && until < next
        {
            return Ok(Some(End::Until));
        }
        match replay.step() {
            Ok(Some(happened)) => {
                tally.note(&happened);
                story.note(&happened, out)?;
            }
            Ok(None) => return Ok(None),
            Err(odd) => return Ok(Some(End::Odd(odd))),
        }
    }
}

fn verdict(
    header: &Header,
    tally: &Tally,
    end: &End,
    trace: &Trace,
    out: &mut dyn Write,
) -> Result<Verdict, ReplayFault> {
    let equal = format!("All decisions of {} inputs are equal", tally.entries);
    if tally.missing > 0 {
        writeln!(
            out,
            "{} inputs were not recorded: the disk did not keep up.",
            tally.missing
        )?;
    }
    let complete = match tally.missing {
        0 => Verdict::Equal,
        _ => Verdict::Incomplete,
    };
    Ok(match end {
        End::Until => {
            writeln!(out, "{equal} up to that moment.")?;
            complete
        }
        End::Stop(Stop::Complete) => {
            writeln!(out, "{equal}.")?;
            complete
        }
        End::Stop(stop @ Stop::CutOff { .. }) => {
            writeln!(out, "{equal} up to where the trace ends.\n{stop}")?;
            complete
        }
        End::Stop(stop) => {
            writeln!(
                out,
                "{equal} up to here, and nothing can be replayed beyond.\n{stop}"
            )?;
            Verdict::Incomplete
        }
        End::Odd(Odd::Damage(damage)) => {
            let stop = trace.damaged(*damage);
            writeln!(
                out,
                "{equal} up to here, and nothing can be replayed beyond.\n{stop}"
            )?;
            Verdict::Incomplete
        }
        End::Odd(odd) => {
            writeln!(out, "DIFFERENT {odd}.")?;
            another_build(header, out)?;
            Verdict::Different
        }
    })
}

/// Whose input it was, for the story.
pub(super) fn is_dropped(arrived: &Arrived) -> Option<String> {
    let Arrived::Dropped(dropped) = arrived else {
        return None;
    };
    let parts = [
        (dropped.unknown_address, "from addresses that nobody proved"),
        (dropped.unknown_ufrag, "STUN requests that name nobody"),
        (dropped.overflowed, "for which the system had no room"),
        (dropped.size, "empty or too long"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    Some(format!("datagrams dropped: {}", parts.join(", ")))
}
