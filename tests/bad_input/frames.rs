//! Frames that break RFC 6455.

use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Socket};

use crate::beside_a_meeting;

on_each_runtime! {
    each_broken_frame_ends_its_connection_with_its_code_and_the_meeting_loses_nothing,
    a_good_message_in_pieces_of_one_byte_is_understood,
    a_frame_that_announces_more_bytes_than_there_are_is_refused_at_once,
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const MASKED: u8 = 0x80;
/// Exclusive or with it changes nothing, so that payloads can be read in a trace.
const MASK: [u8; 4] = [0; 4];

const PROTOCOL_ERROR: u16 = 1002;
const BAD_DATA: u16 = 1007;
const JOIN: &[u8] = br#"{"type":"join"}"#;

/// A frame of less than 64 KiB, masked as a client must.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()).expect("a short frame") {
        length @ 0..126 => bytes.push(MASKED | length as u8),
        length => {
            bytes.push(MASKED | 126);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload);
    bytes
}

fn each_broken_frame_ends_its_connection_with_its_code_and_the_meeting_loses_nothing(
    program: &Program,
) {
    let unmasked = [&[FIN | TEXT, JOIN.len() as u8], JOIN].concat();
    let two_texts = [frame(TEXT, b"{"), frame(FIN | TEXT, JOIN)].concat();
    let split_character = [frame(TEXT, b"\xF0\x9F"), frame(FIN | CONTINUATION, b"x")].concat();
    let cases = [
        (
            "a reserved data opcode",
            frame(FIN | 3, JOIN),
            PROTOCOL_ERROR,
        ),
        (
            "a reserved control opcode",
            frame(FIN | 0xB, b""),
            PROTOCOL_ERROR,
        ),
        (
            "a reserved bit",
            frame(FIN | RSV1 | TEXT, JOIN),
            PROTOCOL_ERROR,
        ),
        ("no mask", unmasked, PROTOCOL_ERROR),
        ("a ping in pieces", frame(PING, b"half"), PROTOCOL_ERROR),
        ("a long ping", frame(FIN | PING, &[0; 126]), PROTOCOL_ERROR),
        (
            "a continuation of nothing",
            frame(FIN | CONTINUATION, JOIN),
            PROTOCOL_ERROR,
        ),
        ("a text inside another", two_texts, PROTOCOL_ERROR),
        (
            "half a close code",
            frame(FIN | CLOSE, &[3]),
            PROTOCOL_ERROR,
        ),
        (
            "bytes that are no UTF-8",
            frame(FIN | TEXT, b"\xFF\xFE\xFD"),
            BAD_DATA,
        ),
        (
            "UTF-8 in too many bytes",
            frame(FIN | TEXT, b"\xC0\xAF"),
            BAD_DATA,
        ),
        ("half a character", split_character, BAD_DATA),
    ];
    beside_a_meeting(program, |server, meeting| {
        for (what, bytes, code) in &cases {
            let mut socket = Socket::open(server.address());
            socket.join(Some(meeting.room()));
            socket.send_bytes(bytes);
            assert_eq!(socket.hear_end(), Some(*code), "{what}");
        }
    });
}

fn a_good_message_in_pieces_of_one_byte_is_understood(program: &Program) {
    beside_a_meeting(program, |server, _| {
        let mut socket = Socket::open(server.address());
        let (first, rest) = JOIN.split_at(1);
        let (middle, last) = rest.split_at(rest.len() - 1);
        socket.send_bytes(&frame(TEXT, first));
        for byte in middle {
            socket.send_bytes(&frame(CONTINUATION, &[*byte]));
            socket.send_bytes(&frame(FIN | PING, b"between"));
        }
        socket.send_bytes(&frame(FIN | CONTINUATION, last));
        socket.hear_until(|message| {
            let joined = matches!(
                message,
                tsuji_signaling::message::ServerMessage::Join { .. }
            );
            joined.then_some(())
        });
    });
}

fn a_frame_that_announces_more_bytes_than_there_are_is_refused_at_once(program: &Program) {
    beside_a_meeting(program, |server, _| {
        for length in [128 * 1024 + 1, u64::from(u32::MAX), u64::MAX >> 1] {
            let mut socket = Socket::open(server.address());
            let mut bytes = vec![FIN | TEXT, MASKED | 127];
            bytes.extend(length.to_be_bytes());
            bytes.extend(MASK);
            socket.send_bytes(&bytes);
            assert_eq!(
                socket.hear_error(),
                tsuji_signaling::error::ErrorCode::TooLarge
            );
            assert_eq!(socket.hear_end(), Some(1009), "{length}");
        }
    });
}
