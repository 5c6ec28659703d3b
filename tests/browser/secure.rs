//! Pages that are not on this machine, as far as the browser knows: it gives camera and microphone
//! to secure ones only.

use std::ffi::OsStr;

use tempfile::TempDir;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{ELSEWHERE, Program};

use crate::{House, all_meet};

on_each_runtime! { async
    people_meet_on_a_page_from_elsewhere_because_it_is_https,
}

async fn people_meet_on_a_page_from_elsewhere_because_it_is_https(program: &Program) {
    let kept = TempDir::with_prefix("tsuji-tls-").expect("the system has room");
    let arguments = ["--tls", "self-signed", "--tls-name", ELSEWHERE, "--tls-dir"];
    let mut arguments: Vec<_> = arguments.map(OsStr::new).into();
    arguments.push(kept.path().as_os_str());
    let house = House::open_with(program, &arguments).await;
    let home = format!("https://{ELSEWHERE}:{}/", house.server.address().port());

    let mika = house.guest(0).await;
    let link = mika.create_room(&home, "").await;
    assert!(link.starts_with(&home), "{link}");
    let ren = house.guest(1).await;
    ren.join(&link).await;
    let guests = [mika, ren];
    all_meet(&guests).await;
    house.close(guests).await;
}
