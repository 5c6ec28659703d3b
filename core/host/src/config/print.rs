//! The text of a config file that says everything as it is.

use std::fmt::Write;

use clap::{Arg, ArgMatches};

use super::{Origin, is_list, is_switch, key, variable};

/// The width of comments, in characters.
const WIDTH: usize = 98;
/// What the value of an option is called that nobody should see.
const SECRET: &str = "SECRET";

/// Every option with what it means, its value, and where that comes from. Read again as a config
/// file it sets everything as it is now, but for secrets, which are left out.
pub(super) fn config(
    options: &[Arg],
    matches: &ArgMatches,
    origin: impl Fn(&Arg) -> Origin,
) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "# All options of tsuji {version}, with their values and where these come from.\n\
         # tsuji --config FILE reads them from such a file. What is left out has its default.\n\
         # Variables of the environment count more than this file, and the command line most.\n"
    );
    for option in options {
        let origin = origin(option);
        text.push('\n');
        comment(&mut text, &about(option));
        // Writing to a String does not fail.
        let _ = writeln!(text, "# {} | from: {origin}", variable(key(option)));
        let _ = match set_to(option, matches) {
            Some(_) if is_secret(option) => writeln!(text, "# {} = (a secret)", key(option)),
            Some(value) => writeln!(text, "{} = {value}", key(option)),
            None => writeln!(text, "# {} = {}", key(option), example(option)),
        };
    }
    text
}

fn about(option: &Arg) -> String {
    let help = option.get_long_help().or_else(|| option.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    let possible: Vec<String> = option
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    if !possible.is_empty() && !is_switch(option) {
        let _ = write!(text, " ({})", possible.join(", "));
    }
    text
}

fn comment(text: &mut String, about: &str) {
    for paragraph in about.lines() {
        let mut line = String::from("#");
        for word in paragraph.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                text.push_str(&line);
                text.push_str("\n#");
                line.clear();
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push_str(&line);
        text.push('\n');
    }
}

/// The value as TOML; `None` where there is none.
fn set_to(option: &Arg, matches: &ArgMatches) -> Option<String> {
    let id = option.get_id().as_str();
    if is_switch(option) {
        return Some(matches.get_flag(id).to_string());
    }
    let values: Vec<String> = matches
        .get_raw(id)?
        .map(|value| to_toml(&value.to_string_lossy()))
        .collect();
    if is_list(option) {
        Some(format!("[{}]", values.join(", ")))
    } else {
        values.into_iter().next()
    }
}

fn to_toml(value: &str) -> String {
    match value.parse::<i64>() {
        Ok(number) if number.to_string() == value => value.to_owned(),
        _ => quoted(value),
    }
}

/// A basic string (TOML 1.0).
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn example(option: &Arg) -> String {
    let names = option.get_value_names().unwrap_or_default();
    let value = names.first().map(ToString::to_string).unwrap_or_default();
    if is_list(option) {
        format!("[\"{value}\"]")
    } else {
        format!("\"{value}\"")
    }
}

fn is_secret(option: &Arg) -> bool {
    let names = option.get_value_names().unwrap_or_default();
    names.iter().any(|name| name.as_str() == SECRET)
}
