//! What the path carries, as loss tells.
//!
//! Radio loses packets whatever is sent; a short queue loses what is too much. So not loss is what counts,
//! but loss beside what the path loses anyway (`inherent`), and that is found out: what is lost while far
//! less is sent than the path is known to carry, or when what is sent was cut below what came through. Loss
//! that stays then has nothing to do with the rate, and the limit is lifted again.

use std::time::Duration;

use super::LEAST;
use super::history::Told;

/// A window has at least so many packets and takes so long; or fewer and longer.
const WINDOW: (u32, u64) = (50, 250_000);
const THIN_WINDOW: (u32, u64) = (20, 1_000_000);
/// Loss beside the inherent above which it is believed that too much is sent, and below which more may be.
const HIGH: f64 = 0.10;
const LOW: f64 = 0.02;
/// How sure it has to be: so many standard deviations.
const SURE: f64 = 1.5;
/// Of what came through, what is allowed then: 90 %.
const CUT: f64 = 0.9;
/// What is sent in a window in which the cut is kept to, of the limit, and after how many packets of such
/// it has shown something.
const KEPT: f64 = 1.05;
const SHOWS: f64 = 80.;
/// Of the loss before the cut, what is inherent if it stays: 60 %.
const STAYS: f64 = 0.6;
/// What is sent where so many times as much is known to be carried has nothing to do with loss.
const FAR: f64 = 2.;
/// How long packets wait at most where that is believed.
const FREE: Duration = Duration::from_millis(40);
/// How much a window counts for what is inherent.
const LEARNS: f64 = 0.3;
/// Growth of a limit, a second.
const GROWTH: f64 = 0.08;
/// All that is lost for so long has met a path that carries nothing at all: too much does not do that.
const BLACKOUT: u64 = 400_000;

/// Packets told of.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    packets: u32,
    bytes: u64,
    /// When the first and the last of them left, microseconds.
    first: u64,
    last: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        if other.packets == 0 {
            return;
        }
        if self.packets == 0 {
            *self = other;
            return;
        }
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    fn of(told: &Told) -> Self {
        Self {
            packets: 1,
            bytes: told.bytes.into(),
            first: told.sent,
            last: told.sent,
        }
    }
}

/// What is found out by a cut: what is lost while no more is sent than came through before it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// Bits a second that it was cut to.
    cut: f64,
    /// The share that was lost before.
    loss: f64,
    /// Packets since, and lost of them.
    packets: f64,
    lost: f64,
}

/// What is known besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// What the path carries as delay tells, bits a second.
    pub(super) rate: f64,
    /// How long packets wait.
    pub(super) waits: Duration,
}

/// Losses of one path.
#[derive(Debug, Default)]
pub(super) struct Loss {
    /// The present window: all that was told of, and of these what was lost.
    all: Count,
    lost: Count,
    /// What was lost since the last that came.
    run: Count,
    /// Packets and losses of the windows before, each half as much as that after it.
    before: (f64, f64),
    inherent: f64,
    limit: Option<f64>,
    trial: Option<Trial>,
}

impl Loss {
    /// The most that is to be sent, bits a second, where loss says that.
    pub(super) fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// Whether what is lost says nothing against trying out more.
    pub(super) fn is_calm(&self) -> bool {
        let (packets, losses) = self.before;
        self.limit.is_none() || losses - self.inherent * packets <= LOW * packets
    }

    /// So much has come through.
    pub(super) fn lift(&mut self, bits: f64) {
        if self.limit.is_some_and(|limit| limit < bits) {
            (self.limit, self.trial) = (None, None);
        }
    }

    /// A packet came.
    pub(super) fn came(&mut self, told: &Told) {
        if told.again {
            // It was counted, if not in a window before this.
            let counted = if self.run.packets > 0 {
                &mut self.run.packets
            } else {
                &mut self.lost.packets
            };
            *counted = counted.saturating_sub(1);
            return;
        }
        self.end_run();
        self.all.add(Count::of(told));
    }

    /// A packet did not come.
    pub(super) fn lost(&mut self, told: &Told) {
        self.run.add(Count::of(told));
    }

    /// A feedback was read.
    pub(super) fn update(&mut self, known: Known) {
        let time = self.all.last.saturating_sub(self.all.first);
        let is_full = |(packets, long)| self.all.packets >= packets && time >= long;
        if is_full(WINDOW) || is_full(THIN_WINDOW) {
            self.judge(time as f64 / 1e6, known);
        }
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        if run.last.saturating_sub(run.first) < BLACKOUT {
            self.lost.add(run);
            self.all.add(run);
        }
    }

    fn judge(&mut self, time: f64, known: Known) {
        let all = std::mem::take(&mut self.all);
        let lost = std::mem::take(&mut self.lost);
        let count = f64::from(all.packets);
        let here = f64::from(lost.packets) / count;
        let sent = all.bytes as f64 * 8. / time;
        let (packets, losses) = self.before;
        self.before = (packets / 2. + count, losses / 2. + f64::from(lost.packets));
        let loss = self.before.1 / self.before.0;
        let error = (loss * (1. - loss) / self.before.0).sqrt();
        let is_far = sent * FAR <= known.rate && known.waits < FREE;
        let is_less = loss + SURE * error < self.inherent;
        if is_far || is_less {
            self.inherent += LEARNS * (here - self.inherent);
        }
        let beside = loss - self.inherent;
        let is_high = beside - SURE * error > HIGH;
        let through = sent * (1. - here);
        let Some(limit) = self.limit else {
            if is_high && !is_far {
                self.cut(through, loss);
            }
            return;
        };
        if let Some(trial) = self.trial.as_mut().filter(|trial| sent <= KEPT * trial.cut) {
            trial.packets += count;
            trial.lost += f64::from(lost.packets);
            let stays = trial.lost / trial.packets;
            if trial.packets < SHOWS {
                return;
            }
            self.inherent = stays;
            self.before = (trial.packets, trial.lost);
            if stays >= STAYS * trial.loss {
                (self.limit, self.trial) = (None, None);
                return;
            }
        } else if is_high {
            self.cut(through.min(limit / CUT), loss);
            return;
        }
        if loss - self.inherent - SURE * error < LOW {
            let limit = limit * (1. + GROWTH * time.min(1.));
            self.limit = Some(limit).filter(|limit| *limit < known.rate);
        }
    }

    fn cut(&mut self, through: f64, loss: f64) {
        let cut = (CUT * through).max(LEAST);
        self.limit = Some(cut);
        self.trial = Some(Trial {
            cut,
            loss,
            packets: 0.,
            lost: 0.,
        });
    }

    /// What a feedback tells can't be compared with what was told before.
    pub(super) fn broken(&mut self) {
        *self = Self {
            inherent: self.inherent,
            limit: self.limit,
            trial: self.trial,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests;
