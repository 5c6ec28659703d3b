//! How often the core was right.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tsuji_core::freeze::Culprit;

use super::call::Outcome;

/// Counts over many calls.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Freezes by the truth, where that is one, and by the verdict.
    pub judged: BTreeMap<(Culprit, Culprit), u32>,
    /// Verdicts on freezes of which something did go wrong, and how many of those named it.
    pub verdicts: u32,
    /// See there.
    pub right: u32,
    /// Verdicts on pictures with which nothing went wrong.
    pub unfounded: u32,
    /// Freezes that were seen, and how many of those were told.
    pub seen: u32,
    /// See there.
    pub found: u32,
    /// Freezes that were told, and how many of those were seen.
    pub told: u32,
    /// See there.
    pub told_and_seen: u32,
    /// How long pictures were dark, while something went wrong and behind that.
    pub dark: [Duration; 2],
    /// Calls.
    pub calls: u32,
}

impl Tally {
    /// One more call.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seen += outcome.seen as u32;
        self.found += outcome.found as u32;
        self.calls += 1;
        for (sum, dark) in self.dark.iter_mut().zip(outcome.dark) {
            *sum += dark;
        }
        for told in &outcome.told {
            self.told += 1;
            self.told_and_seen += u32::from(told.seen);
            let Some(verdict) = &told.freeze.verdict else {
                continue;
            };
            if told.truth.is_empty() {
                self.unfounded += 1;
                continue;
            }
            self.verdicts += 1;
            self.right += u32::from(told.truth.contains(&verdict.culprit));
            if let [truth] = told.truth[..] {
                *self.judged.entry((truth, verdict.culprit)).or_default() += 1;
            }
        }
    }

    /// Percent of the verdicts that were right.
    pub fn rightness(&self) -> f64 {
        percent(self.right, self.verdicts)
    }

    /// Of the freezes that were so, percent of which this was said.
    pub fn recall(&self, culprit: Culprit) -> f64 {
        let all = self.sum(|truth, _| truth == culprit);
        percent(
            self.sum(|truth, said| truth == culprit && said == culprit),
            all,
        )
    }

    /// Of the freezes of which this was said, percent that were so.
    pub fn precision(&self, culprit: Culprit) -> f64 {
        let all = self.sum(|_, said| said == culprit);
        percent(
            self.sum(|truth, said| truth == culprit && said == culprit),
            all,
        )
    }

    /// Of the freezes that were seen, percent that were told.
    pub fn detected(&self) -> f64 {
        percent(self.found, self.seen)
    }

    /// Of the freezes that were told, percent that were seen.
    pub fn certain(&self) -> f64 {
        percent(self.told_and_seen, self.told)
    }

    /// How long pictures were dark in each call, while something went wrong and behind that. Seconds.
    pub fn dark_seconds(&self) -> [f64; 2] {
        self.dark
            .map(|dark| dark.as_secs_f64() / f64::from(self.calls.max(1)))
    }

    fn sum(&self, counts: impl Fn(Culprit, Culprit) -> bool) -> u32 {
        let judged = self.judged.iter();
        let judged = judged.filter(|((truth, said), _)| counts(*truth, *said));
        judged.map(|(_, count)| count).sum()
    }
}

fn percent(part: u32, whole: u32) -> f64 {
    match whole {
        0 => 100.,
        whole => 100. * f64::from(part) / f64::from(whole),
    }
}

/// A table by culprit: what was so, what was said.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| in truth | freezes |")?;
        for said in Culprit::ALL {
            write!(f, " {said} |")?;
        }
        writeln!(f, " recall, % | precision, % |")?;
        writeln!(f, "|---|{}", "---|".repeat(Culprit::ALL.len() + 3))?;
        for truth in Culprit::ALL {
            let all = self.sum(|this, _| this == truth);
            if all == 0 {
                continue;
            }
            write!(f, "| {truth} | {all} |")?;
            for said in Culprit::ALL {
                let count = self.judged.get(&(truth, said)).copied();
                write!(f, " {} |", count.unwrap_or(0))?;
            }
            let (recall, precision) = (self.recall(truth), self.precision(truth));
            writeln!(f, " {recall:.1} | {precision:.1} |")?;
        }
        Ok(())
    }
}
