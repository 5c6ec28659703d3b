//! Why did it freeze? The freezes of a trace, each judged again from its facts: a verdict is a pure function
//! of them, so what has learnt since says what it would say today.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use jiff::civil;
use tsuji_core::freeze::{Verdict, verdict};
use tsuji_core::trace::{DecisionsReplay, Header, Kind, Odd, Replay};
use tsuji_core::{Freeze, Mid, Notice, Output, ParticipantId, Time};

use super::files::{Next, NextFrame, Stop, Trace};
use super::moment::{Moment, wall_clock};
use super::{ReplayFault, another_build};
use crate::history::culprit_name;
use crate::history::tell::{AROUND, did_not_see};

/// Freezes that are not over at the same time. 20,000: more than there are slots on a server.
const OPEN: usize = 20_000;

/// Tells the freezes of a trace, or those around a time of day.
pub(crate) fn why(
    path: &Path,
    at: Option<civil::Time>,
    out: &mut dyn Write,
) -> Result<(), ReplayFault> {
    let trace = Trace::open(path)?;
    let header = trace.header().clone();
    super::heading(&header, out)?;
    let mut judge = Judge {
        around: at.map(|at| Moment::TimeOfDay(at).since(header.epoch)),
        header,
        open: BTreeMap::new(),
        told: 0,
        changed: 0,
    };
    let end = match judge.header.kind {
        Kind::Full => full(&mut judge, path, trace, out)?,
        Kind::Decisions => decisions(&mut judge, trace, out)?,
    };
    judge.finish(&end, out)?;
    Ok(())
}

/// Where a trace ended, in words.
enum End {
    Stop(Stop),
    Different(String),
}

fn full(
    judge: &mut Judge,
    path: &Path,
    mut trace: Trace,
    out: &mut dyn Write,
) -> Result<End, ReplayFault> {
    let mut replay = Replay::new(&judge.header).map_err(|source| ReplayFault::Replay {
        path: path.to_owned(),
        source,
    })?;
    loop {
        let record = match trace.next()? {
            Next::Input(record) => record,
            Next::Stop(stop) => return Ok(End::Stop(stop)),
        };
        let outcome = replay.step(&record);
        for output in replay.outputs() {
            if let Output::Notice(notice) = output {
                judge.note(notice, out)?;
            }
        }
        if let Err(difference) = outcome {
            return Ok(End::Different(difference.to_string()));
        }
    }
}

fn decisions(judge: &mut Judge, mut trace: Trace, out: &mut dyn Write) -> Result<End, ReplayFault> {
    let mut replay = DecisionsReplay::new(&judge.header);
    loop {
        let frame = match trace.next_frame()? {
            NextFrame::Frame(frame) => frame,
            NextFrame::Stop(stop) => return Ok(End::Stop(stop)),
        };
        let loaded = replay.load(frame);
        let odd = match loaded {
            Ok(_) => loop {
                match replay.step() {
                    Ok(Some(happened)) => {
                        for notice in &happened.notices {
                            judge.note(notice, out)?;
                        }
                    }
                    Ok(None) => break None,
                    Err(odd) => break Some(odd),
                }
            },
            Err(odd) => Some(odd),
        };
        match odd {
            None => {}
            Some(Odd::Damage(damage)) => return Ok(End::Stop(trace.damaged(damage))),
            Some(odd) => return Ok(End::Different(odd.to_string())),
        }
    }
}

/// Passes verdicts.
struct Judge {
    header: Header,
    /// What is asked for.
    around: Option<Time>,
    /// What was told once, and will be again when it is over.
    open: BTreeMap<(ParticipantId, Mid), Freeze>,
    told: usize,
    /// How many are judged otherwise today.
    changed: usize,
}

impl Judge {
    fn note(&mut self, notice: &Notice, out: &mut dyn Write) -> io::Result<()> {
        let Notice::Freeze {
            participant,
            freeze,
        } = notice
        else {
            return Ok(());
        };
        let place = (*participant, freeze.mid.clone());
        if freeze.to.is_some() {
            self.open.remove(&place);
            return self.tell(*participant, freeze, out);
        }
        if self.open.len() < OPEN {
            self.open.insert(place, (**freeze).clone());
        }
        Ok(())
    }

    fn tell(
        &mut self,
        viewer: ParticipantId,
        freeze: &Freeze,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        // Without facts nobody is to blame: it was not to be seen any more.
        let Some(facts) = freeze.facts.as_ref().filter(|_| self.is_near(freeze)) else {
            return Ok(());
        };
        let now = verdict(facts);
        self.told += 1;
        let (viewer, publisher) = (viewer.to_string(), freeze.track.participant.to_string());
        let length = freeze.to.map(|to| to.since(freeze.from));
        let source = freeze.track.source.to_string();
        let line = did_not_see(
            &viewer,
            &publisher,
            &source,
            length,
            &now.because(&viewer, &publisher),
            (&culprit_name(now.culprit), now.confidence.into()),
        );
        let clock = wall_clock(self.header.epoch, freeze.from, "%H:%M:%S");
        writeln!(out, "{clock}  {line}")?;
        let then = freeze.verdict.as_ref().filter(|then| **then != now);
        if let Some(Verdict {
            culprit,
            confidence,
            ..
        }) = then
        {
            self.changed += 1;
            let name = culprit_name(*culprit).replace('_', " ");
            writeln!(out, "          then it was said: {name}, {confidence} %")?;
        }
        Ok(())
    }

    fn is_near(&self, freeze: &Freeze) -> bool {
        let around = Duration::from_millis(AROUND.unsigned_abs());
        self.around.is_none_or(|at| {
            let end = freeze.to.unwrap_or(freeze.from);
            freeze.from <= at + around && at <= end + around
        })
    }

    fn finish(mut self, end: &End, out: &mut dyn Write) -> io::Result<()> {
        for ((viewer, _), freeze) in std::mem::take(&mut self.open) {
            self.tell(viewer, &freeze, out)?;
        }
        match (self.told, self.changed) {
            (0, _) => writeln!(out, "Nothing froze.")?,
            (_, 0) => {}
            (told, changed) => writeln!(out, "Of {told}, {changed} are judged otherwise today.")?,
        }
        match end {
            End::Stop(Stop::Complete) => Ok(()),
            End::Stop(stop) => writeln!(out, "{stop}"),
            End::Different(difference) => {
                writeln!(
                    out,
                    "Beyond this, the replay goes another way: {difference}."
                )?;
                another_build(&self.header, out)
            }
        }
    }
}
