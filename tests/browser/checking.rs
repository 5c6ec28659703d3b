//! *Test my connection*: which ways lead to the server, and how good they are.

use std::ffi::OsStr;

use serde_json::{Value, json};
use tempfile::TempDir;
use tsuji_tests::support::{Guest, MIO, Network, Portrait, SERVER, SMOL, Server};

use crate::{House, TURN, keep_picture};

const HTTPS: u16 = 443;

/// What a row of the table says.
#[derive(Debug)]
struct Row {
    way: String,
    address: String,
    works: bool,
    round_trip: String,
    lost: [String; 2],
}

/// Runs the test on the page; the rows, and the words above them.
async fn check(guest: &Guest, home: &str) -> (Vec<Row>, String) {
    guest.go(home).await;
    guest.press("Test my connection").await;
    guest.press("Start test").await;
    let look = "const rows = [...document.querySelectorAll('.check tbody tr')];
        const ended = rows.filter(({ dataset }) => dataset.state === 'works' || dataset.state === 'fails');
        Object.assign(state, { rows: rows.length, ended: ended.length });
        if (ended.length < args.row && ended.length !== rows.length || rows.length === 0) return false;
        return ended.map((row) => [row.dataset.state, ...[...row.children].map((cell) => cell.textContent)])";
    let mut row = 0;
    let rows = loop {
        row += 1;
        let rows = guest.until("a row", look, json!({ "row": row })).await;
        let rows = rows.as_array().expect("rows").clone();
        if rows.len() < row {
            break rows;
        }
    };
    guest.control("Test again").await;
    let title = guest
        .until(
            "a verdict",
            "return document.querySelector('.check h1').textContent",
            Value::Null,
        )
        .await;
    let title = title.as_str().expect("words").to_owned();
    let rows = rows.iter().map(read).collect();
    eprintln!("{title}: {rows:#?}");
    (rows, title)
}

fn read(row: &Value) -> Row {
    let cell = |number: usize| row[number].as_str().expect("text").to_owned();
    Row {
        way: cell(1),
        address: cell(2),
        works: cell(0) == "works",
        round_trip: cell(4),
        lost: [cell(5), cell(6)],
    }
}

/// The page says `expected`, or that much gets lost, if it does: a machine that is busy loses some of what
/// it has no time to take.
fn check_title(title: &str, expected: &str, rows: &[Row]) {
    let lost = rows.iter().flat_map(|row| &row.lost);
    let loses = lost
        .filter_map(|lost| lost.strip_suffix(" %"))
        .any(|lost| lost != "0");
    let weak = loses && title == "Calls work, but this connection is weak";
    assert!(title == expected || weak, "{title}: {rows:?}");
}

#[tokio::test]
async fn the_test_of_the_connection_tells_that_each_way_works() {
    let house = House::open(&SMOL).await;
    let mika = house.guest(0).await;
    let (rows, title) = check(&mika, &house.home()).await;
    check_title(&title, "Ready for calls", &rows);
    let ways: Vec<_> = rows.iter().map(|row| row.way.as_str()).collect();
    assert_eq!(ways, ["UDP", "TCP"]);
    for row in &rows {
        assert!(row.works && row.round_trip.ends_with(" ms"), "{row:?}");
        // A machine that is busy loses some of what it has no time to take.
        for lost in &row.lost {
            let share: f32 = lost
                .strip_suffix(" %")
                .expect("a share")
                .parse()
                .expect("a number");
            assert!((0. ..25.).contains(&share), "{row:?}");
        }
    }
    assert_eq!(rows[1].address, house.server.address().to_string());
    keep_picture("check", &mika.screenshot().await);
    house.close([mika]).await;
}

#[tokio::test]
async fn the_test_of_the_connection_tells_that_nothing_but_tls_passes() {
    let _turn = TURN.lock().await;
    let Some(network) = Network::flat() else {
        return;
    };
    network.block_all_but_tls(&[HTTPS]);
    let kept = TempDir::with_prefix("tsuji-tls-").expect("the system has room");
    let (listen, udp) = (format!("{SERVER}:{HTTPS}"), format!("{SERVER}:10000"));
    let mut arguments = ["--listen", &listen, "--udp", &udp, "--tls", "self-signed"]
        .map(OsStr::new)
        .to_vec();
    arguments.extend([OsStr::new("--tls-dir"), kept.path().as_os_str()]);
    let server = Server::start_in(&network.server, &MIO, &arguments);
    let mika = Guest::arrive_in(&network, &Portrait::ALL[0]).await;
    let (rows, title) = check(&mika, &format!("https://{listen}/")).await;
    check_title(&title, "Calls work, by a detour", &rows);
    let works: Vec<_> = rows
        .iter()
        .map(|row| (row.way.as_str(), row.works))
        .collect();
    let expected = [("UDP", false), ("TCP", false), ("Relay (TURN)", true)];
    assert_eq!(works, expected);
    mika.depart().await;
    server.stop();
}
