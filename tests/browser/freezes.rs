//! Why did it freeze? What the page and the operator are told, with a real browser behind a real cut.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tsuji_tests::support::{Guest, MIO, Network, SERVER, Server};

use crate::{MEETING, TURN, keep_picture};

const ADMIN_PORT: u16 = 8_444;

#[tokio::test]
async fn a_freeze_has_a_culprit_on_the_tile_and_on_the_operators_page() {
    let _turn = TURN.lock().await;
    let Some(network) = Network::flat() else {
        return;
    };
    let kept = TempDir::with_prefix("tsuji-history-").expect("the system has room");
    let (listen, udp) = (format!("{SERVER}:8443"), format!("{SERVER}:10000"));
    let admin = format!("{SERVER}:{ADMIN_PORT}");
    let history = kept.path().join("history");
    let mut arguments: Vec<&OsStr> = ["--listen", &listen, "--udp", &udp].map(OsStr::new).into();
    arguments.extend(["--admin", &admin, "--tls", "self-signed", "--tls-dir"].map(OsStr::new));
    arguments.extend([kept.path().as_os_str(), OsStr::new("--trace-dir")]);
    arguments.extend([kept.path().as_os_str(), OsStr::new("--history")]);
    arguments.push(history.as_os_str());
    let server = Server::start_in(&network.server, &MIO, &arguments);
    let mika = Guest::with_test_picture_in(&network, "Mika").await;
    let ren = Guest::with_test_picture_in(&network, "Ren").await;
    let link = mika.create_room(&format!("https://{listen}/"), "").await;
    ren.join(&link).await;
    mika.meets("Ren", MEETING).await;
    ren.meets("Mika", MEETING).await;
    // The mean of the distances of pictures is to be known.
    mika.sees("Ren", "now.frames > first.frames + 60").await;

    network.cut_from(port(&ren).await);
    let lasts = "return witness.heard.some(({ type, over }) => type === 'freeze' && !over)";
    mika.until("a freeze that lasts", lasts, Value::Null).await;
    network.mend();
    let blame = "return [...document.querySelectorAll('.blame:not([hidden]) span')]
        .some(({ textContent }) => textContent === \"Ren's connection is weak\")";
    mika.until("a word about Ren's connection", blame, Value::Null)
        .await;
    keep_picture("freeze-tile", &mika.screenshot().await);
    let told = "const over = witness.heard.filter(({ type, over }) => type === 'freeze' && over);
        return over.at(-1)?.culprit";
    let culprit = mika.until("a freeze that is over", told, Value::Null).await;
    assert_eq!(culprit, "publisher_uplink");
    // Pictures went on to Ren all the time, of which it could not tell: it has nothing to complain of.
    let own = "return witness.heard.filter(({ type }) => type === 'freeze').length || 'none'";
    let own = ren
        .until("that nothing froze for Ren", own, Value::Null)
        .await;
    assert_eq!(own, "none");
    mika.press("Report a problem").await;
    server.logs("the decisions of the last minutes are written");
    ren.depart().await;

    // What the operator sees.
    let room = link.rsplit('/').next().unwrap_or_default().to_owned();
    let page = format!("http://{admin}/admin?room={room}");
    mika.go(&page).await;
    let mark = "const mark = document.querySelector('.freeze[role=button]');
        mark?.dispatchEvent(new MouseEvent('click'));
        return document.querySelector('.verdict')?.innerText";
    let verdict = mika.until("a verdict", mark, Value::Null).await;
    let verdict = verdict.as_str().unwrap_or_default();
    eprintln!("{verdict}");
    assert!(
        verdict.contains("Whose fault: the sender's uplink"),
        "{verdict}"
    );
    assert!(verdict.contains("Mika did not see Ren for"), "{verdict}");
    let marked = "return document.querySelectorAll('.chart .mark').length";
    let marks = mika.until("a mark", marked, json!(null)).await;
    assert_eq!(marks, 1);
    keep_picture("timeline", &mika.screenshot().await);
    mika.depart().await;
    server.stop();
    // And in a terminal.
    let why = Command::new(MIO.executable())
        .args(["why", &room, "--history"])
        .arg(&history)
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&why.stdout);
    eprintln!("{told}");
    let sentence = verdict.lines().find(|line| line.contains("did not see"));
    let because = sentence.and_then(|line| line.split_once(" because "));
    let because = because.map_or("", |(_, because)| because.trim_end_matches('.'));
    assert!(!because.is_empty() && told.contains(because), "{told}");
    assert!(told.contains("Mika reported a problem"), "{told}");
    // What was kept because of the problem says the same, judged again from its facts.
    let told = why_from_problem(kept.path());
    let length = length_of(sentence);
    let length = length
        .split_once(" at ")
        .map_or(length, |(length, _)| length);
    let judged = format!("p1 did not see p2 for {length} because");
    let same = |line: &str| line.contains(&judged) && line.contains("(publisher uplink, ");
    assert!(told.lines().any(same), "{judged}: {told}");
    assert!(!told.contains("then it was said"), "{told}");
}

/// `2.4 s` of `Mika did not see Ren for 2.4 s because …`.
fn length_of(sentence: Option<&str>) -> &str {
    let length = sentence.and_then(|line| line.split_once(" for "));
    let length = length.and_then(|(_, rest)| rest.split_once(" because "));
    length.map_or("", |(length, _)| length)
}

/// What `tsuji why --trace` says of the files about problems in this folder.
fn why_from_problem(folder: &Path) -> String {
    let files = fs::read_dir(folder).expect("a folder").flatten();
    let files = files.filter(|file| {
        file.file_name()
            .to_string_lossy()
            .ends_with("-problem.trace")
    });
    let told = files.map(|file| {
        let mut why = Command::new(MIO.executable());
        let output = why.args(["why", "--trace"]).arg(file.path()).output();
        let output = output.expect("it starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    told.collect()
}

/// The port from which a guest's media comes.
async fn port(guest: &Guest) -> u16 {
    let look = "return (await witness.way())?.port";
    let port = guest.until("a port", look, Value::Null).await;
    let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
    port.expect("a port")
}
