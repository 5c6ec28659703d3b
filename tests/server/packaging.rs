//! What is given to those who run the server for good: a unit for systemd and a Dockerfile. Here is
//! no engine that builds images, so what can be checked of that is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tsuji_tests::support::MIO;

/// The most that systemd may have to say against the sandbox, of 100 (systemd-analyze(1)): what
/// remains is what a server needs, the network above all.
const EXPOSURE: &str = "17";

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(name)).unwrap()
}

/// The unit, for the binary that is tested and a config in `directory`.
fn unit(directory: &Path) -> PathBuf {
    let config = directory.join("tsuji.toml");
    let text = read("packaging/tsuji.service")
        .replace("/usr/local/bin/tsuji", MIO.executable().to_str().unwrap())
        .replace("/etc/tsuji/tsuji.toml", config.to_str().unwrap());
    let unit = directory.join("tsuji.service");
    fs::write(&unit, text).unwrap();
    unit
}

fn analyze(arguments: &[&str], unit: &Path) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output()
        .expect("systemd-analyze is installed (Debian's package systemd)");
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert!(status.success(), "{said}");
    said
}

fn value<'a>(unit: &'a str, key: &str) -> Option<&'a str> {
    unit.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

#[test]
fn systemd_takes_the_unit_and_finds_its_sandbox_tight() {
    let directory = tempfile::tempdir().unwrap();
    let unit = unit(directory.path());
    assert_eq!(analyze(&["verify", "--man=no"], &unit), "");
    analyze(
        &[
            "security",
            "--offline=yes",
            "--threshold",
            EXPOSURE,
            "--no-pager",
        ],
        &unit,
    );
}

#[test]
fn the_unit_starts_the_server_with_a_config_as_it_prints_one() {
    let directory = tempfile::tempdir().unwrap();
    let printed = Command::new(MIO.executable())
        .arg("--print-config")
        .output()
        .unwrap();
    fs::write(directory.path().join("tsuji.toml"), printed.stdout).unwrap();
    let unit = fs::read_to_string(unit(directory.path())).unwrap();
    let mut words = value(&unit, "ExecStart").unwrap().split(' ');
    let mut command = Command::new(words.next().unwrap());
    let output = command.args(words).arg("--print-config").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("tsuji.toml, line "), "{text}");
    // Whatever the drain may be, systemd waits for longer.
    assert_eq!(value(&unit, "TimeoutStopSec"), Some("1h"));
    assert_eq!(value(&unit, "KillMode"), Some("mixed"));
}

#[test]
fn the_image_is_nobody_s_and_sets_options_that_exist() {
    let file = read("Dockerfile");
    let last = file.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("scratch\n"), "{last}");
    let user = last
        .lines()
        .find_map(|line| line.strip_prefix("USER "))
        .unwrap();
    let mut ids = user.split(':').map(|id| id.parse::<u32>().unwrap());
    assert!(ids.all(|id| id != 0), "{user}");

    let variables = last
        .lines()
        .find_map(|line| line.strip_prefix("ENV "))
        .unwrap();
    let variables: Vec<_> = variables
        .split(' ')
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    let mut command = Command::new(MIO.executable());
    let output = command
        .arg("--print-config")
        .envs(variables.clone())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for (name, _) in variables {
        let origin = format!("# {name} | from: {name}");
        assert!(text.lines().any(|line| line == origin), "{origin}: {text}");
    }

    // What the image is built from are all members of the workspace.
    let context = read(".dockerignore");
    let manifest = read("Cargo.toml");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .unwrap();
    for member in members.trim_matches(['[', ']']).split(", ") {
        let folder = member.trim_matches('"').split('/').next().unwrap();
        assert!(
            context.lines().any(|line| line == format!("!{folder}")),
            "{folder}"
        );
    }
}
