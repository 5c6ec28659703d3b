//! How often the server was right, in words and tables.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use tsuji_tests::verdicts::Tally;

use crate::Options;
use crate::outcome::{Outcome, Told};

/// What stands above the tables.
const HEAD: &str = "\
# Whose fault was it? How often the server is right with real browsers

Made by `cargo run --workspace --bin browser_verdicts -- --rounds ROUNDS --markdown docs/verdicts-browsers.md`
(ROUNDS rounds, VERSION, on a machine of CORES processors that runs all of it): the server, and three people in
Chromium in a network of their own (CAMERAS). Faults happen to the first as a publisher, to the second as a
viewer, and in truth: processes are stopped by signals, packets dropped by a firewall, queues narrowed.

- *Counted* are `freezeCount` and `totalFreezesDuration` of Chromium's own statistics on the pictures that the
  fault has to do with; *told* are pictures' freezes in the server's history. *Places found*: of the pairs of a
  viewer and a publisher whose picture Chromium counted as frozen, how many the server told of. *Sounds* are gaps
  of sound that were told: Chromium counts no such thing.
- A verdict is right when it names what was done to that picture, or had been until 4 s before (9 s, of a link
  that was narrow). Whose browser stands still is a publisher and a viewer at once.
- *Elsewhere* are freezes of pictures to which nothing was done: told by the server, and counted by Chromium. On
  a machine with fewer processors than browsers some pictures do freeze by themselves; without a count beside it, one that is told is an error.

";

/// And of what was kept.
const JUDGED: &str = "\
The verdicts are those of today's build on the facts that were kept when the calls were made (`--keep`, \
`--judge`): a verdict is a pure function of its facts.

";

/// What came of all plans so far.
pub(crate) struct Report {
    rounds: u32,
    portraits: bool,
    verbose: bool,
    judged: bool,
    groups: [Group; 3],
}

#[derive(Default)]
struct Group {
    all: Tally,
    lines: BTreeMap<(usize, String), Line>,
}

/// A line of a table.
#[derive(Default)]
struct Line {
    times: u32,
    counted: u64,
    frozen: f64,
    told: u32,
    length: f64,
    places: [u32; 2],
    pictures: [u32; 2],
    sounds: [u32; 2],
    elsewhere: [u64; 2],
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            rounds: options.rounds,
            portraits: options.portraits,
            verbose: options.verbose,
            judged: options.judge.is_some(),
            groups: Default::default(),
        }
    }

    /// Another plan was made.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.rounds = self.rounds.max(outcome.round + 1);
        let place = match outcome.plan.faults.len() {
            0 => 2,
            faults => faults - 1,
        };
        let group = &mut self.groups[place];
        let all = &mut group.all;
        let name = outcome.plan.name();
        let known = group
            .lines
            .keys()
            .find(|(_, known)| *known == name)
            .cloned();
        let key = known.unwrap_or((group.lines.len(), name.clone()));
        let line = group.lines.entry(key).or_default();
        line.times += 1;
        all.calls += 1;
        for seen in &outcome.seen {
            if !outcome.concerns(seen.viewer, seen.publisher) {
                line.elsewhere[1] += seen.freezes;
                continue;
            }
            line.counted += seen.freezes;
            line.frozen += seen.frozen;
            if seen.freezes > 0 {
                let mut told = outcome.told.iter().filter(|told| !told.facts.sound);
                let found = told.any(|told| is_of(told, seen.viewer, seen.publisher));
                line.places[0] += u32::from(found);
                line.places[1] += 1;
                all.seen += 1;
                all.found += u32::from(found);
            }
        }
        let mut wrong = 0;
        for told in &outcome.told {
            let (truth, verdict) = (outcome.truth(told), told.verdict());
            let mut seen = outcome.seen.iter();
            let seen =
                seen.any(|seen| seen.freezes > 0 && is_of(told, seen.viewer, seen.publisher));
            let right = truth.contains(&verdict.culprit);
            if truth.is_empty() {
                line.elsewhere[0] += 1;
                all.unfounded += 1;
            } else {
                all.verdicts += 1;
                all.right += u32::from(right);
                if let [truth] = truth[..] {
                    *all.judged.entry((truth, verdict.culprit)).or_default() += 1;
                }
                let judged = if told.facts.sound {
                    &mut line.sounds
                } else {
                    &mut line.pictures
                };
                judged[0] += u32::from(right);
                judged[1] += 1;
                if !told.facts.sound {
                    all.told += 1;
                    all.told_and_seen += u32::from(seen);
                    line.told += 1;
                    line.length += told.length();
                }
            }
            wrong += u32::from(!right);
            if self.verbose && !right {
                println!(
                    "{name}: {} of {} from {} ms for {:.2} s, {}; {:?}, not {truth:?}: {}\n    {}",
                    told.viewer,
                    told.publisher,
                    told.began - outcome.began,
                    told.length(),
                    if seen { "seen" } else { "not seen" },
                    verdict.culprit,
                    verdict.because("V", "P"),
                    serde_json::to_string(&told.facts).unwrap_or_default(),
                );
            }
        }
        let counted: u64 = outcome.seen.iter().map(|seen| seen.freezes).sum();
        println!(
            "round {}, {name}: {counted} counted, {} told, {wrong} wrong, calm after {:.1} s",
            outcome.round,
            outcome.told.len(),
            (outcome.calm - outcome.began) as f64 / 1_000.
        );
        if self.verbose {
            for seen in outcome.seen.iter().filter(|seen| seen.freezes > 0) {
                let mut told = outcome.told.iter().filter(|told| !told.facts.sound);
                if !told.any(|told| is_of(told, seen.viewer, seen.publisher)) {
                    println!("    not told: {seen:?}");
                }
            }
        }
    }

    /// All of it (Markdown).
    pub(crate) fn text(&self) -> String {
        let version = Command::new("chromium").arg("--version").output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let version = version.unwrap_or_default();
        let version: Vec<_> = version.split_whitespace().take(2).collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cameras = match self.portraits {
            true => {
                "cameras of 316 x 178 pixels, 12 pictures a second, one encoding: `--portraits`"
            }
            false => "cameras of 640 x 480 pixels, 30 pictures a second, three encodings",
        };
        let mut text = HEAD
            .replace("ROUNDS", &self.rounds.to_string())
            .replace("VERSION", &version.join(" "))
            .replace("CORES", &cores.to_string())
            .replace("CAMERAS", cameras);
        if self.judged {
            text.push_str(JUDGED);
        }
        let names = ["One fault", "Two faults at once", "Nothing wrong"];
        for (name, group) in names.iter().zip(&self.groups) {
            if !group.lines.is_empty() {
                group.write(name, &mut text);
            }
        }
        text
    }
}

impl Group {
    fn write(&self, name: &str, text: &mut String) {
        let all = &self.all;
        let _ = write!(
            text,
            "## {name}\n\nOf {} places whose picture Chromium counted as frozen, {:.1} % were told. {} freezes of \
             pictures were told, {:.1} % of them where Chromium counted some. {} verdicts on pictures and sounds, \
             {:.1} % right; {} elsewhere.\n\n{all}\n\
             | what | times | counted | s | told | s | places found | right | sounds right | elsewhere told, counted |\n\
             |---|---|---|---|---|---|---|---|---|---|\n",
            all.seen,
            all.detected(),
            all.told,
            all.certain(),
            all.verdicts,
            all.rightness(),
            all.unfounded,
        );
        for ((_, name), line) in &self.lines {
            let of = |[part, all]: [u32; 2]| format!("{part} of {all}");
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {:.1} | {} | {:.1} | {} | {} | {} | {}, {} |",
                line.times,
                line.counted,
                line.frozen,
                line.told,
                line.length,
                of(line.places),
                of(line.pictures),
                of(line.sounds),
                line.elsewhere[0],
                line.elsewhere[1],
            );
        }
        text.push('\n');
    }
}

fn is_of(told: &Told, viewer: usize, publisher: usize) -> bool {
    (told.viewer, told.publisher) == (viewer, publisher)
}
