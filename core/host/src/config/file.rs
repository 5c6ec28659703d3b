//! The config file: TOML, one key for each option.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Arg;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entry, Origin, is_list, is_switch, key};

/// The longest file that is read, in bytes. 1 MiB: far more than anybody writes by hand.
const LONGEST: u64 = 1024 * 1024;
/// How much alike two names must be for the one to be taken for the other, misspelt (1 is equal).
const ALIKE: f64 = 0.8;

/// Why a config file is of no use. Each is one sentence with the place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It can't be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something is wrong in it.
    #[error("{}, line {line}: {what}", .path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What.
        what: String,
    },
}

/// Reads a file; what an option may be set to is checked later, by the rules of the command line.
pub(super) fn read(path: &Path, options: &[Arg]) -> Result<Vec<Entry>, FileError> {
    let text = load(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |offset: usize, what: String| FileError::Wrong {
        path: path.to_owned(),
        line: line_of(&text, offset),
        what,
    };
    let table = DeTable::parse(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        wrong(offset, error.message().replace('\n', ", "))
    })?;
    let mut entries = Vec::new();
    for (name, value) in table.get_ref() {
        let at = name.span().start;
        let option = options.iter().find(|option| key(option) == name.as_ref());
        let option = option.ok_or_else(|| wrong(at, unknown(name.as_ref(), options)))?;
        let values = values(option, value).map_err(|expected| {
            wrong(
                at,
                format!("{name} must be {expected}", name = name.as_ref()),
            )
        })?;
        entries.push(Entry {
            key: key(option).to_owned(),
            values: values.into_iter().map(Into::into).collect(),
            origin: Origin::File {
                path: path.to_owned(),
                line: line_of(&text, at),
            },
        });
    }
    Ok(entries)
}

fn load(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > LONGEST {
        let text = format!("it has more than {LONGEST} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    fs::read_to_string(path)
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn unknown(name: &str, options: &[Arg]) -> String {
    let alike = |option: &&Arg| strsim::jaro_winkler(key(option), name);
    let best = options.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match best.filter(|best| alike(best) > ALIKE) {
        Some(best) => format!("there is no option {name:?}; did you mean {:?}?", key(best)),
        None => format!("there is no option {name:?}"),
    }
}

/// The values as on a command line, or what they should have been.
fn values(option: &Arg, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, &'static str> {
    let expected = match (is_switch(option), is_list(option)) {
        (true, _) => "true or false",
        (_, true) => "a text or a number, or a list of them",
        (_, false) => "a text or a number",
    };
    match value.get_ref() {
        DeValue::Boolean(on) if is_switch(option) => Ok(vec![on.to_string()]),
        DeValue::Array(list) if is_list(option) => {
            let values = list.iter().map(|value| plain(value.get_ref()));
            values.collect::<Option<_>>().ok_or(expected)
        }
        value if !is_switch(option) => Ok(vec![plain(value).ok_or(expected)?]),
        _ => Err(expected),
    }
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        // Underscores between digits are for people.
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            i64::from_str_radix(digits, radix)
                .ok()
                .map(|number| number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}
