//! Of the sources and of what is printed.

use std::fs;

use tempfile::TempDir;

use super::*;

/// Options that are set by none of them.
const NOTHING: [(&str, &str); 0] = [];

struct Started {
    directory: TempDir,
}

impl Started {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("tsuji.toml")
    }

    /// Starts with a file; gives what is read with that path shortened.
    fn with(
        &self,
        file: &str,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Invocation, String> {
        fs::write(self.path(), file).unwrap();
        let path = self.path();
        let first = ["tsuji", "--config", path.to_str().unwrap()];
        start(&[&first, arguments].concat(), variables).map_err(|error| {
            let directory = format!("{}/", self.directory.path().display());
            error.to_string().replace(&directory, "")
        })
    }

    fn options(&self, file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Options {
        serve(self.with(file, variables, arguments).unwrap())
    }

    fn refused(&self, file: &str) -> String {
        self.with(file, &NOTHING, &[]).unwrap_err()
    }
}

fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Invocation, ConfigError> {
    let environment = |name: &str| {
        let found = variables.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| OsString::from(value))
    };
    read(arguments.iter().map(OsString::from), environment)
}

fn serve(invocation: Invocation) -> Options {
    match invocation {
        Invocation::Serve(options) => *options,
        other => panic!("not to serve, but {other:?}"),
    }
}

#[test]
fn flags_count_more_than_variables_and_those_more_than_the_file() {
    let started = Started::new();
    let file = "log = \"warn\"\ntrace-memory = 1_0\nlisten = \"127.0.0.1:1\"\n";
    let variables = [
        ("TSUJI_TRACE_MEMORY", "20"),
        ("TSUJI_LISTEN", "127.0.0.1:2"),
    ];
    let options = started.options(file, &variables, &["--listen", "127.0.0.1:3"]);
    assert_eq!(options.log, "warn");
    assert_eq!(options.trace_memory, 20);
    assert_eq!(options.listen.port(), 3);
    assert_eq!(options.udp.len(), 1, "the default");
    // An empty variable is none.
    let options = started.options(file, &[("TSUJI_TRACE_MEMORY", "")], &[]);
    assert_eq!(options.trace_memory, 10);
}

#[test]
fn what_may_be_repeated_is_a_list() {
    let started = Started::new();
    let file = "udp = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nadvertise = \"203.0.113.5\"";
    let options = started.options(file, &NOTHING, &[]);
    let ports = |options: &Options| options.udp.iter().map(|udp| udp.port()).collect::<Vec<_>>();
    assert_eq!(ports(&options), [1, 2]);
    assert_eq!(options.advertise.len(), 1);
    let variables = [("TSUJI_UDP", "127.0.0.1:3, 127.0.0.1:4")];
    assert_eq!(ports(&started.options(file, &variables, &[])), [3, 4]);
    // One source counts: lists are not put together.
    let arguments = ["--udp", "127.0.0.1:5"];
    assert_eq!(ports(&started.options(file, &variables, &arguments)), [5]);
}

#[test]
fn the_file_itself_may_be_named_in_the_environment() {
    let started = Started::new();
    fs::write(started.path(), "log = \"error\"").unwrap();
    let path = started.path();
    let options = start(&["tsuji"], &[("TSUJI_CONFIG", path.to_str().unwrap())]);
    assert_eq!(serve(options.unwrap()).log, "error");
}

#[test]
fn what_is_wrong_in_a_file_is_one_sentence_with_the_line() {
    let started = Started::new();
    for (file, sentence) in [
        (
            "log = \"warn\"\nlisen = \"127.0.0.1:1\"",
            "tsuji.toml, line 2: there is no option \"lisen\"; did you mean \"listen\"?",
        ),
        (
            "\n\nquestion = 42",
            "tsuji.toml, line 3: there is no option \"question\"",
        ),
        // Only a command line can say where the file is.
        (
            "config = \"other.toml\"",
            "tsuji.toml, line 1: there is no option \"config\"",
        ),
        (
            "# hello\nlisten = \"8080\"",
            "tsuji.toml, line 2: listen = \"8080\" is wrong: expected an IP address and a port, \
             such as 127.0.0.1:8080 or [::1]:8080",
        ),
        (
            "tls = \"mine\"",
            "tsuji.toml, line 1: tls = \"mine\" is wrong: expected self-signed",
        ),
        (
            "listen = [\"127.0.0.1:1\"]",
            "tsuji.toml, line 1: listen must be a text or a number",
        ),
        (
            "[listen]\nport = 1",
            "tsuji.toml, line 1: listen must be a text or a number",
        ),
        (
            "udp = [true]",
            "tsuji.toml, line 1: udp must be a text or a number, or a list of them",
        ),
        (
            "log = \"a\"\nlog = \"b\"",
            "tsuji.toml, line 2: duplicate key",
        ),
        (
            "tls-cert = \"a.pem\"",
            "the following required arguments were not provided: --tls-key <FILE> \
             (tls-cert comes from tsuji.toml, line 1)",
        ),
    ] {
        assert_eq!(started.refused(file), sentence, "{file}");
    }
    let broken = started.refused("log = \"warn\"\nlisten = ");
    assert!(broken.starts_with("tsuji.toml, line 2: "), "{broken}");
    fs::remove_file(started.path()).unwrap();
    let missing = started.path();
    let missing = start(&["tsuji", "--config", missing.to_str().unwrap()], &NOTHING);
    let sentence = missing.unwrap_err().to_string();
    assert!(sentence.starts_with("cannot read "), "{sentence}");
}

#[test]
fn what_is_wrong_elsewhere_says_where() {
    let wrong = start(&["tsuji"], &[("TSUJI_TRACE_MEMORY", "much")]);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "TSUJI_TRACE_MEMORY: trace-memory = \"much\" is wrong: invalid digit found in string"
    );
    let started = Started::new();
    let file = "tls-cert = \"a\"\ntls-key = \"b\"";
    let sentence = started
        .with(file, &NOTHING, &["--tls", "self-signed"])
        .unwrap_err();
    assert!(sentence.contains("cannot be used with"), "{sentence}");
    assert!(
        sentence.contains("tls-cert comes from tsuji.toml, line 1"),
        "{sentence}"
    );
    let flag = started
        .with(file, &NOTHING, &["--listen", "8080"])
        .unwrap_err();
    assert!(flag.contains("--listen <ADDR:PORT>"), "{flag}");
}

/// Text for every option that is not what it is by default, where it takes any.
fn another_value(option: &Arg) -> Vec<String> {
    let default: Vec<_> = option
        .get_default_values()
        .iter()
        .map(|d| d.to_string_lossy())
        .collect();
    let candidates = [
        "127.0.0.1:77",
        "198.51.100.7",
        "meet.example",
        "mailto:a@b.example",
        "https://acme.example/directory",
        "stun:stun.example:3478",
        "turn:turn.example user=mika credential=x",
        "https://page.example",
        "http://page.example:3000",
        "7654321",
        "77",
        "33",
        "info,tsuji=debug",
        "dir/a \"b\" \\c",
    ];
    let possible = option.get_possible_values();
    let possible = possible.iter().map(|value| value.get_name().to_owned());
    let all = possible.chain(candidates.map(str::to_owned));
    let fits = |value: &String| {
        let known = default.iter().any(|default| default == value);
        let flag = format!("--value={value}");
        let only = Command::new("tsuji").arg(without_relations(option));
        !known && only.try_get_matches_from(["tsuji", &flag]).is_ok()
    };
    let found: Vec<_> = all.filter(fits).take(2).collect();
    assert!(!found.is_empty(), "no example fits --{}", key(option));
    if is_list(option) {
        found
    } else {
        vec![found[0].clone()]
    }
}

/// The same option, which needs no other one.
fn without_relations(option: &Arg) -> Arg {
    Arg::new("value")
        .long("value")
        .action(option.get_action().clone())
        .value_parser(option.get_value_parser().clone())
}

fn printed(file: &str, started: &Started) -> String {
    match started.with(file, &NOTHING, &["--print-config"]).unwrap() {
        Invocation::PrintConfig(text) => text,
        other => panic!("{other:?}"),
    }
}

fn without_origins(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split(" | from: ").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_printed_is_complete_and_read_again_it_says_the_same() {
    let started = Started::new();
    let first = printed("", &started);
    for option in options() {
        let name = key(&option);
        let lines = first.lines().map(|line| line.trim_start_matches("# "));
        let mut lines = lines.filter(|line| line.starts_with(&format!("{name} = ")));
        assert!(lines.next().is_some(), "{name}");
        let origin = format!("# {} | from: default", variable(name));
        assert!(first.contains(&origin), "{name}");
    }
    let again = printed(&first, &started);
    assert_eq!(without_origins(&again), without_origins(&first));
}

#[test]
fn every_option_can_be_set_in_a_file_and_is_printed_as_it_was_set() {
    for option in options() {
        let started = Started::new();
        let name = key(&option);
        let value = if is_switch(&option) {
            "true".to_owned()
        } else {
            let values: Vec<_> = another_value(&option)
                .iter()
                .map(|v| format!("{v:?}"))
                .collect();
            if is_list(&option) {
                format!("[{}]", values.join(", "))
            } else {
                values[0].clone()
            }
        };
        let file = format!("\n{name} = {value}");
        let text = match started.with(&file, &NOTHING, &["--print-config"]) {
            Ok(Invocation::PrintConfig(text)) => text,
            // It needs another one: that it is known is all that can be seen then.
            Err(error) if error.contains(&format!("{name} comes from tsuji.toml, line 2")) => {
                continue;
            }
            other => panic!("{file}: {other:?}"),
        };
        let plain = |text: &str| text.replace('"', "");
        let line = plain(&format!("{name} = {value}"));
        assert!(
            text.lines().any(|found| plain(found) == line),
            "{line}:\n{text}"
        );
        assert!(
            text.contains(&format!("{} | from: ", variable(name))),
            "{text}"
        );
        assert!(text.contains("tsuji.toml, line 2"), "{text}");
        assert_eq!(
            without_origins(&printed(&text, &started)),
            without_origins(&text)
        );
    }
}

#[test]
fn secrets_are_not_printed() {
    let options = vec![
        Arg::new("word")
            .long("word")
            .value_name("SECRET")
            .action(ArgAction::Set),
        Arg::new("plain")
            .long("plain")
            .value_name("WORD")
            .action(ArgAction::Set),
    ];
    let command = Command::new("tsuji").args(&options);
    let matches = command.try_get_matches_from(["tsuji", "--word=open sesame", "--plain=hello"]);
    let text = print::config(&options, &matches.unwrap(), |_| Origin::CommandLine);
    assert!(!text.contains("sesame"), "{text}");
    assert!(text.contains("# word = (a secret)"), "{text}");
    assert!(text.contains("plain = \"hello\""), "{text}");
}

#[test]
fn replaying_takes_no_config() {
    let variables = [
        ("TSUJI_LISTEN", "nonsense"),
        ("TSUJI_CONFIG", "/no/such/file"),
    ];
    let replay = start(&["tsuji", "replay", "a.trace"], &variables).unwrap();
    assert!(matches!(replay, Invocation::Replay(_)));
}

/// The table of options that newcomers read.
#[test]
fn the_readme_tells_true_names_values_and_defaults() {
    let readme = include_str!("../../../../README.md");
    let table = readme.split("| Option |").nth(1).unwrap();
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(!rows.is_empty());
    let options = options();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let mut words = cells[0].trim_matches('`').split(' ').peekable();
        while let Some(flag) = words.next() {
            let value = words.next_if(|word| !word.starts_with("--"));
            let option = options
                .iter()
                .find(|option| format!("--{}", key(option)) == flag);
            // The two that are not for files.
            let Some(option) = option else {
                let command = command();
                let mut all = command.get_arguments();
                let known = all.any(|option| format!("--{}", key(option)) == flag);
                assert!(known, "there is no {flag}: {row}");
                continue;
            };
            let names = option.get_value_names().unwrap_or_default();
            let fits = match value {
                None => is_switch(option),
                Some(value) => {
                    let possible = option.get_possible_values();
                    names.iter().any(|name| name.as_str() == value)
                        || possible.iter().any(|possible| possible.get_name() == value)
                }
            };
            assert!(fits, "{flag} {value:?}, but {names:?}");
            if let [default] = option.get_default_values() {
                let default = default.to_string_lossy();
                assert_eq!(cells[2].trim_matches('`'), default, "{row}");
            }
        }
    }
}

#[test]
fn the_doctor_looks_at_the_options_of_serving_wherever_they_come_from() {
    let started = Started::new();
    fs::write(started.path(), "listen = \"127.0.0.1:7\"\n").unwrap();
    let path = started.path();
    let variables = [("TSUJI_UDP", "127.0.0.1:8")];
    let words = [
        "tsuji",
        "doctor",
        "--config",
        path.to_str().unwrap(),
        "--max-rooms",
        "9",
    ];
    let Ok(Invocation::Doctor(options)) = start(&words, &variables) else {
        panic!("no doctor");
    };
    assert_eq!(options.listen.port(), 7);
    assert_eq!(options.udp[0].port(), 8);
    assert_eq!(options.guards.max_rooms, 9);
    assert!(matches!(
        start(&["tsuji", "doctor"], &NOTHING),
        Ok(Invocation::Doctor(_))
    ));
    assert!(start(&["tsuji", "doctor", "--nonsense"], &NOTHING).is_err());
}
