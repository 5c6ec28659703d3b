//! A client that is no browser: aiortc, which knows nothing but the protocol's document.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tsuji_tests::support::{MIO, python};

use crate::House;

#[tokio::test]
async fn a_program_that_knows_the_document_joins_and_decodes_sound_and_pictures() {
    let house = House::open(&MIO).await;
    let mika = house.guest(0).await;
    let link = mika.create_room(&house.home(), "").await;
    let room = link.rsplit('/').next().expect("a link").to_owned();

    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("aiortc");
    let socket = house.server.url("/ws").replacen("http", "ws", 1);
    let joined = tokio::task::spawn_blocking(move || {
        Command::new(python("aiortc", &here.join("requirements.txt")))
            .arg(here.join("join.py"))
            .args([socket, room])
            .output()
    });
    let output = joined.await.expect("no panic").expect("Python runs");
    let (printed, complaints) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{printed}{complaints}");
    let seen: Value = serde_json::from_str(&printed).expect("one JSON object");
    eprintln!("aiortc: {seen}");
    for (what, least) in [("audio", 100), ("video", 30), ("loud", 1), ("width", 160)] {
        let count = seen[what].as_u64();
        assert!(count.is_some_and(|count| count >= least), "{what}: {seen}");
    }
    mika.is_with(&[], crate::PROMISE).await;
    house.close([mika]).await;
}
