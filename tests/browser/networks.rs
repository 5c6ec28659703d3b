//! Networks that let less through than one would wish. Each is made for its test, with people, a
//! server, and what is between them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rcgen::CertifiedKey;
use tempfile::TempDir;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{
    Coturn, Guest, HOME, INSIDE, MIO, Network, OFFICE, Portrait, Program, SERVER, SMOL, Server,
};

use crate::{House, TURN, all_meet};

const HTTPS: u16 = 443;
const MEDIA: u16 = 10_000;
/// Where the second shard has its media.
const SECOND: u16 = MEDIA + 1;
/// The registered port for TURN over TLS (RFC 8656, 18).
const TURNS: u16 = 5349;
/// The registered port for STUN (RFC 8489, 18.6).
const STUN: u16 = 3478;
/// How long people may wait for the first picture. UDP is tried first, and for TCP the browser
/// connects at the same time, so that no network costs more than a moment.
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// Two people meet on `page`, in a room of the second of two shards; the way that their media took.
async fn meet(
    name: &str,
    network: &Network,
    program: &Program,
    page: &str,
    arguments: &[&str],
) -> String {
    let kept = TempDir::with_prefix("tsuji-tls-").expect("the system has room");
    let mut all: Vec<_> = arguments.iter().map(OsStr::new).collect();
    all.extend(["--shards", "2", "--tls", "self-signed", "--tls-dir"].map(OsStr::new));
    all.push(kept.path().as_os_str());
    let recorded = TempDir::with_prefix("tsuji-record-").expect("the system has room");
    all.extend([OsStr::new("--record"), recorded.path().as_os_str()]);
    let server = Server::start_in(&network.server, program, &all);
    let mika = Guest::arrive_in(network, &Portrait::ALL[0]).await;
    let ren = Guest::arrive_in(network, &Portrait::ALL[1]).await;
    // As long as she is in this one, the next room is not on her shard.
    mika.create_room(page, "").await;
    let link = ren.create_room(page, "").await;
    mika.join(&link).await;
    let guests = [ren, mika];
    all_meet(&guests).await;
    let way = guests[1].way().await;
    assert_eq!(guests[0].way().await, way);
    let first = guests[1].first_picture().await;
    let relay = way.relay.as_deref().map(|relay| format!(", {relay} relay"));
    eprintln!(
        "{name}: the first picture {first:.1?} after Join, by {}{}",
        way.transport,
        relay.unwrap_or_default()
    );
    assert!(first < FIRST_PICTURE, "{name}: {first:?}");
    for guest in guests {
        guest.depart().await;
    }
    server.stop();
    replay(recorded.path());
    match way.relay {
        None => format!("{} {}", way.transport, way.remote),
        Some(relay) => format!("{relay} relay, {} {}", way.transport, way.remote),
    }
}

/// Makes what was recorded happen again, to the byte.
fn replay(recorded: &Path) {
    let traces = fs::read_dir(recorded).expect("a folder");
    let traces: Vec<_> = traces.map(|entry| entry.expect("a file").path()).collect();
    assert_eq!(traces.len(), 2, "one of each shard: {traces:?}");
    for trace in traces {
        let mut command = Command::new(MIO.executable());
        let output = command.arg("replay").arg(trace).output();
        let output = output.expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("are equal"), "{text}");
    }
}

#[tokio::test]
async fn people_meet_where_udp_is_blocked() {
    let _turn = TURN.lock().await;
    let Some(network) = Network::flat() else {
        return;
    };
    network.block_udp();
    let (listen, udp) = (format!("{SERVER}:8443"), format!("{SERVER}:{MEDIA}"));
    let page = format!("https://{listen}/");
    let arguments = ["--listen", &listen, "--udp", &udp];
    let way = meet("UDP blocked", &network, &MIO, &page, &arguments).await;
    assert_eq!(way, format!("tcp {listen}"));
}

#[tokio::test]
async fn people_meet_where_nothing_but_one_tcp_port_is_open() {
    let _turn = TURN.lock().await;
    let Some(network) = Network::flat() else {
        return;
    };
    network.block_all_but_tcp(&[HTTPS]);
    let (listen, udp) = (format!("{SERVER}:{HTTPS}"), format!("{SERVER}:{MEDIA}"));
    let page = format!("https://{SERVER}/");
    let arguments = ["--listen", &listen, "--udp", &udp];
    let way = meet("443/tcp alone", &network, &SMOL, &page, &arguments).await;
    assert_eq!(way, format!("tcp {listen}"));
}

/// Nothing but real TLS to port 443 passes: what ICE-TCP needs is not even offered.
async fn people_meet_where_nothing_but_tls_passes(program: &Program) {
    let _turn = TURN.lock().await;
    let Some(network) = Network::flat() else {
        return;
    };
    network.block_all_but_tls(&[HTTPS]);
    let (listen, udp) = (format!("{SERVER}:{HTTPS}"), format!("{SERVER}:{MEDIA}"));
    let page = format!("https://{SERVER}/");
    let arguments = ["--listen", &listen, "--udp", &udp];
    let way = meet("TLS to 443 alone", &network, program, &page, &arguments).await;
    assert_eq!(way, format!("tls relay, udp {SERVER}:{SECOND}"));
}

/// As before, by a TURN server that is not ours.
#[tokio::test]
async fn people_meet_by_a_turn_server_of_the_operators_own() {
    let _turn = TURN.lock().await;
    let Some(network) = Network::flat() else {
        return;
    };
    network.block_all_but_tls(&[HTTPS, TURNS]);
    let kept = TempDir::with_prefix("tsuji-coturn-").expect("the system has room");
    let names = [SERVER.to_string()];
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(names).expect("a certificate");
    let secret = "a secret of both servers";
    for (name, text) in [
        ("chain.pem", cert.pem()),
        ("key.pem", signing_key.serialize_pem()),
        ("secret", secret.to_owned()),
    ] {
        fs::write(kept.path().join(name), text).expect("the system has room");
    }
    let _coturn = Coturn::relay_in(&network.server, SERVER, TURNS, secret, kept.path());
    let (listen, udp) = (format!("{SERVER}:{HTTPS}"), format!("{SERVER}:{MEDIA}"));
    let file = kept.path().join("secret");
    let relay = format!(
        "turns:{SERVER}:{TURNS}?transport=tcp secret-file={}",
        file.display()
    );
    let page = format!("https://{SERVER}/");
    let mut arguments = vec!["--listen", &listen, "--udp", &udp];
    arguments.extend(["--no-turn", "--ice-server", &relay]);
    let way = meet("coturn", &network, &MIO, &page, &arguments).await;
    assert_eq!(way, format!("tls relay, udp {SERVER}:{SECOND}"));
}

#[tokio::test]
async fn people_meet_through_routers_that_translate_addresses() {
    let _turn = TURN.lock().await;
    let Some(network) = Network::behind_routers(MEDIA, HTTPS) else {
        return;
    };
    let (listen, udp) = (format!("0.0.0.0:{HTTPS}"), format!("0.0.0.0:{MEDIA}"));
    let page = format!("https://{OFFICE}/");
    let mapped = format!("{OFFICE}={INSIDE}");
    let arguments = ["--listen", &listen, "--udp", &udp, "--advertise", &mapped];
    let way = meet("NAT", &network, &MIO, &page, &arguments).await;
    assert_eq!(way, format!("udp {OFFICE}:{SECOND}"));
}

/// The server does not know what its router makes of its address, and asks.
#[tokio::test]
async fn people_meet_at_an_address_that_was_learnt_by_stun() {
    let _turn = TURN.lock().await;
    let Some(network) = Network::behind_routers(MEDIA, HTTPS) else {
        return;
    };
    let kept = TempDir::with_prefix("tsuji-coturn-").expect("the system has room");
    let _stun = Coturn::stun_in(network.outside(), HOME, STUN, kept.path());
    let (listen, udp) = (format!("0.0.0.0:{HTTPS}"), format!("0.0.0.0:{MEDIA}"));
    let page = format!("https://{OFFICE}/");
    let stun = format!("{HOME}:{STUN}");
    let arguments = ["--listen", &listen, "--udp", &udp, "--stun", &stun];
    let way = meet("NAT, by STUN", &network, &SMOL, &page, &arguments).await;
    assert_eq!(way, format!("udp {OFFICE}:{SECOND}"));
}

async fn people_meet_where_there_is_no_ipv4(program: &Program) {
    let turn = TURN.lock().await;
    let arguments = ["--listen", "[::1]:0", "--udp", "[::1]:0"].map(OsStr::new);
    let house = House {
        server: Server::start_alone(program, &arguments),
        _turn: turn,
    };
    let (link, guests) = house.party::<2>("").await;
    assert!(link.starts_with("http://[::1]:"), "{link}");
    all_meet(&guests).await;
    for guest in &guests {
        let way = guest.way().await;
        assert_eq!(way.transport, "udp");
        assert!(way.remote.contains("::1"), "{way:?}");
    }
    house.close(guests).await;
}

on_each_runtime!(async people_meet_where_nothing_but_tls_passes, people_meet_where_there_is_no_ipv4);
