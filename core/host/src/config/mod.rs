//! Where options come from, and which of them counts.
//!
//! ```text
//!   command line ──────────────┐
//!   TSUJI_… in the environment ┼──► one command line ──► clap ──► Options
//!   --config FILE (TOML) ──────┘      (first one wins)             │
//!                                                                  └► --print-config: a file again
//! ```
//! The fields of [`Options`] are the only list of options there is. What a field is called on the
//! command line (`--tls-cert`) is its key in the file (`tls-cert`), and its variable in capitals
//! (`TSUJI_TLS_CERT`). Whatever is given is put on one command line, so that it is checked by the
//! same rules, wherever it comes from: an option that is added is in the file, in the environment
//! and in what `--print-config` prints, without another word. No option holds a secret: keys are in
//! files that options name. Were there one, its value would be called `SECRET` (`value_name`), and
//! would not be printed.

mod file;
mod print;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches};

use crate::history::tell::{ExportOptions, WhyOptions};
use crate::options::{Action, CommandLine, Options};
use crate::replay::ReplayOptions;
pub use file::FileError;

/// What a process was started for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Invocation {
    /// To serve.
    Serve(Box<Options>),
    /// To print the text of a config file with all options as they are.
    PrintConfig(String),
    /// To check what would be served, and where.
    Doctor(Box<Options>),
    /// To replay.
    Replay(ReplayOptions),
    /// To say why something froze.
    Why(WhyOptions),
    /// To write down the history.
    Export(ExportOptions),
}

/// Why options are of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The command line is wrong, or asks for help; clap knows how to say it.
    #[error(transparent)]
    CommandLine(clap::Error),
    /// The config file is wrong, or can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A value that was not given on the command line is wrong.
    #[error("{origin}: {key} = \"{value}\" is wrong: {why}")]
    Value {
        /// Where it is.
        origin: Origin,
        /// Of which option.
        key: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// Options do not go together, and not all of them are on the command line.
    #[error("{what} ({})", .origins.join(", "))]
    Together {
        /// Which rule they break.
        what: String,
        /// Where those are that are not on the command line.
        origins: Vec<String>,
    },
}

/// Where the value of an option comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody gave another one.
    Default,
    /// The config file.
    File {
        /// Which.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::CommandLine => f.write_str("command line"),
        }
    }
}

/// An option that was given elsewhere than on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Its long name, without dashes before it.
    key: String,
    /// What it is set to: one, or several where it may be repeated.
    values: Vec<OsString>,
    origin: Origin,
}

/// Reads the command line, the environment and the config file.
pub fn read(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, ConfigError> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    // The one word that takes the options of serving. What it is told by clap is its help.
    let is_help = |word: &OsString| word == "--help" || word == "-h";
    let examines =
        arguments.get(1).is_some_and(|word| word == "doctor") && !arguments.iter().any(is_help);
    if examines {
        arguments.remove(1);
    }
    // What is wrong with it is said by the second reading, with all options there.
    let first = command().ignore_errors(true);
    let first = first.try_get_matches_from(arguments.iter().cloned());
    let first = first.map_err(ConfigError::CommandLine)?;
    if first.subcommand_name().is_some() {
        let matches = parse(&arguments, &[])?;
        let line = CommandLine::from_arg_matches(&matches).map_err(ConfigError::CommandLine)?;
        return Ok(match line.action {
            Some(Action::Replay(options)) => Invocation::Replay(options),
            Some(Action::Why(options)) => Invocation::Why(options),
            Some(Action::Export(options)) => Invocation::Export(options),
            Some(Action::Doctor) => Invocation::Doctor(Box::new(line.options)),
            None => Invocation::Serve(Box::new(line.options)),
        });
    }

    let variable = environment(&variable("config")).filter(|value| !value.is_empty());
    let file = first.try_get_one::<PathBuf>("config").ok().flatten();
    let file = file.cloned().or(variable.map(PathBuf::from));
    let entries = elsewhere(&first, &environment, file.as_deref())?;
    let lines = entries.iter().flat_map(Entry::to_arguments);
    arguments.extend(lines);
    let matches = parse(&arguments, &entries)?;
    let line = CommandLine::from_arg_matches(&matches).map_err(ConfigError::CommandLine)?;
    if line.print_config {
        return Ok(Invocation::PrintConfig(print::config(
            &options(),
            &matches,
            |key| origin_of(key, &entries, &matches),
        )));
    }
    let options = Box::new(line.options);
    Ok(if examines {
        Invocation::Doctor(options)
    } else {
        Invocation::Serve(options)
    })
}

/// The whole command line.
fn command() -> Command {
    CommandLine::command()
}

/// The options that may be given anywhere: the table that everything here is made from.
fn options() -> Vec<Arg> {
    let command = Options::augment_args(Command::new("tsuji"));
    let arguments = command.get_arguments();
    arguments
        .filter(|argument| argument.get_long().is_some())
        .cloned()
        .collect()
}

/// What an option is called in the file.
fn key(option: &Arg) -> &str {
    option.get_long().unwrap_or_default()
}

/// What an option is called in the environment.
fn variable(key: &str) -> String {
    format!("TSUJI_{}", key.replace('-', "_").to_uppercase())
}

fn is_list(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Append)
}

fn is_switch(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::SetTrue)
}

fn is_given(matches: &ArgMatches, option: &Arg) -> bool {
    matches.value_source(option.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// What counts besides the command line.
fn elsewhere(
    given: &ArgMatches,
    environment: &impl Fn(&str) -> Option<OsString>,
    path: Option<&Path>,
) -> Result<Vec<Entry>, ConfigError> {
    let options = options();
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    if let Some(path) = path {
        let found = file::read(path, &options)?;
        entries.extend(found.into_iter().map(|entry| (entry.key.clone(), entry)));
    }
    for option in &options {
        let name = variable(key(option));
        // An empty variable is none: that is how shells and unit files unset one.
        if let Some(value) = environment(&name).filter(|value| !value.is_empty()) {
            let values = if is_list(option) {
                split(&value)
            } else {
                vec![value]
            };
            let entry = Entry {
                key: key(option).to_owned(),
                values,
                origin: Origin::Environment(name),
            };
            entries.insert(entry.key.clone(), entry);
        }
        if is_given(given, option) {
            entries.remove(key(option));
        }
    }
    for option in options.iter().filter(|option| is_switch(option)) {
        if let Some(entry) = entries.get_mut(key(option))
            && !turn(entry)?
        {
            entries.remove(key(option));
        }
    }
    Ok(entries.into_values().collect())
}

/// Whether a switch is on; if it is, it is written as on a command line.
fn turn(entry: &mut Entry) -> Result<bool, ConfigError> {
    let value = entry.values.first().map(|value| value.to_string_lossy());
    let value = value.unwrap_or_default().into_owned();
    match value.as_str() {
        "true" | "1" => {
            entry.values.clear();
            Ok(true)
        }
        "false" | "0" => Ok(false),
        _ => Err(ConfigError::Value {
            origin: entry.origin.clone(),
            key: entry.key.clone(),
            value,
            why: "expected true or false".to_owned(),
        }),
    }
}

/// The values of a variable for an option that may be repeated: separated by commas.
fn split(list: &OsStr) -> Vec<OsString> {
    match list.to_str() {
        Some(text) => text.split(',').map(|value| value.trim().into()).collect(),
        None => vec![list.to_owned()],
    }
}

impl Entry {
    fn to_arguments(&self) -> Vec<OsString> {
        let flag = OsString::from(format!("--{}", self.key));
        if self.values.is_empty() {
            return vec![flag];
        }
        let argument = |value: &OsString| {
            let mut argument = flag.clone();
            argument.push("=");
            argument.push(value);
            argument
        };
        self.values.iter().map(argument).collect()
    }
}

fn parse(arguments: &[OsString], entries: &[Entry]) -> Result<ArgMatches, ConfigError> {
    let matches = command().try_get_matches_from(arguments);
    matches.map_err(|error| explain(error, entries))
}

/// Says where a wrong value is, when that is not the command line.
fn explain(error: clap::Error, entries: &[Entry]) -> ConfigError {
    let mentioned = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let text = error.render().to_string();
    let is_about_one = matches!(
        error.kind(),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue
    );
    // What lacks another option is in the usage alone: `--tls-cert <FILE> --tls-key <FILE>`
    let names = if is_about_one {
        mentioned(ContextKind::InvalidArg)
    } else {
        vec![text.clone()]
    };
    let mentions = |entry: &&Entry| {
        let flag = format!("--{}", entry.key);
        let mut words = names
            .iter()
            .flat_map(|name| name.split([' ', '=', '\n', '\'']));
        words.any(|word| word == flag)
    };
    let concerned: Vec<&Entry> = entries.iter().filter(mentions).collect();
    let Some(first) = concerned.first() else {
        return ConfigError::CommandLine(error);
    };
    if is_about_one {
        let value = mentioned(ContextKind::InvalidValue).pop();
        let why = std::error::Error::source(&error).map(ToString::to_string);
        let possible = mentioned(ContextKind::ValidValue);
        return ConfigError::Value {
            origin: first.origin.clone(),
            key: first.key.clone(),
            value: value.unwrap_or_default(),
            why: why.unwrap_or_else(|| format!("expected {}", possible.join(" or "))),
        };
    }
    let what = text.lines().take_while(|line| !line.is_empty());
    let what: Vec<&str> = what.map(str::trim).collect();
    let origin = |entry: &&Entry| format!("{} comes from {}", entry.key, entry.origin);
    ConfigError::Together {
        what: what.join(" ").trim_start_matches("error: ").to_owned(),
        origins: concerned.iter().map(origin).collect(),
    }
}

/// Where the value comes from that counts.
fn origin_of(option: &Arg, entries: &[Entry], matches: &ArgMatches) -> Origin {
    let entry = entries.iter().find(|entry| entry.key == key(option));
    match entry {
        Some(entry) => entry.origin.clone(),
        None if is_given(matches, option) => Origin::CommandLine,
        None => Origin::Default,
    }
}

#[cfg(test)]
mod tests;
