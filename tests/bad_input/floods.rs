//! Too much of everything.

use tsuji_signaling::error::ErrorCode::{self, *};
use tsuji_signaling::message::{ClientMessage, ServerMessage};
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Heard, Program, Socket};
use tungstenite::Message;

use crate::beside_a_meeting;

on_each_runtime! {
    messages_beyond_the_rate_are_refused_and_then_the_connection_is_closed,
    frames_that_are_no_messages_count_too,
    the_tenth_guess_closes_the_connection,
    a_message_that_is_too_large_closes_the_connection_in_one_piece_or_many,
    the_largest_message_that_is_allowed_is_read,
    binary_messages_are_refused_and_the_connection_lives,
    people_who_run_in_and_out_disturb_nobody,
}

const POLICY: Option<u16> = Some(1008);
const TOO_BIG: Option<u16> = Some(1009);

fn messages_beyond_the_rate_are_refused_and_then_the_connection_is_closed(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let mut socket = Socket::open(server.address());
        socket.join(Some(meeting.room()));
        for _ in 0..500 {
            socket.say(&ClientMessage::Leave);
        }
        let codes = errors_until_the_end(&mut socket, POLICY);
        let count = |code| codes.iter().filter(|&&seen| seen == code).count();
        // The burst was 100, of which one was the join; a few are refilled while we are sending.
        let (read, refused) = (count(WrongOrder), count(TooFast));
        assert!((99..150).contains(&read), "{read}");
        assert!((200..250).contains(&refused), "{refused}");
        assert_eq!(codes.len(), read + refused);
    });
}

fn frames_that_are_no_messages_count_too(program: &Program) {
    beside_a_meeting(program, |server, _| {
        let mut socket = Socket::open(server.address());
        for _ in 0..500 {
            socket.send(Message::Ping(tungstenite::Bytes::from_static(b"hello?")));
        }
        assert_eq!(errors_until_the_end(&mut socket, POLICY), [TooFast]);
    });
}

fn the_tenth_guess_closes_the_connection(program: &Program) {
    beside_a_meeting(program, |server, _| {
        let mut socket = Socket::open(server.address());
        for guess in ('A'..).filter(|letter| *letter != 'I').take(12) {
            socket.say(&ClientMessage::look(format!("AAAA-AAA-AAA{guess}")));
        }
        let codes = errors_until_the_end(&mut socket, POLICY);
        assert_eq!(
            codes,
            [[RoomNotFound; 9].as_slice(), &[TooManyGuesses]].concat()
        );
    });
}

fn a_message_that_is_too_large_closes_the_connection_in_one_piece_or_many(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let large = format!(r#"{{"type":"join","room":"{}"}}"#, "A".repeat(128 * 1024));
        let mut whole = Socket::open(server.address());
        whole.join(Some(meeting.room()));
        whole.send(Message::text(large.clone()));
        assert_eq!(errors_until_the_end(&mut whole, TOO_BIG), [TooLarge]);

        use tungstenite::protocol::frame::Frame;
        use tungstenite::protocol::frame::coding::{Data, OpCode};
        let mut pieces = Socket::open(server.address());
        pieces.join(Some(meeting.room()));
        let text = large.into_bytes();
        for (i, piece) in text.chunks(1_000).enumerate() {
            let data = if i == 0 { Data::Text } else { Data::Continue };
            let frame = Frame::message(piece.to_vec(), OpCode::Data(data), false);
            pieces.send(Message::Frame(frame));
        }
        assert_eq!(errors_until_the_end(&mut pieces, TOO_BIG), [TooLarge]);
    });
}

fn the_largest_message_that_is_allowed_is_read(program: &Program) {
    beside_a_meeting(program, |server, _| {
        let mut socket = Socket::open(server.address());
        let join = r#"{"type":"join"}"#;
        let padded = format!("{join}{}", " ".repeat(128 * 1024 - join.len()));
        socket.send(Message::text(padded));
        socket.hear_until(|message| matches!(message, ServerMessage::Join { .. }).then_some(()));
    });
}

fn binary_messages_are_refused_and_the_connection_lives(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let mut socket = Socket::open(server.address());
        let payloads = [&b""[..], br#"{"type":"join"}"#, &[0; 100_000]];
        for payload in payloads {
            socket.send(Message::binary(payload.to_vec()));
            assert_eq!(socket.hear_error(), Binary);
        }
        socket.join(Some(meeting.room()));
    });
}

fn people_who_run_in_and_out_disturb_nobody(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        for turn in 0..40 {
            let mut socket = Socket::open(server.address());
            socket.join(Some(meeting.room()));
            socket.say(&ClientMessage::Call {
                name: format!("Runner {turn}"),
                ice: Default::default(),
                audio: true,
                video: true,
            });
            if turn % 2 == 0 {
                let offered =
                    |message| matches!(message, ServerMessage::Offer { .. }).then_some(());
                socket.hear_until(offered);
            }
            if turn % 3 == 0 {
                socket.say(&ClientMessage::Leave);
            }
            // Dropped: some before their offer came, some with it unanswered.
        }
    });
}

fn errors_until_the_end(socket: &mut Socket, expected: Option<u16>) -> Vec<ErrorCode> {
    let mut codes = Vec::new();
    loop {
        match socket.hear() {
            Heard::Message(message) => {
                if let ServerMessage::Error { code, .. } = *message {
                    codes.push(code);
                }
            }
            Heard::Closed(code) => {
                assert_eq!(code, expected, "after {codes:?}");
                return codes;
            }
        }
    }
}
