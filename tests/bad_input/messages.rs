//! Messages that are wrong, each with the code of `PROTOCOL.md` that answers it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use tsuji_core::Time;
use tsuji_signaling::error::ErrorCode::{self, *};
use tsuji_signaling::message::{ClientMessage, ExitReason, Ice, Id, Publish, ServerMessage};
use tsuji_tests::Browser;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Socket};

use crate::beside_a_meeting;

on_each_runtime! {
    each_wrong_message_gets_its_code_and_the_meeting_loses_nothing,
    each_wrong_message_inside_the_room_gets_its_code_and_the_meeting_loses_nothing,
    each_answer_that_contradicts_its_offer_is_refused_and_the_meeting_loses_nothing,
    absurd_answers_harm_nobody_else,
    candidates_beyond_the_limit_are_refused_and_the_meeting_loses_nothing,
}

/// Said on a connection that has just been opened.
fn to_a_stranger() -> Vec<(String, ErrorCode)> {
    let deep = 60_000;
    let texts = [
        ("", BadJson),
        ("hello", BadJson),
        ("{", BadJson),
        ("[]", BadJson),
        ("null", BadJson),
        ("42", BadJson),
        (r#""join""#, BadJson),
        (r#"[{"type":"join"}]"#, BadJson),
        (r#"{"type":"join""#, BadJson),
        (r#"{"type":"join"}{"type":"join"}"#, BadJson),
        (r#"{"type":"join"} and more"#, BadJson),
        (r#"{"type":"join",}"#, BadJson),
        ("{'type':'join'}", BadJson),
        ("{\"type\":\"jo\0in\"}", BadJson),
        ("\0", BadJson),
        ("\u{FEFF}{\"type\":\"join\"}", BadJson),
        (r#"{"type":"join","room":"\ud800"}"#, BadJson),
        (r#"{"type":"answer","negotiation":1e999,"sdp":""}"#, BadJson),
        (r#"{"type":"answer","negotiation":NaN,"sdp":""}"#, BadJson),
        ("{}", UnknownType),
        (r#"{"type":null}"#, UnknownType),
        (r#"{"type":7}"#, UnknownType),
        (r#"{"type":["join"]}"#, UnknownType),
        (r#"{"type":{"type":"join"}}"#, UnknownType),
        (r#"{"type":"JOIN"}"#, UnknownType),
        (r#"{"type":"join "}"#, UnknownType),
        (r#"{"type":"offer","sdp":"v=0"}"#, UnknownType),
        (r#"{"type":"exit","participant":"p1"}"#, UnknownType),
        (r#"{"type":"slots","slots":[]}"#, UnknownType),
        (r#"{"type":"error","code":"bad_json"}"#, UnknownType),
        (r#"{"type":"join","type":"__proto__"}"#, UnknownType),
        (r#"{"type":"join","room":7}"#, BadMessage),
        (r#"{"type":"join","room":["KUMA-ARE-TSUJ"]}"#, BadMessage),
        (r#"{"type":"call"}"#, BadMessage),
        (r#"{"type":"call","name":null}"#, BadMessage),
        (r#"{"type":"call","name":["Mika"]}"#, BadMessage),
        (r#"{"type":"call","name":"Mika","ice":"full"}"#, BadMessage),
        (r#"{"type":"call","name":"Mika","audio":"yes"}"#, BadMessage),
        (r#"{"type":"call","name":"Mika","video":1}"#, BadMessage),
        (r#"{"type":"answer","negotiation":1}"#, BadMessage),
        (
            r#"{"type":"answer","negotiation":-1,"sdp":"v=0"}"#,
            BadMessage,
        ),
        (
            r#"{"type":"answer","negotiation":1.5,"sdp":"v=0"}"#,
            BadMessage,
        ),
        (
            r#"{"type":"answer","negotiation":1e300,"sdp":"v=0"}"#,
            BadMessage,
        ),
        (
            r#"{"type":"answer","negotiation":18446744073709551616,"sdp":"v=0"}"#,
            BadMessage,
        ),
        (r#"{"type":"answer","negotiation":1,"sdp":{}}"#, BadMessage),
        (r#"{"type":"candidate"}"#, BadMessage),
        (
            r#"{"type":"candidate","candidate":"candidate:1"}"#,
            BadMessage,
        ),
        (r#"{"type":"candidate","candidate":{}}"#, BadMessage),
        (
            r#"{"type":"candidate","candidate":{"candidate":"","sdpMLineIndex":-1}}"#,
            BadMessage,
        ),
        (
            r#"{"type":"candidate","candidate":{"candidate":"","sdpMLineIndex":65536}}"#,
            BadMessage,
        ),
        (
            r#"{"type":"mute","kind":"screen","muted":true}"#,
            BadMessage,
        ),
        (
            r#"{"type":"mute","kind":"audio","muted":"true"}"#,
            BadMessage,
        ),
        (r#"{"type":"mute","muted":true}"#, BadMessage),
        (r#"{"type":"call","name":"Mika"}"#, WrongOrder),
        (
            r#"{"type":"answer","negotiation":1,"sdp":"v=0"}"#,
            WrongOrder,
        ),
        (r#"{"type":"candidate","candidate":null}"#, WrongOrder),
        (r#"{"type":"mute","kind":"audio","muted":true}"#, WrongOrder),
        (r#"{"type":"leave"}"#, WrongOrder),
        (r#"{"type":"join","room":""}"#, RoomNotFound),
        (r#"{"type":"join","room":"AAAA-AAA-AAAA"}"#, RoomNotFound),
        (r#"{"type":"join","room":"IOIO-IOI-OIOI"}"#, RoomNotFound),
        (r#"{"type":"join","room":"KUMA-ARE-TSU"}"#, RoomNotFound),
        (r#"{"type":"join","room":"KUMA-ARE-TSUJI"}"#, RoomNotFound),
        (r#"{"type":"join","room":"1234-567-8901"}"#, RoomNotFound),
        (r#"{"type":"join","room":"../../etc/passwd"}"#, RoomNotFound),
        (
            r#"{"type":"join","room":"ＫＵＭＡ-ＡＲＥ-ＴＳＵＪ"}"#,
            RoomNotFound,
        ),
        (
            r#"{"type":"join","room":"KUMA\u0000ARE\u0000TSUJ"}"#,
            RoomNotFound,
        ),
    ];
    let made = [
        ("[".repeat(deep), BadJson),
        (
            format!(
                r#"{{"type":"join","x":{}{}}}"#,
                "[".repeat(deep),
                "]".repeat(deep)
            ),
            BadJson,
        ),
        (r#"{"x":"#.repeat(20_000), BadJson),
        (
            format!(r#"{{"type":"{}"}}"#, "x".repeat(100_000)),
            UnknownType,
        ),
        (
            format!(r#"{{"type":"join","room":"{}"}}"#, "A".repeat(100_000)),
            RoomNotFound,
        ),
        (
            format!(
                r#"{{"type":"answer","negotiation":{},"sdp":""}}"#,
                "9".repeat(300)
            ),
            BadMessage,
        ),
    ];
    let texts = texts.map(|(text, code)| (text.to_owned(), code));
    texts.into_iter().chain(made).collect()
}

/// Said by somebody who looks at the room.
fn to_a_looker() -> Vec<(String, ErrorCode)> {
    let call = |name: &str| serde_json::json!({ "type": "call", "name": name }).to_string();
    let names = [
        "",
        "   ",
        "\t\n",
        "Mi\u{7}ka",
        "Mi\nka",
        "Mi\0ka",
        "\u{200B}\u{200D}",
        "\u{202E}akiM",
        "Mi\u{2028}ka",
        "Mi\u{9F}ka",
    ];
    let mut cases: Vec<_> = names.map(|name| (call(name), BadName)).into();
    cases.push((call(&"M".repeat(41)), BadName));
    cases.push((call(&"é".repeat(50_000)), BadName));
    let early = [
        r#"{"type":"answer","negotiation":1,"sdp":"v=0"}"#,
        r#"{"type":"candidate","candidate":null}"#,
        r#"{"type":"mute","kind":"video","muted":true}"#,
        r#"{"type":"leave"}"#,
    ];
    cases.extend(early.map(|text| (text.to_owned(), WrongOrder)));
    cases
}

/// Said by somebody who has entered and got this offer.
fn to_a_participant(offer: &str, honest: &str) -> Vec<(String, ErrorCode)> {
    let answer = |negotiation: u64, sdp: &str| {
        let answer =
            serde_json::json!({ "type": "answer", "negotiation": negotiation, "sdp": sdp });
        (answer.to_string(), BadAnswer)
    };
    let candidate = |line: &str| {
        let candidate = serde_json::json!({
            "type": "candidate", "candidate": { "candidate": line, "sdpMid": "0" } });
        (candidate.to_string(), BadCandidate)
    };
    let head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    let mut cases = vec![
        (r#"{"type":"join"}"#.to_owned(), WrongOrder),
        (
            r#"{"type":"join","room":"AAAA-AAA-AAAA"}"#.to_owned(),
            WrongOrder,
        ),
        (r#"{"type":"call","name":"Twice"}"#.to_owned(), WrongOrder),
        answer(0, offer),
        answer(2, offer),
        answer(u64::from(u32::MAX), offer),
        answer(1, ""),
        answer(1, "\0"),
        answer(1, "v=0"),
        answer(1, "garbage\r\n"),
        answer(1, &"a=x\r\n".repeat(9_000)),
        answer(1, &format!("{head}{}", "a=candidate:1\r\n".repeat(4_100))),
        answer(
            1,
            &format!(
                "{head}{}",
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(200)
            ),
        ),
        answer(1, &format!("{offer}a=x:{}\r\n", "x".repeat(70_000))),
        answer(1, &offer.replace("\r\n", "\u{2028}")),
        answer(1, &"\u{1F3A5}".repeat(10_000)),
        answer(1, &without(honest, "a=mid")),
    ];
    let lines = [
        "garbage",
        "candidate:",
        "candidate:1 1 udp",
        "candidate:1 1 udp 2130706431 127.0.0.1 99999 typ host",
        "candidate:1 1 udp 2130706431 127.0.0.1 -1 typ host",
        "candidate:1 1 udp 99999999999999999999 127.0.0.1 9 typ host",
        "candidate:1 1 udp 2130706431 999.0.0.1 9 typ host",
        "candidate:1 1 udp 2130706431 127.0.0.1 9 typ nothing",
        "candidate:1 1 smoke 2130706431 127.0.0.1 9 typ host",
        "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\na=ice-lite",
        "\0\0\0\0",
    ];
    cases.extend(lines.map(candidate));
    cases.push(candidate(&format!(
        "candidate:{} 1 udp 1 127.0.0.1 9 typ host",
        "9".repeat(600)
    )));
    cases
}

/// Answers that can be read, and contradict the offer.
fn contradictions(offer: &str, honest: &str) -> Vec<String> {
    let first_lines = honest.split("m=").next().unwrap_or_default();
    vec![
        offer.to_owned(),
        first_lines.to_owned(),
        without(honest, "m="),
        without(honest, "a=ice-"),
        without(honest, "a=fingerprint"),
        honest.replace("a=mid:", "a=mid:x"),
    ]
}

/// Answers that make no sense and that nobody has to notice: whoever gives them hears and sees
/// nothing, or is not connected.
fn absurdities(offer: &str, honest: &str) -> Vec<String> {
    let first_lines = honest.split("m=").next().unwrap_or_default();
    vec![
        honest.replace("m=video", "m=audio"),
        honest.replace("m=audio", "m=video"),
        honest.replace("a=sendonly", "a=recvonly"),
        honest.replace("a=recvonly", "a=sendrecv"),
        honest.replace("a=recvonly", "a=sendonly"),
        honest.replace("a=setup:active", "a=setup:passive"),
        honest.replace("VP8", "VP9"),
        honest.replace("opus", "PCMU"),
        honest.replace("a=rtcp-mux", "a=x"),
        honest.replace("a=ssrc:", "a=ssrc:1"),
        without(honest, "a=rtpmap"),
        without(honest, "a=extmap"),
        without(honest, "a=ssrc"),
        without(offer, "a=ice-lite"),
        format!("{honest}{}", honest.replace(first_lines, "")),
    ]
}

fn each_wrong_message_gets_its_code_and_the_meeting_loses_nothing(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let strangers = to_a_stranger();
        let lookers = to_a_looker();
        assert!(strangers.len() + lookers.len() > 40);
        for (text, code) in strangers {
            let mut socket = Socket::open(server.address());
            check(&mut socket, &text, code);
            // It can still do everything.
            socket.join(Some(meeting.room()));
        }
        for (text, code) in lookers {
            let mut socket = Socket::open(server.address());
            socket.join(Some(meeting.room()));
            check(&mut socket, &text, code);
            enter(&mut socket);
        }
        meeting.goes_on();
    });
}

fn each_wrong_message_inside_the_room_gets_its_code_and_the_meeting_loses_nothing(
    program: &Program,
) {
    beside_a_meeting(program, |server, meeting| {
        let mut probe = Socket::open(server.address());
        probe.join(Some(meeting.room()));
        let offer = enter(&mut probe);
        for (text, code) in to_a_participant(&offer.sdp, &offer.honest_answer()) {
            let mut socket = Socket::open(server.address());
            socket.join(Some(meeting.room()));
            let offer = enter(&mut socket);
            check(&mut socket, &text, code);
            // The offer is still open: an honest answer is taken.
            let honest = offer.answered(&offer.honest_answer());
            socket.say(&honest);
            check(&mut socket, r#"{"type":"join"}"#, WrongOrder);
            // But only once.
            socket.say(&honest);
            assert_eq!(
                socket.hear_error(),
                BadAnswer,
                "the same answer again, after {text:.200}"
            );
        }
    });
}

fn each_answer_that_contradicts_its_offer_is_refused_and_the_meeting_loses_nothing(
    program: &Program,
) {
    beside_a_meeting(program, |server, meeting| {
        let mut socket = Socket::open(server.address());
        socket.join(Some(meeting.room()));
        let offer = enter(&mut socket);
        let count = contradictions(&offer.sdp, &offer.honest_answer()).len();
        for number in 0..count {
            let mut socket = Socket::open(server.address());
            socket.join(Some(meeting.room()));
            let offer = enter(&mut socket);
            let answer = contradictions(&offer.sdp, &offer.honest_answer()).swap_remove(number);
            eprintln!("{number}: {answer}");
            socket.say(&offer.answered(&answer));
            assert_eq!(socket.hear_error(), BadAnswer);
            let me = offer.me;
            let out = socket.hear_until(|message| match message {
                ServerMessage::Exit {
                    participant,
                    reason,
                } if participant == me => Some(reason),
                _ => None,
            });
            assert_eq!(out, ExitReason::ConnectionFailed);
            // It can come again.
            socket.join(Some(meeting.room()));
            enter(&mut socket);
        }
    });
}

fn absurd_answers_harm_nobody_else(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let mut first = Socket::open(server.address());
        first.join(Some(meeting.room()));
        let offer = enter(&mut first);
        let count = absurdities(&offer.sdp, &offer.honest_answer()).len();
        // All of them stay until the end.
        let mut attackers = Vec::new();
        for number in 0..count {
            let mut socket = Socket::open(server.address());
            socket.join(Some(meeting.room()));
            let offer = enter(&mut socket);
            let answer = absurdities(&offer.sdp, &offer.honest_answer()).swap_remove(number);
            socket.say(&offer.answered(&answer));
            attackers.push(socket);
        }
        meeting.goes_on();
    });
}

fn candidates_beyond_the_limit_are_refused_and_the_meeting_loses_nothing(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let mut socket = Socket::open(server.address());
        socket.join(Some(meeting.room()));
        enter(&mut socket);
        for port in 0..64 {
            let line = format!(
                "candidate:{port} 1 udp 2130706431 127.0.0.1 {} typ host",
                1 + port
            );
            socket.say(&candidate(&line));
        }
        socket.say(&candidate(
            "candidate:65 1 udp 2130706431 127.0.0.1 65 typ host",
        ));
        assert_eq!(socket.hear_error(), BadCandidate);
        check(&mut socket, r#"{"type":"join"}"#, WrongOrder);
    });
}

/// An offer as far as a stranger needs it.
struct Offer {
    sdp: String,
    negotiation: u32,
    me: Id,
    publish: Publish,
}

impl Offer {
    fn honest_answer(&self) -> String {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let mut browser = Browser::new(Instant::now(), Time::ZERO, address);
        browser.answer(Time::ZERO, &self.sdp, &self.publish.to_core())
    }

    fn answered(&self, sdp: &str) -> ClientMessage {
        ClientMessage::Answer {
            negotiation: self.negotiation,
            sdp: sdp.to_owned(),
        }
    }
}

/// Enters the room that the socket looks at.
fn enter(socket: &mut Socket) -> Offer {
    socket.say(&ClientMessage::Call {
        name: "Eve".to_owned(),
        ice: Ice::Trickle,
        audio: true,
        video: true,
    });
    socket.hear_until(|message| match message {
        ServerMessage::Offer {
            sdp,
            negotiation,
            self_id: me,
            publish,
            ..
        } => Some(Offer {
            sdp,
            negotiation,
            me,
            publish,
        }),
        ServerMessage::Error { message, .. } => panic!("{message}"),
        _ => None,
    })
}

fn check(socket: &mut Socket, text: &str, code: ErrorCode) {
    // Shown where the test fails: by an answer that never comes, for one.
    eprintln!("{text:.200}");
    socket.send(tungstenite::Message::text(text));
    assert_eq!(socket.hear_error(), code, "{text:.200}");
}

fn candidate(line: &str) -> ClientMessage {
    ClientMessage::Candidate {
        candidate: Some(tsuji_signaling::message::Candidate {
            candidate: line.to_owned(),
            ..Default::default()
        }),
    }
}

fn without(sdp: &str, start: &str) -> String {
    let lines = sdp.lines().filter(|line| !line.starts_with(start));
    lines.map(|line| format!("{line}\r\n")).collect()
}
